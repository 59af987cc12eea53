import NetworkAddress
import Secrets
import Storage

extension Migration {
    static let sessions = Migration(
        3, "sessions",
        [
            """
            CREATE TABLE session (
                account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE, id BYTEA NOT NULL,
                token_hash BYTEA NOT NULL UNIQUE,
                created_at BIGINT NOT NULL, seen_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, idle BIGINT,
                address TEXT NOT NULL, browser TEXT NOT NULL, PRIMARY KEY (account_id, id))
            """,
            // What other nodes must read again; rows older than a few minutes are pruned.
            "CREATE TABLE session_change (account_id BYTEA NOT NULL PRIMARY KEY, changed_at BIGINT NOT NULL)",
            "CREATE INDEX session_change_by_time ON session_change (changed_at)",
        ])
}

extension Migration {
    /// What a session's person has proved.
    static let sessionProofs = Migration(
        10, "session proofs",
        [
            "ALTER TABLE session ADD COLUMN password_proved_at BIGINT", "ALTER TABLE session ADD COLUMN factor_proved_at BIGINT",
            "ALTER TABLE session ADD COLUMN factor_proved_by TEXT",
        ])
}

extension Migration {
    static let heldSessions = Migration(
        37, "held sessions",
        [
            "ALTER TABLE session ADD COLUMN place BIGINT",
            // The sign-in that a second factor is asked for afterwards: until it is proved the session opens nothing.
            "ALTER TABLE session ADD COLUMN held_for BIGINT",
        ])
}

extension Transaction {
    /// From now on the session opens nothing until a second factor is proved in it. One that was opened with a second factor stays open.
    borrowing func holdSession(
        _ session: Session.ID, of account: Account.ID, for number: SignInAttempt.Number, now: Timestamp
    ) throws(StoreError) -> Bool {
        let isHeld =
            try change(
                """
                UPDATE session SET held_for = \(number) WHERE account_id = \(account) AND id = \(session) AND factor_proved_at IS NULL
                """) == 1
        if isHeld { try noteSessionChange(of: account, now: now) }
        return isHeld
    }

    /// The sign-in for whose sake a session is held; nil for one that isn't.
    borrowing func heldFor(_ session: Session.ID, of account: Account.ID) throws(StoreError) -> SignInAttempt.Number? {
        let rows = try run("SELECT held_for FROM session WHERE account_id = \(account) AND id = \(session) AND held_for IS NOT NULL")
        return try rows.first.map { (row) throws(StoreError) in SignInAttempt.Number(try row.integer("held_for")) }
    }

    borrowing func notePlace(_ place: Int64, of session: Session.ID, account: Account.ID) throws(StoreError) {
        try change("UPDATE session SET place = \(place) WHERE account_id = \(account) AND id = \(session)")
    }

    borrowing func openSession(_ new: NewSession) throws(StoreError) {
        try change(
            """
            INSERT INTO session (id, token_hash, account_id, created_at, seen_at, expires_at, idle, address, browser,
                password_proved_at, factor_proved_at, factor_proved_by)
            VALUES (\(new.id), \(new.token.hash), \(new.account), \(new.createdAt), \(new.createdAt), \(new.expiresAt),
                \(new.idle?.wholeMicroseconds), \(new.client.address.description), \(new.client.browser),
                \(new.proof.passwordAt), \(new.proof.factorAt), \(new.proof.factor?.text))
            """)
    }

    /// What the person has proved in this session; nil if there is no such session.
    borrowing func proof(of session: Session.ID, account: Account.ID) throws(StoreError) -> SessionProof? {
        let rows = try run(
            """
            SELECT password_proved_at, factor_proved_at, factor_proved_by FROM session
            WHERE account_id = \(account) AND id = \(session)
            """)
        return try rows.first.map { (row) throws(StoreError) in
            SessionProof(
                passwordAt: try row.optionalTime("password_proved_at"), factorAt: try row.optionalTime("factor_proved_at"),
                factor: try row.optionalText("factor_proved_by").flatMap(SessionProof.Means.init))
        }
    }

    /// - Parameter token: another than before, where a browser's session goes on under a new one (SE-02).
    borrowing func notePasswordProof(
        in session: Session.ID, of account: Account.ID, token: SessionToken?, now: Timestamp
    ) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE session SET password_proved_at = \(now), token_hash = COALESCE(\(token?.hash), token_hash)
            WHERE account_id = \(account) AND id = \(session)
            """) == 1
    }

    borrowing func noteFactorProof(
        _ means: SessionProof.Means, in session: Session.ID, of account: Account.ID, token: SessionToken?, now: Timestamp
    ) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE session SET factor_proved_at = \(now), factor_proved_by = \(means.text), held_for = NULL,
                token_hash = COALESCE(\(token?.hash), token_hash)
            WHERE account_id = \(account) AND id = \(session)
            """) == 1
    }

    /// One authenticator is gone: what other sessions proved by it is worth nothing any more.
    borrowing func forgetFactorProofs(
        by id: Authenticator.ID, of account: Account.ID, except session: Session.ID
    ) throws(StoreError) {
        try change(
            """
            UPDATE session SET factor_proved_at = NULL, factor_proved_by = NULL
            WHERE account_id = \(account) AND factor_proved_by = \(id.description) AND id <> \(session)
            """)
    }

    /// One number is gone.
    borrowing func forgetFactorProofs(byPhone id: Phone.ID, of account: Account.ID, except session: Session.ID) throws(StoreError) {
        try change(
            """
            UPDATE session SET factor_proved_at = NULL, factor_proved_by = NULL
            WHERE account_id = \(account) AND factor_proved_by = \(SessionProof.Means.phone(id).text) AND id <> \(session)
            """)
    }

    /// The account has no second factor any more: no session of it is one of two factors.
    borrowing func forgetFactorProofs(of account: Account.ID) throws(StoreError) {
        try change("UPDATE session SET factor_proved_at = NULL, factor_proved_by = NULL WHERE account_id = \(account)")
    }

    /// The session of a token and its person; nil if there is none, it is over, or the account is not open.
    borrowing func liveSession(tokenHash: [UInt8], now: Timestamp) throws(StoreError) -> (session: LiveSession, seenAt: Timestamp)? {
        try liveSession(
            in: run(
                """
                SELECT session.id, session.account_id, session.expires_at, session.idle, session.seen_at, session.factor_proved_at,
                    session.held_for, account.role, account.username, account.email, account.name
                FROM session JOIN account ON account.id = session.account_id
                WHERE session.token_hash = \(tokenHash) AND session.expires_at > \(now) AND account.state = 'active'
                    AND (session.idle IS NULL OR session.seen_at + session.idle > \(now))
                """), now: now)
    }

    /// The same by a token that an app's host was given. Its life is that of the session it came from.
    borrowing func liveAppSession(tokenHash: [UInt8], now: Timestamp) throws(StoreError) -> (session: LiveSession, seenAt: Timestamp)? {
        try liveSession(
            in: run(
                """
                SELECT session.id, session.account_id, session.expires_at, session.idle, session.seen_at, session.factor_proved_at,
                    session.held_for, account.role, account.username, account.email, account.name
                FROM app_session JOIN session ON session.account_id = app_session.account_id AND session.id = app_session.session_id
                    JOIN account ON account.id = session.account_id
                WHERE app_session.token_hash = \(tokenHash) AND session.expires_at > \(now) AND account.state = 'active'
                    AND (session.idle IS NULL OR session.seen_at + session.idle > \(now))
                """), now: now)
    }

    private borrowing func liveSession(in rows: [Row], now: Timestamp) throws(StoreError) -> (session: LiveSession, seenAt: Timestamp)? {
        guard let row = rows.first, let role = Account.Role(rawValue: try row.text("role")) else { return nil }
        let account: Account.ID = try row.id("account_id")
        let session = LiveSession(
            id: try row.id("id"), account: account, role: role, expiresAt: try row.time("expires_at"),
            idle: try row.optional("idle") { (row) throws(StoreError) in .microseconds(try row.integer("idle")) },
            readAt: now, assurance: row["factor_proved_at"] == .null ? .aal1 : .aal2, isHeld: row["held_for"] != .null,
            username: try row.text("username"),
            email: try row.text("email"),
            name: try row.text("name"), groups: try groups(of: account))
        return (session, try row.time("seen_at"))
    }

    /// The account's sessions that live, newest use first.
    borrowing func sessions(of account: Account.ID, now: Timestamp) throws(StoreError) -> [Session] {
        let rows = try run(
            """
            SELECT * FROM session WHERE account_id = \(account) AND expires_at > \(now)
                AND (idle IS NULL OR seen_at + idle > \(now)) ORDER BY seen_at DESC, id
            """)
        var sessions: [Session] = []
        for row in rows {
            sessions.append(
                Session(
                    id: try row.id("id"), createdAt: try row.time("created_at"), seenAt: try row.time("seen_at"),
                    expiresAt: try row.time("expires_at"), isKept: row["idle"] == .null, address: try row.text("address"),
                    browser: try row.text("browser"),
                    place: try row.optional("place") { (row) throws(StoreError) in try row.integer("place") }))
        }
        return sessions
    }

    borrowing func sessionCount(now: Timestamp) throws(StoreError) -> Int64 {
        try run("SELECT COUNT(*) AS number FROM session WHERE expires_at > \(now) AND (idle IS NULL OR seen_at + idle > \(now))")[0]
            .integer("number")
    }

    /// Ends the session of a token, whoever's it is.
    /// - Returns: whose it was; nil if there was none.
    borrowing func endSession(tokenHash: [UInt8], now: Timestamp) throws(StoreError) -> Account.ID? {
        guard let row = try run("DELETE FROM session WHERE token_hash = \(tokenHash) RETURNING account_id").first else { return nil }
        let account: Account.ID = try row.id("account_id")
        try noteSessionChange(of: account, now: now)
        return account
    }

    /// Ends the session that an app's token came from, and with it those of all other apps.
    borrowing func endSession(appTokenHash: [UInt8], now: Timestamp) throws(StoreError) -> Account.ID? {
        let rows = try run(
            """
            DELETE FROM session WHERE EXISTS (SELECT 1 FROM app_session WHERE app_session.token_hash = \(appTokenHash)
                AND app_session.account_id = session.account_id AND app_session.session_id = session.id) RETURNING account_id
            """)
        guard let row = rows.first else { return nil }
        let account: Account.ID = try row.id("account_id")
        try noteSessionChange(of: account, now: now)
        return account
    }

    /// Ends one session of an account: another account's is not touched.
    borrowing func endSession(_ id: Session.ID, of account: Account.ID, now: Timestamp) throws(StoreError) -> Bool {
        guard try change("DELETE FROM session WHERE id = \(id) AND account_id = \(account)") == 1 else { return false }
        try noteSessionChange(of: account, now: now)
        return true
    }

    /// Ends all sessions of an account but one.
    /// - Returns: how many.
    borrowing func endSessions(of account: Account.ID, except kept: Session.ID?, now: Timestamp) throws(StoreError) -> Int {
        let ended =
            if let kept {
                try change("DELETE FROM session WHERE account_id = \(account) AND id <> \(kept)")
            } else {
                try change("DELETE FROM session WHERE account_id = \(account)")
            }
        try noteSessionChange(of: account, now: now)
        return ended
    }

    /// Every node reads the account's sessions again before it trusts them: something the gateway says of the person changed.
    borrowing func noteSessionChange(of account: Account.ID, now: Timestamp) throws(StoreError) {
        try change(
            """
            INSERT INTO session_change (account_id, changed_at) VALUES (\(account), \(now))
            ON CONFLICT (account_id) DO UPDATE SET changed_at = CASE WHEN session_change.changed_at >= excluded.changed_at
                THEN session_change.changed_at + 1 ELSE excluded.changed_at END
            """)
    }

    /// Accounts whose sessions changed since, with the time of the change.
    borrowing func sessionChanges(since: Timestamp) throws(StoreError) -> [(account: Account.ID, at: Timestamp)] {
        var changes: [(account: Account.ID, at: Timestamp)] = []
        for row in try run("SELECT account_id, changed_at FROM session_change WHERE changed_at > \(since)") {
            changes.append((try row.id("account_id"), try row.time("changed_at")))
        }
        return changes
    }

    /// Writes down uses; a session that ended meanwhile is not brought back (SE-07).
    borrowing func noteSeen(_ uses: [SessionUse]) throws(StoreError) {
        for use in uses {
            try change(
                "UPDATE session SET seen_at = \(use.at) WHERE account_id = \(use.account) AND id = \(use.session) AND seen_at < \(use.at)")
        }
    }

    /// Deletes what is over.
    borrowing func pruneSessions(now: Timestamp) throws(StoreError) {
        try change("DELETE FROM session WHERE expires_at < \(now) OR (idle IS NOT NULL AND seen_at + idle < \(now))")
        try change("DELETE FROM session_change WHERE changed_at < \(now - .seconds(600))")
    }
}
