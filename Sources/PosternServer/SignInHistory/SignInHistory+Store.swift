import NetworkAddress
package import Storage

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

extension Migration {
    /// The newest attempts are rows; older ones are packed by the hundred. No index but the number's: an account's attempts are a chain, from
    /// its newest back.
    static let packedHistory = Migration(
        34, "packed sign-in history",
        [
            "ALTER TABLE sign_in_attempt RENAME TO sign_in_attempt_before",
            """
            CREATE TABLE sign_in_attempt (
                number BIGINT NOT NULL PRIMARY KEY, previous BIGINT, account_id BYTEA, identifier BYTEA, outcome TEXT NOT NULL,
                reason TEXT NOT NULL, address TEXT NOT NULL, browser TEXT NOT NULL, session_id BYTEA, spared BIGINT NOT NULL,
                known_browser BIGINT NOT NULL, mark BYTEA, times BIGINT NOT NULL, last_at BIGINT NOT NULL, place BIGINT, network BIGINT,
                settled BIGINT NOT NULL)
            """,
            """
            INSERT INTO sign_in_attempt (number, previous, account_id, outcome, reason, address, browser, session_id, spared, known_browser,
                times, last_at, settled)
            SELECT number, CASE WHEN account_id IS NOT NULL THEN LAG(number) OVER (PARTITION BY account_id, refused ORDER BY number) END,
                account_id, outcome, reason, address, browser, session_id, known_browser, known_browser, 1, at, 1
            FROM (SELECT sign_in_attempt_before.*, at * 1024 + ROW_NUMBER() OVER (PARTITION BY at ORDER BY id) - 1 AS number,
                CASE WHEN outcome = 'refused' THEN 1 ELSE 0 END AS refused FROM sign_in_attempt_before) AS numbered
            """,
            "DROP TABLE sign_in_attempt_before",
            "CREATE INDEX sign_in_attempt_unsettled ON sign_in_attempt (number) WHERE settled = 0",
            // Where an account's two chains begin: of sign-ins, and of refusals.
            """
            CREATE TABLE sign_in_chain (
                account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE, refused BIGINT NOT NULL, newest BIGINT NOT NULL, before BIGINT,
                PRIMARY KEY (account_id, refused))
            """,
            """
            INSERT INTO sign_in_chain (account_id, refused, newest)
            SELECT account_id, CASE WHEN outcome = 'refused' THEN 1 ELSE 0 END, MAX(number) FROM sign_in_attempt
            WHERE account_id IS NOT NULL GROUP BY account_id, CASE WHEN outcome = 'refused' THEN 1 ELSE 0 END
            """,
            // Which row counts a source's failures just now: a flood is a few rows (LO-07).
            """
            CREATE TABLE sign_in_tally (
                owner BYTEA NOT NULL, source TEXT NOT NULL, number BIGINT NOT NULL, since_at BIGINT NOT NULL,
                PRIMARY KEY (owner, source))
            """,
            "CREATE INDEX sign_in_tally_by_time ON sign_in_tally (since_at)",
            """
            CREATE TABLE sign_in_block (
                first BIGINT NOT NULL PRIMARY KEY, last BIGINT NOT NULL, attempts BIGINT NOT NULL, stripped BIGINT NOT NULL,
                content BYTEA NOT NULL)
            """,
        ])
}

/// How failures are counted together.
enum SignInTally {
    /// A row counts that long from its first on.
    static let window = Duration.seconds(3_600)
    /// Sources of one account that have a row of their own in that time; all others share one.
    static let mostSources: Int64 = 20
    /// The same for addresses that have no account, all together.
    static let mostStrangers: Int64 = 1_000
}

// MARK: Writing

extension Transaction {
    /// Writes an attempt down. A failure that follows another of the same source is counted in its row.
    /// - Returns: the number it is found under.
    @discardableResult
    package borrowing func recordAttempt(_ attempt: SignInAttempt) throws(StoreError) -> SignInAttempt.Number {
        guard attempt.outcome == .refused else { return try insertAttempt(attempt, address: attempt.client.address.description) }
        let owner = attempt.account?.bytes ?? []
        let most = attempt.account == nil ? SignInTally.mostStrangers : SignInTally.mostSources
        let source = "\(attempt.reason) \(attempt.client.address.client) \(attempt.identifier.map { "\($0)" } ?? "")"
        if let number = try count(attempt, owner: owner, source: source) { return number }
        let since = attempt.at - SignInTally.window
        let sources = try run("SELECT COUNT(*) AS number FROM sign_in_tally WHERE owner = \(owner) AND since_at > \(since)")
        guard try sources[0].integer("number") < most else {
            let shared = "\(attempt.reason) *"
            if let number = try count(attempt, owner: owner, source: shared) { return number }
            return try insertAttempt(attempt, address: "", talliedBy: (owner, shared))
        }
        return try insertAttempt(attempt, address: attempt.client.address.description, talliedBy: (owner, source))
    }

    /// - Returns: nil where no row of its kind counts now.
    private borrowing func count(_ attempt: SignInAttempt, owner: [UInt8], source: String) throws(StoreError) -> SignInAttempt.Number? {
        let rows = try run(
            """
            UPDATE sign_in_attempt SET times = times + 1, last_at = CASE WHEN last_at > \(attempt.at) THEN last_at ELSE \(attempt.at) END
            WHERE number = (SELECT number FROM sign_in_tally WHERE owner = \(owner) AND source = \(source)
                AND since_at > \(attempt.at - SignInTally.window)) RETURNING number
            """)
        return try rows.first.map { (row) throws(StoreError) in SignInAttempt.Number(try row.integer("number")) }
    }

    private borrowing func insertAttempt(
        _ attempt: SignInAttempt, address: String, talliedBy tally: (owner: [UInt8], source: String)? = nil
    ) throws(StoreError) -> SignInAttempt.Number {
        var number = attempt.number
        let (spared, refused): (Int64, Int64) = (attempt.isSpared ? 1 : 0, attempt.outcome == .refused ? 1 : 0)
        // Two in the same microsecond with the same random bits: the second takes the next number.
        while try change(
            """
            INSERT INTO sign_in_attempt (number, account_id, identifier, outcome, reason, address, browser, session_id, spared,
                known_browser, mark, times, last_at, settled)
            VALUES (\(number), \(attempt.account), \(attempt.identifier), \(attempt.outcome.rawValue), \(attempt.reason), \(address),
                \(attempt.client.browser), \(attempt.session), \(spared), 0, \(attempt.client.mark?.hash), 1, \(attempt.at), 0)
            ON CONFLICT (number) DO NOTHING
            """) == 0
        { number = SignInAttempt.Number(number.value + 1) }
        if let account = attempt.account { try chain(number, to: account, refused: refused) }
        if let tally {
            try change(
                """
                INSERT INTO sign_in_tally (owner, source, number, since_at)
                VALUES (\(tally.owner), \(tally.source), \(number), \(attempt.at))
                ON CONFLICT (owner, source) DO UPDATE SET number = excluded.number, since_at = excluded.since_at
                """)
        }
        return number
    }

    /// Makes it the newest of its account, with the one that was before it.
    private borrowing func chain(_ number: SignInAttempt.Number, to account: Account.ID, refused: Int64) throws(StoreError) {
        // One statement: of two at once, the second waits and finds the first.
        let rows = try run(
            """
            INSERT INTO sign_in_chain (account_id, refused, newest) SELECT id, CAST(\(refused) AS BIGINT), CAST(\(number) AS BIGINT)
            FROM account WHERE id = \(account)
            ON CONFLICT (account_id, refused) DO UPDATE SET before = sign_in_chain.newest, newest = excluded.newest RETURNING before
            """)
        let before = try rows.first.flatMap { (row) throws(StoreError) in
            try row.optional("before") { (row) throws(StoreError) in try row.integer("before") }
        }
        if let before { try change("UPDATE sign_in_attempt SET previous = \(before) WHERE number = \(number)") }
    }

    borrowing func pruneTallies(now: Timestamp) throws(StoreError) {
        try change("DELETE FROM sign_in_tally WHERE since_at < \(now - SignInTally.window)")
    }
}

extension Transaction {
    /// Writes down what was found out about an attempt.
    /// - Returns: false where another node was faster.
    borrowing func settle(
        _ number: SignInAttempt.Number, place: Int64?, network: UInt32?, isKnownBrowser: Bool
    ) throws(StoreError) -> Bool {
        let known: Int64 = isKnownBrowser ? 1 : 0
        return try change(
            """
            UPDATE sign_in_attempt SET settled = 1, place = \(place), network = \(network.map(Int64.init)), known_browser = \(known)
            WHERE number = \(number) AND settled = 0
            """) == 1
    }
}

// MARK: Packing

extension Transaction {
    /// Packs the oldest rows into a block, if there are enough of them.
    /// - Parameter before: rows of that time and later stay: they may still be counted on or settled.
    /// - Returns: how many rows were packed.
    borrowing func packAttempts(before: Timestamp) throws(StoreError) -> Int {
        let limit = SignInAttempt.Number.first(at: before)
        let rows = try run(
            """
            DELETE FROM sign_in_attempt WHERE number <= (SELECT number FROM sign_in_attempt WHERE number < \(limit)
                ORDER BY number LIMIT 1 OFFSET \(AttemptBlock.size - 1)) RETURNING *
            """)
        let attempts = try rows.map { (row) throws(StoreError) in try KeptAttempt(row) }.sorted { $0.number < $1.number }
        try insertBlock(attempts, stripped: false)
        return attempts.count
    }

    package borrowing func insertBlock(_ attempts: [KeptAttempt], stripped: Bool) throws(StoreError) {
        guard let first = attempts.first, let last = attempts.last else { return }
        let isStripped: Int64 = stripped ? 1 : 0
        try change(
            """
            INSERT INTO sign_in_block (first, last, attempts, stripped, content)
            VALUES (\(first.number), \(last.number), \(Int64(attempts.count)), \(isStripped), \(AttemptBlock.pack(attempts)))
            """)
    }

    /// Deletes the oldest blocks that end before a time, a few at once so that nobody waits for it.
    /// - Returns: how many blocks.
    borrowing func dropAttempts(before: Timestamp, most: Int64) throws(StoreError) -> Int {
        let limit = SignInAttempt.Number.first(at: before)
        return try change(
            """
            DELETE FROM sign_in_block WHERE first IN (
                SELECT first FROM sign_in_block WHERE last < \(limit) ORDER BY first LIMIT \(most))
            """)
    }

    /// Takes the refusals out of the oldest blocks that end before a time and still have theirs, a few at once.
    /// - Returns: how many blocks.
    borrowing func dropRefusals(before: Timestamp, most: Int64) throws(StoreError) -> Int {
        let limit = SignInAttempt.Number.first(at: before)
        let rows = try run(
            "SELECT first, content FROM sign_in_block WHERE last < \(limit) AND stripped = 0 ORDER BY first LIMIT \(most)")
        for row in rows {
            let first = try row.integer("first")
            let kept = (AttemptBlock.unpack(try row.blob("content")) ?? []).filter { $0.outcome != .refused }
            try change("DELETE FROM sign_in_block WHERE first = \(first)")
            try insertBlock(kept, stripped: true)
        }
        return rows.count
    }

    /// What an account leaves behind is deleted with it (LO-08).
    borrowing func eraseAttempts(of account: Account.ID) throws(StoreError) {
        var blocks: [Int64: [UInt8]] = [:]
        for refused in [true, false] {
            var reader = AttemptReader()
            var next = try newest(of: account, refused: refused)
            while let number = next, let attempt = try attempt(number, &reader) {
                next = attempt.previous
                if try change("DELETE FROM sign_in_attempt WHERE number = \(number)") == 0, let block = reader.block(of: number.value) {
                    blocks[block.first] = block.content
                }
            }
        }
        for (first, content) in blocks {
            let kept = (AttemptBlock.unpack(content) ?? []).filter { $0.account != account }
            let rows = try run("DELETE FROM sign_in_block WHERE first = \(first) RETURNING stripped")
            try insertBlock(kept, stripped: try rows.first?.integer("stripped") == 1)
        }
    }
}

// MARK: Reading

/// Reads attempts by number, and keeps the blocks it read last: an account's attempts often stand in neighbours.
struct AttemptReader: Sendable {
    fileprivate struct Block: Sendable {
        let first: Int64
        let last: Int64
        let content: [UInt8]
    }

    fileprivate var blocks: [Block] = []
    /// What is older stands in blocks.
    fileprivate var packedUntil: Int64?

    fileprivate func block(of number: Int64) -> Block? { blocks.first { $0.first <= number && number <= $0.last } }

    /// Blocks to read for a number: several, where the last one was near.
    fileprivate func reach(to number: Int64) -> Int64 {
        guard let oldest = blocks.last, number < oldest.first else { return 1 }
        let span = max(1, oldest.last - oldest.first)
        return (oldest.first - number) / span < 8 ? 16 : 1
    }
}

extension Transaction {
    /// Where an account's chain begins; nil for one without attempts of that kind.
    private borrowing func newest(of account: Account.ID, refused: Bool) throws(StoreError) -> SignInAttempt.Number? {
        let kind: Int64 = refused ? 1 : 0
        let rows = try run("SELECT newest FROM sign_in_chain WHERE account_id = \(account) AND refused = \(kind)")
        return try rows.first.map { (row) throws(StoreError) in SignInAttempt.Number(try row.integer("newest")) }
    }

    /// - Returns: nil for one that is no longer kept.
    borrowing func attempt(_ number: SignInAttempt.Number, _ reader: inout AttemptReader) throws(StoreError) -> KeptAttempt? {
        if let block = reader.block(of: number.value) { return AttemptBlock.find(number, in: block.content) }
        if reader.packedUntil == nil {
            let newest = try run("SELECT last FROM sign_in_block ORDER BY first DESC LIMIT 1").first
            reader.packedUntil = try newest.map { (row) throws(StoreError) in try row.integer("last") } ?? 0
        }
        if number.value > reader.packedUntil ?? 0, let row = try run("SELECT * FROM sign_in_attempt WHERE number = \(number)").first {
            return try KeptAttempt(row)
        }
        let rows = try run(
            """
            SELECT first, last, content FROM sign_in_block WHERE first <= \(number) ORDER BY first DESC LIMIT \(reader.reach(to: number.value))
            """)
        reader.blocks = try rows.map { (row) throws(StoreError) in
            AttemptReader.Block(first: try row.integer("first"), last: try row.integer("last"), content: try row.blob("content"))
        }
        if let found = reader.block(of: number.value).flatMap({ AttemptBlock.find(number, in: $0.content) }) { return found }
        // One that came late stands behind what is packed.
        return try run("SELECT * FROM sign_in_attempt WHERE number = \(number)").first.map { (row) throws(StoreError) in
            try KeptAttempt(row)
        }
    }

    /// An account's attempts, newest first.
    /// - Parameters:
    ///   - refused: only refusals, or only sign-ins; nil for both.
    package borrowing func attempts(
        of account: Account.ID, refused: Bool? = nil, limit: Int
    ) throws(StoreError) -> [KeptAttempt] {
        var cursor = AttemptCursor()
        return try attempts(of: account, refused: refused, from: &cursor, limit: limit)
    }

    /// The same, page after page without walking the way again.
    borrowing func attempts(
        of account: Account.ID, refused: Bool? = nil, from cursor: inout AttemptCursor, limit: Int
    ) throws(StoreError) -> [KeptAttempt] {
        if !cursor.isStarted {
            cursor.isStarted = true
            if refused != true { cursor.signIns = try newest(of: account, refused: false) }
            if refused != false { cursor.refusals = try newest(of: account, refused: true) }
        }
        var found: [KeptAttempt] = []
        while found.count < limit, let next = [cursor.signIns, cursor.refusals].compactMap({ $0 }).max() {
            let attempt = try attempt(next, &cursor.reader)
            if next == cursor.signIns { cursor.signIns = attempt?.previous } else { cursor.refusals = attempt?.previous }
            if let attempt { found.append(attempt) }
        }
        return found
    }

    /// How often the account was refused since its last sign-in, and since then.
    borrowing func failures(of account: Account.ID, before number: SignInAttempt.Number?, since: Timestamp) throws(StoreError) -> Int {
        var reader = AttemptReader()
        var next = try newest(of: account, refused: true)
        var signIn = try newest(of: account, refused: false)
        while let candidate = signIn, number.map({ candidate >= $0 }) ?? false {
            signIn = try attempt(candidate, &reader)?.previous
        }
        var failures: Int64 = 0
        // What comes after that many tells nothing new.
        while failures < 100, let current = next, signIn.map({ current > $0 }) ?? true, let attempt = try attempt(current, &reader),
            attempt.lastAt >= since
        {
            if number.map({ current < $0 }) ?? true { failures += attempt.times }
            next = attempt.previous
        }
        return Int(min(failures, 100))
    }

    /// Everybody's attempts, newest first: rows, then blocks.
    /// - Returns: one page of what there is before a number, unfiltered; empty at the end.
    borrowing func attempts(before: SignInAttempt.Number, limit: Int64) throws(StoreError) -> [KeptAttempt] {
        let rows = try run("SELECT * FROM sign_in_attempt WHERE number < \(before) ORDER BY number DESC LIMIT \(limit)")
        if !rows.isEmpty { return try rows.map { (row) throws(StoreError) in try KeptAttempt(row) } }
        let blocks = try run("SELECT content FROM sign_in_block WHERE first < \(before) ORDER BY first DESC LIMIT 8")
        var found: [KeptAttempt] = []
        for row in blocks { found += (AttemptBlock.unpack(try row.blob("content")) ?? []).reversed().filter { $0.number < before } }
        return found
    }

    /// Everybody's, oldest first.
    borrowing func attempts(from first: SignInAttempt.Number, limit: Int64) throws(StoreError) -> [KeptAttempt] {
        let blocks = try run("SELECT content FROM sign_in_block WHERE last >= \(first) ORDER BY first LIMIT \(limit / 128 + 1)")
        if !blocks.isEmpty {
            var found: [KeptAttempt] = []
            for row in blocks { found += (AttemptBlock.unpack(try row.blob("content")) ?? []).filter { $0.number >= first } }
            return found
        }
        let rows = try run("SELECT * FROM sign_in_attempt WHERE number >= \(first) ORDER BY number LIMIT \(limit)")
        return try rows.map { (row) throws(StoreError) in try KeptAttempt(row) }
    }

    /// Tries of passwords as rules are tried on them, oldest first: what was tried, not what was made of it.
    /// - Returns: also where to go on; nil at the end.
    borrowing func triedPasswords(
        from first: SignInAttempt.Number, limit: Int64
    ) throws(StoreError) -> (tries: [TriedPassword], next: SignInAttempt.Number?) {
        let attempts = try attempts(from: first, limit: limit)
        return (attempts.flatMap(\.tries), attempts.last.map { SignInAttempt.Number($0.number.value + 1) })
    }

    /// How attempts ended since then.
    borrowing func attemptCounts(since: Timestamp) throws(StoreError) -> [SignInAttempt.Outcome: Int64] {
        var counts: [SignInAttempt.Outcome: Int64] = [:]
        let first = SignInAttempt.Number.first(at: since)
        for row in try run(
            """
            SELECT outcome, CAST(SUM(times) AS BIGINT) AS number FROM sign_in_attempt WHERE number >= \(first) GROUP BY outcome
            """)
        {
            if let outcome = SignInAttempt.Outcome(rawValue: try row.text("outcome")) { counts[outcome] = try row.integer("number") }
        }
        for row in try run("SELECT content FROM sign_in_block WHERE last >= \(first)") {
            for attempt in AttemptBlock.unpack(try row.blob("content")) ?? [] where attempt.number >= first {
                counts[attempt.outcome, default: 0] += attempt.times
            }
        }
        return counts
    }
}

/// Where a reader of an account's attempts stands.
struct AttemptCursor: Sendable {
    fileprivate var isStarted = false
    /// The next one of each chain; nil at its end.
    fileprivate(set) var signIns: SignInAttempt.Number?
    fileprivate(set) var refusals: SignInAttempt.Number?
    fileprivate var reader = AttemptReader()

    /// At the newest.
    init() {}

    /// Where another one stood.
    init(signIns: SignInAttempt.Number?, refusals: SignInAttempt.Number?) {
        (isStarted, self.signIns, self.refusals) = (true, signIns, refusals)
    }

    var isAtEnd: Bool { isStarted && signIns == nil && refusals == nil }
}

extension KeptAttempt {
    init(_ row: Row) throws(StoreError) {
        guard let outcome = SignInAttempt.Outcome(rawValue: try row.text("outcome")) else { throw .unexpectedColumn("outcome") }
        let account: Account.ID? = try row.optionalID("account_id")
        let identifier = try row.optional("identifier") { (row) throws(StoreError) in try row.blob("identifier") }
        let network = try row.optional("network") { (row) throws(StoreError) in try row.integer("network") }
        self.init(
            number: SignInAttempt.Number(try row.integer("number")),
            previous: try row.optional("previous") { (row) throws(StoreError) in SignInAttempt.Number(try row.integer("previous")) },
            who: account?.bytes ?? identifier ?? [], outcome: outcome, reason: try row.text("reason"),
            address: IPAddress(try row.text("address")), program: Program(try row.text("browser")),
            session: try row.optionalID("session_id"), isSpared: try row.integer("spared") == 1,
            isKnownBrowser: try row.integer("known_browser") == 1, times: try row.integer("times"), lastAt: try row.time("last_at"),
            place: try row.optional("place") { (row) throws(StoreError) in try row.integer("place") },
            network: network.map { UInt32(truncatingIfNeeded: $0) })
    }
}
