import Secrets
package import Storage

/// The secret that a browser or program holds. Only its hash is stored.
struct SessionToken: Sendable {
    private static let ofPortal = Token.Purpose(label: "session")

    let token: Token
    private let purpose: Token.Purpose
    /// Good for the gateway on one app's host, and for nothing else.
    let isOfApp: Bool

    /// - Parameter app: what names the app's host; nil for a session of the portal.
    init(random: [UInt8], app: Token.Purpose? = nil) {
        token = Token(random: random)
        purpose = app ?? Self.ofPortal
        isOfApp = app != nil
    }

    init?(text: some Collection<UInt8>, app: Token.Purpose? = nil) {
        guard let token = Token(text: text) else { return nil }
        self.token = token
        purpose = app ?? Self.ofPortal
        isOfApp = app != nil
    }

    var hash: [UInt8] { token.hash(for: purpose) }
    /// For look-ups in memory.
    var shortHash: (UInt64, UInt64) { token.shortHash(for: purpose) }
}

/// A session as people see it in a list. Its id is no secret.
package struct Session: Equatable, Sendable {
    package typealias ID = Identifier<Session>

    let id: ID
    let createdAt: Timestamp
    let seenAt: Timestamp
    let expiresAt: Timestamp
    let isKept: Bool
    let address: String
    let browser: String
    /// Nil for unknown.
    let place: Int64?
}

/// How sure we are who somebody is (NIST SP 800-63B, authenticator assurance levels).
enum Assurance: String, CaseIterable, Sendable {
    /// A password.
    case aal1
    /// A second factor as well, in this session.
    case aal2
}

/// What a session's person has proved, and when.
struct SessionProof: Equatable, Sendable {
    /// A proof this young counts as "it's you, now": a sign-in is one.
    static let freshness = Duration.seconds(300)

    /// With what a second factor was proved.
    enum Means: Equatable, Sendable {
        case authenticator(Authenticator.ID)
        case recoveryCode
        /// A code that came to a number.
        case phone(Phone.ID)

        var text: String {
            switch self {
            case .authenticator(let id): id.description
            case .recoveryCode: "recovery-code"
            case .phone(let id): "phone:\(id)"
            }
        }

        /// As the API and the history name it.
        var method: String {
            switch self {
            case .authenticator: "totp"
            case .recoveryCode: "recovery_code"
            case .phone: "phone"
            }
        }

        init?(text: String) {
            if text == "recovery-code" {
                self = .recoveryCode
            } else if text.hasPrefix("phone:"), let id = Phone.ID(String(text.dropFirst(6))) {
                self = .phone(id)
            } else if let id = Authenticator.ID(text) {
                self = .authenticator(id)
            } else {
                return nil
            }
        }
    }

    var passwordAt: Timestamp?
    var factorAt: Timestamp?
    var factor: Means?

    var assurance: Assurance { factorAt == nil ? .aal1 : .aal2 }

    /// Whether it is fresh by the strongest factor that the account holds.
    func isFresh(hasFactor: Bool, now: Timestamp) -> Bool {
        guard let at = hasFactor ? factorAt : max(passwordAt ?? factorAt, factorAt ?? passwordAt) else { return false }
        return now - at < Self.freshness
    }

    /// Whether it is fresh by that very authenticator, or by a recovery code in its place (TO-11).
    /// - Parameter codesMayStandIn: whether the recovery codes are not too new for that.
    func isFresh(by id: Authenticator.ID, codesMayStandIn: Bool, now: Timestamp) -> Bool {
        guard let factorAt, now - factorAt < Self.freshness else { return false }
        return factor == .authenticator(id) || (factor == .recoveryCode && codesMayStandIn)
    }

    private func max(_ one: Timestamp?, _ other: Timestamp?) -> Timestamp? {
        guard let one, let other else { return nil }
        return one > other ? one : other
    }
}

/// What a new session starts with.
struct NewSession: Sendable {
    let id: Session.ID
    let token: SessionToken
    let account: Account.ID
    let createdAt: Timestamp
    let expiresAt: Timestamp
    /// Nil for a kept one: it has no idle end.
    let idle: Duration?
    let client: Client
    let proof: SessionProof

    /// - Parameter factor: the second factor that was proved with the password, if any.
    init(
        account: Account.ID, policy: SessionPolicy, isKept: Bool, factor: SessionProof.Means? = nil, client: Client, now: Timestamp,
        random: Randomness
    ) {
        id = Session.ID(now: now, random: random.bytes(10))
        token = SessionToken(random: random.bytes(Token.byteCount))
        self.account = account
        createdAt = now
        expiresAt = now + (isKept ? policy.keep : policy.absolute)
        idle = isKept ? nil : policy.idle
        self.client = client
        proof = SessionProof(passwordAt: now, factorAt: factor.map { _ in now }, factor: factor)
    }

    var isKept: Bool { idle == nil }

    /// Seconds for the cookie; nil lets it end with the browser.
    var cookieMaxAge: Int64? { isKept ? (expiresAt - createdAt).components.seconds : nil }
}

/// That a session was used.
struct SessionUse: Sendable {
    let account: Account.ID
    let session: Session.ID
    let at: Timestamp
}
