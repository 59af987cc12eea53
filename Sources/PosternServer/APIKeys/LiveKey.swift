import NetworkAddress
import Secrets
import Storage
import Throttle

/// A key as requests meet it: read once, then in memory for minutes.
final class LiveKey: Sendable, Remembered {
    let id: APIKey.ID
    let keyOwner: APIKey.Owner
    let owner: APIKey.Owner.ID
    let kind: APIKey.Kind
    let mode: KeyText.Mode
    let scopes: KeyScopes
    let addresses: [AddressRange]
    let rate: Rate?
    let expiresAt: Timestamp?
    /// Nil for a personal key.
    let organization: Organization?
    let name: String
    let lastFour: String
    private let key: APIKey
    private let ownerEnd: APIKey.Standing?
    private let readAt: Timestamp

    /// - Parameter ownerEnd: how the owner ended, if it did or will.
    init(_ key: APIKey, organization: Organization?, ownerIsClosed: Bool, readAt: Timestamp) {
        (id, keyOwner, owner, mode, scopes) = (key.id, key.owner, key.owner.id, key.mode, key.terms.scopes)
        (addresses, rate, expiresAt) = (key.terms.addresses, key.terms.rate, key.terms.expiresAt)
        (name, lastFour) = (key.terms.name, key.lastFour)
        self.organization = organization
        kind = organization.map { $0.isGuest ? .guest : .organization } ?? .personal
        self.key = key
        ownerEnd = ownerIsClosed ? .revoked(at: nil, .revoked) : nil
        self.readAt = readAt
    }

    func isFresh(at now: Timestamp, within limit: Duration) -> Bool { now - readAt < limit }

    func refusal(at now: Timestamp) -> KeyRefusal? {
        let own = KeyRefusal(key.standing(at: now), successor: key.successorLastFour)
        if let own { return own }
        if let ownerEnd { return KeyRefusal(ownerEnd, successor: nil) }
        if let organization, let end = organization.endsAt, end <= now {
            return KeyRefusal(reason: organization.isGuest ? .apiKeyExpired : .apiKeyRevoked, at: end)
        }
        return nil
    }

    var modeText: String { mode.rawValue }

    func isAllowed(from address: IPAddress) -> Bool { addresses.isEmpty || addresses.contains { $0.contains(address) } }
}

/// What came of a key that somebody brought.
enum KeyFinding: Sendable {
    case live(LiveKey, RateState?)
    /// It opens nothing.
    case refused(KeyRefusal)
    /// It is good, but not from here.
    case wrongAddress
    case throttled(Refused)

    var refused: Refused? {
        switch self {
        case .live: return nil
        case .refused(let refusal):
            var refused = Refused(refusal.reason)
            refused.key = refusal
            return refused
        case .wrongAddress: return Refused(.apiKeyAddress)
        case .throttled(let refused): return refused
        }
    }
}
