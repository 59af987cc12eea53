import Secrets
import Storage

/// Makes an account from the command line: open at once, or with a link to confirm the address.
struct CreateAccount: Sendable {
    struct Request: Sendable {
        let email: EmailAddress
        let password: ChosenPassword
        let role: Account.Role
        let isConfirmed: Bool
    }

    enum Outcome: Sendable {
        case created(Account)
        case emailTaken
    }

    let store: any Store
    let hasher: PasswordHasher
    let notices: Notices
    let mails: SignUpMail
    let breaches: BreachFollowUp
    let random: Randomness

    func create(_ request: Request, now: Timestamp) async throws -> Outcome {
        let hash = try await hasher.hash(request.password.password)
        let account = NewAccount(
            email: request.email, role: request.role, state: request.isConfirmed ? .active : .unconfirmed, passwordHash: hash, now: now,
            random: random)
        let token = Token(random: random.bytes(Token.byteCount))
        let mail = notices.make(mails.confirmation(to: request.email, link: token), now: now)
        let random = random
        return try await store.write { (transaction) throws(StoreError) in
            guard try transaction.createAccountUnderFreeName(account, random: random) else { return Outcome.emailTaken }
            try breaches.follow(request.password, of: account.id, setAt: now, in: transaction)
            if !request.isConfirmed {
                try transaction.setConfirmationLink(
                    of: account.id, tokenHash: token.hash(for: SignUp.linkPurpose), expiresAt: now + SignUp.linkLifetime)
                try transaction.send(mail, of: account.id)
            }
            try transaction.record(
                AuditEvent(.created, account: account.id, by: .commandLine, from: nil, at: now, detail: request.role.rawValue))
            guard let made = try transaction.account(account.id) else {
                throw .unavailable(reason: "the account isn't there after it was made")
            }
            return .created(made)
        }
    }
}
