import NetworkAddress
import Secrets
import Storage
import Throttle

extension Migration {
    static let apiKeys = Migration(
        41, "API keys",
        [
            // 'owner' is the number of the organization or the account, so that one index serves both.
            """
            CREATE TABLE api_key (
                id BYTEA NOT NULL PRIMARY KEY, hash BYTEA NOT NULL UNIQUE, owner BYTEA NOT NULL,
                organization_id BYTEA REFERENCES organization (id) ON DELETE CASCADE,
                account_id BYTEA REFERENCES account (id) ON DELETE CASCADE,
                name TEXT NOT NULL, mode TEXT NOT NULL, last_four TEXT NOT NULL, scopes TEXT NOT NULL, expires_at BIGINT,
                addresses TEXT NOT NULL, rate_limit BIGINT, rate_period BIGINT,
                made_at BIGINT NOT NULL, made_by BYTEA, made_by_key BYTEA,
                tried_at BIGINT, rotated_at BIGINT, successor BYTEA, successor_last_four TEXT, ends_at BIGINT, end_reason TEXT, unused_days BIGINT,
                used_at BIGINT, used_address TEXT, used_agent TEXT, exposed_at BIGINT, told_at BIGINT)
            """,
            "CREATE INDEX api_key_by_owner ON api_key (owner, id)",
            "CREATE INDEX api_key_by_parent ON api_key (made_by_key) WHERE made_by_key IS NOT NULL",
            // Ended keys that somebody brought.
            "CREATE INDEX api_key_by_try ON api_key (owner, tried_at) WHERE tried_at IS NOT NULL",
            "CREATE INDEX api_key_by_maker ON api_key (made_by) WHERE made_by IS NOT NULL",
            "CREATE INDEX api_key_by_end ON api_key (ends_at) WHERE ends_at IS NOT NULL",
            "CREATE INDEX api_key_by_expiry ON api_key (expires_at) WHERE expires_at IS NOT NULL",
            // What other nodes must read again.
            "CREATE TABLE api_key_change (owner BYTEA NOT NULL PRIMARY KEY, changed_at BIGINT NOT NULL)",
            "CREATE INDEX api_key_change_by_time ON api_key_change (changed_at)",
        ])
}

extension APIKey {
    init(_ row: Row) throws(StoreError) {
        let organization: Organization.ID? = try row.optionalID("organization_id")
        let account: Account.ID? = try row.optionalID("account_id")
        guard let owner = organization.map(Owner.organization) ?? account.map(Owner.account) else { throw .unexpectedColumn("owner") }
        guard let mode = KeyText.Mode(rawValue: try row.text("mode")) else { throw .unexpectedColumn("mode") }
        // What can't be read any more must not open more than it did.
        guard let scopes = KeyScopes(try row.text("scopes")) else { throw .unexpectedColumn("scopes") }
        let lines = try row.text("addresses").split(separator: "\n")
        let addresses = lines.compactMap { AddressRange($0) }
        guard addresses.count == lines.count else { throw .unexpectedColumn("addresses") }
        let limit = try row.optional("rate_limit") { (row) throws(StoreError) in try row.integer("rate_limit") }
        let period = try row.optional("rate_period") { (row) throws(StoreError) in try row.integer("rate_period") }
        var rate: Rate?
        if let limit, let period { rate = Rate(limit: Int(limit), period: Int(period), window: .sliding) }
        var used: (at: Timestamp, address: String, agent: String)?
        if let at = try row.optionalTime("used_at") {
            used = (at, try row.optionalText("used_address") ?? "", try row.optionalText("used_agent") ?? "")
        }
        self.init(
            id: try row.id("id"), owner: owner,
            terms: Terms(
                name: try row.text("name"), scopes: scopes, expiresAt: try row.optionalTime("expires_at"), addresses: addresses, rate: rate),
            mode: mode, lastFour: try row.text("last_four"), madeAt: try row.time("made_at"), madeBy: try row.optionalID("made_by"),
            madeByKey: try row.optionalID("made_by_key"), rotatedAt: try row.optionalTime("rotated_at"),
            successor: try row.optionalID("successor"), successorLastFour: try row.optionalText("successor_last_four"),
            endsAt: try row.optionalTime("ends_at"), end: try row.optionalText("end_reason").flatMap { End(rawValue: $0) },
            unusedDays: try row.optional("unused_days") { (row) throws(StoreError) in try row.integer("unused_days") }, used: used,
            exposedAt: try row.optionalTime("exposed_at"))
    }
}

/// A key that is about to be.
struct NewKey: Sendable {
    let id: APIKey.ID
    let text: KeyText
    let owner: APIKey.Owner
    let terms: APIKey.Terms
    let madeBy: Account.ID?
    let madeByKey: APIKey.ID?
    let madeAt: Timestamp
}

// MARK: Making and changing

extension Transaction {
    borrowing func addKey(_ new: NewKey) throws(StoreError) {
        let terms = new.terms
        try change(
            """
            INSERT INTO api_key (id, hash, owner, organization_id, account_id, name, mode, last_four, scopes, expires_at, addresses,
                rate_limit, rate_period, made_at, made_by, made_by_key)
            VALUES (\(new.id), \(new.text.hash), \(new.owner.id), \(new.owner.organization), \(new.owner.account), \(terms.name),
                \(new.text.mode.rawValue), \(new.text.lastFour), \(terms.scopes.text), \(terms.expiresAt),
                \(terms.addresses.map(\.description).joined(separator: "\n")), \(terms.rate.map { Int64($0.limit) }),
                \(terms.rate.map { Int64($0.period) }), \(new.madeAt), \(new.madeBy), \(new.madeByKey))
            """)
    }

    /// Changes what an owner says of a key.
    borrowing func setTerms(_ terms: APIKey.Terms, of id: APIKey.ID, owner: APIKey.Owner, now: Timestamp) throws(StoreError) -> Bool {
        let isChanged =
            try change(
                """
                UPDATE api_key SET name = \(terms.name), scopes = \(terms.scopes.text), expires_at = \(terms.expiresAt),
                    addresses = \(terms.addresses.map(\.description).joined(separator: "\n")), rate_limit = \(terms.rate.map { Int64($0.limit) }),
                    rate_period = \(terms.rate.map { Int64($0.period) })
                WHERE id = \(id) AND owner = \(owner.id)
                """) == 1
        if isChanged { try noteKeyChange(of: owner, now: now) }
        return isChanged
    }

    /// Another key takes a key's place, once: of two at the same time one does.
    /// - Parameter endsAt: until when the old one works; not after what was said before.
    borrowing func rotateKey(_ id: APIKey.ID, owner: APIKey.Owner, to new: NewKey, endsAt: Timestamp) throws(StoreError) -> Bool {
        let isRotated =
            try change(
                """
                UPDATE api_key SET rotated_at = \(new.madeAt), successor = \(new.id), successor_last_four = \(new.text.lastFour),
                    ends_at = \(endsAt), end_reason = 'rotated'
                WHERE id = \(id) AND owner = \(owner.id) AND successor IS NULL AND ends_at IS NULL
                    AND (expires_at IS NULL OR expires_at > \(new.madeAt))
                """) == 1
        guard isRotated else { return false }
        try addKey(new)
        try noteKeyChange(of: owner, now: new.madeAt)
        return true
    }

    /// Moves the end of a key that was rotated and still works, at most thirty days from then.
    /// - Parameter unusedDays: it ends, besides, once nobody used it for so many days.
    borrowing func setOverlap(
        of id: APIKey.ID, owner: APIKey.Owner, endsAt: Timestamp, unusedDays: Int64?, now: Timestamp
    ) throws(StoreError) -> Bool {
        let longest = APIKey.longestOverlap.wholeMicroseconds
        let isSet =
            try change(
                """
                UPDATE api_key SET ends_at = CASE WHEN \(endsAt) > rotated_at + \(longest) THEN rotated_at + \(longest) ELSE \(endsAt) END,
                    unused_days = \(unusedDays)
                WHERE id = \(id) AND owner = \(owner.id) AND end_reason = 'rotated' AND ends_at > \(now)
                """) == 1
        if isSet { try noteKeyChange(of: owner, now: now) }
        return isSet
    }

    /// Ends a key now. What was ended before keeps its reason and time, unless it turns out to be worse than that.
    borrowing func endKey(_ id: APIKey.ID, owner: APIKey.Owner, _ end: APIKey.End, now: Timestamp) throws(StoreError) -> Bool {
        let isWorse: Int64 = end.tellsNothing ? 1 : 0
        let isEnded =
            try change(
                """
                UPDATE api_key SET ends_at = CASE WHEN ends_at < \(now) THEN ends_at ELSE \(now) END, end_reason = \(end.rawValue)
                WHERE id = \(id) AND owner = \(owner.id) AND (ends_at IS NULL OR ends_at > \(now)
                    OR (\(isWorse) = 1 AND end_reason NOT IN ('leaked', 'blocked')))
                """) == 1
        if isEnded { try noteKeyChange(of: owner, now: now) }
        return isEnded
    }

    /// Ends what was made with a key, and with such keys.
    borrowing func endDescendants(of id: APIKey.ID, owner: APIKey.Owner, _ end: APIKey.End, now: Timestamp) throws(StoreError) {
        let rows = try run(
            """
            WITH RECURSIVE made (id) AS (
                SELECT id FROM api_key WHERE owner = \(owner.id) AND made_by_key = \(id)
                UNION SELECT api_key.id FROM api_key JOIN made ON api_key.made_by_key = made.id WHERE api_key.owner = \(owner.id))
            SELECT id FROM made ORDER BY id
            """)
        for row in rows { _ = try endKey(try row.id("id"), owner: owner, end, now: now) }
    }

    /// A guest's keys have a maker once somebody claims it, who has seen them.
    borrowing func adoptKeys(of owner: APIKey.Owner, by account: Account.ID) throws(StoreError) {
        try change("UPDATE api_key SET made_by = \(account) WHERE owner = \(owner.id) AND made_by IS NULL AND made_by_key IS NULL")
    }

    /// Ends all keys of an owner that still work.
    /// - Returns: how many.
    borrowing func endKeys(of owner: APIKey.Owner, _ end: APIKey.End, now: Timestamp) throws(StoreError) -> Int {
        let number = try change(
            """
            UPDATE api_key SET ends_at = \(now), end_reason = \(end.rawValue)
            WHERE owner = \(owner.id) AND (ends_at IS NULL OR ends_at > \(now)) AND (expires_at IS NULL OR expires_at > \(now))
            """)
        try noteKeyChange(of: owner, now: now)
        return number
    }

    /// Every node reads the owner's keys again before it trusts them.
    borrowing func noteKeyChange(of owner: APIKey.Owner, now: Timestamp) throws(StoreError) {
        try change(
            """
            INSERT INTO api_key_change (owner, changed_at) VALUES (\(owner.id), \(now))
            ON CONFLICT (owner) DO UPDATE SET changed_at = CASE WHEN api_key_change.changed_at >= excluded.changed_at
                THEN api_key_change.changed_at + 1 ELSE excluded.changed_at END
            """)
    }

    /// Owners whose keys changed since, and accounts of which anything did.
    borrowing func keyChanges(since: Timestamp) throws(StoreError) -> [(owner: APIKey.Owner.ID, at: Timestamp)] {
        try run(
            """
            SELECT owner, MAX(changed_at) AS changed_at FROM (
                SELECT owner, changed_at FROM api_key_change WHERE changed_at > \(since)
                UNION ALL SELECT account_id, changed_at FROM session_change WHERE changed_at > \(since)) AS changed
            GROUP BY owner
            """
        ).map { (row) throws(StoreError) in (try row.id("owner"), try row.time("changed_at")) }
    }

    borrowing func noteLastUse(_ use: KeyUse, at time: Timestamp) throws(StoreError) {
        try change(
            """
            UPDATE api_key SET used_at = \(time), used_address = \(use.address), used_agent = \(use.agent)
            WHERE id = \(use.key) AND (used_at IS NULL OR used_at < \(time))
            """)
    }

    borrowing func noteTry(_ id: APIKey.ID, at time: Timestamp) throws(StoreError) {
        try change("UPDATE api_key SET tried_at = \(time) WHERE id = \(id) AND (tried_at IS NULL OR tried_at < \(time))")
    }

    /// Ended keys that somebody brought since, the latest first.
    borrowing func triedKeys(of owner: APIKey.Owner, since: Timestamp, limit: Int64) throws(StoreError) -> [APIKey] {
        try run("SELECT * FROM api_key WHERE owner = \(owner.id) AND tried_at >= \(since) ORDER BY tried_at DESC LIMIT \(limit)")
            .map { (row) throws(StoreError) in try APIKey(row) }
    }

    /// A key was seen over plain HTTP.
    /// - Returns: the key, if that is new.
    borrowing func noteExposed(_ id: APIKey.ID, now: Timestamp) throws(StoreError) -> APIKey? {
        try run("UPDATE api_key SET exposed_at = \(now) WHERE id = \(id) AND exposed_at IS NULL RETURNING *").first
            .map { (row) throws(StoreError) in try APIKey(row) }
    }

    /// The permission to tell of a key that is still tried: once a week.
    borrowing func allowTellingOfTries(_ id: APIKey.ID, now: Timestamp) throws(StoreError) -> APIKey? {
        try run(
            """
            UPDATE api_key SET told_at = \(now) WHERE id = \(id) AND (told_at IS NULL OR told_at < \(now - .seconds(7 * 86_400))) RETURNING *
            """
        ).first.map { (row) throws(StoreError) in try APIKey(row) }
    }

    /// Deletes keys that ended long ago; what they were used for goes with them.
    borrowing func pruneKeys(endedBefore time: Timestamp, most: Int64) throws(StoreError) {
        try change("DELETE FROM api_key WHERE id IN (SELECT id FROM api_key WHERE ends_at < \(time) LIMIT \(most))")
        try change("DELETE FROM api_key WHERE id IN (SELECT id FROM api_key WHERE expires_at < \(time) LIMIT \(most))")
    }

    borrowing func pruneKeyChanges(now: Timestamp) throws(StoreError) {
        try change("DELETE FROM api_key_change WHERE changed_at < \(now - .seconds(600))")
    }
}

// MARK: Reading

extension Transaction {
    /// The key of a text, ended ones too.
    borrowing func liveKey(hash: [UInt8], now: Timestamp) throws(StoreError) -> LiveKey? {
        guard let row = try run("SELECT * FROM api_key WHERE hash = \(hash)").first else { return nil }
        let key = try APIKey(row)
        switch key.owner {
        case .account(let id):
            let isOpen = try account(id)?.state == .active
            return LiveKey(key, organization: nil, ownerIsClosed: !isOpen, readAt: now)
        case .organization(let id):
            guard let row = try run("SELECT * FROM organization WHERE id = \(id)").first else { return nil }
            return LiveKey(key, organization: try Organization(row), ownerIsClosed: false, readAt: now)
        }
    }

    borrowing func key(_ id: APIKey.ID) throws(StoreError) -> APIKey? {
        try run("SELECT * FROM api_key WHERE id = \(id)").first.map { (row) throws(StoreError) in try APIKey(row) }
    }

    /// Two keys, or one twice, held until the transaction ends.
    borrowing func lockedKeys(_ id: APIKey.ID, and other: APIKey.ID) throws(StoreError) -> [APIKey] {
        try run("SELECT * FROM api_key WHERE id = \(id) OR id = \(other) ORDER BY id\(dialect.rowLock)")
            .map { (row) throws(StoreError) in try APIKey(row) }
    }

    /// An owner's, newest first.
    /// - Parameter before: goes on after this one.
    borrowing func keys(of owner: APIKey.Owner, before: APIKey.ID?, limit: Int64) throws(StoreError) -> [APIKey] {
        let first = before ?? APIKey.ID(high: .max, low: .max)
        return try run("SELECT * FROM api_key WHERE owner = \(owner.id) AND id < \(first) ORDER BY id DESC LIMIT \(limit)")
            .map { (row) throws(StoreError) in try APIKey(row) }
    }

    /// Whether another of an owner's keys works.
    borrowing func hasOtherKey(besides id: APIKey.ID, owner: APIKey.Owner, now: Timestamp) throws(StoreError) -> Bool {
        try !run(
            """
            SELECT id FROM api_key WHERE owner = \(owner.id) AND id <> \(id) AND (ends_at IS NULL OR ends_at > \(now))
                AND (expires_at IS NULL OR expires_at > \(now))
                AND (unused_days IS NULL OR COALESCE(used_at, rotated_at) + unused_days * 86400000000 > \(now)) LIMIT 1
            """
        ).isEmpty
    }

    /// Keys of an organization that somebody made, and those that were made with such keys: what they may still know.
    borrowing func keysKnown(to account: Account.ID, of owner: APIKey.Owner, now: Timestamp) throws(StoreError) -> [APIKey] {
        try run(
            """
            WITH RECURSIVE known (id) AS (
                SELECT id FROM api_key WHERE owner = \(owner.id) AND made_by = \(account)
                UNION SELECT api_key.id FROM api_key JOIN known ON api_key.made_by_key = known.id WHERE api_key.owner = \(owner.id))
            SELECT api_key.* FROM api_key JOIN known ON known.id = api_key.id
            WHERE (ends_at IS NULL OR ends_at > \(now)) AND (expires_at IS NULL OR expires_at > \(now)) ORDER BY api_key.id LIMIT 1000
            """
        ).map { (row) throws(StoreError) in try APIKey(row) }
    }

    /// Keys of organizations that somebody made since a time.
    borrowing func organizationKeys(madeBy account: Account.ID, since: Timestamp) throws(StoreError) -> [(key: APIKey, slug: String)] {
        try run(
            """
            WITH RECURSIVE made (id) AS (
                SELECT id FROM api_key WHERE made_by = \(account) AND made_at >= \(since)
                UNION SELECT api_key.id FROM api_key JOIN made ON api_key.made_by_key = made.id)
            SELECT api_key.*, organization.slug FROM made JOIN api_key ON api_key.id = made.id
                JOIN organization ON organization.id = api_key.organization_id
            ORDER BY api_key.id LIMIT 100
            """
        ).map { (row) throws(StoreError) in (try APIKey(row), try row.text("slug")) }
    }

    /// One page of what expires until a time, in the order of the keys' ids.
    borrowing func keysExpiring(until time: Timestamp, after: APIKey.ID?, limit: Int64, now: Timestamp) throws(StoreError) -> [APIKey] {
        let first = after ?? APIKey.ID(high: 0, low: 0)
        return try run(
            """
            SELECT * FROM api_key WHERE expires_at > \(now) AND expires_at <= \(time) AND id > \(first) AND ends_at IS NULL
            ORDER BY id LIMIT \(limit)
            """
        ).map { (row) throws(StoreError) in try APIKey(row) }
    }
}
