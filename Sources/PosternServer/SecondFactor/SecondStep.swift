import Secrets
import Storage

/// The second step of a sign-in: a right code turns the challenge into a session.
struct SecondStep: Sendable {
    struct Attempt: Sendable {
        let challenge: Token
        let proof: OfferedProof
        /// "Don't ask on this browser".
        let trusts: Bool
        let client: Client
        /// The session this browser held before: it ends with the sign-in (SE-02).
        let replaced: SessionToken?
    }

    enum Outcome: Sendable {
        case signedIn(NewSession, trust: NewTrust?)
        /// The password is stolen, expired or has to go: with another the sign-in goes on.
        case changeNeeded(NewChallenge)
        case refused(CodeVerdict)
        /// Used, too old, tried too often, or the account changed: the password is asked for again.
        case over
        /// A factor must be added first.
        case mustEnrol
        case busy
    }

    /// What the page of the second step shows.
    struct View: Sendable {
        let challenge: Challenge
        let email: String
        let authenticators: [Authenticator]
        let recoveryCodesLeft: Int64
        let tries: CodeTries
        let phones: [PhoneOption]
        /// The last code that was sent for this sign-in.
        let sent: CodeState?

        /// The last used first.
        var methods: [String] {
            FactorMethods.list(
                hasApp: !authenticators.isEmpty, phones: phones, hasRecoveryCodes: recoveryCodesLeft > 0, last: tries.lastMethod)
        }
    }

    let store: any Store
    let desk: SessionDesk
    let check: FactorCheck
    let completion: SignInCompletion
    let policy: SecondFactorPolicy
    let notices: FactorNotices
    /// Whether a stolen password must be changed before a session opens.
    let changesBreached: Bool
    let calendar: PasswordCalendar
    let random: Randomness

    func view(of token: Token, now: Timestamp) async throws(StoreError) -> View? {
        let hash = token.hash(for: NewChallenge.purpose)
        return try await store.read { (transaction) throws(StoreError) in
            guard let challenge = try transaction.challenge(tokenHash: hash, now: now), challenge.changeAfter == nil,
                let account = try transaction.account(challenge.account)
            else { return nil }
            return View(
                challenge: challenge, email: account.email, authenticators: try transaction.authenticators(of: account.id),
                recoveryCodesLeft: try transaction.recoveryCodesLeft(of: account.id), tries: try transaction.codeTries(of: account.id),
                phones: try check.phones.options(of: account.id, in: transaction, now: now),
                sent: try check.phones.state(of: .signIn(hash), account.id, in: transaction, now: now))
        }
    }

    func finish(_ attempt: Attempt, now: Timestamp) async throws(StoreError) -> Outcome {
        let hash = attempt.challenge.hash(for: NewChallenge.purpose)
        let found = try await store.lookUp { (transaction) throws(StoreError) in try transaction.challenge(tokenHash: hash, now: now) }
        guard let challenge = found, challenge.changeAfter == nil else { return .over }
        guard !challenge.mustEnrol else { return .mustEnrol }
        guard let prepared = try await check.prepare(attempt.proof, of: challenge.account, for: .signIn(hash), now: now) else {
            return .busy
        }
        let done = try await store.write { (transaction) throws(StoreError) -> (Outcome, replacedOf: Account.ID?) in
            guard try transaction.countTry(of: challenge, now: now) else { return (.over, nil) }
            switch try transaction.settle(prepared, of: challenge.account, now: now) {
            case .refused(let verdict):
                try completion.recordRefusal(challenge, verdict, client: attempt.client, in: transaction, now: now)
                try notices.noteStop(of: challenge.account, after: verdict, in: transaction, now: now)
                return (.refused(verdict), nil)
            case .accepted(let means):
                if let change = try change(challenge, after: means, in: transaction, now: now) {
                    if means == .recoveryCode {
                        try notices.noteRecoveryCode(of: challenge.account, attempt.client, in: transaction, now: now)
                    }
                    return (change, nil)
                }
                guard
                    let (session, replacedOf) = try completion.open(
                        challenge, means, client: attempt.client, replaced: attempt.replaced, in: transaction, now: now)
                else { return (.over, nil) }
                if means == .recoveryCode { try notices.noteRecoveryCode(of: challenge.account, attempt.client, in: transaction, now: now) }
                return (.signedIn(session, trust: try trust(attempt, challenge.account, in: transaction, now: now)), replacedOf)
            }
        }
        if let replacedOf = done.replacedOf { desk.forget(replacedOf) }
        return done.0
    }

    /// Hands what was proved on to a challenge that only another password completes.
    private func change(
        _ challenge: Challenge, after means: SessionProof.Means, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Outcome? {
        let isStolen = changesBreached ? try transaction.breachFinding(of: challenge.account)?.isCertain == true : false
        let isDue = try transaction.account(challenge.account).map { (account) throws(StoreError) in
            try calendar.due(account, in: transaction, now: now) != nil
        }
        guard isStolen || isDue == true else { return nil }
        guard try transaction.spendChallenge(challenge) else { return .over }
        try transaction.endHalfWay(challenge: challenge.tokenHash)
        let next = NewChallenge(
            token: Token(random: random.bytes(Token.byteCount)), account: challenge.account, passwordSetAt: challenge.passwordSetAt,
            mustEnrol: false, isKept: challenge.isKept, expiresAt: now + NewChallenge.lifetime, changeAfter: .factor(means))
        try transaction.openChallenge(next)
        return .changeNeeded(next)
    }

    private func trust(
        _ attempt: Attempt, _ account: Account.ID, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> NewTrust? {
        guard attempt.trusts, let lifetime = policy.trust else { return nil }
        let trust = NewTrust(
            id: TrustedBrowser.ID(now: now, random: random.bytes(10)), token: Token(random: random.bytes(Token.byteCount)),
            account: account, createdAt: now, expiresAt: now + lifetime, client: attempt.client)
        try transaction.trustBrowser(trust)
        try transaction.record(AuditEvent(.browserTrusted, account: account, by: .account(account), from: attempt.client, at: now))
        return trust
    }
}

/// Ways to prove who one is.
enum FactorMethods {
    /// As the API names them: the last used first, else the strongest.
    static func list(hasApp: Bool, phones: [PhoneOption], hasRecoveryCodes: Bool, last: String?) -> [String] {
        var methods: [String] = []
        if hasApp { methods.append("totp") }
        for channel in Delivery.Channel.allCases where phones.contains(where: { $0.channels.contains(channel) }) {
            methods.append(channel.rawValue)
        }
        if hasRecoveryCodes { methods.append("recovery_code") }
        guard let last, let index = methods.firstIndex(of: last) else { return methods }
        methods.insert(methods.remove(at: index), at: 0)
        return methods
    }
}

/// Opens the session that a proved second factor completes.
struct SignInCompletion: Sendable {
    let policies: SessionPolicies
    let random: Randomness

    /// - Parameter means: of the second factor; nil where there is none.
    /// - Returns: nil if the challenge was used meanwhile, or the account closed or given another password.
    func open(
        _ challenge: Challenge, _ means: SessionProof.Means?, client: Client, replaced: SessionToken?,
        in transaction: borrowing Transaction,
        now: Timestamp
    ) throws(StoreError) -> (NewSession, replacedOf: Account.ID?)? {
        let account = challenge.account
        try transaction.endWish(.signIn(challenge.tokenHash))
        guard try transaction.spendChallenge(challenge), try !transaction.isBlockedByHand(account, now: now),
            try transaction.noteSignIn(account, passwordSetAt: challenge.passwordSetAt, now: now)
        else { return nil }
        let session = NewSession(
            account: account, policy: policies.policy(for: try transaction.groups(of: account)), isKept: challenge.isKept, factor: means,
            client: client, now: now, random: random)
        let replacedOf = try replaced.flatMap { (token) throws(StoreError) in try transaction.endSession(tokenHash: token.hash, now: now) }
        try transaction.openSession(session)
        if let mark = client.mark { try transaction.knowBrowser(mark, of: account, now: now) }
        let method = means?.method ?? "password"
        try transaction.recordAttempt(line(account, .signedIn, method, session.id, client, now))
        try transaction.endHalfWay(challenge: challenge.tokenHash)
        try transaction.record(AuditEvent(.signedIn, account: account, by: .account(account), from: client, at: now, detail: method))
        return (session, replacedOf)
    }

    func recordRefusal(
        _ challenge: Challenge, _ verdict: CodeVerdict, client: Client, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) {
        try transaction.recordAttempt(line(challenge.account, .refused, verdict.reason.rawValue, nil, client, now))
        try transaction.record(
            AuditEvent(
                .secondFactorFailed, account: challenge.account, by: .visitor, from: client, at: now, detail: verdict.reason.rawValue))
    }

    private func line(
        _ account: Account.ID, _ outcome: SignInAttempt.Outcome, _ reason: String, _ session: Session.ID?, _ client: Client,
        _ now: Timestamp
    ) -> SignInAttempt {
        SignInAttempt(
            at: now, account: account, outcome: outcome, reason: reason, client: client, session: session, random: random)
    }
}
