import Storage

extension Migration {
    static let passwords = Migration(
        19, "passwords",
        [
            """
            CREATE TABLE breached_password (
                account_id BYTEA NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE, password_set_at BIGINT NOT NULL,
                is_certain BIGINT NOT NULL, found_at BIGINT NOT NULL)
            """,
            // One live link an account: a later one takes the place of an earlier (RC-06).
            """
            CREATE TABLE password_reset (
                account_id BYTEA NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
                token_hash BYTEA NOT NULL UNIQUE, password_set_at BIGINT NOT NULL, expires_at BIGINT NOT NULL)
            """,
            """
            CREATE TABLE password_reset_mail (
                email_key TEXT NOT NULL PRIMARY KEY, window_at BIGINT NOT NULL, sent BIGINT NOT NULL, last_at BIGINT NOT NULL)
            """,
        ])
}

/// That an account's password is on a list of stolen ones.
struct BreachFinding: Equatable, Sendable {
    let foundAt: Timestamp
    /// False where a filter said so that errs once in 256.
    let isCertain: Bool
}

extension Transaction {
    /// Notes it of the password that was set at a time, and of no later one.
    /// - Returns: false if it was known, or the account has another password by now.
    borrowing func noteBreachedPassword(
        of account: Account.ID, setAt: Timestamp, isCertain: Bool, now: Timestamp
    ) throws(StoreError) -> Bool {
        try change(
            """
            INSERT INTO breached_password (account_id, password_set_at, is_certain, found_at)
            SELECT id, password_set_at, CAST(\(Int64(isCertain ? 1 : 0)) AS BIGINT), CAST(\(now) AS BIGINT) FROM account
            WHERE id = \(account) AND password_set_at = \(setAt)
            ON CONFLICT (account_id) DO UPDATE
                SET password_set_at = excluded.password_set_at, is_certain = excluded.is_certain, found_at = excluded.found_at
                WHERE breached_password.password_set_at <> excluded.password_set_at
                    OR breached_password.is_certain < excluded.is_certain
            """) == 1
    }

    /// What is known of the password that an account has now.
    borrowing func breachFinding(of account: Account.ID) throws(StoreError) -> BreachFinding? {
        let rows = try run(
            """
            SELECT found.found_at, found.is_certain FROM breached_password AS found
            JOIN account ON account.id = found.account_id AND account.password_set_at = found.password_set_at
            WHERE found.account_id = \(account)
            """)
        return try rows.first.map { row throws(StoreError) in
            BreachFinding(foundAt: try row.time("found_at"), isCertain: try row.integer("is_certain") != 0)
        }
    }

    /// Counts one more mail to an address: one in two minutes, five an hour (RC-14). The affected row is the permission.
    borrowing func allowPasswordResetMail(to email: EmailAddress, now: Timestamp) throws(StoreError) -> Bool {
        let (hourAgo, shortAgo) = (now - .seconds(3_600), now - .seconds(120))
        return try change(
            """
            INSERT INTO password_reset_mail (email_key, window_at, sent, last_at) VALUES (\(email.key), \(now), 1, \(now))
            ON CONFLICT (email_key) DO UPDATE SET
                sent = CASE WHEN password_reset_mail.window_at < \(hourAgo) THEN 1 ELSE password_reset_mail.sent + 1 END,
                window_at = CASE WHEN password_reset_mail.window_at < \(hourAgo) THEN excluded.window_at
                    ELSE password_reset_mail.window_at END,
                last_at = excluded.last_at
            WHERE password_reset_mail.last_at < \(shortAgo)
                AND (password_reset_mail.sent < 5 OR password_reset_mail.window_at < \(hourAgo))
            """) == 1
    }

    borrowing func setPasswordReset(
        of account: Account.ID, tokenHash: [UInt8], passwordSetAt: Timestamp, expiresAt: Timestamp
    ) throws(StoreError) {
        try change(
            """
            INSERT INTO password_reset (account_id, token_hash, password_set_at, expires_at)
            VALUES (\(account), \(tokenHash), \(passwordSetAt), \(expiresAt))
            ON CONFLICT (account_id) DO UPDATE SET token_hash = excluded.token_hash,
                password_set_at = excluded.password_set_at, expires_at = excluded.expires_at
            """)
    }

    /// Whom a live link is for.
    borrowing func passwordResetAccount(tokenHash: [UInt8], now: Timestamp) throws(StoreError) -> Account.ID? {
        try run("SELECT account_id FROM password_reset WHERE token_hash = \(tokenHash) AND expires_at > \(now)").first.map {
            (row) throws(StoreError) in try row.id("account_id")
        }
    }

    /// Spends a link: the deleted row is the permission to set a password in place of the one it was made for.
    borrowing func takePasswordReset(
        tokenHash: [UInt8], now: Timestamp
    ) throws(StoreError) -> (account: Account.ID, passwordSetAt: Timestamp)? {
        let rows = try run(
            "DELETE FROM password_reset WHERE token_hash = \(tokenHash) AND expires_at > \(now) RETURNING account_id, password_set_at")
        return try rows.first.map { (row) throws(StoreError) in (try row.id("account_id"), try row.time("password_set_at")) }
    }

    borrowing func voidPasswordReset(of account: Account.ID) throws(StoreError) {
        try change("DELETE FROM password_reset WHERE account_id = \(account)")
    }

    borrowing func prunePasswords(now: Timestamp) throws(StoreError) {
        try change("DELETE FROM password_reset WHERE expires_at < \(now)")
        try change("DELETE FROM password_reset_mail WHERE window_at < \(now - .seconds(3_600)) AND last_at < \(now - .seconds(3_600))")
    }
}
