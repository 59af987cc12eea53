import NetworkAddress
import Storage

extension Migration {
    static let signInHistory = Migration(
        5, "sign-in history",
        [
            """
            CREATE TABLE sign_in_attempt (
                id BYTEA NOT NULL PRIMARY KEY, at BIGINT NOT NULL,
                account_id BYTEA REFERENCES account (id) ON DELETE CASCADE, identifier_hash BYTEA,
                outcome TEXT NOT NULL, reason TEXT NOT NULL, address TEXT NOT NULL, browser TEXT NOT NULL, session_id BYTEA)
            """,
            "CREATE INDEX sign_in_attempt_by_account ON sign_in_attempt (account_id, at)",
        ])
}

/// An attempt as it is shown.
struct SignInAttemptLine: Sendable {
    let at: Timestamp
    let outcome: String
    let reason: String
    let address: String
    let browser: String
}

extension Transaction {
    borrowing func recordAttempt(_ attempt: SignInAttempt) throws(StoreError) {
        try change(
            """
            INSERT INTO sign_in_attempt (id, at, account_id, identifier_hash, outcome, reason, address, browser, session_id)
            VALUES (\(attempt.id), \(attempt.at), (SELECT id FROM account WHERE id = \(attempt.account)), \(attempt.identifierHash), \(attempt.outcome.rawValue),
                \(attempt.reason), \(attempt.client.address.description), \(attempt.client.browser), \(attempt.session))
            """)
    }

    /// An account's attempts, newest first.
    borrowing func attempts(of account: Account.ID, limit: Int64) throws(StoreError) -> [SignInAttemptLine] {
        var lines: [SignInAttemptLine] = []
        for row in try run("SELECT * FROM sign_in_attempt WHERE account_id = \(account) ORDER BY at DESC LIMIT \(limit)") {
            lines.append(
                SignInAttemptLine(
                    at: try row.time("at"), outcome: try row.text("outcome"), reason: try row.text("reason"),
                    address: try row.text("address"), browser: try row.text("browser")))
        }
        return lines
    }

    /// How attempts ended since then. By their ids, which order by time: an index for that alone would cost every sign-in.
    borrowing func attemptCounts(since: Timestamp) throws(StoreError) -> [SignInAttempt.Outcome: Int64] {
        let first = SignInAttempt.ID(now: since, random: [UInt8](repeating: 0, count: 10))
        var counts: [SignInAttempt.Outcome: Int64] = [:]
        for row in try run("SELECT outcome, COUNT(*) AS number FROM sign_in_attempt WHERE id >= \(first) GROUP BY outcome") {
            if let outcome = SignInAttempt.Outcome(rawValue: try row.text("outcome")) { counts[outcome] = try row.integer("number") }
        }
        return counts
    }
}
