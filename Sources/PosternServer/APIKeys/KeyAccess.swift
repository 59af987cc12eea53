import NetworkAddress
import Secrets
import Storage

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

extension Transaction {
    /// From the credential alone: what a request says of owners counts for nothing (AK-04).
    borrowing func access(of caller: KeyCaller, to owner: APIKey.Owner, now: Timestamp) throws(StoreError) -> KeyAccess {
        switch (caller, owner) {
        case (.commandLine, _): return .manages
        case (.session(let session), .account(let account)): return session.account == account ? .manages : .none
        case (.session(let session), .organization(let id)):
            guard let role = try role(of: session.account, in: id, now: now) else { return .none }
            return role.mayManageKeys ? .manages : .looksOn(masked: true)
        case (.key(let key), _):
            guard key.keyOwner == owner else { return .none }
            if key.scopes.has(KeyScopes.write) { return .manages }
            return key.scopes.has(KeyScopes.read) ? .looksOn(masked: false) : .none
        }
    }

    /// People prove themselves before they make or end keys; a key is proof of itself.
    borrowing func isProven(_ caller: KeyCaller, now: Timestamp) throws(StoreError) -> Bool {
        guard case .session(let session) = caller else { return true }
        return try isFreshlyProven(session.id, of: session.account, now: now)
    }
}

/// What a key may give to another at most: what it has itself.
struct KeyBounds: Sendable {
    let maker: LiveKey

    /// The terms as the maker may give them: where nothing is asked for, its own.
    /// - Returns: nil and the field that goes beyond.
    func bound(_ asked: APIKey.Terms, mode: String) -> (terms: APIKey.Terms?, beyond: String) {
        var terms = asked
        guard maker.scopes.covers(terms.scopes) else { return (nil, "scopes") }
        if maker.mode == .test, mode != "test" { return (nil, "mode") }
        if !maker.addresses.isEmpty {
            if terms.addresses.isEmpty { terms.addresses = maker.addresses }
            let isWithin = terms.addresses.allSatisfy { range in maker.addresses.contains { $0.contains(range) } }
            guard isWithin else { return (nil, "addresses") }
        }
        if let end = maker.expiresAt {
            guard (terms.expiresAt ?? end) <= end else { return (nil, "expires_at") }
            terms.expiresAt = terms.expiresAt ?? end
        }
        return (terms, "")
    }
}
