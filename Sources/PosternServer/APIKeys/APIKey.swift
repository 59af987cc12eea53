import NetworkAddress
import Secrets
import Storage
import Throttle

/// A key that programs bring: whose it is, what it is good for and until when. Its text is nowhere; its hash is in the database alone.
struct APIKey: Sendable {
    typealias ID = Identifier<APIKey>

    /// Whose keys an app may take.
    enum Kind: String, CaseIterable, Sendable { case personal, organization, guest }

    enum Owner: Hashable, Sendable {
        case account(Account.ID)
        case organization(Organization.ID)

        /// What keys are listed by, and what their changes are noted under: no account and organization have the same.
        typealias ID = Identifier<Owner>

        var id: ID {
            switch self {
            case .account(let id): id.number()
            case .organization(let id): id.number()
            }
        }

        var account: Account.ID? { if case .account(let id) = self { id } else { nil } }
        var organization: Organization.ID? { if case .organization(let id) = self { id } else { nil } }
    }

    /// Why a key ends before its time.
    enum End: String, Sendable {
        case revoked
        /// Another took its place.
        case rotated
        /// Somebody found it where it shouldn't be.
        case leaked
        /// An administrator took it away.
        case blocked

        /// Whoever holds a key that was stolen isn't told what follows it.
        var tellsNothing: Bool { self == .leaked || self == .blocked }
    }

    enum Standing: Equatable, Sendable {
        case live
        /// It works until then, or a little longer.
        case ending(at: Timestamp?)
        case expired(at: Timestamp)
        /// - Parameter at: nil where its owner is closed.
        case revoked(at: Timestamp?, End)

        var opens: Bool {
            switch self {
            case .live, .ending: true
            case .expired, .revoked: false
            }
        }
    }

    /// What its owner says of it, and may change.
    struct Terms: Sendable {
        /// In code points.
        static let longestName = 60
        static let mostAddresses = 20
        static let addressesAllowed = "up to \(mostAddresses) addresses or networks such as 203.0.113.7 or 10.0.0.0/8"

        var name: String
        var scopes: KeyScopes
        var expiresAt: Timestamp?
        /// Empty for everywhere.
        var addresses: [AddressRange] = []
        var rate: Rate?

        /// As people write them.
        var addressText: String { addresses.map(\.description).joined(separator: ", ") }
        /// How often it may be used, and in what time; nil for no limit.
        var rateText: (limit: String, period: String)? {
            rate.map { rate in
                let (unit, name) = [(86_400, "d"), (3_600, "h"), (60, "m")].first { rate.period % $0.0 == 0 } ?? (1 as UInt32, "s")
                return ("\(rate.limit)", "\(rate.period / unit)\(name)")
            }
        }
    }

    /// A new key takes the place of another for so long at most, in days.
    static let longestOverlap = Duration.seconds(30 * 86_400)
    static let standardOverlap = Duration.seconds(86_400)

    let id: ID
    let owner: Owner
    let terms: Terms
    let mode: KeyText.Mode
    let lastFour: String
    let madeAt: Timestamp
    let madeBy: Account.ID?
    let madeByKey: ID?
    let rotatedAt: Timestamp?
    let successor: ID?
    let successorLastFour: String?
    let endsAt: Timestamp?
    let end: End?
    /// It ends once nobody used it for so many days.
    let unusedDays: Int64?
    let used: (at: Timestamp, address: String, agent: String)?
    /// When it was seen over plain HTTP.
    let exposedAt: Timestamp?

    var isTest: Bool { mode == .test }
    var modeText: String { mode.rawValue }

    func standing(at now: Timestamp) -> Standing {
        if let endsAt, let end, endsAt <= now { return .revoked(at: endsAt, end) }
        if let idle = unusedEnd, idle <= now { return .revoked(at: idle, end ?? .rotated) }
        if let expiresAt = terms.expiresAt, expiresAt <= now { return .expired(at: expiresAt) }
        guard rotatedAt != nil else { return .live }
        return .ending(at: [endsAt, terms.expiresAt].compactMap { $0 }.min())
    }

    /// When it has been unused for long enough.
    private var unusedEnd: Timestamp? {
        guard let unusedDays, let rotatedAt else { return nil }
        return max(used?.at ?? rotatedAt, rotatedAt) + .seconds(unusedDays * 86_400)
    }

    /// Without space around it; nil if it can't be any's.
    static func name(_ text: String) -> String? {
        guard text.utf8.count <= 4 * Terms.longestName + 100 else { return nil }
        let name = trimmed(text)
        return isPlainLine(name) && (1...Terms.longestName).contains(name.unicodeScalars.count) ? name : nil
    }
}

/// Why a key opens nothing, as its holder is told.
struct KeyRefusal: Equatable, Sendable {
    let reason: Reason
    /// Since when.
    var at: Timestamp?
    /// The last four characters of the key that took its place.
    var successor: String?

    static let invalid = KeyRefusal(reason: .apiKeyInvalid)

    init(reason: Reason, at: Timestamp? = nil, successor: String? = nil) {
        (self.reason, self.at, self.successor) = (reason, at, successor)
    }

    /// Nil for a key that opens.
    init?(_ standing: APIKey.Standing, successor: String?) {
        switch standing {
        case .live, .ending: return nil
        case .expired(let at): self.init(reason: .apiKeyExpired, at: at, successor: successor)
        case .revoked(_, let end) where end.tellsNothing: self.init(reason: .apiKeyRevoked)
        case .revoked(let at, _): self.init(reason: .apiKeyRevoked, at: at, successor: successor)
        }
    }
}
