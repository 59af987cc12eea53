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

extension Migration {
    static let knownBrowserAttempts = Migration(
        30, "attempts by known browsers", ["ALTER TABLE sign_in_attempt ADD COLUMN known_browser BIGINT NOT NULL DEFAULT 0"])
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
            INSERT INTO sign_in_attempt (id, at, account_id, identifier_hash, outcome, reason, address, browser, session_id,
                known_browser)
            VALUES (\(attempt.id), \(attempt.at), (SELECT id FROM account WHERE id = \(attempt.account)), \(attempt.identifierHash), \(attempt.outcome.rawValue),
                \(attempt.reason), \(attempt.client.address.description), \(attempt.client.browser), \(attempt.session), \(attempt.isByKnownBrowser ? 1 as Int64 : 0))
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

    /// Tries of passwords as rules are tried on them, oldest first: what was tried, not what was made of it.
    borrowing func triedPasswords(after last: SignInAttempt.ID, limit: Int64) throws(StoreError) -> [TriedPassword] {
        try run(
            """
            SELECT id, at, COALESCE(account_id, identifier_hash) AS who, CASE WHEN account_id IS NULL THEN 0 ELSE 1 END AS is_account,
                CASE WHEN outcome <> 'refused' OR reason IN ('stolen-password', 'expired-password', 'change-required') THEN 1
                    WHEN reason IN ('unknown-address', 'not-confirmed', 'closed', 'wrong-password') THEN 0 ELSE 2 END AS kind,
                address, known_browser
            FROM sign_in_attempt WHERE id > \(last) ORDER BY id LIMIT \(limit)
            """
        ).map { (row) throws(StoreError) in
            let kind = try row.integer("kind")
            return TriedPassword(
                id: try row.id("id"), at: try row.time("at"),
                who: try row.optional("who") { (row) throws(StoreError) in try row.blob("who") } ?? [],
                isAccount: try row.integer("is_account") == 1, isRight: kind == 1, isOfPassword: kind < 2,
                address: IPAddress(try row.text("address")) ?? .unknown, isByKnownBrowser: try row.integer("known_browser") == 1)
        }
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
