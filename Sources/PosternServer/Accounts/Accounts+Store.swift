import Storage

extension Migration {
    static let accounts = Migration(
        1, "accounts",
        [
            """
            CREATE TABLE account (
                id BYTEA NOT NULL PRIMARY KEY, email TEXT NOT NULL, email_key TEXT NOT NULL UNIQUE,
                username TEXT NOT NULL UNIQUE, user_handle BYTEA NOT NULL UNIQUE, name TEXT NOT NULL,
                role TEXT NOT NULL, state TEXT NOT NULL, password_hash TEXT, password_set_at BIGINT,
                created_at BIGINT NOT NULL, confirmed_at BIGINT, last_sign_in_at BIGINT)
            """,
            "CREATE INDEX account_by_role ON account (role) WHERE role <> 'member'",
            "CREATE INDEX account_by_creation ON account (created_at)",
            // Outlives its account: a name is never given to another person (AZ-08).
            "CREATE TABLE username_taken (username TEXT NOT NULL PRIMARY KEY, account_id BYTEA NOT NULL)",
        ])
}

extension Migration {
    /// Names as the eye sees them, so that nobody gets one that looks like another's (LG-22). They outlive accounts too.
    static let usernames = Migration(
        17, "usernames",
        [
            "CREATE TABLE username_shape (folded TEXT NOT NULL PRIMARY KEY, account_id BYTEA NOT NULL)",
            """
            INSERT INTO username_shape (folded, account_id)
            SELECT REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(username, '-', ''), '0', 'o'), '1', 'l'), 'i', 'l'), 'rn', 'm'), 'vv', 'w'),
                account_id
            FROM username_taken WHERE account_id IS NOT NULL ON CONFLICT DO NOTHING
            """,
        ])
}

extension Migration {
    static let requiredChanges = Migration(
        24, "changes of password that are asked for", ["ALTER TABLE account ADD COLUMN password_change_required_at BIGINT"])
}

extension Migration {
    static let lockedPasswords = Migration(
        39, "locked passwords",
        [
            "ALTER TABLE account ADD COLUMN password_locked_at BIGINT",
            // The addresses that an account had, until when: to be given back, if somebody else changed them.
            """
            CREATE TABLE account_email_before (
                account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE, changed_at BIGINT NOT NULL, email TEXT NOT NULL,
                PRIMARY KEY (account_id, changed_at))
            """,
        ])
}

extension Account {
    init(_ row: Row) throws(StoreError) {
        guard let role = Role(rawValue: try row.text("role")) else { throw .unexpectedColumn("role") }
        guard let state = State(rawValue: try row.text("state")) else { throw .unexpectedColumn("state") }
        let (hash, isLocked) = (try row.optionalText("password_hash"), row["password_locked_at"] != .null)
        self.init(
            id: try row.id("id"), email: try row.text("email"), username: try row.text("username"), name: try row.text("name"),
            role: role, state: state, passwordHash: isLocked ? nil : hash, lockedPasswordHash: isLocked ? hash : nil,
            passwordSetAt: try row.optionalTime("password_set_at"),
            createdAt: try row.time("created_at"),
            lastSignInAt: try row.optionalTime("last_sign_in_at"),
            passwordChangeRequiredAt: try row.optionalTime("password_change_required_at"))
    }
}

extension Transaction {
    borrowing func account(email: EmailAddress) throws(StoreError) -> Account? {
        try run("SELECT * FROM account WHERE email_key = \(email.key)").first.map { (row) throws(StoreError) in try Account(row) }
    }

    borrowing func account(_ id: Account.ID) throws(StoreError) -> Account? {
        try run("SELECT * FROM account WHERE id = \(id)").first.map { (row) throws(StoreError) in try Account(row) }
    }

    /// Makes the account under the first of its names that nobody ever had.
    /// - Returns: false if its address is taken; then nothing is kept.
    borrowing func createAccountUnderFreeName(_ new: NewAccount, random: Randomness) throws(StoreError) -> Bool {
        guard try account(email: new.email) == nil else { return false }
        for attempt in 0..<NewAccount.usernameTries {
            // Four digits first; where those are used up for a name, ten.
            let username = Username(derivedFrom: new.email, digits: attempt < 3 ? 4 : 10, random: random.bytes(8))
            guard try takeUsername(username, for: new.id) else { continue }
            if try insertAccount(new, username: username) { return true }
            // Somebody else was faster with the address.
            try change("DELETE FROM username_taken WHERE account_id = \(new.id)")
            try change("DELETE FROM username_shape WHERE account_id = \(new.id)")
            return false
        }
        throw .unavailable(reason: "no free username for a new account in \(NewAccount.usernameTries) tries")
    }

    /// A name belongs to whom it was given first, for ever (AZ-08).
    /// - Returns: false if it, or one that looks like it, was ever another's.
    private borrowing func takeUsername(_ username: Username, for id: Account.ID) throws(StoreError) -> Bool {
        let isShapeFree =
            try change(
                """
                INSERT INTO username_shape (folded, account_id) VALUES (\(username.folded), \(id))
                ON CONFLICT (folded) DO UPDATE SET account_id = excluded.account_id WHERE username_shape.account_id = excluded.account_id
                """) == 1
        guard isShapeFree else { return false }
        return try change(
            """
            INSERT INTO username_taken (username, account_id) VALUES (\(username.text), \(id))
            ON CONFLICT (username) DO UPDATE SET account_id = excluded.account_id WHERE username_taken.account_id = excluded.account_id
            """) == 1
    }

    /// - Returns: false if the name, or one that looks like it, was ever another's.
    borrowing func changeUsername(of id: Account.ID, to username: Username) throws(StoreError) -> Bool {
        guard try takeUsername(username, for: id) else { return false }
        return try change("UPDATE account SET username = \(username.text) WHERE id = \(id)") == 1
    }

    /// Whether somebody has, or had, this name or one that looks like it.
    borrowing func isUsernameTaken(_ folded: String) throws(StoreError) -> Bool {
        try !run("SELECT 1 AS found FROM username_shape WHERE folded = \(folded)").isEmpty
    }

    private borrowing func insertAccount(_ new: NewAccount, username: Username) throws(StoreError) -> Bool {
        try change(
            """
            INSERT INTO account (id, email, email_key, username, user_handle, name, role, state, password_hash, password_set_at,
                created_at, confirmed_at)
            VALUES (\(new.id), \(new.email.address), \(new.email.key), \(username.text), \(new.userHandle), '', \(new.role.rawValue),
                \(new.state.rawValue), \(new.passwordHash), \(new.createdAt), \(new.createdAt), \(new.state == .active ? new.createdAt : nil))
            ON CONFLICT (email_key) DO NOTHING
            """) == 1
    }

    borrowing func ownerExists() throws(StoreError) -> Bool {
        try !run("SELECT 1 AS found FROM account WHERE role = 'owner' LIMIT 1").isEmpty
    }

    /// Gives an address that nobody confirmed another password: the later sign-up is the one that counts.
    borrowing func replaceUnconfirmedPassword(of id: Account.ID, with hash: String, now: Timestamp) throws(StoreError) -> Bool {
        try change(
            "UPDATE account SET password_hash = \(hash), password_set_at = \(now) WHERE id = \(id) AND state = 'unconfirmed'") == 1
    }

    /// Opens an unconfirmed account whose password is still the one that was checked.
    borrowing func confirmAccount(_ id: Account.ID, passwordHash: String, now: Timestamp) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE account SET state = 'active', confirmed_at = \(now)
            WHERE id = \(id) AND state = 'unconfirmed' AND password_hash = \(passwordHash)
            """) == 1
    }

    /// Opens an account by a link that only its address got, with the password chosen there. An unconfirmed sign-up by somebody else gives way.
    borrowing func takeOverUnconfirmed(_ id: Account.ID, passwordHash: String, now: Timestamp) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE account SET state = 'active', password_hash = \(passwordHash), password_set_at = \(now), confirmed_at = \(now)
            WHERE id = \(id) AND state = 'unconfirmed'
            """) == 1
    }

    /// Sets another password in place of the one that was set at a time, on an account that is open.
    borrowing func setPassword(of id: Account.ID, setAt before: Timestamp, to hash: String, now: Timestamp) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE account SET password_hash = \(hash), password_set_at = \(now), password_change_required_at = NULL,
                password_locked_at = NULL
            WHERE id = \(id) AND state = 'active' AND password_set_at = \(before)
            """) == 1
    }

    /// Says of a password that was taken over when it was set.
    borrowing func datePassword(of id: Account.ID, setAt time: Timestamp) throws(StoreError) {
        try change("UPDATE account SET password_set_at = \(time) WHERE id = \(id)")
    }

    /// Asks for another password at the next sign-in.
    /// - Returns: false if that is asked already, or there is none yet.
    borrowing func requirePasswordChange(of id: Account.ID, now: Timestamp) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE account SET password_change_required_at = \(now)
            WHERE id = \(id) AND password_set_at IS NOT NULL AND password_change_required_at IS NULL
            """) == 1
    }

    /// Open accounts of administrators and owners.
    borrowing func administrators() throws(StoreError) -> [(id: Account.ID, email: String)] {
        try run("SELECT id, email FROM account WHERE state = 'active' AND role IN ('administrator', 'owner') ORDER BY id")
            .map { (row) throws(StoreError) in (id: try row.id("id"), email: try row.text("email")) }
    }

    /// Open accounts whose password was set at a time or before, in the order of their ids.
    borrowing func accounts(
        withPasswordSetBy time: Timestamp, after: Account.ID?, limit: Int64
    ) throws(StoreError) -> [(id: Account.ID, email: String, setAt: Timestamp)] {
        let nothing: [UInt8] = []
        return try run(
            """
            SELECT id, email, password_set_at FROM account WHERE id > \(after?.bytes ?? nothing) AND state = 'active'
                AND password_set_at <= \(time) ORDER BY id LIMIT \(limit)
            """
        ).map { (row) throws(StoreError) in (try row.id("id"), try row.text("email"), try row.time("password_set_at")) }
    }

    /// Marks a right password that is still the account's, on an account that is still open; a stronger hash may replace the old.
    /// - Parameter signedInAt: the time, if that completes the sign-in; nil if a second step is still to come.
    /// - Returns: false if either changed while the password was checked: then nobody is signed in.
    borrowing func notePassword(
        of id: Account.ID, passwordHash: String, rehashed: String?, signedInAt: Timestamp?
    ) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE account SET last_sign_in_at = COALESCE(\(signedInAt), last_sign_in_at), password_hash = \(rehashed ?? passwordHash)
            WHERE id = \(id) AND state = 'active' AND password_hash = \(passwordHash) AND password_locked_at IS NULL
            """) == 1
    }

    /// Marks a sign-in that ended with a second step, if the password that began it is still the account's and the account still open.
    borrowing func noteSignIn(_ id: Account.ID, passwordSetAt: Timestamp, now: Timestamp) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE account SET last_sign_in_at = \(now) WHERE id = \(id) AND state = 'active' AND password_set_at = \(passwordSetAt)
                AND password_locked_at IS NULL
            """) == 1
    }

    /// Gives an open account another address, if its password is still the one that was set at a time.
    /// Throws where another account has the address.
    borrowing func changeEmail(
        of id: Account.ID, passwordSetAt: Timestamp, to email: EmailAddress, now: Timestamp
    ) throws(StoreError) -> Bool {
        try change(
            """
            INSERT INTO account_email_before (account_id, changed_at, email) SELECT id, CAST(\(now) AS BIGINT), email FROM account
            WHERE id = \(id) ON CONFLICT (account_id, changed_at) DO NOTHING
            """)
        return try change(
            """
            UPDATE account SET email = \(email.address), email_key = \(email.key)
            WHERE id = \(id) AND state = 'active' AND password_set_at = \(passwordSetAt) AND password_change_required_at IS NULL
            """) == 1
    }

    /// From now on the password opens nothing; another takes its place by a mailed link alone. Its time is another too, so that nothing that
    /// was begun with it comes to its end.
    borrowing func lockPassword(of id: Account.ID, now: Timestamp) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE account SET password_locked_at = \(now),
                password_set_at = CASE WHEN password_set_at >= \(now) THEN password_set_at + 1 ELSE \(now) END
            WHERE id = \(id) AND password_hash IS NOT NULL
            """) == 1
    }

    /// The address that an account had at a time, as far back as that is kept.
    borrowing func email(of id: Account.ID, at time: Timestamp) throws(StoreError) -> String? {
        let before = try run(
            "SELECT email FROM account_email_before WHERE account_id = \(id) AND changed_at > \(time) ORDER BY changed_at LIMIT 1")
        if let row = before.first { return try row.text("email") }
        return try account(id)?.email
    }

    borrowing func pruneEmailsBefore(_ time: Timestamp) throws(StoreError) {
        try change("DELETE FROM account_email_before WHERE changed_at < \(time)")
    }

    /// Gives an account back the address that it had.
    /// Throws where another account has the address.
    borrowing func restoreEmail(of id: Account.ID, to email: EmailAddress) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE account SET email = \(email.address), email_key = \(email.key) WHERE id = \(id)
            """) == 1
    }

    /// Deletes a sign-up with an address that nobody confirmed: whoever proves the address gets it.
    borrowing func removeUnconfirmed(_ email: EmailAddress) throws(StoreError) {
        try change("DELETE FROM account WHERE email_key = \(email.key) AND state = 'unconfirmed'")
    }

    borrowing func rename(_ id: Account.ID, to name: String) throws(StoreError) -> Bool {
        try change("UPDATE account SET name = \(name) WHERE id = \(id)") == 1
    }

    /// Reads accounts for a change of roles or states, and holds them and all owners until the transaction ends: two that would each
    /// take the other's role away wait for each other (AZ-04), and nobody acts by a role that is being taken away.
    /// - Returns: the two that were asked for, as far as they are there.
    borrowing func lockedAccounts(_ id: Account.ID, and other: Account.ID?) throws(StoreError) -> [Account] {
        let other = other ?? id
        let rows = try run("SELECT * FROM account WHERE role = 'owner' OR id = \(id) OR id = \(other) ORDER BY id\(dialect.rowLock)")
        return try rows.map { (row) throws(StoreError) in try Account(row) }.filter { $0.id == id || $0.id == other }
    }

    /// Reads an account, and holds it until the transaction ends: what is counted of it is counted one after the other.
    borrowing func heldAccount(_ id: Account.ID) throws(StoreError) -> Account? {
        try run("SELECT * FROM account WHERE id = \(id)\(dialect.rowLock)").first.map { (row) throws(StoreError) in try Account(row) }
    }

    /// Closes an account, unless it is the last open owner's. After ``lockedAccounts(_:and:)``, as all changes of roles and states.
    borrowing func disableAccount(_ id: Account.ID) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE account SET state = 'disabled' WHERE id = \(id) AND state <> 'disabled' AND (role <> 'owner' OR EXISTS (
                SELECT 1 FROM account AS other WHERE other.role = 'owner' AND other.state = 'active' AND other.id <> \(id)))
            """) == 1
    }

    /// Opens a closed account again. One that never confirmed its address stays unconfirmed.
    borrowing func enableAccount(_ id: Account.ID) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE account SET state = CASE WHEN confirmed_at IS NULL THEN 'unconfirmed' ELSE 'active' END
            WHERE id = \(id) AND state = 'disabled'
            """) == 1
    }

    /// Changes a role, unless the last open owner would be gone.
    borrowing func changeRole(of id: Account.ID, to role: Account.Role) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE account SET role = \(role.rawValue) WHERE id = \(id) AND (\(role.rawValue) = 'owner' OR role <> 'owner' OR EXISTS (
                SELECT 1 FROM account AS other WHERE other.role = 'owner' AND other.state = 'active' AND other.id <> \(id)))
            """) == 1
    }

    /// Whether ``deleteAccount(_:)`` would.
    borrowing func isDeletable(_ id: Account.ID) throws(StoreError) -> Bool {
        try !run(
            """
            SELECT 1 AS found FROM account WHERE id = \(id) AND (role <> 'owner' OR EXISTS (
                SELECT 1 FROM account AS other WHERE other.role = 'owner' AND other.state = 'active' AND other.id <> \(id)))
            """
        ).isEmpty
    }

    /// Deletes an account, unless it is the last open owner's.
    borrowing func deleteAccount(_ id: Account.ID) throws(StoreError) -> Bool {
        guard try isDeletable(id) else { return false }
        try leaveAttempts(of: id)
        return try change(
            """
            DELETE FROM account WHERE id = \(id) AND (role <> 'owner' OR EXISTS (
                SELECT 1 FROM account AS other WHERE other.role = 'owner' AND other.state = 'active' AND other.id <> \(id)))
            """) == 1
    }

    /// Deletes sign-ups that nobody confirmed and that have no live link any more.
    borrowing func pruneUnconfirmed(createdBefore time: Timestamp) throws(StoreError) {
        try change(
            """
            DELETE FROM account WHERE state = 'unconfirmed' AND created_at < \(time)
                AND NOT EXISTS (SELECT 1 FROM email_confirmation WHERE email_confirmation.account_id = account.id)
            """)
    }

    /// Accounts whose address, username or name has `text` in it, newest first.
    borrowing func accounts(matching text: String, limit: Int64) throws(StoreError) -> [Account] {
        let pattern = "%" + text.lowercased().map { "%_\\".contains($0) ? "\\\($0)" : String($0) }.joined() + "%"
        return try run(
            """
            SELECT * FROM account WHERE email_key LIKE \(pattern) ESCAPE '\\' OR username LIKE \(pattern) ESCAPE '\\'
                OR LOWER(name) LIKE \(pattern) ESCAPE '\\' ORDER BY created_at DESC LIMIT \(limit)
            """
        ).map { (row) throws(StoreError) in try Account(row) }
    }

    borrowing func accountCounts() throws(StoreError) -> [Account.State: Int64] {
        var counts: [Account.State: Int64] = [:]
        for row in try run("SELECT state, COUNT(*) AS number FROM account GROUP BY state") {
            if let state = Account.State(rawValue: try row.text("state")) { counts[state] = try row.integer("number") }
        }
        return counts
    }
}
