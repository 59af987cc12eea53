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
        /// It opens nothing any more; or it wasn't rotated, where that is asked for.
        case isOver
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
        try await act(on: id, by: caller, now: now) { (act, key, transaction) throws(StoreError) in
            guard key.standing(at: now).opens else { return .isOver }
            var terms = key.terms
            change(&terms)
            if let maker = act.maker, let beyond = KeyBounds(maker: maker).beyond(terms, key.mode) { return .beyondOwn(field: beyond) }
            guard try transaction.setTerms(terms, of: id, owner: key.owner, now: now) else { return .notFound }
            return try record(.keyChanged, id, key, caller, client, in: transaction, now: now)
        }
    }

    /// - Parameter isConfirmed: the caller was told that it is the last key, or its own.
    func revoke(
        _ id: APIKey.ID, _ end: APIKey.End, isConfirmed: Bool, by caller: KeyCaller, client: Client?, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        try await act(on: id, by: caller, now: now) { (_, key, transaction) throws(StoreError) in
            if !isConfirmed, key.standing(at: now).opens {
                let isOwn = caller.key?.id == id
                let hasOther = try transaction.hasOtherKey(besides: id, owner: key.owner, now: now)
                if isOwn || !hasOther { return .isLast }
            }
            if try transaction.endKey(id, owner: key.owner, end, now: now) {
                try notices.tell(.apiKeyRevoked, of: key, from: client.map { "\($0.address)" } ?? "", in: transaction, now: now)
            }
            // What was made with a key that somebody else had may be theirs. After it: nothing more is made with it by then.
            if end.tellsNothing { try transaction.endDescendants(of: id, owner: key.owner, end, now: now) }
            return try record(.keyRevoked, id, key, caller, client, in: transaction, now: now)
        }
    }

    /// "Cut now", "extend", "cut when unused".
    func setOverlap(
        of id: APIKey.ID, _ overlap: Overlap, by caller: KeyCaller, client: Client?, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        try await act(on: id, by: caller, now: now) { (_, key, transaction) throws(StoreError) in
            guard let rotatedAt = key.rotatedAt, key.standing(at: now).opens else { return .isOver }
            let (time, days): (Timestamp, Int64?) =
                switch overlap {
                case .until(let time): (max(now, time), nil)
                case .whenUnused(let days): (rotatedAt + APIKey.longestOverlap, days)
                }
            guard try transaction.setOverlap(of: id, owner: key.owner, endsAt: time, unusedDays: days, now: now) else { return .isOver }
            return try record(.keyChanged, id, key, caller, client, in: transaction, now: now)
        }
    }

    private func act(
        on id: APIKey.ID, by caller: KeyCaller, now: Timestamp,
        _ body: @escaping @Sendable (KeyAct, APIKey, borrowing Transaction) throws(StoreError) -> Outcome
    ) async throws(StoreError) -> Outcome {
        let outcome = try await store.write { (transaction) throws(StoreError) -> Outcome in
            guard let act = try transaction.holdKeys(of: caller, and: id, now: now), let key = act.target else { return .notFound }
            switch try transaction.access(act, to: key.owner, now: now) {
            case .none: return .notFound
            case .looksOn: return .notAllowed
            case .manages: break
            }
            guard try transaction.isProven(caller, now: now) else { return .stepUpNeeded }
            // A key acts on nothing that may more than itself: not to change it, and not to end it.
            if let maker = act.maker, let beyond = KeyBounds(maker: maker).beyond(key.terms, key.mode) { return .beyondOwn(field: beyond) }
            return try body(act, key, transaction)
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
            // After it: nothing more is made with it by then.
            try transaction.endDescendants(of: key.id, owner: key.owner, .leaked, now: now)
            try transaction.record(
                AuditEvent(.keyLeaked, account: key.owner.account, by: .visitor, from: client, at: now, detail: "\(key.id)"))
            try notices.tell(.apiKeyLeaked, of: key, from: "\(client.address)", in: transaction, now: now)
            return key.owner
        }
        if let owner { desk.forget(owner) }
    }
}
