import Secrets
import Storage

/// Takes an address and a password, and sends a link to the address. The answer is the same whether it has an account or not (LG-03).
struct SignUp: Sendable {
    struct Application: Sendable {
        let email: EmailAddress
        let password: ChosenPassword
        let client: Client
    }

    enum Outcome: Equatable, Sendable {
        /// A mail is on its way, or was sent often enough already.
        case accepted
        case busy
        /// `sign-up` is `invited` or `closed`.
        case closed
        /// `sign-up` is `domains`, and the address is at another.
        case otherDomain
    }

    let store: any Store
    let hasher: PasswordHasher
    let notices: Notices
    let mails: SignUpMail
    let breaches: BreachFollowUp
    let mode: Settings.SignUpMode
    let domains: [String]
    let random: Randomness

    static let linkPurpose = Token.Purpose(label: "e-mail confirmation")
    static let linkLifetime = Duration.seconds(24 * 3_600)

    /// What is known before anything costs work: nil if an application would be looked at.
    func refusal(of email: EmailAddress) -> Outcome? {
        switch mode {
        case .open: hasher.isFull ? .busy : nil
        case .domains: !domains.contains(String(email.domain)) ? .otherDomain : hasher.isFull ? .busy : nil
        case .invited, .closed: .closed
        }
    }

    func apply(_ application: Application, now: Timestamp) async throws(StoreError) -> Outcome {
        if let refusal = refusal(of: application.email) { return refusal }
        // Always hashed: an address with an account costs the same as one without.
        guard let hash = try? await hasher.hash(application.password.password) else { return .busy }
        let token = Token(random: random.bytes(Token.byteCount))
        let account = NewAccount(email: application.email, state: .unconfirmed, passwordHash: hash, now: now, random: random)
        let confirmation = notices.make(mails.confirmation(to: application.email, link: token), now: now)
        let knownAlready = notices.make(mails.accountExists(to: application.email), now: now)
        try await store.write { (transaction) throws(StoreError) in
            guard try transaction.allowSignUpMail(to: application.email, now: now) else { return }
            let existing = try transaction.account(email: application.email)
            switch existing?.state {
            case nil: guard try transaction.createAccountUnderFreeName(account, random: random) else { return }
            case .unconfirmed?:
                guard let existing, try transaction.replaceUnconfirmedPassword(of: existing.id, with: hash, now: now) else { return }
                // What somebody tried against the earlier one is no part of this one.
                try transaction.clearTries(TriedAccount(existing.id).key, place: "link")
            case .active?:
                try transaction.send(knownAlready, of: existing?.id)
                return
            case .disabled?: return
            }
            let id = existing?.id ?? account.id
            try breaches.follow(application.password, of: id, setAt: now, in: transaction)
            try transaction.setConfirmationLink(of: id, tokenHash: token.hash(for: Self.linkPurpose), expiresAt: now + Self.linkLifetime)
            try transaction.send(confirmation, of: id)
            try transaction.record(AuditEvent(.signedUp, account: id, by: .visitor, from: application.client, at: now))
        }
        return .accepted
    }
}
