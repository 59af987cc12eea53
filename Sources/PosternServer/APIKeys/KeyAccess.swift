import NetworkAddress
import Secrets
import Storage
import Throttle

/// Who wants something of keys.
enum KeyCaller: Sendable {
    case session(LiveSession)
    case key(LiveKey)
    case commandLine

    var actor: AuditEvent.Actor {
        switch self {
        case .session(let session): .account(session.account)
        case .key: .visitor
        case .commandLine: .commandLine
        }
    }

    var account: Account.ID? { if case .session(let session) = self { session.account } else { nil } }
    var key: LiveKey? { if case .key(let key) = self { key } else { nil } }

    /// In the audit's detail: which key did it, where one did.
    func detail(_ id: APIKey.ID) -> String { key.map { "\(id) by \($0.id)" } ?? "\(id)" }
}

/// What somebody may do with an owner's keys.
enum KeyAccess: Equatable, Sendable {
    /// They aren't told that there is such an owner.
    case none
    /// - Parameter masked: addresses aren't shown whole.
    case looksOn(masked: Bool)
    case manages

    var mayLook: Bool { self != .none }
}

/// Who acts, and on what, as the database has both: held until the transaction ends, so that nothing of either changes meanwhile.
struct KeyAct: Sendable {
    let caller: KeyCaller
    /// The key that acts, where one does. What memory knows of it may be a moment old.
    let maker: APIKey?
    let target: APIKey?
}

extension Transaction {
    /// - Returns: nil where the key that acts opens nothing any more.
    borrowing func holdKeys(of caller: KeyCaller, and target: APIKey.ID?, now: Timestamp) throws(StoreError) -> KeyAct? {
        guard let live = caller.key else {
            return KeyAct(
                caller: caller, maker: nil, target: try target.flatMap { (id) throws(StoreError) in try lockedKeys(id, and: id).first })
        }
        // In one order, so that two never wait for each other.
        let keys = try lockedKeys(live.id, and: target ?? live.id)
        guard let maker = keys.first(where: { $0.id == live.id }), maker.standing(at: now).opens else { return nil }
        if let id = maker.owner.organization, try organization(id, now: now) == nil { return nil }
        return KeyAct(caller: caller, maker: maker, target: target.flatMap { id in keys.first { $0.id == id } })
    }

    /// From the credential alone: what a request says of owners counts for nothing (AK-04).
    borrowing func access(_ act: KeyAct, to owner: APIKey.Owner, now: Timestamp) throws(StoreError) -> KeyAccess {
        guard let maker = act.maker else { return try access(of: act.caller, to: owner, now: now) }
        return Self.access(of: maker.owner, maker.terms.scopes, to: owner)
    }

    /// The same for who only looks, by what memory knows.
    borrowing func access(of caller: KeyCaller, to owner: APIKey.Owner, now: Timestamp) throws(StoreError) -> KeyAccess {
        switch (caller, owner) {
        case (.commandLine, _): return .manages
        case (.session(let session), .account(let account)): return session.account == account ? .manages : .none
        case (.session(let session), .organization(let id)):
            guard let role = try role(of: session.account, in: id, now: now) else { return .none }
            return role.mayManageKeys ? .manages : .looksOn(masked: true)
        case (.key(let key), _): return Self.access(of: key.keyOwner, key.scopes, to: owner)
        }
    }

    private static func access(of own: APIKey.Owner, _ scopes: KeyScopes, to owner: APIKey.Owner) -> KeyAccess {
        guard own == owner else { return .none }
        if scopes.has(KeyScopes.write) { return .manages }
        return scopes.has(KeyScopes.read) ? .looksOn(masked: false) : .none
    }

    /// People prove themselves before they make or end keys; a key is proof of itself.
    borrowing func isProven(_ caller: KeyCaller, now: Timestamp) throws(StoreError) -> Bool {
        guard case .session(let session) = caller else { return true }
        return try isFreshlyProven(session.id, of: session.account, now: now)
    }
}

/// What a key may give to another at most: what it has itself.
struct KeyBounds: Sendable {
    let maker: APIKey

    /// Where nothing is asked for, the maker's own.
    func filled(_ asked: APIKey.Terms) -> APIKey.Terms {
        var terms = asked
        if terms.addresses.isEmpty { terms.addresses = maker.terms.addresses }
        terms.expiresAt = terms.expiresAt ?? maker.terms.expiresAt
        terms.rate = terms.rate ?? maker.terms.rate
        return terms
    }

    /// The field that goes beyond the maker; nil where none does. "Anywhere", "for ever" and "without limit" are beyond any bound.
    func beyond(_ terms: APIKey.Terms, _ mode: KeyText.Mode) -> String? {
        let own = maker.terms
        if !own.scopes.covers(terms.scopes) { return "scopes" }
        if maker.mode == .test, mode != .test { return "mode" }
        if !own.addresses.isEmpty {
            let isWithin = terms.addresses.allSatisfy { range in own.addresses.contains { $0.contains(range) } }
            if terms.addresses.isEmpty || !isWithin { return "addresses" }
        }
        if let end = own.expiresAt, terms.expiresAt.map({ $0 > end }) ?? true { return "expires_at" }
        if let rate = own.rate {
            guard let wanted = terms.rate else { return "rate" }
            let (more, less) = (UInt64(wanted.limit) * UInt64(rate.period), UInt64(rate.limit) * UInt64(wanted.period))
            if more > less { return "rate" }
        }
        return nil
    }
}
