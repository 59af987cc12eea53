import Storage

extension Migration {
    static let leaving = Migration(
        27, "accounts that are about to go",
        [
            """
            CREATE TABLE account_leaving (
                account_id BYTEA NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE, leaves_at BIGINT NOT NULL)
            """
        ])
}

extension Transaction {
    /// - Returns: false if it was to go already; its time stays.
    borrowing func setLeaving(_ account: Account.ID, at time: Timestamp) throws(StoreError) -> Bool {
        try change(
            "INSERT INTO account_leaving (account_id, leaves_at) VALUES (\(account), \(time)) ON CONFLICT (account_id) DO NOTHING") == 1
    }

    borrowing func removeLeaving(_ account: Account.ID) throws(StoreError) -> Bool {
        try change("DELETE FROM account_leaving WHERE account_id = \(account)") == 1
    }

    /// When an account is deleted, if its owner leaves.
    borrowing func leaving(_ account: Account.ID) throws(StoreError) -> Timestamp? {
        try run("SELECT leaves_at FROM account_leaving WHERE account_id = \(account)").first.map { (row) throws(StoreError) in
            try row.time("leaves_at")
        }
    }

    borrowing func leavers(until time: Timestamp) throws(StoreError) -> [Account.ID] {
        try run("SELECT account_id FROM account_leaving WHERE leaves_at <= \(time) ORDER BY leaves_at LIMIT 1000").map {
            (row) throws(StoreError) in try row.id("account_id")
        }
    }
}
