import NetworkAddress
package import Storage

/// Reads attempts by number, and keeps the blocks it read last: an account's attempts often stand in neighbours.
struct AttemptReader: Sendable {
    struct Block: Sendable {
        let first: Int64
        let last: Int64
        let content: [UInt8]
    }

    fileprivate var blocks: [Block] = []
    /// What is older stands in blocks.
    fileprivate var packedUntil: Int64?

    func block(of number: Int64) -> Block? { blocks.first { $0.first <= number && number <= $0.last } }

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

    /// The oldest of the account's sign-ins since a time that came with the same program from the same address; else that one itself.
    borrowing func firstOfItsKind(
        _ number: SignInAttempt.Number, of account: Account.ID, since: Timestamp
    ) throws(StoreError) -> SignInAttempt.Number {
        var reader = AttemptReader()
        guard let known = try attempt(number, &reader), let address = known.address else { return number }
        var first = number
        var next = known.previous
        // Nobody signs in more often by hand.
        for _ in 0..<500 {
            guard let current = next, current.at >= since, let attempt = try attempt(current, &reader) else { break }
            if attempt.program == known.program, attempt.address?.client == address.client { first = current }
            next = attempt.previous
        }
        return first
    }

    /// How often the account was refused between its last sign-in and another one, or now. What comes after a hundred tells nothing new, and
    /// nobody waits for a longer way back.
    /// - Parameter signIn: nil for one that isn't written down yet.
    borrowing func failures(of account: Account.ID, before signIn: KeptAttempt?, since: Timestamp) throws(StoreError) -> Int {
        var reader = AttemptReader()
        var last = signIn?.outcome == .signedIn ? signIn?.previous : try newest(of: account, refused: false)
        // A right password that a second factor is asked after is no sign-in yet.
        for _ in 0..<Self.longestWay {
            guard let candidate = last, let attempt = try attempt(candidate, &reader), attempt.outcome == .challenged else { break }
            last = attempt.previous
        }
        var next = try newest(of: account, refused: true)
        var failures: Int64 = 0
        for _ in 0..<Self.longestWay {
            guard failures < 100, let current = next, last.map({ current > $0 }) ?? true, let attempt = try attempt(current, &reader),
                attempt.lastAt >= since
            else { break }
            if signIn.map({ current < $0.number }) ?? true { failures += attempt.times }
            next = attempt.previous
        }
        return Int(min(failures, 100))
    }

    private static let longestWay = 100

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

    /// Where the block begins that may hold a number. Asked by the key alone: a block's end is read only with all of its content.
    private borrowing func firstBlock(holding number: SignInAttempt.Number) throws(StoreError) -> Int64 {
        try run("SELECT COALESCE(MAX(first), 0) AS first FROM sign_in_block WHERE first <= \(number)")[0].integer("first")
    }

    /// Everybody's, oldest first.
    borrowing func attempts(from first: SignInAttempt.Number, limit: Int64) throws(StoreError) -> [KeptAttempt] {
        let blocks = try run(
            """
            SELECT content FROM sign_in_block WHERE first >= \(try firstBlock(holding: first)) AND last >= \(first)
            ORDER BY first LIMIT \(limit / AttemptBlock.size + 1)
            """)
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
        for row in try run("SELECT content FROM sign_in_block WHERE first >= \(try firstBlock(holding: first))") {
            AttemptBlock.count(try row.blob("content"), from: first, &counts)
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
