import Storage

/// Looks at keys, as far as somebody may.
struct ReadKeys: Sendable {
    struct Listing: Sendable {
        /// Nil for one's own.
        let organization: Organization?
        let access: KeyAccess
        let keys: [APIKey]
        /// The key to go on after; nil after the last.
        let next: APIKey.ID?
        let lateCallers: [LateCaller]
    }

    struct Detail: Sendable {
        let key: APIKey
        let organization: Organization?
        let access: KeyAccess
        /// Who made it, as they are called now; nil where they are gone, or a key did.
        let maker: String?
        let sources: [KeySource]
        let days: [KeyDay]
        /// Nothing else of its owner's works.
        let isLast: Bool
    }

    struct Known: Sendable {
        let organization: Organization
        /// Nil where the account is gone.
        let person: String?
        let keys: [APIKey]
    }

    let store: any Store
    let desk: KeyDesk

    /// Sources and late callers that are shown.
    private static let mostShown: Int64 = 50
    /// Who was refused that long ago has found the new key by now.
    private static let late = Duration.seconds(7 * 86_400)
    /// Days that are looked back.
    static let days: Int64 = 30

    /// - Returns: nil where there is nothing that the caller may know of.
    func list(
        of owner: APIKey.Owner, before: APIKey.ID?, limit: Int, by caller: KeyCaller, now: Timestamp
    ) async throws(StoreError) -> Listing? {
        let mayLook = try await store.read { (transaction) throws(StoreError) in
            try transaction.access(of: caller, to: owner, now: now).mayLook
        }
        guard mayLook else { return nil }
        // What this node saw a moment ago is shown too.
        try await desk.writeFewUses(now: now)
        return try await store.read { (transaction) throws(StoreError) in
            let access = try transaction.access(of: caller, to: owner, now: now)
            guard access.mayLook else { return nil }
            let keys = try transaction.keys(of: owner, before: before, limit: Int64(limit) + 1)
            return Listing(
                organization: try owner.organization.flatMap { (id) throws(StoreError) in try transaction.organization(id, now: now) },
                access: access, keys: Array(keys.prefix(limit)), next: keys.count > limit ? keys[limit - 1].id : nil,
                lateCallers: before == nil
                    ? try transaction.lateCallers(of: owner, since: now - Self.late, limit: Self.mostShown, now: now) : [])
        }
    }

    func detail(_ id: APIKey.ID, by caller: KeyCaller, now: Timestamp) async throws(StoreError) -> Detail? {
        let mayLook = try await store.read { (transaction) throws(StoreError) in
            guard let key = try transaction.key(id) else { return false }
            return try transaction.access(of: caller, to: key.owner, now: now).mayLook
        }
        guard mayLook else { return nil }
        try await desk.writeFewUses(now: now)
        return try await store.read { (transaction) throws(StoreError) in
            guard let key = try transaction.key(id) else { return nil }
            let access = try transaction.access(of: caller, to: key.owner, now: now)
            guard access.mayLook else { return nil }
            return Detail(
                key: key,
                organization: try key.owner.organization.flatMap { (id) throws(StoreError) in try transaction.organization(id, now: now) },
                access: access, maker: try key.madeBy.flatMap { (id) throws(StoreError) in try transaction.account(id)?.email },
                sources: try transaction.keySources(of: id, sinceDay: now.day - Self.days, limit: Self.mostShown),
                days: try transaction.keyDays(of: id, sinceDay: now.day - Self.days + 1),
                isLast: try !transaction.hasOtherKey(besides: id, owner: key.owner, now: now))
        }
    }

    /// Keys of an organization that somebody made or saw, for whoever manages it.
    func known(
        to account: Account.ID, in id: Organization.ID, by session: LiveSession, now: Timestamp
    ) async throws(StoreError) -> Known? {
        try await store.read { (transaction) throws(StoreError) in
            guard try transaction.access(of: .session(session), to: .organization(id), now: now) == .manages,
                let organization = try transaction.organization(id, now: now)
            else { return nil }
            return Known(
                organization: organization, person: try transaction.account(account)?.email,
                keys: try transaction.keysKnown(to: account, of: .organization(id), now: now))
        }
    }
}

/// Part of an address, for who only looks on.
func maskedAddress(_ address: String) -> String {
    let mark: Character = address.contains(":") ? ":" : "."
    let parts = address.split(separator: mark, omittingEmptySubsequences: false)
    guard parts.count > 2 else { return address }
    return parts.prefix(2).joined(separator: String(mark)) + String(mark) + "•"
}
