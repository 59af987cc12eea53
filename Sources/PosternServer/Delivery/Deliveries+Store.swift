import Secrets
import Storage

extension Migration {
    static let deliveries = Migration(
        32, "codes by SMS and voice",
        [
            """
            CREATE TABLE code_wish (
                id BYTEA NOT NULL PRIMARY KEY, account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE,
                purpose TEXT NOT NULL, place BYTEA NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL,
                tries BIGINT NOT NULL, used_at BIGINT, UNIQUE (purpose, place))
            """,
            "CREATE INDEX code_wish_by_account ON code_wish (account_id)",
            "CREATE INDEX code_wish_by_expiry ON code_wish (expires_at)",
            // Outlives the account: what it says of a person is gone with the wish. The code is sealed until it is sent and blank
            // afterwards; its hash is keyed. bucket is how long after the code was made it was used, -1 for not yet.
            """
            CREATE TABLE delivery (
                id BYTEA NOT NULL PRIMARY KEY, wish_id BYTEA NOT NULL, phone_id BYTEA NOT NULL, request BIGINT NOT NULL,
                channel TEXT NOT NULL, country TEXT NOT NULL, provider TEXT NOT NULL, experiment TEXT NOT NULL, cause TEXT NOT NULL,
                choice TEXT NOT NULL, day BIGINT NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL,
                state TEXT NOT NULL, reason TEXT NOT NULL, code BYTEA NOT NULL, code_hash BYTEA NOT NULL, due_at BIGINT, lease BYTEA,
                reference TEXT NOT NULL, sent_at BIGINT, accepted_at BIGINT, delivered_at BIGINT, used_at BIGINT,
                bucket BIGINT NOT NULL, resends BIGINT NOT NULL, is_billed BIGINT NOT NULL, cost BIGINT NOT NULL)
            """,
            "CREATE INDEX delivery_due ON delivery (due_at) WHERE due_at IS NOT NULL",
            "CREATE INDEX delivery_by_wish ON delivery (wish_id)",
            "CREATE INDEX delivery_by_reference ON delivery (provider, reference) WHERE reference <> ''",
            // All that the report asks, in the order in which it asks.
            """
            CREATE INDEX delivery_figures ON delivery
                (day, provider, channel, country, experiment, cause, state, reason, bucket, resends, is_billed, cost)
            """,
            // How many codes a day began with each arm, and how many of those led in: what choosing by learning goes by.
            """
            CREATE TABLE delivery_day (
                day BIGINT NOT NULL, channel TEXT NOT NULL, country TEXT NOT NULL, provider TEXT NOT NULL,
                asked BIGINT NOT NULL, used BIGINT NOT NULL, PRIMARY KEY (day, channel, country, provider))
            """,
        ])
}

extension Transaction {
    /// The wish of a place; a new one where there is none that still lives.
    borrowing func wish(_ place: CodeWish.Place, of account: Account.ID, id: CodeWish.ID, now: Timestamp) throws(StoreError) -> CodeWish {
        try change(
            """
            DELETE FROM code_wish WHERE purpose = \(place.purpose) AND place = \(place.key)
                AND (expires_at <= \(now) OR used_at IS NOT NULL)
            """)
        let new = now + CodeWish.lifetime
        // Every code lives as long as it did; the wish as long as the last of them.
        let row = try run(
            """
            INSERT INTO code_wish (id, account_id, purpose, place, created_at, expires_at, tries)
            VALUES (\(id), \(account), \(place.purpose), \(place.key), \(now), \(new), 0)
            ON CONFLICT (purpose, place) DO UPDATE SET
                expires_at = CASE WHEN code_wish.tries < \(CodeWish.mostTries) THEN excluded.expires_at ELSE code_wish.expires_at END
            RETURNING id, created_at
            """
        ).first
        return CodeWish(id: try row?.id("id") ?? id, account: account, createdAt: try row?.time("created_at") ?? now)
    }

    /// A wish that still lives.
    borrowing func liveWish(_ place: CodeWish.Place, now: Timestamp) throws(StoreError) -> CodeWish? {
        try run(
            """
            SELECT id, account_id, created_at FROM code_wish
            WHERE purpose = \(place.purpose) AND place = \(place.key) AND expires_at > \(now) AND used_at IS NULL
            """
        ).first.map { (row) throws(StoreError) in
            CodeWish(id: try row.id("id"), account: try row.id("account_id"), createdAt: try row.time("created_at"))
        }
    }

    borrowing func isLive(_ wish: CodeWish.ID, now: Timestamp) throws(StoreError) -> Bool {
        try !run(
            """
            SELECT 1 AS found FROM code_wish WHERE id = \(wish) AND expires_at > \(now) AND used_at IS NULL
                AND tries < \(CodeWish.mostTries)
            """
        ).isEmpty
    }

    /// Counts a wrong code against it.
    /// - Returns: false if it has no tries left.
    borrowing func countWrongCode(_ wish: CodeWish.ID, now: Timestamp) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE code_wish SET tries = tries + 1
            WHERE id = \(wish) AND tries < \(CodeWish.mostTries) AND used_at IS NULL AND expires_at > \(now)
            """) == 1
    }

    /// Uses it up: once.
    borrowing func useWish(_ wish: CodeWish.ID, now: Timestamp) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE code_wish SET used_at = \(now)
            WHERE id = \(wish) AND tries < \(CodeWish.mostTries) AND used_at IS NULL AND expires_at > \(now)
            """) == 1
    }

    /// What it was for is done, in whatever way.
    borrowing func endWish(_ place: CodeWish.Place) throws(StoreError) {
        try change("DELETE FROM code_wish WHERE purpose = \(place.purpose) AND place = \(place.key)")
    }

    /// The factors or the password changed: no code that was sent is good any more.
    borrowing func endWishes(of account: Account.ID) throws(StoreError) {
        try change("DELETE FROM code_wish WHERE account_id = \(account)")
    }

    borrowing func pruneWishes(now: Timestamp, figuresBefore: Timestamp) throws(StoreError) {
        try change("DELETE FROM code_wish WHERE expires_at < \(now - .seconds(3_600))")
        try change("DELETE FROM delivery WHERE day < \(figuresBefore.day)")
        try change("DELETE FROM delivery_day WHERE day < \(figuresBefore.day)")
    }
}

/// Deliveries on their way.
extension Transaction {
    borrowing func addDelivery(_ new: NewDelivery, dueAt: Timestamp) throws(StoreError) {
        let delivery = new.delivery
        let day = delivery.createdAt.day
        let reference = ""
        try change(
            """
            INSERT INTO delivery (id, wish_id, phone_id, request, channel, country, provider, experiment, cause, choice, day, created_at,
                expires_at, state, reason, code, code_hash, due_at, reference, bucket, resends, is_billed, cost)
            VALUES (\(delivery.id), \(delivery.wish), \(delivery.phone), \(delivery.request), \(delivery.channel.rawValue),
                \(delivery.country), \(delivery.provider), \(delivery.experiment), \(delivery.cause.rawValue), \(delivery.choice),
                \(day), \(delivery.createdAt), \(delivery.expiresAt), 'waiting', '', \(new.sealedCode), \(new.codeHash), \(dueAt),
                \(reference), -1, 0, 0, \(new.cost))
            """)
        if delivery.cause == .first { try countArm(delivery, asked: 1, used: 0) }
    }

    /// The first one of a wish bears how many came after it.
    borrowing func noteResend(of wish: CodeWish.ID, _ number: Int64) throws(StoreError) {
        let first = Delivery.Cause.first.rawValue
        try change("UPDATE delivery SET resends = resends + \(number) WHERE wish_id = \(wish) AND cause = \(first)")
    }

    private borrowing func countArm(_ delivery: Delivery, asked: Int64, used: Int64) throws(StoreError) {
        try change(
            """
            INSERT INTO delivery_day (day, channel, country, provider, asked, used)
            VALUES (\(delivery.createdAt.day), \(delivery.channel.rawValue), \(delivery.country), \(delivery.provider), \(asked), \(used))
            ON CONFLICT (day, channel, country, provider)
                DO UPDATE SET asked = delivery_day.asked + excluded.asked, used = delivery_day.used + excluded.used
            """)
    }

    /// All deliveries of a wish, the oldest first.
    borrowing func deliveries(of wish: CodeWish.ID) throws(StoreError) -> [PastDelivery] {
        try run(
            """
            SELECT id, phone_id, request, channel, provider, state, reason, is_billed, code_hash, created_at FROM delivery
            WHERE wish_id = \(wish) ORDER BY id
            """
        ).map { (row) throws(StoreError) in
            PastDelivery(
                id: try row.id("id"), phone: try row.id("phone_id"), request: try row.integer("request"),
                channel: Delivery.Channel(rawValue: try row.text("channel")) ?? .sms, provider: try row.text("provider"),
                state: Delivery.State(rawValue: try row.text("state")) ?? .failed, reason: try row.text("reason"),
                isBilled: try row.integer("is_billed") == 1, codeHash: try row.blob("code_hash"),
                createdAt: try row.time("created_at"))
        }
    }

    /// When the next one must be looked at.
    borrowing func nextDelivery() throws(StoreError) -> Timestamp? {
        try run("SELECT due_at FROM delivery WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1").first
            .map { (row) throws(StoreError) in try row.time("due_at") }
    }

    /// Takes those that wait to be sent.
    borrowing func claimDeliveries(
        most: Int64, lease: [UInt8], until: Timestamp, now: Timestamp
    ) throws(StoreError) -> [ClaimedDelivery] {
        try run(
            """
            UPDATE delivery SET state = 'sending', lease = \(lease), due_at = \(until), sent_at = \(now)
            WHERE id IN (SELECT id FROM delivery WHERE due_at <= \(now) AND state = 'waiting' ORDER BY due_at LIMIT \(most)\(dialect.skipLocked))
                AND state = 'waiting'
            RETURNING *
            """
        ).map { (row) throws(StoreError) in
            ClaimedDelivery(
                delivery: try Self.delivery(row), sealedCode: try row.blob("code"), cost: try row.integer("cost"), lease: lease)
        }
    }

    /// Those whose sender vanished, or whose arrival was not told in time: each once.
    borrowing func claimSilent(most: Int64, now: Timestamp) throws(StoreError) -> [(delivery: Delivery, state: Delivery.State)] {
        let nothing: [UInt8] = []
        let rows = try run(
            """
            UPDATE delivery SET due_at = NULL, lease = NULL, code = \(nothing)
            WHERE id IN (SELECT id FROM delivery WHERE due_at <= \(now) AND state <> 'waiting' ORDER BY due_at LIMIT \(most)\(dialect.skipLocked))
                AND due_at <= \(now)
            RETURNING *
            """)
        return try rows.map { (row) throws(StoreError) in
            (delivery: try Self.delivery(row), state: Delivery.State(rawValue: try row.text("state")) ?? .failed)
        }
    }

    private static func delivery(_ row: Row) throws(StoreError) -> Delivery {
        Delivery(
            id: try row.id("id"), wish: try row.id("wish_id"), phone: try row.id("phone_id"), request: try row.integer("request"),
            channel: Delivery.Channel(rawValue: try row.text("channel")) ?? .sms, country: try row.text("country"),
            provider: try row.text("provider"), experiment: try row.text("experiment"),
            cause: Delivery.Cause(rawValue: try row.text("cause")) ?? .first, choice: try row.text("choice"),
            createdAt: try row.time("created_at"))
    }

    /// The provider took it. What it told of its arrival meanwhile stays.
    borrowing func noteAccepted(
        _ id: Delivery.ID, lease: [UInt8], reference: String, receiptBy: Timestamp?, now: Timestamp
    ) throws(StoreError) -> Bool {
        let nothing: [UInt8] = []
        // A stranger's text: PostgreSQL keeps no NUL.
        let reference = String(String.UnicodeScalarView(reference.unicodeScalars.filter { $0.value >= 32 }.prefix(200)))
        return try change(
            """
            UPDATE delivery SET state = CASE WHEN state = 'sending' THEN 'accepted' ELSE state END, accepted_at = \(now),
                reference = \(reference), code = \(nothing), lease = NULL, is_billed = 1,
                due_at = CASE WHEN state = 'sending' THEN CAST(\(receiptBy) AS BIGINT) ELSE NULL END
            WHERE id = \(id) AND lease = \(lease)
            """) == 1
    }

    /// - Returns: false if another held it, or it is known by now what became of it.
    borrowing func noteFailed(_ id: Delivery.ID, lease: [UInt8], reason: String, isBilled: Bool) throws(StoreError) -> Bool {
        let nothing: [UInt8] = []
        let isFailed =
            try change(
                """
                UPDATE delivery SET state = 'failed', reason = \(reason), code = \(nothing), lease = NULL, due_at = NULL,
                    is_billed = \(isBilled ? 1 as Int64 : 0)
                WHERE id = \(id) AND lease = \(lease) AND state = 'sending'
                """) == 1
        if !isFailed {
            try change("UPDATE delivery SET code = \(nothing), lease = NULL, due_at = NULL WHERE id = \(id) AND lease = \(lease)")
        }
        return isFailed
    }

    /// Its sender vanished between asking and hearing: it may have been taken, and is never sent again.
    borrowing func noteLost(_ id: Delivery.ID) throws(StoreError) {
        try change("UPDATE delivery SET state = 'failed', reason = 'sender-lost', is_billed = 1 WHERE id = \(id) AND state = 'sending'")
    }

    /// One of ours by the provider's own name for it.
    borrowing func delivery(provider: String, reference: String) throws(StoreError) -> Delivery.ID? {
        guard !reference.isEmpty else { return nil }
        return try run("SELECT id FROM delivery WHERE provider = \(provider) AND reference = \(reference)").first
            .map { (row) throws(StoreError) in try row.id("id") }
    }

    /// It arrived. Told twice, or after a failure was told, it stays true.
    borrowing func noteDelivered(_ id: Delivery.ID, by provider: String, now: Timestamp) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE delivery SET state = 'delivered', reason = '', delivered_at = \(now), is_billed = 1,
                due_at = CASE WHEN state = 'sending' THEN due_at ELSE NULL END
            WHERE id = \(id) AND provider = \(provider) AND state IN ('sending', 'accepted', 'failed')
            """) == 1
    }

    /// It won't arrive, says the provider, maybe before it said that it took it.
    /// - Returns: the delivery, if that was news.
    borrowing func noteUndelivered(_ id: Delivery.ID, by provider: String, reason: String) throws(StoreError) -> Delivery? {
        try run(
            """
            UPDATE delivery SET due_at = CASE WHEN state = 'sending' THEN due_at ELSE NULL END, state = 'failed', reason = \(reason),
                is_billed = 1
            WHERE id = \(id) AND provider = \(provider) AND state IN ('sending', 'accepted') RETURNING *
            """
        ).first.map { (row) throws(StoreError) in try Self.delivery(row) }
    }

    /// The code of this one was typed.
    borrowing func creditDelivery(_ id: Delivery.ID, bucket: Int64, now: Timestamp) throws(StoreError) {
        let rows = try run(
            """
            UPDATE delivery SET used_at = \(now), bucket = \(bucket), due_at = CASE WHEN state = 'accepted' THEN NULL ELSE due_at END
            WHERE id = \(id) AND bucket = -1 RETURNING *
            """)
        for row in rows {
            let delivery = try Self.delivery(row)
            if delivery.cause == .first { try countArm(delivery, asked: 0, used: 1) }
        }
    }

    /// The code of a live wish that has this hash, with the number it went to.
    borrowing func delivery(
        of wish: CodeWish.ID, codeHash: [UInt8], now: Timestamp
    ) throws(StoreError) -> (id: Delivery.ID, phone: Phone.ID, createdAt: Timestamp)? {
        try run(
            """
            SELECT id, phone_id, created_at FROM delivery
            WHERE wish_id = \(wish) AND code_hash = \(codeHash) AND expires_at > \(now) ORDER BY id DESC LIMIT 1
            """
        ).first.map { (row) throws(StoreError) in
            (id: try row.id("id"), phone: try row.id("phone_id"), createdAt: try row.time("created_at"))
        }
    }

    /// What each arm brought since a day: of the codes that began with it, how many led in.
    borrowing func armFigures(sinceDay day: Int64) throws(StoreError) -> [ArmFigures] {
        try run(
            """
            SELECT channel, country, provider, CAST(SUM(asked) AS BIGINT) AS asked, CAST(SUM(used) AS BIGINT) AS used FROM delivery_day
            WHERE day >= \(day) GROUP BY channel, country, provider
            """
        ).map { (row) throws(StoreError) in
            ArmFigures(
                channel: try row.text("channel"), country: try row.text("country"), provider: try row.text("provider"),
                asked: try row.integer("asked"), used: try row.integer("used"))
        }
    }

    /// Codes that led somebody in, to a country since a day.
    borrowing func usedCodes(country: String, sinceDay day: Int64) throws(StoreError) -> Int64 {
        let row = try run(
            "SELECT CAST(COALESCE(SUM(used), 0) AS BIGINT) AS used FROM delivery_day WHERE country = \(country) AND day >= \(day)"
        ).first
        return try row?.integer("used") ?? 0
    }

    /// Seals every code anew that is still on its way.
    borrowing func resealDeliveries(_ reseal: (_ sealed: [UInt8], _ place: KeyRing.Place) -> [UInt8]?) throws(StoreError) -> Int {
        var count = 0
        for row in try run("SELECT id, code FROM delivery WHERE due_at IS NOT NULL AND state = 'waiting'") {
            let id: Delivery.ID = try row.id("id")
            guard let sealed = reseal(try row.blob("code"), Delivery.codePlace(of: id)) else { continue }
            count += try change("UPDATE delivery SET code = \(sealed) WHERE id = \(id) AND state = 'waiting'")
        }
        return count
    }
}

struct ClaimedDelivery: Sendable {
    let delivery: Delivery
    let sealedCode: [UInt8]
    /// Millionths.
    let cost: Int64
    /// Proves who sends it: a late sender can't write over another's result.
    let lease: [UInt8]
}

struct ArmFigures: Sendable {
    let channel: String
    let country: String
    let provider: String
    let asked: Int64
    let used: Int64
}

extension Timestamp {
    /// Days since 1970, UTC.
    var day: Int64 {
        let (whole, rest) = microseconds.quotientAndRemainder(dividingBy: 86_400_000_000)
        return rest < 0 ? whole - 1 : whole
    }
}
