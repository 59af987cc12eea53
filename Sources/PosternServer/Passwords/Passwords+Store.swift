import Storage

extension Migration {
    static let passwords = Migration(
        19, "passwords",
        [
            """
            CREATE TABLE breached_password (
                account_id BYTEA NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE, password_set_at BIGINT NOT NULL,
                is_certain BIGINT NOT NULL, found_at BIGINT NOT NULL)
            """
        ])
}

/// That an account's password is on a list of stolen ones.
struct BreachFinding: Equatable, Sendable {
    let foundAt: Timestamp
    /// False where a filter said so that errs once in 250.
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
}
