import Secrets
import Storage

/// The secret that a browser or program holds. Only its hash is stored.
struct SessionToken: Sendable {
    static let purpose = Token.Purpose(label: "session")

    let token: Token

    init(random: [UInt8]) { token = Token(random: random) }

    init?(text: some Collection<UInt8>) {
        guard let token = Token(text: text) else { return nil }
        self.token = token
    }

    var hash: [UInt8] { token.hash(for: Self.purpose) }
}

/// A session as people see it in a list. Its id is no secret.
struct Session: Equatable, Sendable {
    typealias ID = Identifier<Session>

    let id: ID
    let createdAt: Timestamp
    let seenAt: Timestamp
    let expiresAt: Timestamp
    let isKept: Bool
    let address: String
    let browser: String
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

    init(account: Account.ID, policy: SessionPolicy, isKept: Bool, client: Client, now: Timestamp, random: Randomness) {
        id = Session.ID(now: now, random: random.bytes(10))
        token = SessionToken(random: random.bytes(Token.byteCount))
        self.account = account
        createdAt = now
        expiresAt = now + (isKept ? policy.keep : policy.absolute)
        idle = isKept ? nil : policy.idle
        self.client = client
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
