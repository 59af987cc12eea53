import Storage

extension Migration {
    static let signUp = Migration(
        8, "sign-up",
        [
            // One live link an account: a later one takes the place of an earlier.
            """
            CREATE TABLE email_confirmation (
                account_id BYTEA NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
                token_hash BYTEA NOT NULL UNIQUE, expires_at BIGINT NOT NULL)
            """,
            "CREATE TABLE sign_up_mail (email_key TEXT NOT NULL PRIMARY KEY, window_at BIGINT NOT NULL, sent BIGINT NOT NULL)",
            """
            CREATE TABLE invitation (
                email_key TEXT NOT NULL PRIMARY KEY, email TEXT NOT NULL, token_hash BYTEA NOT NULL UNIQUE,
                expires_at BIGINT NOT NULL, invited_by BYTEA)
            """,
        ])
}

extension Transaction {
    /// Counts one more mail to an address, up to five an hour (RC-14). The affected row is the permission.
    borrowing func allowSignUpMail(to email: EmailAddress, now: Timestamp) throws(StoreError) -> Bool {
        let hourAgo = now - .seconds(3_600)
        return try change(
            """
            INSERT INTO sign_up_mail (email_key, window_at, sent) VALUES (\(email.key), \(now), 1)
            ON CONFLICT (email_key) DO UPDATE SET
                sent = CASE WHEN sign_up_mail.window_at < \(hourAgo) THEN 1 ELSE sign_up_mail.sent + 1 END,
                window_at = CASE WHEN sign_up_mail.window_at < \(hourAgo) THEN excluded.window_at ELSE sign_up_mail.window_at END
            WHERE sign_up_mail.sent < 5 OR sign_up_mail.window_at < \(hourAgo)
            """) == 1
    }

    borrowing func setConfirmationLink(of account: Account.ID, tokenHash: [UInt8], expiresAt: Timestamp) throws(StoreError) {
        try change(
            """
            INSERT INTO email_confirmation (account_id, token_hash, expires_at) VALUES (\(account), \(tokenHash), \(expiresAt))
            ON CONFLICT (account_id) DO UPDATE SET token_hash = excluded.token_hash, expires_at = excluded.expires_at
            """)
    }

    /// Whose link this is, while it lives.
    borrowing func confirmationAccount(tokenHash: [UInt8], now: Timestamp) throws(StoreError) -> Account.ID? {
        try run("SELECT account_id FROM email_confirmation WHERE token_hash = \(tokenHash) AND expires_at > \(now)").first
            .map { (row) throws(StoreError) in try row.id("account_id") }
    }

    /// Spends a link: type, account and time are checked by the statement that deletes it (RC-07).
    borrowing func spendConfirmationLink(of account: Account.ID, tokenHash: [UInt8], now: Timestamp) throws(StoreError) -> Bool {
        try change("DELETE FROM email_confirmation WHERE account_id = \(account) AND token_hash = \(tokenHash) AND expires_at > \(now)")
            == 1
    }

    /// Voids whatever link an account has.
    borrowing func voidConfirmationLink(of account: Account.ID) throws(StoreError) {
        try change("DELETE FROM email_confirmation WHERE account_id = \(account)")
    }

    borrowing func setInvitation(
        of email: EmailAddress, tokenHash: [UInt8], expiresAt: Timestamp, by inviter: Account.ID?
    ) throws(StoreError) {
        try change(
            """
            INSERT INTO invitation (email_key, email, token_hash, expires_at, invited_by)
            VALUES (\(email.key), \(email.address), \(tokenHash), \(expiresAt), \(inviter))
            ON CONFLICT (email_key) DO UPDATE SET token_hash = excluded.token_hash, expires_at = excluded.expires_at,
                invited_by = excluded.invited_by
            """)
    }

    /// The address that an invitation was sent to, while it lives.
    borrowing func invitedAddress(tokenHash: [UInt8], now: Timestamp) throws(StoreError) -> EmailAddress? {
        try run("SELECT email FROM invitation WHERE token_hash = \(tokenHash) AND expires_at > \(now)").first
            .flatMap { (row) throws(StoreError) in EmailAddress(try row.text("email")) }
    }

    /// The addresses that somebody invited and that may still come.
    borrowing func invitations(by inviter: Account.ID, now: Timestamp) throws(StoreError) -> [String] {
        try run("SELECT email FROM invitation WHERE invited_by = \(inviter) AND expires_at > \(now) ORDER BY email").map {
            (row) throws(StoreError) in try row.text("email")
        }
    }

    borrowing func spendInvitation(tokenHash: [UInt8], now: Timestamp) throws(StoreError) -> Bool {
        try change("DELETE FROM invitation WHERE token_hash = \(tokenHash) AND expires_at > \(now)") == 1
    }

    borrowing func pruneSignUp(now: Timestamp) throws(StoreError) {
        try change("DELETE FROM email_confirmation WHERE expires_at < \(now)")
        try change("DELETE FROM invitation WHERE expires_at < \(now)")
        try change("DELETE FROM sign_up_mail WHERE window_at < \(now - .seconds(3_600))")
    }
}
