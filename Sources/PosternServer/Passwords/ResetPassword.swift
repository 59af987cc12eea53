import Secrets
import Storage

/// A mailed link to choose another password, and what it does.
struct ResetPassword: Sendable {
    enum Outcome: Equatable, Sendable {
        /// Nobody is signed in by it, and a second factor is still asked for (RC-09).
        case replaced
        case repeated(RepeatedPassword)
        /// Used, replaced, too old, or never ours.
        case linkInvalid
        case busy
    }

    let store: any Store
    let desk: SessionDesk
    let hasher: PasswordHasher
    let previous: PreviousPasswords
    let followUp: BreachFollowUp
    let links: PasswordResetLinks
    let locks: AccountLocks

    /// Sends a link, if the address has an open account; nobody is told which (LG-03). Nothing about the account changes (RC-15).
    func ask(_ email: EmailAddress, client: Client, now: Timestamp) async throws(StoreError) {
        let link = links.make()
        try await store.write { (transaction) throws(StoreError) in
            // Counted for any address: one without an account costs the same.
            guard try transaction.allowPasswordResetMail(to: email, now: now) else { return }
            try links.send(link, to: try transaction.account(email: email), client: client, in: transaction, now: now)
        }
    }

    /// Whom a live link is for: what is known of them counts against the new password.
    func account(of link: Token, now: Timestamp) async throws(StoreError) -> (account: Account, groups: [String])? {
        let hash = link.hash(for: PasswordResetLinks.purpose)
        return try await store.read { (transaction) throws(StoreError) in
            guard let id = try transaction.passwordResetAccount(tokenHash: hash, now: now), let account = try transaction.account(id) else {
                return nil
            }
            return (account, try transaction.groups(of: id))
        }
    }

    func reset(_ link: Token, to password: ChosenPassword, client: Client, now: Timestamp) async throws(StoreError) -> Outcome {
        guard let (found, groups) = try await account(of: link, now: now) else { return .linkInvalid }
        switch try await previous.check(password.password, against: found, groups: groups) {
        case .new: break
        case .repeated(let password): return .repeated(password)
        case .busy: return .busy
        }
        let history = previous.policy.rules(for: groups).history
        guard let hash = try? await hasher.hash(password.password) else { return .busy }
        let tokenHash = link.hash(for: PasswordResetLinks.purpose)
        let replaced = try await store.write { (transaction) throws(StoreError) -> Account.ID? in
            // The deleted row is the permission, and names account and password (RC-07).
            guard let reset = try transaction.takePasswordReset(tokenHash: tokenHash, now: now),
                try transaction.replacePassword(
                    of: reset.account, setAt: reset.passwordSetAt, with: hash, keeping: nil, history: history, now: now)
            else { return nil }
            try locks.release(reset.account, by: .account(reset.account), client: client, in: transaction, now: now)
            // Whoever reads the mail may try from here, whatever strangers do meanwhile (LG-10).
            if let mark = client.mark { try transaction.knowBrowser(mark, of: reset.account, now: now) }
            // Whoever wanted the account deleted may not have been its owner.
            _ = try transaction.removeLeaving(reset.account)
            try followUp.follow(password, of: reset.account, setAt: now, in: transaction)
            try transaction.record(
                AuditEvent(.passwordReset, account: reset.account, by: .account(reset.account), from: client, at: now))
            try followUp.tellOfChange(of: reset.account, in: transaction, now: now)
            return reset.account
        }
        guard let replaced else { return .linkInvalid }
        desk.forget(replaced)
        return .replaced
    }
}

/// Makes and sends links to choose another password.
struct PasswordResetLinks: Sendable {
    static let purpose = Token.Purpose(label: "password reset")
    static let lifetime = Duration.seconds(3_600)

    let notices: Notices
    let mails: PasswordMail

    func make() -> Token { Token(random: notices.random.bytes(Token.byteCount)) }

    /// To the address that the account has, whatever was typed (RC-10). An earlier link dies.
    func send(
        _ link: Token, to account: Account?, by actor: AuditEvent.Actor = .visitor, client: Client?, in transaction: borrowing Transaction,
        now: Timestamp
    ) throws(StoreError) {
        guard let account, account.state == .active, let setAt = account.passwordSetAt, let email = EmailAddress(account.email) else {
            return
        }
        try transaction.setPasswordReset(
            of: account.id, tokenHash: link.hash(for: Self.purpose), passwordSetAt: setAt, expiresAt: now + Self.lifetime)
        try transaction.send(notices.make(mails.reset(to: email, link: link), now: now), of: account.id)
        try transaction.record(AuditEvent(.passwordResetAsked, account: account.id, by: actor, from: client, at: now))
    }
}
