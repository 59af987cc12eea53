import NetworkAddress
import Storage

extension Migration {
    static let unusualSignIns = Migration(
        36, "unusual sign-ins",
        [
            // What an account signed in with and from: browsers, countries, networks.
            """
            CREATE TABLE sign_in_habit (
                account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE, kind TEXT NOT NULL, value TEXT NOT NULL,
                first_number BIGINT NOT NULL, last_number BIGINT NOT NULL, PRIMARY KEY (account_id, kind, value))
            """,
            // Where an account's last sign-in of a known place came from.
            """
            CREATE TABLE sign_in_whereabouts (
                account_id BYTEA NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE, number BIGINT NOT NULL,
                place BIGINT NOT NULL, network BIGINT)
            """,
            """
            CREATE TABLE sign_in_finding (
                number BIGINT NOT NULL, kind TEXT NOT NULL, account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE,
                confidence BIGINT NOT NULL, measure BIGINT NOT NULL, kilometres BIGINT NOT NULL, seconds BIGINT NOT NULL,
                done TEXT NOT NULL, mode TEXT NOT NULL, PRIMARY KEY (number, kind))
            """,
            "CREATE INDEX sign_in_finding_by_account ON sign_in_finding (account_id, number)",
            // A right password whose second factor is still to come.
            """
            CREATE TABLE sign_in_half_way (
                challenge BYTEA NOT NULL PRIMARY KEY, account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE,
                number BIGINT NOT NULL, known_browser BIGINT NOT NULL, due_at BIGINT NOT NULL)
            """,
            "CREATE INDEX sign_in_half_way_by_time ON sign_in_half_way (due_at)",
        ])
}

/// What an account signed in with and from.
struct Habits: Sendable {
    enum Kind: String, Sendable {
        /// Its own random value, hashed.
        case browser
        /// A program that keeps no cookies: its name and its address.
        case program
        case country, network
        /// That somebody signed in to the account at all.
        case account
    }

    fileprivate(set) var values: [Kind: Set<String>] = [:]

    /// Nobody signed in to the account since this is kept.
    var isEmpty: Bool { values.isEmpty }
    var countries: Set<String> { values[.country] ?? [] }
    var networks: Set<UInt32> { Set((values[.network] ?? []).compactMap { UInt32($0) }) }

    /// - Returns: nil where there is nothing to compare with.
    func knows(_ client: Client) -> Bool? {
        guard !isEmpty else { return nil }
        let (kind, value) = Self.name(of: client)
        return values[kind]?.contains(value) ?? false
    }

    /// What a browser or a program is recognised by.
    static func name(of client: Client) -> (kind: Kind, value: String) {
        name(client.mark, Program(client.browser), client.address)
    }

    static func name(_ mark: BrowserMark?, _ program: Program, _ address: IPAddress) -> (kind: Kind, value: String) {
        if let mark { return (.browser, Shell.hex(mark.hash)) }
        return (.program, "\(program.browserCode).\(program.systemCode) \(address.client)")
    }
}

/// An attempt that nothing was looked up for yet.
struct UnsettledAttempt: Sendable {
    let attempt: KeptAttempt
    let client: Client
}

/// A finding as it is kept.
struct FindingLine: Sendable {
    let number: SignInAttempt.Number
    let account: Account.ID
    let kind: String
    let confidence: Int64
    let measure: Int64
    let kilometres: Int64
    let seconds: Int64
    /// What was done, or would have been.
    let done: String
    let mode: String
}

/// How often something unusual was seen and what was done.
struct FindingCount: Sendable {
    let kind, done, mode: String
    let number: Int64
}

/// A sign-in that stopped after the password.
struct HalfWay: Sendable {
    let account: Account.ID
    let number: SignInAttempt.Number
    let isKnownBrowser: Bool
}

// MARK: Attempts to look at

extension Transaction {
    /// Oldest first.
    borrowing func unsettledAttempts(limit: Int64) throws(StoreError) -> [UnsettledAttempt] {
        try run("SELECT * FROM sign_in_attempt WHERE settled = 0 ORDER BY number LIMIT \(limit)").map { (row) throws(StoreError) in
            var client = Client(address: IPAddress(try row.text("address")) ?? .unknown, browser: try row.text("browser"))
            client.mark = try row.optional("mark") { (row) throws(StoreError) in BrowserMark(hash: try row.blob("mark")) }
            return UnsettledAttempt(attempt: try KeptAttempt(row), client: client)
        }
    }
}

// MARK: Habits

extension Transaction {
    /// Of each kind, for one account.
    private static let mostHabits: Int64 = 50

    borrowing func habits(of account: Account.ID) throws(StoreError) -> Habits {
        var habits = Habits()
        for row in try run("SELECT kind, value FROM sign_in_habit WHERE account_id = \(account)") {
            guard let kind = Habits.Kind(rawValue: try row.text("kind")) else { continue }
            habits.values[kind, default: []].insert(try row.text("value"))
        }
        return habits
    }

    borrowing func learn(_ kind: Habits.Kind, _ value: String, of account: Account.ID, by number: SignInAttempt.Number) throws(StoreError) {
        let isNew =
            try run(
                """
                INSERT INTO sign_in_habit (account_id, kind, value, first_number, last_number)
                SELECT id, CAST(\(kind.rawValue) AS TEXT), CAST(\(value) AS TEXT), CAST(\(number) AS BIGINT), CAST(\(number) AS BIGINT)
                FROM account WHERE id = \(account)
                ON CONFLICT (account_id, kind, value) DO UPDATE SET last_number = CASE
                    WHEN sign_in_habit.last_number > excluded.last_number THEN sign_in_habit.last_number ELSE excluded.last_number END
                RETURNING first_number
                """
            ).first.map { (row) throws(StoreError) in try row.integer("first_number") == number.value } ?? false
        guard isNew else { return }
        // A browser that keeps no cookies is another each time: what came once gives way before what came back.
        try change(
            """
            DELETE FROM sign_in_habit WHERE account_id = \(account) AND kind = \(kind.rawValue) AND value IN (
                SELECT value FROM sign_in_habit WHERE account_id = \(account) AND kind = \(kind.rawValue)
                ORDER BY CASE WHEN last_number > first_number THEN 0 ELSE 1 END, last_number DESC LIMIT 1000 OFFSET \(Self.mostHabits))
            """)
    }

    /// What was learnt by that sign-in and after it was somebody else's, and no browser is known any more.
    borrowing func unlearn(of account: Account.ID, since number: SignInAttempt.Number) throws(StoreError) {
        try change(
            """
            DELETE FROM sign_in_habit WHERE account_id = \(account)
                AND (first_number >= \(number) AND kind <> 'account' OR kind IN ('browser', 'program'))
            """)
        try change("DELETE FROM sign_in_whereabouts WHERE account_id = \(account) AND number >= \(number)")
    }

    /// What a sign-in came from is the account's own: its owner said or proved so.
    /// - Parameter mark: of its browser, where it has one.
    borrowing func learnAttempt(_ attempt: KeptAttempt, mark: BrowserMark?, of account: Account.ID) throws(StoreError) {
        try learn(.account, "", of: account, by: attempt.number)
        let (kind, value) = Habits.name(mark, attempt.program, attempt.address ?? .unknown)
        try learn(kind, value, of: account, by: attempt.number)
        let place = try attempt.place.flatMap { (number) throws(StoreError) in try self.place(number) }
        // A way out that many share says nothing of where somebody was, and others come by it too.
        if place?.isAnonymous == true { return }
        if let network = attempt.network { try learn(.network, "\(network)", of: account, by: attempt.number) }
        guard let number = attempt.place, let place else { return }
        if !place.country.isEmpty { try learn(.country, place.country, of: account, by: attempt.number) }
        if place.latitude != PlaceRow.unknown {
            try noteWhereabouts(of: account, place: number, network: attempt.network, by: attempt.number)
        }
    }

    /// A sign-in that a second factor was asked for afterwards is its owner's own.
    borrowing func learnHeld(_ number: SignInAttempt.Number, by client: Client, of account: Account.ID) throws(StoreError) {
        var reader = AttemptReader()
        guard let attempt = try attempt(number, &reader) else { return }
        try learnAttempt(attempt, mark: client.mark, of: account)
    }

    /// The browser that makes an account is known to it.
    borrowing func learnBrowser(_ client: Client, of account: Account.ID, now: Timestamp) throws(StoreError) {
        guard client.mark != nil else { return }
        let (kind, value) = Habits.name(of: client)
        try learn(kind, value, of: account, by: SignInAttempt.Number.first(at: now))
    }

    borrowing func whereabouts(
        of account: Account.ID
    ) throws(StoreError) -> (place: PlaceRow, network: UInt32?, number: SignInAttempt.Number)? {
        let rows = try run(
            """
            SELECT place.country, place.region, place.city, place.latitude, place.longitude, place.radius, place.kind,
                sign_in_whereabouts.number AS number, sign_in_whereabouts.network AS network
            FROM sign_in_whereabouts JOIN place ON place.number = sign_in_whereabouts.place
            WHERE sign_in_whereabouts.account_id = \(account)
            """)
        return try rows.first.map { (row) throws(StoreError) in
            let network = try row.optional("network") { (row) throws(StoreError) in try row.integer("network") }
            return (
                PlaceRow(
                    country: try row.text("country"), region: try row.text("region"), city: try row.text("city"),
                    latitude: try row.integer("latitude"), longitude: try row.integer("longitude"), radius: try row.integer("radius"),
                    kind: try row.text("kind")), network.map { UInt32(truncatingIfNeeded: $0) },
                SignInAttempt.Number(try row.integer("number"))
            )
        }
    }

    borrowing func noteWhereabouts(
        of account: Account.ID, place: Int64, network: UInt32?, by number: SignInAttempt.Number
    ) throws(StoreError) {
        try change(
            """
            INSERT INTO sign_in_whereabouts (account_id, number, place, network)
            SELECT id, CAST(\(number) AS BIGINT), CAST(\(place) AS BIGINT), CAST(\(network.map(Int64.init)) AS BIGINT)
            FROM account WHERE id = \(account)
            ON CONFLICT (account_id) DO UPDATE SET number = excluded.number, place = excluded.place, network = excluded.network
                WHERE sign_in_whereabouts.number < excluded.number
            """)
    }
}

// MARK: Findings

extension Transaction {
    borrowing func noteFinding(_ line: FindingLine) throws(StoreError) {
        try change(
            """
            INSERT INTO sign_in_finding (number, kind, account_id, confidence, measure, kilometres, seconds, done, mode)
            SELECT CAST(\(line.number) AS BIGINT), CAST(\(line.kind) AS TEXT), id, CAST(\(line.confidence) AS BIGINT),
                CAST(\(line.measure) AS BIGINT), CAST(\(line.kilometres) AS BIGINT), CAST(\(line.seconds) AS BIGINT),
                CAST(\(line.done) AS TEXT), CAST(\(line.mode) AS TEXT)
            FROM account WHERE id = \(line.account)
            ON CONFLICT (number, kind) DO NOTHING
            """)
    }

    borrowing func findings(of number: SignInAttempt.Number) throws(StoreError) -> [FindingLine] {
        try run("SELECT * FROM sign_in_finding WHERE number = \(number) ORDER BY kind").map { (row) throws(StoreError) in
            try FindingLine(row)
        }
    }

    borrowing func findings(
        of account: Account.ID, from oldest: SignInAttempt.Number, to newest: SignInAttempt.Number
    ) throws(StoreError) -> [FindingLine] {
        try run(
            """
            SELECT * FROM sign_in_finding WHERE account_id = \(account) AND number >= \(oldest) AND number <= \(newest)
            ORDER BY number, kind
            """
        ).map { (row) throws(StoreError) in try FindingLine(row) }
    }

    /// The account's unusual sign-ins, newest first.
    borrowing func unusualNumbers(
        of account: Account.ID, before: SignInAttempt.Number?, limit: Int64
    ) throws(StoreError) -> [SignInAttempt.Number] {
        let before = before ?? SignInAttempt.Number(.max)
        return try run(
            """
            SELECT DISTINCT number FROM sign_in_finding WHERE account_id = \(account) AND number < \(before)
            ORDER BY number DESC LIMIT \(limit)
            """
        ).map { (row) throws(StoreError) in SignInAttempt.Number(try row.integer("number")) }
    }

    /// Oldest first, for trying rules on them.
    borrowing func findings(from first: SignInAttempt.Number, limit: Int64) throws(StoreError) -> [FindingLine] {
        try run("SELECT * FROM sign_in_finding WHERE number >= \(first) ORDER BY number, kind LIMIT \(limit)").map {
            (row) throws(StoreError) in try FindingLine(row)
        }
    }

    borrowing func findingCounts(since: Timestamp) throws(StoreError) -> [FindingCount] {
        try run(
            """
            SELECT kind, done, mode, COUNT(*) AS number FROM sign_in_finding WHERE number >= \(SignInAttempt.Number.first(at: since))
            GROUP BY kind, done, mode ORDER BY kind, done, mode
            """
        ).map { (row) throws(StoreError) in
            FindingCount(
                kind: try row.text("kind"), done: try row.text("done"), mode: try row.text("mode"), number: try row.integer("number"))
        }
    }

    borrowing func pruneFindings(before time: Timestamp) throws(StoreError) {
        try change("DELETE FROM sign_in_finding WHERE number < \(SignInAttempt.Number.first(at: time))")
    }
}

extension FindingLine {
    fileprivate init(_ row: Row) throws(StoreError) {
        self.init(
            number: SignInAttempt.Number(try row.integer("number")), account: try row.id("account_id"), kind: try row.text("kind"),
            confidence: try row.integer("confidence"), measure: try row.integer("measure"), kilometres: try row.integer("kilometres"),
            seconds: try row.integer("seconds"), done: try row.text("done"), mode: try row.text("mode"))
    }
}

// MARK: Half way

extension Transaction {
    /// - Parameter challenge: what its second step is found by, hashed.
    borrowing func noteHalfWay(
        _ number: SignInAttempt.Number, of account: Account.ID, challenge: [UInt8], isKnownBrowser: Bool, dueAt: Timestamp
    ) throws(StoreError) {
        let known: Int64 = isKnownBrowser ? 1 : 0
        try change(
            """
            INSERT INTO sign_in_half_way (challenge, account_id, number, known_browser, due_at)
            VALUES (\(challenge), \(account), \(number), \(known), \(dueAt)) ON CONFLICT (challenge) DO NOTHING
            """)
    }

    /// The second factor came after all.
    borrowing func endHalfWay(challenge: [UInt8]) throws(StoreError) {
        try change("DELETE FROM sign_in_half_way WHERE challenge = \(challenge)")
    }

    /// Takes those whose time is up: the deleted row is the permission to tell.
    borrowing func takeHalfWay(now: Timestamp) throws(StoreError) -> [HalfWay] {
        try run("DELETE FROM sign_in_half_way WHERE due_at <= \(now) RETURNING account_id, number, known_browser").map {
            (row) throws(StoreError) in
            HalfWay(
                account: try row.id("account_id"), number: SignInAttempt.Number(try row.integer("number")),
                isKnownBrowser: try row.integer("known_browser") == 1)
        }
    }

    borrowing func halfWayIsDue(now: Timestamp) throws(StoreError) -> Bool {
        try !run("SELECT 1 AS found FROM sign_in_half_way WHERE due_at <= \(now) LIMIT 1").isEmpty
    }
}
