import Secrets
import Storage

/// Gives an account another address, once whoever reads mail there says so. The old one is told before and after.
struct ChangeEmail: Sendable {
    enum Outcome: Equatable, Sendable {
        /// A link is on its way, or was sent often enough already; whether the address has an account is not told (LG-03).
        case asked
        /// It is the account's own.
        case unchanged
        /// `sign-up` is `domains`, and the address is at another.
        case otherDomain
        /// A proof of minutes ago is needed, of the second factor where one is held.
        case stepUpNeeded
    }

    enum Confirmation: Equatable, Sendable {
        case changed(EmailAddress)
        /// Used, replaced, too old, never ours, or the address has an account by now.
        case linkInvalid
        case wrongPassword
        case tooManyTries(TryRefusal)
        case busy
    }

    let store: any Store
    let desk: SessionDesk
    let check: PasswordCheck
    /// Only addresses of these; nil for any.
    let domains: [String]?
    let notices: Notices
    let mails: ChangeEmailMail

    static let purpose = Token.Purpose(label: "new e-mail address")
    static let lifetime = Duration.seconds(24 * 3_600)

    func isProven(_ session: LiveSession, now: Timestamp) async throws(StoreError) -> Bool {
        try await store.read { (transaction) throws(StoreError) in
            try transaction.isFreshlyProven(session.id, of: session.account, now: now)
        }
    }

    func ask(_ email: EmailAddress, in session: LiveSession, client: Client, now: Timestamp) async throws(StoreError) -> Outcome {
        let token = Token(random: notices.random.bytes(Token.byteCount))
        let confirmation = notices.make(mails.confirmation(to: email, link: token), now: now)
        let known = notices.make(mails.addressTaken(to: email), now: now)
        return try await store.write { (transaction) throws(StoreError) in
            guard try transaction.isFreshlyProven(session.id, of: session.account, now: now) else { return .stepUpNeeded }
            guard let account = try transaction.account(session.account), let setAt = account.passwordSetAt else { return .stepUpNeeded }
            guard account.email != email.address else { return .unchanged }
            if let domains, !domains.contains(String(email.domain)) { return .otherDomain }
            // As often as anybody may have mail sent to an address that isn't theirs.
            guard try transaction.allowSignUpMail(to: email, now: now) else { return .asked }
            try transaction.record(AuditEvent(.emailChangeAsked, account: account.id, by: .account(account.id), from: client, at: now))
            // A sign-up that nobody confirmed keeps no address from whoever proves it.
            if let other = try transaction.account(email: email), other.id != account.id, other.state != .unconfirmed {
                // An earlier link ends in either case: that it still worked would tell.
                try transaction.endEmailChange(of: account.id)
                if other.state == .active { try transaction.send(known, of: other.id) }
            } else {
                try transaction.setEmailChange(
                    of: account.id, to: email, tokenHash: token.hash(for: Self.purpose), passwordSetAt: setAt,
                    expiresAt: now + Self.lifetime)
                // In nobody's own list: there it would tell whether the address has an account.
                try transaction.send(confirmation, of: nil)
            }
            if let old = EmailAddress(account.email) {
                try transaction.send(notices.make(mails.asked(of: old, at: now), now: now), of: account.id)
            }
            return .asked
        }
    }

    /// The new address of a live link, for the page that asks.
    func address(of link: Token, now: Timestamp) async throws(StoreError) -> String? {
        let hash = link.hash(for: Self.purpose)
        return try await store.read { (transaction) throws(StoreError) in try transaction.emailChange(tokenHash: hash, now: now)?.email }
    }

    /// The link shows whose address it is, the password whose account: whoever reads the mail by mistake gives their address to nobody.
    func confirm(_ link: Token, password: Password, client: Client, now: Timestamp) async throws(StoreError) -> Confirmation {
        let hash = link.hash(for: Self.purpose)
        let found = try await store.read { (transaction) throws(StoreError) in
            try transaction.emailChange(tokenHash: hash, now: now).flatMap { (change) throws(StoreError) in
                try transaction.account(change.account)
            }
        }
        guard let before = found else { return .linkInvalid }
        switch try await check.check(password, of: before, before.id, at: .link, client: client, now: now) {
        case .right: break
        case .wrong: return .wrongPassword
        case .refused(let refusal): return .tooManyTries(refusal)
        case .busy: return .busy
        }
        let done: EmailAddress?
        do throws(StoreError) {
            done = try await store.write { (transaction) throws(StoreError) in
                try change(hash, of: before, client: client, in: transaction, now: now)
            }
        } catch .uniquenessViolation {
            // Somebody else took the address a moment ago.
            return .linkInvalid
        }
        guard let done else { return .linkInvalid }
        desk.forget(before.id)
        return .changed(done)
    }

    private func change(
        _ tokenHash: [UInt8], of before: Account, client: Client, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> EmailAddress? {
        // Token and address are one row (RC-16): whichever link is opened brings its own address and no other.
        guard let change = try transaction.takeEmailChange(tokenHash: tokenHash, now: now), change.account == before.id,
            let email = EmailAddress(change.email)
        else { return nil }
        try transaction.removeUnconfirmed(email)
        guard try transaction.changeEmail(of: before.id, passwordSetAt: change.passwordSetAt, to: email, now: now) else { return nil }
        // A link to choose another password that went to the old address opens nothing any more.
        try transaction.voidPasswordReset(of: before.id)
        try transaction.voidUnlockLink(of: before.id)
        try transaction.noteSessionChange(of: before.id, now: now)
        try transaction.record(AuditEvent(.emailChanged, account: before.id, by: .account(before.id), from: client, at: now))
        if let old = EmailAddress(before.email) {
            try transaction.send(notices.make(mails.changed(of: old, to: email, at: now), now: now), of: before.id)
        }
        return email
    }
}
