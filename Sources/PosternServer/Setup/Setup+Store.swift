import Storage

extension Migration {
    static let setup = Migration(
        9, "setup", ["CREATE TABLE setup_link (token_hash BYTEA NOT NULL PRIMARY KEY, expires_at BIGINT NOT NULL)"])
}

extension Transaction {
    borrowing func clearSetupLinks() throws(StoreError) { try change("DELETE FROM setup_link") }

    borrowing func addSetupLink(tokenHash: [UInt8], expiresAt: Timestamp) throws(StoreError) {
        try change("INSERT INTO setup_link (token_hash, expires_at) VALUES (\(tokenHash), \(expiresAt))")
    }

    borrowing func setupLinkLives(tokenHash: [UInt8], now: Timestamp) throws(StoreError) -> Bool {
        try !run(
            """
            SELECT 1 AS found FROM setup_link WHERE token_hash = \(tokenHash) AND expires_at > \(now)
                AND NOT EXISTS (SELECT 1 FROM account WHERE role = 'owner')
            """
        ).isEmpty
    }

    /// Spends a link while there is no owner: the deleted row is the permission to become one.
    borrowing func spendSetupLink(tokenHash: [UInt8], now: Timestamp) throws(StoreError) -> Bool {
        try change(
            """
            DELETE FROM setup_link WHERE token_hash = \(tokenHash) AND expires_at > \(now)
                AND NOT EXISTS (SELECT 1 FROM account WHERE role = 'owner')
            """) == 1
    }
}
