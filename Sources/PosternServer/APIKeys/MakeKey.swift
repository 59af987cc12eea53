import Secrets
import Storage
import Throttle

/// Makes keys: a first, another, or one that takes an old one's place while that goes on working.
struct MakeKey: Sendable {
    enum Outcome: Sendable {
        case made(APIKey, Secret<String>)
        /// No such owner or key, as far as the caller is told.
        case notFound
        case notAllowed
        case stepUpNeeded
        /// A key can't give what it doesn't have.
        case beyondOwn(field: String)
        case tooMany
        /// It has a successor, or opens nothing any more.
        case notRotatable
    }

    let store: any Store
    let desk: KeyDesk
    let notices: KeyNotices
    let random: Randomness

    /// Of one owner.
    private static let most = Rate.perHour(5_000)
    private static let mostOfGuest = Rate.perHour(200)

    func make(
        _ asked: APIKey.Terms, mode: KeyText.Mode, of owner: APIKey.Owner, by caller: KeyCaller, client: Client?, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        try await store.write { (transaction) throws(StoreError) -> Outcome in
            // Whoever makes the account safe holds it too, and ends the keys that are there by then.
            if let account = owner.account { _ = try transaction.heldAccount(account) }
            guard let act = try transaction.holdKeys(of: caller, and: nil, now: now) else { return .notFound }
            if let refusal = try refusal(of: act, to: owner, in: transaction, now: now) { return refusal }
            let isGuest = try owner.organization.flatMap { (id) throws(StoreError) in try transaction.organization(id, now: now) }?.isGuest
            let most = isGuest == true ? Self.mostOfGuest : Self.most
            guard try transaction.countRate("keys \(owner.id)", most, now: now).isAllowed else { return .tooMany }
            var terms = asked
            if let maker = act.maker {
                terms = KeyBounds(maker: maker).filled(asked)
                if let beyond = KeyBounds(maker: maker).beyond(terms, mode) { return .beyondOwn(field: beyond) }
            }
            let new = NewKey(terms, mode: mode, of: owner, by: caller, now: now, random: random)
            try transaction.addKey(new)
            return try tell(.apiKeyMade, .keyMade, new, caller, client, in: transaction, now: now)
        }
    }

    /// Makes a successor with the same terms. The old key works for the overlap, then no more.
    /// - Parameter overlap: zero to ``APIKey/longestOverlap``.
    func rotate(
        _ id: APIKey.ID, overlap: Duration, by caller: KeyCaller, client: Client?, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        let outcome = try await store.write { (transaction) throws(StoreError) -> (Outcome, APIKey.Owner?) in
            guard let act = try transaction.holdKeys(of: caller, and: id, now: now), let old = act.target else { return (.notFound, nil) }
            if let refusal = try refusal(of: act, to: old.owner, in: transaction, now: now) { return (refusal, nil) }
            guard old.standing(at: now).opens else { return (.notRotatable, nil) }
            var terms = old.terms
            // It lives as long as the old one was given; but a key gives no longer life than its own.
            terms.expiresAt = terms.expiresAt.map { now + ($0 - old.madeAt) }
            if let maker = act.maker {
                let bounds = KeyBounds(maker: maker)
                if let beyond = bounds.beyond(old.terms, old.mode) { return (.beyondOwn(field: beyond), nil) }
                if let end = maker.terms.expiresAt { terms.expiresAt = min(terms.expiresAt ?? end, end) }
            }
            let new = NewKey(terms, mode: old.mode, of: old.owner, by: caller, now: now, random: random)
            guard try transaction.rotateKey(id, owner: old.owner, to: new, endsAt: now + overlap) else { return (.notRotatable, nil) }
            return (try tell(.apiKeyRotated, .keyRotated, new, caller, client, in: transaction, now: now), old.owner)
        }
        if let owner = outcome.1 { desk.forget(owner) }
        return outcome.0
    }

    private func refusal(
        of act: KeyAct, to owner: APIKey.Owner, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Outcome? {
        switch try transaction.access(act, to: owner, now: now) {
        case .none: return .notFound
        case .looksOn: return .notAllowed
        case .manages: return try transaction.isProven(act.caller, now: now) ? nil : .stepUpNeeded
        }
    }

    private func tell(
        _ kind: Notice.Kind, _ event: AuditEvent.Kind, _ new: NewKey, _ caller: KeyCaller, _ client: Client?,
        in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Outcome {
        guard let made = try transaction.key(new.id) else { return .notFound }
        try transaction.record(
            AuditEvent(
                event, account: new.owner.account ?? caller.account, by: caller.actor, from: client, at: now, detail: caller.detail(new.id))
        )
        try notices.tell(kind, of: made, from: client.map { "\($0.address)" } ?? "", in: transaction, now: now)
        return .made(made, new.text.text)
    }
}

extension NewKey {
    init(
        _ terms: APIKey.Terms, mode: KeyText.Mode, of owner: APIKey.Owner, by caller: KeyCaller?, now: Timestamp, random: Randomness
    ) {
        self.init(
            id: APIKey.ID(now: now, random: random.bytes(10)), text: KeyText(mode: mode, random: random.bytes(KeyText.byteCount)),
            owner: owner,
            terms: terms, madeBy: caller?.account, madeByKey: caller?.key?.id, madeAt: now)
    }
}
