import Secrets
import Storage

/// Sends a person a link with which to make an account, and makes it.
struct Invite: Sendable {
    enum Outcome: Equatable, Sendable { case sent, alreadyAMember }

    enum Acceptance: Equatable, Sendable {
        case accepted(EmailAddress)
        case linkInvalid
        case busy
    }

    let store: any Store
    let hasher: PasswordHasher
    let notices: Notices
    let mails: SignUpMail
    let breaches: BreachFollowUp
    /// False where only the command line makes accounts: then links that were sent before open nothing either.
    let isOpen: Bool
    let random: Randomness

    static let linkPurpose = Token.Purpose(label: "invitation")
    static let linkLifetime = Duration.seconds(7 * 86_400)

    func send(to email: EmailAddress, by inviter: LiveSession, client: Client, now: Timestamp) async throws(StoreError) -> Outcome {
        let token = Token(random: random.bytes(Token.byteCount))
        let mail = notices.make(mails.invitation(to: email, link: token), now: now)
        return try await store.write { (transaction) throws(StoreError) in
            if let account = try transaction.account(email: email), account.state != .unconfirmed { return .alreadyAMember }
            try transaction.setInvitation(
                of: email, tokenHash: token.hash(for: Self.linkPurpose), expiresAt: now + Self.linkLifetime, by: inviter.account)
            try transaction.send(mail, of: nil)
            try transaction.record(AuditEvent(.invited, account: nil, by: .account(inviter.account), from: client, at: now))
            return .sent
        }
    }

    /// The address of a live invitation, for the page that asks for the password.
    func address(of link: Token, now: Timestamp) async throws(StoreError) -> EmailAddress? {
        guard isOpen else { return nil }
        return try await store.read { (transaction) throws(StoreError) in
            try transaction.invitedAddress(tokenHash: link.hash(for: Self.linkPurpose), now: now)
        }
    }

    /// Makes the account, open at once: the link proved the address. A sign-up by somebody else that was never confirmed gives way.
    func accept(_ link: Token, password: ChosenPassword, client: Client, now: Timestamp) async throws(StoreError) -> Acceptance {
        let tokenHash = link.hash(for: Self.linkPurpose)
        guard let email = try await address(of: link, now: now) else { return .linkInvalid }
        guard let hash = try? await hasher.hash(password.password) else { return .busy }
        let new = NewAccount(email: email, state: .active, passwordHash: hash, now: now, random: random)
        let random = random
        return try await store.write { (transaction) throws(StoreError) in
            guard try transaction.spendInvitation(tokenHash: tokenHash, now: now) else { return .linkInvalid }
            var id = new.id
            if let existing = try transaction.account(email: email) {
                guard try transaction.takeOverUnconfirmed(existing.id, passwordHash: hash, now: now) else { return .linkInvalid }
                try transaction.voidConfirmationLink(of: existing.id)
                id = existing.id
            } else {
                guard try transaction.createAccountUnderFreeName(new, random: random) else { return .linkInvalid }
            }
            try breaches.follow(password, of: id, setAt: now, in: transaction)
            try transaction.learnBrowser(client, of: id, now: now)
            try transaction.record(AuditEvent(.invitationUsed, account: id, by: .account(id), from: client, at: now))
            return .accepted(email)
        }
    }
}
