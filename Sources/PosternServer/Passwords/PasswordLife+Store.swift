import Storage

extension Migration {
    static let passwordLife = Migration(
        23, "history and expiry of passwords",
        [
            """
            CREATE TABLE password_history (
                account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE, set_at BIGINT NOT NULL, hash TEXT NOT NULL,
                PRIMARY KEY (account_id, set_at))
            """,
            // Since when each rule that lets passwords expire is in force: "*" for everybody's, else a group's.
            "CREATE TABLE password_rule (name TEXT NOT NULL PRIMARY KEY, since BIGINT NOT NULL)",
        ])
}

extension Transaction {
    /// Keeps the password that an account got at a time among those before it, and only so many of them.
    /// - Parameter most: how many besides the next one.
    borrowing func keepPassword(of account: Account.ID, setAt: Timestamp, most: Int64) throws(StoreError) {
        guard most > 0 else {
            try change("DELETE FROM password_history WHERE account_id = \(account)")
            return
        }
        try change(
            """
            INSERT INTO password_history (account_id, set_at, hash) SELECT id, password_set_at, password_hash FROM account
            WHERE id = \(account) AND password_set_at = \(setAt) AND password_hash IS NOT NULL
            ON CONFLICT (account_id, set_at) DO NOTHING
            """)
        try change(
            """
            DELETE FROM password_history WHERE account_id = \(account) AND set_at NOT IN (
                SELECT set_at FROM password_history WHERE account_id = \(account) ORDER BY set_at DESC LIMIT \(most))
            """)
    }

    /// The hashes of those before the present one, newest first.
    borrowing func previousPasswords(of account: Account.ID, most: Int64) throws(StoreError) -> [String] {
        try run("SELECT hash FROM password_history WHERE account_id = \(account) ORDER BY set_at DESC LIMIT \(most)").map {
            (row) throws(StoreError) in try row.text("hash")
        }
    }

    /// Since when each rule is in force.
    borrowing func passwordRules() throws(StoreError) -> [String: Timestamp] {
        var rules: [String: Timestamp] = [:]
        for row in try run("SELECT name, since FROM password_rule") { rules[try row.text("name")] = try row.time("since") }
        return rules
    }

    borrowing func notePasswordRule(_ name: String, now: Timestamp) throws(StoreError) {
        try change("INSERT INTO password_rule (name, since) VALUES (\(name), \(now)) ON CONFLICT (name) DO NOTHING")
    }

    borrowing func removePasswordRule(_ name: String) throws(StoreError) {
        try change("DELETE FROM password_rule WHERE name = \(name)")
    }
}
