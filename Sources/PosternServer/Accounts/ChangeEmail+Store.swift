import Storage

extension Migration {
    static let emailChanges = Migration(
        26, "changes of address",
        [
            // One an account: a later one takes the place of an earlier.
            """
            CREATE TABLE email_change (
                account_id BYTEA NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE, email TEXT NOT NULL,
                token_hash BYTEA NOT NULL UNIQUE, password_set_at BIGINT NOT NULL, expires_at BIGINT NOT NULL)
            """
        ])
}

extension Transaction {
    borrowing func setEmailChange(
        of account: Account.ID, to email: EmailAddress, tokenHash: [UInt8], passwordSetAt: Timestamp, expiresAt: Timestamp
    ) throws(StoreError) {
        try change(
            """
            INSERT INTO email_change (account_id, email, token_hash, password_set_at, expires_at)
            VALUES (\(account), \(email.address), \(tokenHash), \(passwordSetAt), \(expiresAt))
            ON CONFLICT (account_id) DO UPDATE SET email = excluded.email, token_hash = excluded.token_hash,
                password_set_at = excluded.password_set_at, expires_at = excluded.expires_at
            """)
    }

    /// Whose address a live link would make which.
    borrowing func emailChange(tokenHash: [UInt8], now: Timestamp) throws(StoreError) -> (account: Account.ID, email: String)? {
        try run("SELECT account_id, email FROM email_change WHERE token_hash = \(tokenHash) AND expires_at > \(now)").first.map {
            (row) throws(StoreError) in (try row.id("account_id"), try row.text("email"))
        }
    }

    /// Spends a link: the deleted row is the permission, and says whose address becomes which.
    borrowing func takeEmailChange(
        tokenHash: [UInt8], now: Timestamp
    ) throws(StoreError) -> (account: Account.ID, email: String, passwordSetAt: Timestamp)? {
        let rows = try run(
            """
            DELETE FROM email_change WHERE token_hash = \(tokenHash) AND expires_at > \(now) RETURNING account_id, email, password_set_at
            """)
        return try rows.first.map { (row) throws(StoreError) in
            (try row.id("account_id"), try row.text("email"), try row.time("password_set_at"))
        }
    }

    /// Whoever asked for it may not have been the owner.
    borrowing func endEmailChange(of account: Account.ID) throws(StoreError) {
        try change("DELETE FROM email_change WHERE account_id = \(account)")
    }

    borrowing func pruneEmailChanges(now: Timestamp) throws(StoreError) {
        try change("DELETE FROM email_change WHERE expires_at < \(now)")
    }
}
