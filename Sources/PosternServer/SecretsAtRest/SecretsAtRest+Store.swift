import Storage

extension Migration {
    static let secretsAtRest = Migration(
        6, "secrets at rest",
        ["CREATE TABLE sealing_key (id BYTEA NOT NULL PRIMARY KEY, fingerprint BYTEA NOT NULL, added_at BIGINT NOT NULL)"])
}

extension Transaction {
    /// The keys this database was sealed with: id and fingerprint.
    borrowing func sealingKeys() throws(StoreError) -> [[UInt8]: [UInt8]] {
        var keys: [[UInt8]: [UInt8]] = [:]
        for row in try run("SELECT id, fingerprint FROM sealing_key") { keys[try row.blob("id")] = try row.blob("fingerprint") }
        return keys
    }

    borrowing func addSealingKey(id: [UInt8], fingerprint: [UInt8], now: Timestamp) throws(StoreError) {
        try change("INSERT INTO sealing_key (id, fingerprint, added_at) VALUES (\(id), \(fingerprint), \(now)) ON CONFLICT (id) DO NOTHING")
    }
}
