import NetworkAddress
import Storage

extension Migration {
    static let blocklist = Migration(
        29, "blocklist",
        [
            """
            CREATE TABLE block (
                id BYTEA NOT NULL PRIMARY KEY, network TEXT NOT NULL, account_key BYTEA NOT NULL,
                account_id BYTEA REFERENCES account (id) ON DELETE SET NULL, rule TEXT NOT NULL, why TEXT NOT NULL, evidence TEXT NOT NULL,
                actor TEXT NOT NULL, actor_id BYTEA, at BIGINT NOT NULL, until BIGINT, released_at BIGINT, released_by TEXT,
                released_by_id BYTEA)
            """,
            // One at a time for each subject.
            "CREATE UNIQUE INDEX block_live ON block (account_key, network) WHERE released_at IS NULL",
            "CREATE INDEX block_by_account ON block (account_id) WHERE account_id IS NOT NULL",
            // Counts changes of blocks of networks: every node holds those in memory.
            "CREATE TABLE block_change (id BIGINT NOT NULL PRIMARY KEY, number BIGINT NOT NULL)",
            "INSERT INTO block_change (id, number) VALUES (1, 0)",
        ])
}

extension Block {
    init(_ row: Row) throws(StoreError) {
        self.init(
            id: try row.id("id"), network: try row.text("network"), accountKey: try row.blob("account_key"),
            account: try row.optionalID("account_id"), rule: try row.text("rule"),
            why: try row.text("why"), evidence: try row.text("evidence"), actor: try row.text("actor"),
            actorID: try row.optionalID("actor_id"), at: try row.time("at"),
            until: try row.optionalTime("until"), releasedAt: try row.optionalTime("released_at"),
            releasedBy: try row.optionalText("released_by"))
    }
}

extension Transaction {
    /// - Returns: false if one of the same subject lives already.
    borrowing func addBlock(_ new: NewBlock) throws(StoreError) -> Bool {
        var (network, key, account) = ("", [UInt8](), Account.ID?.none)
        switch new.subject {
        case .network(let range): network = range.description
        case .signIn(let triedKey, let id, let place): (network, key, account) = (place, triedKey, id)
        case .account(let id): (key, account) = (id.bytes, id)
        }
        // One that is over, and a rule's where somebody means more.
        let byHand: Int64 = new.rule.isEmpty ? 1 : 0
        try change(
            """
            UPDATE block SET released_at = \(new.at), released_by = \(new.actor.word), released_by_id = \(new.actor.id)
            WHERE account_key = \(key) AND network = \(network) AND released_at IS NULL
                AND ((until IS NOT NULL AND until <= \(new.at)) OR (CAST(\(byHand) AS BIGINT) = 1 AND rule <> ''))
            """)
        let isNew =
            try change(
                """
                INSERT INTO block (id, network, account_key, account_id, rule, why, evidence, actor, actor_id, at, until)
                VALUES (\(new.id), \(network), \(key), \(account), \(new.rule), \(new.why), \(new.evidence), \(new.actor.word),
                    \(new.actor.id), \(new.at), \(new.until))
                ON CONFLICT (account_key, network) WHERE released_at IS NULL DO NOTHING
                """) == 1
        if isNew, key.isEmpty { try noteBlockChange() }
        return isNew
    }

    private borrowing func noteBlockChange() throws(StoreError) {
        try change("UPDATE block_change SET number = number + 1 WHERE id = 1")
    }

    /// Counts up with each change of what blocks networks.
    borrowing func blockChanges() throws(StoreError) -> Int64 {
        let row = try run("SELECT number FROM block_change WHERE id = 1").first
        return try row?.integer("number") ?? 0
    }

    /// Blocks of networks that live.
    borrowing func liveNetworkBlocks(now: Timestamp) throws(StoreError) -> [LiveBlock] {
        let nothing: [UInt8] = []
        var blocks: [LiveBlock] = []
        for row in try run(
            """
            SELECT id, network, rule, until FROM block
            WHERE account_key = \(nothing) AND released_at IS NULL AND (until IS NULL OR until > \(now))
            """)
        {
            guard let network = AddressRange(try row.text("network")) else { throw .unexpectedColumn("network") }
            blocks.append(
                LiveBlock(
                    id: try row.id("id"), network: network, isByHand: try row.text("rule").isEmpty, until: try row.optionalTime("until")))
        }
        return blocks
    }

    /// Whether a rule's block keeps tries to sign in off that come from a network, or from anywhere.
    borrowing func signInIsBlocked(_ key: [UInt8], network: String, now: Timestamp) throws(StoreError) -> Bool {
        try !run(
            """
            SELECT 1 AS found FROM block
            WHERE account_key = \(key) AND (network = '' OR network = \(network)) AND released_at IS NULL
                AND (until IS NULL OR until > \(now)) LIMIT 1
            """
        ).isEmpty
    }

    /// Whether somebody blocked an account by hand.
    borrowing func isBlockedByHand(_ account: Account.ID, now: Timestamp) throws(StoreError) -> Bool {
        try signInIsBlocked(account.bytes, network: "", now: now)
    }

    /// Ends what rules made against an account, everywhere.
    /// - Returns: how many ended.
    borrowing func releaseBlocks(ofSignIn key: [UInt8], by actor: AuditEvent.Actor, now: Timestamp) throws(StoreError) -> Int {
        try change(
            """
            UPDATE block SET released_at = \(now), released_by = \(actor.word), released_by_id = \(actor.id)
            WHERE account_key = \(key) AND released_at IS NULL AND rule <> ''
            """)
    }

    /// Ends what rules made against an account from one place and from everywhere.
    borrowing func releaseBlocks(ofSignIn key: [UInt8], network: String, now: Timestamp) throws(StoreError) {
        try change(
            """
            UPDATE block SET released_at = \(now), released_by = 'server'
            WHERE account_key = \(key) AND (network = '' OR network = \(network)) AND released_at IS NULL AND rule <> ''
            """)
    }

    /// - Returns: false if it doesn't live.
    borrowing func releaseBlock(_ id: Block.ID, by actor: AuditEvent.Actor, now: Timestamp) throws(StoreError) -> Bool {
        guard
            try change(
                """
                UPDATE block SET released_at = \(now), released_by = \(actor.word), released_by_id = \(actor.id)
                WHERE id = \(id) AND released_at IS NULL AND (until IS NULL OR until > \(now))
                """) == 1
        else { return false }
        try noteBlockChange()
        return true
    }

    borrowing func block(_ id: Block.ID) throws(StoreError) -> Block? {
        try run("SELECT * FROM block WHERE id = \(id)").first.map { (row) throws(StoreError) in try Block(row) }
    }

    /// Newest first.
    /// - Parameter live: only those that are neither released nor over.
    borrowing func blocks(
        live: Bool, of account: Account.ID? = nil, before: Block.ID? = nil, limit: Int64, now: Timestamp
    ) throws(StoreError) -> [Block] {
        let (all, anyAccount): (Int64, Int64) = (live ? 0 : 1, account == nil ? 1 : 0)
        let last = before ?? Block.ID(high: .max, low: .max)
        return try run(
            """
            SELECT * FROM block WHERE id < \(last)
                AND (CAST(\(all) AS BIGINT) = 1 OR (released_at IS NULL AND (until IS NULL OR until > \(now))))
                AND (CAST(\(anyAccount) AS BIGINT) = 1 OR account_id = \(account))
            ORDER BY id DESC LIMIT \(limit)
            """
        ).map { (row) throws(StoreError) in try Block(row) }
    }

    borrowing func pruneBlocks(before time: Timestamp) throws(StoreError) {
        try change("DELETE FROM block WHERE released_at < \(time)")
        try change("DELETE FROM block WHERE until IS NOT NULL AND until < \(time)")
    }
}
