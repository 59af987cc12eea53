import NetworkAddress
import Secrets
import Storage

/// Changes and ends keys.
struct ManageKeys: Sendable {
    enum Outcome: Sendable {
        case done(APIKey)
        case notFound
        case notAllowed
        case stepUpNeeded
        case beyondOwn(field: String)
        /// It is the last that works, or the one that asks: to be said twice (AK-09).
        case isLast
        /// It wasn't rotated, or is over.
        case notRotated
    }

    /// What becomes of a key that another one follows.
    enum Overlap: Sendable {
        case until(Timestamp)
        /// It ends once nobody used it for so many days.
        case whenUnused(days: Int64)
    }

    let store: any Store
    let desk: KeyDesk
    let notices: KeyNotices

    /// - Parameter change: from the terms as they are to those that are wanted.
    func setTerms(
        of id: APIKey.ID, by caller: KeyCaller, client: Client?, now: Timestamp, _ change: @escaping @Sendable (inout APIKey.Terms) -> Void
    ) async throws(StoreError) -> Outcome {
        try await act(on: id, by: caller, now: now) { (key, transaction) throws(StoreError) in
            var terms = key.terms
            change(&terms)
            if let maker = caller.key {
                // Neither what it is may be beyond the one that changes it, nor what it becomes.
                for wanted in [key.terms, terms] where maker.id != key.id || wanted.scopes != key.terms.scopes {
                    let (bound, beyond) = KeyBounds(maker: maker).bound(wanted, mode: key.mode.rawValue)
                    guard bound != nil else { return .beyondOwn(field: beyond) }
                }
                if maker.id == key.id, let beyond = Self.widened(from: key.terms, to: terms) { return .beyondOwn(field: beyond) }
            }
            guard try transaction.setTerms(terms, of: id, owner: key.owner, now: now) else { return .notFound }
            return try record(.keyChanged, id, key, caller, client, in: transaction, now: now)
        }
    }

    /// What of its own terms a key would make wider.
    private static func widened(from old: APIKey.Terms, to new: APIKey.Terms) -> String? {
        if !old.scopes.covers(new.scopes) { return "scopes" }
        if let end = old.expiresAt, new.expiresAt.map({ $0 > end }) ?? true { return "expires_at" }
        if !old.addresses.isEmpty,
            new.addresses.isEmpty || !new.addresses.allSatisfy({ range in old.addresses.contains { $0.contains(range) } })
        {
            return "addresses"
        }
        return old.rate == nil || old.rate == new.rate ? nil : "rate"
    }

    /// - Parameter isConfirmed: the caller was told that it is the last key, or its own.
    func revoke(
        _ id: APIKey.ID, _ end: APIKey.End, isConfirmed: Bool, by caller: KeyCaller, client: Client?, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        try await act(on: id, by: caller, now: now) { (key, transaction) throws(StoreError) in
            if !isConfirmed, key.standing(at: now).opens {
                let isOwn = caller.key?.id == id
                let hasOther = try transaction.hasOtherKey(besides: id, owner: key.owner, now: now)
                if isOwn || !hasOther { return .isLast }
            }
            if try transaction.endKey(id, owner: key.owner, end, now: now) {
                try notices.tell(.apiKeyRevoked, of: key, from: client.map { "\($0.address)" } ?? "", in: transaction, now: now)
            }
            return try record(.keyRevoked, id, key, caller, client, in: transaction, now: now)
        }
    }

    /// "Cut now", "extend", "cut when unused".
    func setOverlap(
        of id: APIKey.ID, _ overlap: Overlap, by caller: KeyCaller, client: Client?, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        try await act(on: id, by: caller, now: now) { (key, transaction) throws(StoreError) in
            guard let rotatedAt = key.rotatedAt else { return .notRotated }
            let (time, days): (Timestamp, Int64?) =
                switch overlap {
                case .until(let time): (max(now, time), nil)
                case .whenUnused(let days): (rotatedAt + APIKey.longestOverlap, days)
                }
            if let maker = caller.key, !maker.scopes.covers(key.terms.scopes) { return .beyondOwn(field: "scopes") }
            guard try transaction.setOverlap(of: id, owner: key.owner, endsAt: time, unusedDays: days, now: now) else { return .notRotated }
            return try record(.keyChanged, id, key, caller, client, in: transaction, now: now)
        }
    }

    private func act(
        on id: APIKey.ID, by caller: KeyCaller, now: Timestamp,
        _ body: @escaping @Sendable (APIKey, borrowing Transaction) throws(StoreError) -> Outcome
    ) async throws(StoreError) -> Outcome {
        let outcome = try await store.write { (transaction) throws(StoreError) -> Outcome in
            guard let key = try transaction.key(id) else { return .notFound }
            switch try transaction.access(of: caller, to: key.owner, now: now) {
            case .none: return .notFound
            case .looksOn: return .notAllowed
            case .manages: break
            }
            guard try transaction.isProven(caller, now: now) else { return .stepUpNeeded }
            return try body(key, transaction)
        }
        if case .done(let key) = outcome { desk.forget(key.owner) }
        return outcome
    }

    private func record(
        _ kind: AuditEvent.Kind, _ id: APIKey.ID, _ key: APIKey, _ caller: KeyCaller, _ client: Client?,
        in transaction: borrowing Transaction,
        now: Timestamp
    ) throws(StoreError) -> Outcome {
        try transaction.record(
            AuditEvent(
                kind, account: key.owner.account ?? caller.account, by: caller.actor, from: client, at: now, detail: caller.detail(id)))
        return .done(try transaction.key(id) ?? key)
    }
}

/// Ends a key because somebody found it: whoever presents it may say so.
struct ReportLeak: Sendable {
    let store: any Store
    let desk: KeyDesk
    let notices: KeyNotices

    /// Says nothing of whether there is such a key.
    func report(_ text: KeyText, client: Client, now: Timestamp) async throws(StoreError) {
        let owner = try await store.write { (transaction) throws(StoreError) -> APIKey.Owner? in
            guard let found = try transaction.liveKey(hash: text.hash, now: now), let key = try transaction.key(found.id) else {
                return nil
            }
            guard try transaction.endKey(key.id, owner: key.owner, .leaked, now: now) else { return nil }
            try transaction.record(
                AuditEvent(.keyLeaked, account: key.owner.account, by: .visitor, from: client, at: now, detail: "\(key.id)"))
            try notices.tell(.apiKeyLeaked, of: key, from: "\(client.address)", in: transaction, now: now)
            return key.owner
        }
        if let owner { desk.forget(owner) }
    }
}
