import Secrets
package import Storage
package import Throttle

extension Migration {
    static let throttling = Migration(
        28, "throttling",
        [
            // Wrong passwords: by account and place, and with an empty place by account alone. The key is the keyed hash of an e-mail
            // address, whether it has an account or not; for passwords typed inside, the account's id.
            """
            CREATE TABLE password_try (
                account_key BYTEA NOT NULL, place TEXT NOT NULL, failures BIGINT NOT NULL, recent BIGINT NOT NULL,
                since_at BIGINT NOT NULL, last_at BIGINT NOT NULL, next_at BIGINT NOT NULL, PRIMARY KEY (account_key, place))
            """,
            "CREATE INDEX password_try_by_time ON password_try (last_at)",
            "CREATE TABLE rate_count (name TEXT NOT NULL PRIMARY KEY, window_end BIGINT NOT NULL, number BIGINT NOT NULL)",
            "CREATE INDEX rate_count_by_end ON rate_count (window_end)",
            // Accounts that a place failed at and did not sign in to.
            """
            CREATE TABLE failed_account (
                place TEXT NOT NULL, account_key BYTEA NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (place, account_key))
            """,
            "CREATE INDEX failed_account_by_time ON failed_account (at)",
            // A browser that signed in to an account: strangers' failures don't keep it out.
            """
            CREATE TABLE known_browser (
                account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE, browser_hash BYTEA NOT NULL,
                failures BIGINT NOT NULL, since_at BIGINT NOT NULL, last_at BIGINT NOT NULL, PRIMARY KEY (account_id, browser_hash))
            """,
            "CREATE INDEX known_browser_by_time ON known_browser (last_at)",
            // What was refused, counted by the hour: a flood is a few rows.
            """
            CREATE TABLE refusal (
                rule TEXT NOT NULL, key TEXT NOT NULL, hour BIGINT NOT NULL, mode TEXT NOT NULL, account_id BYTEA,
                number BIGINT NOT NULL, count BIGINT NOT NULL, most BIGINT NOT NULL, first_at BIGINT NOT NULL, last_at BIGINT NOT NULL,
                PRIMARY KEY (rule, key, hour, mode))
            """,
            "CREATE INDEX refusal_by_time ON refusal (last_at)",
            // What the settings said of throttling, each time they said something else.
            "CREATE TABLE rule_version (number BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, text TEXT NOT NULL)",
            """
            CREATE TABLE unlock_link (
                account_id BYTEA NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE, token_hash BYTEA NOT NULL UNIQUE,
                expires_at BIGINT NOT NULL)
            """,
        ])
}

/// What was refused, or would have been.
struct Refusal: Hashable, Sendable {
    enum Mode: String, Sendable {
        case enforced
        /// A rule that is tried out: it let pass.
        case shadow
        /// A rule that only counts.
        case watched
    }

    let rule: String
    /// Whose count it was, as administrators read it.
    let key: String
    let count: Int64
    let limit: Int64
    let mode: Mode
}

/// Counts of wrong passwords.
extension Transaction {
    /// Counts one more, before it is tried.
    /// - Returns: how many there are now; nil if none may be tried yet: then nothing was counted.
    package borrowing func countTry(
        _ key: [UInt8], place: String, _ lockout: Lockout, now: Timestamp
    ) throws(StoreError) -> Int64? {
        try beginAnew(key, place: place, lockout, now: now)
        let lockedUntil = lockout.lockFor.map { now + .seconds($0) } ?? Timestamp(microseconds: .max)
        let (first, longest) = (lockout.firstWait * 1_000_000, lockout.longestWait * 1_000_000)
        return try run(
            """
            INSERT INTO password_try (account_key, place, failures, recent, since_at, last_at, next_at)
            VALUES (\(key), \(place), 1, 1, \(now), \(now), 0)
            ON CONFLICT (account_key, place) DO UPDATE SET failures = password_try.failures + 1, recent = password_try.recent + 1,
                since_at = CASE WHEN password_try.recent = 0 THEN excluded.since_at ELSE password_try.since_at END,
                last_at = excluded.last_at,
                next_at = CASE WHEN password_try.failures + 1 >= \(lockout.lockAt) THEN \(lockedUntil)
                    WHEN password_try.recent + 1 < \(lockout.waitFrom) THEN 0
                    WHEN (password_try.recent + 2 - \(lockout.waitFrom)) * \(first) > \(longest) THEN excluded.last_at + \(longest)
                    ELSE excluded.last_at + (password_try.recent + 2 - \(lockout.waitFrom)) * \(first) END
            WHERE password_try.next_at <= excluded.last_at
            RETURNING failures
            """
        ).first.map { (row) throws(StoreError) in try row.integer("failures") }
    }

    /// What time made good: a lock that had an end, and waits whose window is over. It doesn't decide; the count afterwards does.
    private borrowing func beginAnew(_ key: [UInt8], place: String, _ lockout: Lockout, now: Timestamp) throws(StoreError) {
        guard lockout.window != nil || lockout.quiet != nil || lockout.lockFor != nil else { return }
        let never = Timestamp(microseconds: .min)
        let windowBegan = lockout.window.map { now - .seconds($0) } ?? never
        let quietSince = lockout.quiet.map { now - .seconds($0) } ?? never
        try change(
            """
            UPDATE password_try SET failures = CASE WHEN failures >= \(lockout.lockAt) THEN 0 ELSE failures END, recent = 0
            WHERE account_key = \(key) AND place = \(place) AND next_at <= \(now)
                AND (failures >= \(lockout.lockAt) OR last_at <= \(quietSince)
                    OR (recent < \(lockout.waitFrom) AND since_at <= \(windowBegan)))
            """)
    }

    borrowing func tries(_ key: [UInt8], place: String) throws(StoreError) -> TryCount {
        let rows = try run("SELECT failures, next_at FROM password_try WHERE account_key = \(key) AND place = \(place)")
        guard let row = rows.first else { return TryCount(failures: 0, nextAt: Timestamp(microseconds: 0)) }
        return TryCount(failures: try row.integer("failures"), nextAt: try row.time("next_at"))
    }

    /// One that was counted was not tried. It may be tried again at once, as it might before.
    borrowing func giveBackTry(_ key: [UInt8], place: String, now: Timestamp) throws(StoreError) {
        try change(
            """
            UPDATE password_try SET failures = failures - 1, recent = CASE WHEN recent > 0 THEN recent - 1 ELSE 0 END, next_at = CASE WHEN next_at > \(now) THEN \(now) ELSE next_at END
            WHERE account_key = \(key) AND place = \(place) AND failures > 0
            """)
    }

    borrowing func clearTries(_ key: [UInt8], place: String) throws(StoreError) {
        try change("DELETE FROM password_try WHERE account_key = \(key) AND place = \(place)")
    }

    /// Everything that is counted under a key, wherever.
    borrowing func clearTries(_ key: [UInt8]) throws(StoreError) {
        try change("DELETE FROM password_try WHERE account_key = \(key)")
        try change("DELETE FROM failed_account WHERE account_key = \(key)")
    }

    /// Known browsers count anew; one that used its failures up is a stranger until it signs in again.
    borrowing func clearKnownBrowsers(of account: Account.ID) throws(StoreError) {
        try change("DELETE FROM known_browser WHERE account_id = \(account) AND failures >= \(SignInLimits.knownBrowserFailures)")
        try change("UPDATE known_browser SET failures = 0 WHERE account_id = \(account) AND failures > 0")
    }

    /// What a network failed at is forgotten.
    borrowing func clearFailedAccounts(place: String) throws(StoreError) {
        try change("DELETE FROM failed_account WHERE place = \(place)")
    }

    /// Counts one more of a fixed window. Nodes whose clocks differ count on in the later one's.
    /// - Parameter name: with the rate in it: another rate has windows of its own.
    package borrowing func countRate(_ name: String, _ rate: Rate, now: Timestamp) throws(StoreError) -> Decision {
        let end = rate.windowEnd(at: now.microseconds)
        let row = try run(
            """
            INSERT INTO rate_count (name, window_end, number) VALUES (\(name), \(end), 1)
            ON CONFLICT (name) DO UPDATE SET
                number = CASE WHEN rate_count.window_end >= excluded.window_end THEN rate_count.number + 1 ELSE 1 END,
                window_end = CASE WHEN rate_count.window_end > excluded.window_end THEN rate_count.window_end
                    ELSE excluded.window_end END
            RETURNING number
            """
        ).first
        return Decision(count: try row?.integer("number") ?? .max, under: rate, at: now.microseconds)
    }

    borrowing func giveBackRate(_ name: String) throws(StoreError) {
        try change("UPDATE rate_count SET number = number - 1 WHERE name = \(name) AND number > 0")
    }

    /// Writes down that a place failed at an account.
    /// - Returns: at how many accounts it did since then.
    package borrowing func noteFailedAccount(
        _ key: [UInt8], place: String, since: Timestamp, now: Timestamp
    ) throws(StoreError) -> Int64 {
        try change(
            """
            INSERT INTO failed_account (place, account_key, at) VALUES (\(place), \(key), \(now))
            ON CONFLICT (place, account_key) DO UPDATE SET at = excluded.at
            """)
        let row = try run("SELECT COUNT(*) AS number FROM failed_account WHERE place = \(place) AND at > \(since)").first
        return try row?.integer("number") ?? 0
    }

    borrowing func clearFailedAccount(_ key: [UInt8], place: String) throws(StoreError) {
        try change("DELETE FROM failed_account WHERE place = \(place) AND account_key = \(key)")
    }

    borrowing func pruneThrottling(now: Timestamp) throws(StoreError) {
        // Alike for accounts and for addresses without one; what is locked stays until it is released.
        let old = now - .seconds(90 * 86_400)
        try change("DELETE FROM password_try WHERE last_at < \(old) AND next_at < \(now)")
        // No session lives that long.
        try change("DELETE FROM password_try WHERE last_at < \(old) AND place LIKE 'session %'")
        try change("DELETE FROM rate_count WHERE window_end < \(now.secondsSinceEpoch)")
        try change("DELETE FROM failed_account WHERE at < \(now - .seconds(31 * 86_400))")
        try change("DELETE FROM refusal WHERE last_at < \(now - .seconds(30 * 86_400))")
        try change("DELETE FROM known_browser WHERE last_at < \(now - .seconds(400 * 86_400))")
        try change("DELETE FROM unlock_link WHERE expires_at < \(now)")
    }
}

/// Browsers that are known for an account (OWASP's device cookies).
extension Transaction {
    /// Counts a try of a browser that is known for the account.
    /// - Returns: false if it isn't, or has used up its failures.
    /// - Parameter account: nil where there is none: the question costs the same.
    borrowing func countKnownBrowser(_ mark: BrowserMark, of account: Account.ID?, now: Timestamp) throws(StoreError) -> Bool {
        let account = account ?? Account.ID(high: 0, low: 0)
        return try change(
            """
            UPDATE known_browser SET failures = failures + 1, last_at = \(now)
            WHERE account_id = \(account) AND browser_hash = \(mark.hash) AND failures < \(SignInLimits.knownBrowserFailures)
            """) == 1
    }

    borrowing func giveBackKnownBrowser(_ mark: BrowserMark, of account: Account.ID) throws(StoreError) {
        try change(
            """
            UPDATE known_browser SET failures = failures - 1
            WHERE account_id = \(account) AND browser_hash = \(mark.hash) AND failures > 0
            """)
    }

    borrowing func clearKnownBrowser(_ mark: BrowserMark, of account: Account.ID) throws(StoreError) {
        try change("UPDATE known_browser SET failures = 0 WHERE account_id = \(account) AND browser_hash = \(mark.hash)")
    }

    /// After a full sign-in.
    borrowing func knowBrowser(_ mark: BrowserMark, of account: Account.ID, now: Timestamp) throws(StoreError) {
        try change(
            """
            INSERT INTO known_browser (account_id, browser_hash, failures, since_at, last_at)
            VALUES (\(account), \(mark.hash), 0, \(now), \(now))
            ON CONFLICT (account_id, browser_hash) DO UPDATE SET failures = 0, last_at = excluded.last_at
            """)
        // A browser that keeps no cookies is another each time.
        try change(
            """
            DELETE FROM known_browser WHERE account_id = \(account) AND last_at < (
                SELECT last_at FROM known_browser WHERE account_id = \(account) ORDER BY last_at DESC
                LIMIT 1 OFFSET \(SignInLimits.mostKnownBrowsers - 1))
            """)
    }

    /// Another password ends what the old one made known.
    borrowing func forgetBrowsers(of account: Account.ID) throws(StoreError) {
        try change("DELETE FROM known_browser WHERE account_id = \(account)")
    }
}

/// The log of decisions.
extension Transaction {
    borrowing func noteRefusal(_ refusal: Refusal, number: Int64 = 1, account: Account.ID?, now: Timestamp) throws(StoreError) {
        let hour = now.secondsSinceEpoch / 3_600
        try change(
            """
            INSERT INTO refusal (rule, key, hour, mode, account_id, number, count, most, first_at, last_at)
            VALUES (\(refusal.rule), \(refusal.key), \(hour), \(refusal.mode.rawValue), \(account), \(number), \(refusal.count),
                \(refusal.limit), \(now), \(now))
            ON CONFLICT (rule, key, hour, mode) DO UPDATE SET number = refusal.number + excluded.number,
                count = CASE WHEN excluded.count > refusal.count THEN excluded.count ELSE refusal.count END, most = excluded.most,
                last_at = excluded.last_at
            """)
    }

    /// The latest first.
    borrowing func refusals(limit: Int64) throws(StoreError) -> [RefusalLine] {
        try run("SELECT * FROM refusal ORDER BY last_at DESC, rule, key LIMIT \(limit)").map { (row) throws(StoreError) in
            RefusalLine(
                rule: try row.text("rule"), key: try row.text("key"), mode: try row.text("mode"), number: try row.integer("number"),
                count: try row.integer("count"), limit: try row.integer("most"), firstAt: try row.time("first_at"),
                lastAt: try row.time("last_at"))
        }
    }
}

extension Transaction {
    /// What rules met that refused nothing.
    borrowing func shadowLines() throws(StoreError) -> [ShadowLine] {
        try run(
            """
            SELECT rule, mode, CAST(SUM(number) AS BIGINT) AS times, COUNT(DISTINCT key) AS keys FROM refusal
            WHERE mode <> 'enforced' GROUP BY rule, mode ORDER BY rule, mode
            """
        ).map { (row) throws(StoreError) in
            ShadowLine(
                rule: try row.text("rule"), mode: try row.text("mode"), number: try row.integer("times"), keys: try row.integer("keys"))
        }
    }
}

/// Refusals of one rule and key in an hour, as administrators see them.
struct RefusalLine: Sendable {
    let rule: String
    let key: String
    let mode: String
    let number: Int64
    let count: Int64
    let limit: Int64
    let firstAt: Timestamp
    let lastAt: Timestamp
}

/// Versions of the rules.
extension Transaction {
    /// - Returns: the new version's number; nil if the last says the same.
    borrowing func noteRules(_ text: String, now: Timestamp) throws(StoreError) -> Int64? {
        let last = try run("SELECT number, text FROM rule_version ORDER BY number DESC LIMIT 1").first
        if let last, try last.text("text") == text { return nil }
        let number = (try last?.integer("number") ?? 0) + 1
        let isNew =
            try change("INSERT INTO rule_version (number, at, text) VALUES (\(number), \(now), \(text)) ON CONFLICT (number) DO NOTHING")
            == 1
        return isNew ? number : nil
    }

    /// Newest first.
    borrowing func ruleVersions(limit: Int64) throws(StoreError) -> [RuleVersion] {
        try run("SELECT * FROM rule_version ORDER BY number DESC LIMIT \(limit)").map { (row) throws(StoreError) in
            RuleVersion(
                number: try row.integer("number"), at: try row.time("at"),
                lines: try row.text("text").split(separator: "\n").map(String.init))
        }
    }
}

/// What the settings said of throttling from a moment on.
struct RuleVersion: Sendable {
    let number: Int64
    let at: Timestamp
    let lines: [String]
}

/// Links that end a lock.
extension Transaction {
    borrowing func setUnlockLink(of account: Account.ID, tokenHash: [UInt8], expiresAt: Timestamp) throws(StoreError) {
        try change(
            """
            INSERT INTO unlock_link (account_id, token_hash, expires_at) VALUES (\(account), \(tokenHash), \(expiresAt))
            ON CONFLICT (account_id) DO UPDATE SET token_hash = excluded.token_hash, expires_at = excluded.expires_at
            """)
    }

    borrowing func unlockLinkLives(tokenHash: [UInt8], now: Timestamp) throws(StoreError) -> Bool {
        try !run("SELECT 1 AS found FROM unlock_link WHERE token_hash = \(tokenHash) AND expires_at > \(now)").isEmpty
    }

    borrowing func voidUnlockLink(of account: Account.ID) throws(StoreError) {
        try change("DELETE FROM unlock_link WHERE account_id = \(account)")
    }

    /// Spends a link: once.
    borrowing func takeUnlockLink(tokenHash: [UInt8], now: Timestamp) throws(StoreError) -> Account.ID? {
        try run("DELETE FROM unlock_link WHERE token_hash = \(tokenHash) AND expires_at > \(now) RETURNING account_id").first
            .map { (row) throws(StoreError) in try row.id("account_id") }
    }
}
