import Secrets
import Storage

/// The end of a sign-in that needs another password: what was proved counts, and opens nothing but this (PW-15).
struct ChangeAtSignIn: Sendable {
    enum Outcome: Sendable {
        case signedIn(NewSession)
        /// A second factor must be added next: the password is changed already.
        case enrolmentNeeded(NewChallenge)
        case repeated(RepeatedPassword)
        /// Used, too old, tried too often, or the account changed: the password is asked for again.
        case over
        case busy
    }

    /// Whose sign-in waits.
    struct View: Sendable {
        let account: Account
        let groups: [String]
        let cause: SignIn.ChangeCause
    }

    let store: any Store
    let desk: SessionDesk
    let hasher: PasswordHasher
    let previous: PreviousPasswords
    let completion: SignInCompletion
    let calendar: PasswordCalendar
    let followUp: BreachFollowUp
    let random: Randomness

    func view(of token: Token, now: Timestamp) async throws(StoreError) -> View? {
        let hash = token.hash(for: NewChallenge.purpose)
        return try await store.read { (transaction) throws(StoreError) in
            guard let challenge = try transaction.challenge(tokenHash: hash, now: now), challenge.changeAfter != nil,
                let account = try transaction.account(challenge.account)
            else { return nil }
            let due = try calendar.due(account, in: transaction, now: now)
            return View(
                account: account, groups: try transaction.groups(of: account.id), cause: due.map(SignIn.ChangeCause.init) ?? .stolen)
        }
    }

    /// Ends a sign-in that its person breaks off: whoever sits there next finds nothing half made.
    func leave(_ token: Token, now: Timestamp) async throws(StoreError) {
        let hash = token.hash(for: NewChallenge.purpose)
        try await store.write { (transaction) throws(StoreError) in
            guard let challenge = try transaction.challenge(tokenHash: hash, now: now), challenge.changeAfter != nil else { return }
            _ = try transaction.spendChallenge(challenge)
        }
    }

    func finish(
        _ token: Token, with password: ChosenPassword, client: Client, replaced: SessionToken?, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        let tokenHash = token.hash(for: NewChallenge.purpose)
        let found = try await store.read { (transaction) throws(StoreError) in
            try transaction.challenge(tokenHash: tokenHash, now: now).map { (challenge) throws(StoreError) in
                (challenge, try transaction.account(challenge.account), try transaction.groups(of: challenge.account))
            }
        }
        guard let (challenge, stored, groups) = found, let account = stored, let proved = challenge.changeAfter else { return .over }
        switch try await previous.check(password.password, against: account, groups: groups) {
        case .new: break
        case .repeated(let password): return .repeated(password)
        case .busy: return .busy
        }
        guard let hash = try? await hasher.hash(password.password) else { return .busy }
        let history = previous.policy.rules(for: groups).history
        let done = try await store.write { (transaction) throws(StoreError) -> (Outcome, replacedOf: Account.ID?)? in
            // One that was added meanwhile must be proved.
            if proved == .password { guard try !transaction.hasSecondFactor(account.id) else { return nil } }
            // Checks challenge, password and state, each in the statement that uses it; only then is anything replaced.
            let opened =
                challenge.mustEnrol
                ? nil
                : try completion.open(challenge, proved.factor, client: client, replaced: replaced, in: transaction, now: now)
            let isSpent = challenge.mustEnrol ? try transaction.spendChallenge(challenge) : opened != nil
            guard isSpent,
                try transaction.replacePassword(
                    of: account.id, setAt: challenge.passwordSetAt, with: hash, keeping: opened?.0.id, history: history, now: now)
            else { return nil }
            // It proved all there is to prove, so it is no stranger.
            if let mark = client.mark, opened != nil { try transaction.knowBrowser(mark, of: account.id, now: now) }
            try followUp.follow(password, of: account.id, setAt: now, in: transaction)
            try transaction.record(AuditEvent(.passwordChanged, account: account.id, by: .account(account.id), from: client, at: now))
            try followUp.tellOfChange(of: account.id, in: transaction, now: now)
            if let opened { return (.signedIn(opened.0), opened.replacedOf) }
            let next = NewChallenge(
                token: Token(random: random.bytes(Token.byteCount)), account: account.id, passwordSetAt: now, mustEnrol: true,
                isKept: challenge.isKept, expiresAt: now + NewChallenge.lifetime)
            try transaction.openChallenge(next)
            return (.enrolmentNeeded(next), nil)
        }
        guard let done else { return .over }
        desk.forget(challenge.account)
        if let replacedOf = done.replacedOf { desk.forget(replacedOf) }
        return done.0
    }
}
