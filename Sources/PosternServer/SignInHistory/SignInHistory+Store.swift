import NetworkAddress
package import Storage
import Throttle

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
            // Deleted accounts' chains that are still to be followed.
            """
            CREATE TABLE sign_in_erasure (
                account_id BYTEA NOT NULL, refused BIGINT NOT NULL, newest BIGINT NOT NULL, PRIMARY KEY (account_id, refused))
            """,
            """
            CREATE TABLE sign_in_block (
                first BIGINT NOT NULL PRIMARY KEY, last BIGINT NOT NULL, attempts BIGINT NOT NULL, stripped BIGINT NOT NULL,
                content BYTEA NOT NULL)
            """,
            "CREATE INDEX sign_in_block_unstripped ON sign_in_block (first) WHERE stripped = 0",
        ])
}

/// How failures are counted together.
enum SignInTally {
    /// A row counts that long from its first on.
    static let window = Duration.seconds(3_600)
    /// Sources of one account that get a row of their own in an hour; all others share one.
    static let mostSources = Rate.perHour(20)
    /// The same for addresses that have no account, all together.
    static let mostStrangers = Rate.perHour(1_000)
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
        let spared = attempt.isSpared ? " spared" : ""
        let source = "\(attempt.reason)\(spared) \(attempt.client.address.client) \(attempt.identifier.map { "\($0)" } ?? "")"
        if let number = try count(attempt, owner: owner, source: source) { return number }
        // One statement, however many there are: it must take as long for an address that nobody has.
        let lines = try countRate("sign-in lines \(attempt.account?.description ?? "")", most, now: attempt.at)
        guard lines.isAllowed else {
            let shared = "\(attempt.reason)\(spared) *"
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
    /// - Parameter before: rows of that time and later stay: they may still be counted on. So do all from the first one on that nothing was
    ///   looked up for yet.
    /// - Returns: how many rows were packed.
    borrowing func packAttempts(before: Timestamp) throws(StoreError) -> Int {
        let limit = SignInAttempt.Number.first(at: before)
        let rows = try run(
            """
            DELETE FROM sign_in_attempt WHERE number <= (SELECT number FROM sign_in_attempt WHERE number < \(limit)
                AND number < COALESCE((SELECT MIN(number) FROM sign_in_attempt WHERE settled = 0), \(limit)) ORDER BY number LIMIT 1 OFFSET \(AttemptBlock.size - 1)) RETURNING *
            """)
        let attempts = try rows.map { (row) throws(StoreError) in try KeptAttempt(row) }.sorted { $0.number < $1.number }
        try insertBlock(attempts, stripped: false)
        // Each was counted once when it was looked after; what was counted on it since comes in now.
        for (place, repeated) in Dictionary(grouping: attempts.filter { $0.times > 1 }, by: { PlaceDay($0.place, $0.at) })
            .sorted(by: { $0.key < $1.key })
        {
            try countPlace(place, signedIn: 0, refused: repeated.reduce(0) { $0 + $1.times - 1 })
        }
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
                SELECT first FROM sign_in_block WHERE first < \(limit) AND last < \(limit) ORDER BY first LIMIT \(most))
            """)
    }

    /// Takes the refusals out of the oldest blocks that end before a time and still have theirs, a few at once.
    /// - Returns: how many blocks.
    borrowing func dropRefusals(before: Timestamp, most: Int64) throws(StoreError) -> Int {
        let limit = SignInAttempt.Number.first(at: before)
        let rows = try run(
            "SELECT first, content FROM sign_in_block WHERE stripped = 0 AND first < \(limit) AND last < \(limit) ORDER BY first LIMIT \(most)"
        )
        for row in rows {
            let first = try row.integer("first")
            guard let attempts = AttemptBlock.unpack(try row.blob("content")) else {
                // Of another version, or broken: nothing of it is thrown away before its time.
                try change("UPDATE sign_in_block SET stripped = 1 WHERE first = \(first)")
                continue
            }
            // Not if another node was faster.
            guard try change("DELETE FROM sign_in_block WHERE first = \(first)") == 1 else { continue }
            try insertBlock(attempts.filter { $0.outcome != .refused }, stripped: true)
        }
        return rows.count
    }

    /// Notes that what an account leaves behind is to be deleted (LO-08): its chains go with it, so where they begin is written down.
    borrowing func leaveAttempts(of account: Account.ID) throws(StoreError) {
        try change(
            """
            INSERT INTO sign_in_erasure (account_id, refused, newest) SELECT account_id, refused, newest FROM sign_in_chain
            WHERE account_id = \(account) ON CONFLICT (account_id, refused) DO NOTHING
            """)
    }

    /// Deletes some of what accounts left behind, so little at once that nobody waits for it.
    /// - Returns: whether there may be more.
    borrowing func eraseAttempts(most: Int) throws(StoreError) -> Bool {
        guard let row = try run("SELECT * FROM sign_in_erasure ORDER BY account_id, refused LIMIT 1\(dialect.skipLocked)").first else {
            return false
        }
        let (account, refused): (Account.ID, Int64) = (try row.id("account_id"), try row.integer("refused"))
        var next: SignInAttempt.Number? = SignInAttempt.Number(try row.integer("newest"))
        for _ in 0..<most {
            guard let number = next else { break }
            // A reader of its own each time: what was read before was changed.
            var reader = AttemptReader()
            next = try attempt(number, &reader)?.previous
            guard try change("DELETE FROM sign_in_attempt WHERE number = \(number)") == 0, let block = reader.block(of: number.value) else {
                continue
            }
            let kept = (AttemptBlock.unpack(block.content) ?? []).filter { $0.number != number }
            guard let row = try run("DELETE FROM sign_in_block WHERE first = \(block.first) RETURNING stripped").first else {
                // Somebody else changed the block meanwhile: it is looked for again.
                next = number
                break
            }
            try insertBlock(kept, stripped: try row.integer("stripped") == 1)
        }
        if let next {
            try change("UPDATE sign_in_erasure SET newest = \(next) WHERE account_id = \(account) AND refused = \(refused)")
        } else {
            try change("DELETE FROM sign_in_erasure WHERE account_id = \(account) AND refused = \(refused)")
        }
        return true
    }
}
