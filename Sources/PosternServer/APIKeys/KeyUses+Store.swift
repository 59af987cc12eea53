import Storage

extension Migration {
    static let keyUses = Migration(
        42, "who used which key",
        [
            """
            CREATE TABLE api_key_use (
                key_id BYTEA NOT NULL REFERENCES api_key (id) ON DELETE CASCADE, day BIGINT NOT NULL, address TEXT NOT NULL,
                agent TEXT NOT NULL, passed BIGINT NOT NULL, refused BIGINT NOT NULL,
                passed_at BIGINT, refused_at BIGINT,
                PRIMARY KEY (key_id, day, address, agent))
            """
        ])
}

/// From where a key was used, over all days.
struct KeySource: Sendable {
    let address: String
    let agent: String
    let passed: Int64
    let refused: Int64
    let passedAt: Timestamp?
    let refusedAt: Timestamp?
}

/// How often a key was used on a day since 1970 (UTC).
struct KeyDay: Sendable {
    let day: Int64
    var passed: Int64 = 0
    var refused: Int64 = 0
}

/// Somebody who still brings a key that opens nothing any more.
struct LateCaller: Sendable {
    let key: APIKey
    let source: KeySource
    /// The last time.
    let at: Timestamp
}

extension Transaction {
    /// Sources of one key on one day that have a row of their own; all others share one.
    private static var mostSources: Int64 { 100 }

    /// Writes down uses.
    borrowing func noteUse(_ use: KeyUse, _ count: KeyUseCount) throws(StoreError) {
        if try !countUse(use, address: use.address, agent: use.agent, count) {
            let known = try run("SELECT COUNT(*) AS number FROM api_key_use WHERE key_id = \(use.key) AND day = \(use.day)")
            let hasRoom = try known[0].integer("number") < Self.mostSources
            // The key may be gone with its organization by now: then there is nothing to write down.
            try change(
                """
                INSERT INTO api_key_use (key_id, day, address, agent, passed, refused, passed_at, refused_at)
                SELECT id, CAST(\(use.day) AS BIGINT), CAST(\(hasRoom ? use.address : "") AS TEXT), CAST(\(hasRoom ? use.agent : "") AS TEXT),
                    CAST(\(count.passed) AS BIGINT), CAST(\(count.refused) AS BIGINT), CAST(\(count.passedAt) AS BIGINT), CAST(\(count.refusedAt) AS BIGINT)
                FROM api_key WHERE id = \(use.key)
                ON CONFLICT (key_id, day, address, agent) DO UPDATE SET passed = api_key_use.passed + excluded.passed,
                    refused = api_key_use.refused + excluded.refused,
                    passed_at = COALESCE(excluded.passed_at, api_key_use.passed_at),
                    refused_at = COALESCE(excluded.refused_at, api_key_use.refused_at)
                """)
        }
        if let time = count.passedAt { try noteLastUse(use, at: time) }
        if let time = count.refusedAt { try noteTry(use.key, at: time) }
    }

    borrowing func pruneKeyUses(beforeDay day: Int64) throws(StoreError) { try change("DELETE FROM api_key_use WHERE day < \(day)") }

    private borrowing func countUse(_ use: KeyUse, address: String, agent: String, _ count: KeyUseCount) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE api_key_use SET passed = passed + \(count.passed), refused = refused + \(count.refused),
                passed_at = COALESCE(\(count.passedAt), passed_at), refused_at = COALESCE(\(count.refusedAt), refused_at)
            WHERE key_id = \(use.key) AND day = \(use.day) AND address = \(address) AND agent = \(agent)
            """) == 1
    }

    /// From where a key was used since a day, the latest first.
    borrowing func keySources(of id: APIKey.ID, sinceDay day: Int64, limit: Int64) throws(StoreError) -> [KeySource] {
        try run(
            """
            SELECT address, agent, CAST(SUM(passed) AS BIGINT) AS passed, CAST(SUM(refused) AS BIGINT) AS refused,
                MAX(passed_at) AS passed_at, MAX(refused_at) AS refused_at
            FROM api_key_use WHERE key_id = \(id) AND day >= \(day) GROUP BY address, agent
            ORDER BY CASE WHEN COALESCE(MAX(passed_at), 0) > COALESCE(MAX(refused_at), 0) THEN COALESCE(MAX(passed_at), 0)
                ELSE COALESCE(MAX(refused_at), 0) END DESC LIMIT \(limit)
            """
        ).map { (row) throws(StoreError) in
            KeySource(
                address: try row.text("address"), agent: try row.text("agent"), passed: try row.integer("passed"),
                refused: try row.integer("refused"), passedAt: try row.optionalTime("passed_at"),
                refusedAt: try row.optionalTime("refused_at"))
        }
    }

    /// How often a key was used, a day each; days without are left out.
    borrowing func keyDays(of id: APIKey.ID, sinceDay day: Int64) throws(StoreError) -> [KeyDay] {
        try run(
            """
            SELECT day, CAST(SUM(passed) AS BIGINT) AS passed, CAST(SUM(refused) AS BIGINT) AS refused FROM api_key_use
            WHERE key_id = \(id) AND day >= \(day) GROUP BY day ORDER BY day
            """
        ).map { (row) throws(StoreError) in
            KeyDay(day: try row.integer("day"), passed: try row.integer("passed"), refused: try row.integer("refused"))
        }
    }

    /// Who brought an owner's ended keys since a time, the latest first.
    borrowing func lateCallers(of owner: APIKey.Owner, since: Timestamp, limit: Int64, now: Timestamp) throws(StoreError) -> [LateCaller] {
        var callers: [LateCaller] = []
        for key in try triedKeys(of: owner, since: since, limit: limit) where !key.standing(at: now).opens {
            for source in try keySources(of: key.id, sinceDay: since.day, limit: limit) {
                if let time = source.refusedAt, time >= since { callers.append(LateCaller(key: key, source: source, at: time)) }
            }
        }
        return Array(callers.sorted { $0.at > $1.at }.prefix(Int(limit)))
    }
}
