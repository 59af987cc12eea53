import Secrets
import Storage

extension Migration {
    static let deliveryGuard = Migration(
        33, "guard of codes by SMS and voice",
        [
            // When the last eleven messages went under a key: the keyed hash of a number, an account or an address.
            """
            CREATE TABLE send_gate (
                key BYTEA NOT NULL PRIMARY KEY, t1 BIGINT NOT NULL, t2 BIGINT NOT NULL, t3 BIGINT NOT NULL, t4 BIGINT NOT NULL,
                t5 BIGINT NOT NULL, t6 BIGINT NOT NULL, t7 BIGINT NOT NULL, t8 BIGINT NOT NULL, t9 BIGINT NOT NULL, t10 BIGINT NOT NULL,
                t11 BIGINT NOT NULL)
            """,
            "CREATE INDEX send_gate_by_time ON send_gate (t1)",
            // Messages and what they cost, by day and country; an empty country is all of them.
            """
            CREATE TABLE send_day (
                day BIGINT NOT NULL, country TEXT NOT NULL, number BIGINT NOT NULL, spent BIGINT NOT NULL, PRIMARY KEY (day, country))
            """,
            // Numbers by their block of a thousand, both hashed.
            """
            CREATE TABLE number_seen (
                block BYTEA NOT NULL, number_key BYTEA NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (block, number_key))
            """,
            "CREATE INDEX number_seen_by_time ON number_seen (at)",
            """
            CREATE TABLE guard_decision (
                hour BIGINT NOT NULL, rule TEXT NOT NULL, number_range TEXT NOT NULL, channel TEXT NOT NULL, is_refused BIGINT NOT NULL,
                country TEXT NOT NULL, detail TEXT NOT NULL, at BIGINT NOT NULL, number BIGINT NOT NULL,
                PRIMARY KEY (hour, rule, number_range, channel, is_refused))
            """,
            "CREATE INDEX guard_decision_by_time ON guard_decision (at)",
            // What people are told while a channel to a country doesn't work well.
            """
            CREATE TABLE outage (
                channel TEXT NOT NULL, country TEXT NOT NULL, provider TEXT NOT NULL, since_at BIGINT NOT NULL, until_at BIGINT NOT NULL,
                by_hand BIGINT NOT NULL, PRIMARY KEY (channel, country, provider))
            """,
        ])
}

extension Transaction {
    /// Counts one message under a key unless there were too many: `third` and so on are the earliest times at which the third, fifth and
    /// tenth message back may lie.
    borrowing func passSendGate(
        _ key: [UInt8], third: Timestamp, fifth: Timestamp, tenth: Timestamp, now: Timestamp
    ) throws(StoreError) -> Bool {
        try change(
            """
            INSERT INTO send_gate (key, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11)
            VALUES (\(key), \(now), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
            ON CONFLICT (key) DO UPDATE SET t11 = send_gate.t10, t10 = send_gate.t9, t9 = send_gate.t8, t8 = send_gate.t7, t7 = send_gate.t6,
                t6 = send_gate.t5, t5 = send_gate.t4, t4 = send_gate.t3, t3 = send_gate.t2, t2 = send_gate.t1, t1 = excluded.t1
            WHERE send_gate.t3 <= \(third) AND send_gate.t5 <= \(fifth) AND send_gate.t10 <= \(tenth)
            """) == 1
    }

    /// What was counted last in this transaction was refused after all.
    borrowing func giveBackSendGate(_ key: [UInt8]) throws(StoreError) {
        try change(
            """
            UPDATE send_gate SET t1 = t2, t2 = t3, t3 = t4, t4 = t5, t5 = t6, t6 = t7, t7 = t8, t8 = t9, t9 = t10, t10 = t11, t11 = 0
            WHERE key = \(key)
            """)
    }

    /// When the third, fifth and tenth message back went.
    borrowing func sendGate(_ key: [UInt8]) throws(StoreError) -> (third: Timestamp, fifth: Timestamp, tenth: Timestamp)? {
        try run("SELECT t3, t5, t10 FROM send_gate WHERE key = \(key)").first.map { (row) throws(StoreError) in
            (third: try row.time("t3"), fifth: try row.time("t5"), tenth: try row.time("t10"))
        }
    }

    /// Counts a message of a day, unless there are so many already, or so much is spent.
    /// - Parameter country: empty for all.
    borrowing func countSend(
        day: Int64, country: String, cost: Int64, mostNumber: Int64, mostSpent: Int64
    ) throws(StoreError) -> (number: Int64, spent: Int64)? {
        guard mostNumber > 0, cost <= mostSpent else { return nil }
        return try run(
            """
            INSERT INTO send_day (day, country, number, spent) VALUES (\(day), \(country), 1, \(cost))
            ON CONFLICT (day, country) DO UPDATE SET number = send_day.number + 1, spent = send_day.spent + excluded.spent
            WHERE send_day.number < \(mostNumber) AND send_day.spent <= \(mostSpent - cost)
            RETURNING number, spent
            """
        ).first.map { (row) throws(StoreError) in (number: try row.integer("number"), spent: try row.integer("spent")) }
    }

    /// A message of a day was not sent after all.
    borrowing func giveBackSpend(day: Int64, cost: Int64) throws(StoreError) {
        let all = ""
        try change(
            "UPDATE send_day SET number = number - 1, spent = spent - \(cost) WHERE day = \(day) AND country = \(all) AND number > 0")
    }

    /// The same for a country's count.
    borrowing func giveBackCountry(_ country: String, day: Int64) throws(StoreError) {
        try change("UPDATE send_day SET number = number - 1 WHERE day = \(day) AND country = \(country) AND number > 0")
    }

    /// Writes a number down.
    /// - Returns: how many different ones of its block there were since then.
    borrowing func seeNumber(_ key: [UInt8], block: [UInt8], since: Timestamp, now: Timestamp) throws(StoreError) -> Int64 {
        try change(
            """
            INSERT INTO number_seen (block, number_key, at) VALUES (\(block), \(key), \(now))
            ON CONFLICT (block, number_key) DO UPDATE SET at = excluded.at
            """)
        return try run("SELECT COUNT(*) AS number FROM number_seen WHERE block = \(block) AND at > \(since)").first?.integer("number") ?? 0
    }

    borrowing func recordDecision(_ decision: GuardDecision) throws(StoreError) {
        let hour = decision.at.secondsSinceEpoch / 3_600
        try change(
            """
            INSERT INTO guard_decision (hour, rule, number_range, channel, is_refused, country, detail, at, number)
            VALUES (\(hour), \(decision.rule), \(decision.range), \(decision.channel.rawValue), \(decision.isRefused ? 1 as Int64 : 0),
                \(decision.country), \(decision.detail), \(decision.at), 1)
            ON CONFLICT (hour, rule, number_range, channel, is_refused) DO UPDATE SET
                number = guard_decision.number + 1, detail = excluded.detail, at = excluded.at
            """)
    }

    /// The newest first.
    borrowing func guardDecisions(limit: Int64) throws(StoreError) -> [GuardDecision] {
        try run("SELECT * FROM guard_decision ORDER BY at DESC LIMIT \(limit)").map { (row) throws(StoreError) in
            GuardDecision(
                at: try row.time("at"), channel: Delivery.Channel(rawValue: try row.text("channel")) ?? .sms,
                country: try row.text("country"), range: try row.text("number_range"), rule: try row.text("rule"),
                detail: try row.text("detail"), isRefused: try row.integer("is_refused") == 1, number: try row.integer("number"))
        }
    }

    /// Says that a channel doesn't work well until then.
    /// - Parameters:
    ///   - country: empty for all.
    ///   - provider: whose circuit is open; empty where people say so.
    borrowing func setOutage(_ outage: Outage) throws(StoreError) {
        try change(
            """
            INSERT INTO outage (channel, country, provider, since_at, until_at, by_hand)
            VALUES (\(outage.channel.rawValue), \(outage.country), \(outage.provider), \(outage.since), \(outage.until),
                \(outage.provider.isEmpty ? 1 as Int64 : 0))
            ON CONFLICT (channel, country, provider) DO UPDATE SET until_at = excluded.until_at
            """)
    }

    borrowing func clearOutage(_ channel: Delivery.Channel, country: String, provider: String) throws(StoreError) -> Bool {
        try change(
            "DELETE FROM outage WHERE channel = \(channel.rawValue) AND country = \(country) AND provider = \(provider)") == 1
    }

    borrowing func outages(now: Timestamp) throws(StoreError) -> [Outage] {
        try run("SELECT * FROM outage WHERE until_at > \(now) ORDER BY channel, country, provider").map { (row) throws(StoreError) in
            Outage(
                channel: Delivery.Channel(rawValue: try row.text("channel")) ?? .sms, country: try row.text("country"),
                provider: try row.text("provider"), since: try row.time("since_at"), until: try row.time("until_at"))
        }
    }

    borrowing func pruneDeliveryGuard(now: Timestamp) throws(StoreError) {
        try change("DELETE FROM send_gate WHERE t1 < \(now - .seconds(3_600))")
        try change("DELETE FROM number_seen WHERE at < \(now - .seconds(86_400))")
        try change("DELETE FROM send_day WHERE day < \(now.day - 40)")
        try change("DELETE FROM guard_decision WHERE at < \(now - .seconds(90 * 86_400))")
        try change("DELETE FROM outage WHERE until_at < \(now)")
    }
}
