import Secrets
import Storage

/// Makes the first owner through a link that is printed on the server's own terminal (LG-19).
///
/// The link lives an hour, dies on restart and on use, and works only while no owner exists.
struct SetUpOwner: Sendable {
    enum Outcome: Equatable, Sendable {
        case ownerMade
        case linkInvalid
        /// The address already has an account that is no owner's.
        case emailTaken
        case busy
    }

    let store: any Store
    let hasher: PasswordHasher
    let breaches: BreachFollowUp
    let random: Randomness

    static let linkPurpose = Token.Purpose(label: "setup")
    static let linkLifetime = Duration.seconds(3_600)

    /// A fresh link; earlier ones die. Nil when there is an owner.
    func freshLink(now: Timestamp) async throws(StoreError) -> Token? {
        let token = Token(random: random.bytes(Token.byteCount))
        return try await store.write { (transaction) throws(StoreError) in
            try transaction.clearSetupLinks()
            guard try !transaction.ownerExists() else { return nil }
            try transaction.addSetupLink(tokenHash: token.hash(for: Self.linkPurpose), expiresAt: now + Self.linkLifetime)
            return token
        }
    }

    func isAlive(_ link: Token, now: Timestamp) async throws(StoreError) -> Bool {
        try await store.read { (transaction) throws(StoreError) in
            try transaction.setupLinkLives(tokenHash: link.hash(for: Self.linkPurpose), now: now)
        }
    }

    func make(
        _ email: EmailAddress, password: ChosenPassword, link: Token, client: Client, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        guard try await isAlive(link, now: now) else { return .linkInvalid }
        guard let hash = try? await hasher.hash(password.password) else { return .busy }
        let owner = NewAccount(email: email, role: .owner, state: .active, passwordHash: hash, now: now, random: random)
        let random = random
        return try await store.write { (transaction) throws(StoreError) in
            if try transaction.account(email: email) != nil { return .emailTaken }
            guard try transaction.spendSetupLink(tokenHash: link.hash(for: Self.linkPurpose), now: now),
                try transaction.createAccountUnderFreeName(owner, random: random)
            else { return .linkInvalid }
            try breaches.follow(password, of: owner.id, setAt: now, in: transaction)
            try transaction.learnBrowser(client, of: owner.id, now: now)
            try transaction.record(AuditEvent(.setUp, account: owner.id, by: .visitor, from: client, at: now))
            return .ownerMade
        }
    }
}
