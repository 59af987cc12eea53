import Secrets
import Storage
import UnusualSignIns

/// Tries to sign a person in with address and password. Refusals are outcomes, not errors, and all alike.
struct SignIn: Sendable {
    struct Attempt: Sendable {
        let email: EmailAddress
        let password: Password
        /// "Keep me signed in".
        let isKept: Bool
        let client: Client
        /// The session this browser held before: it ends with the sign-in (SE-02).
        let replaced: SessionToken?
        /// What says that this browser needn't be asked for a second factor.
        var trust: Token?
    }

    enum Outcome: Sendable {
        /// - Parameter enrolBy: until when a second factor must be added, where a group asks for one and there is none.
        case signedIn(NewSession, enrolBy: Timestamp?)
        /// The password was right. A session comes of it once a second factor is proved, or added where there is none.
        case secondFactorNeeded(NewChallenge)
        /// The password was right and there is no second factor: a session comes of it once another password is chosen.
        case changeNeeded(NewChallenge)
        /// The password was right, and opens nothing any more: a link to choose another was mailed, and nobody is signed in.
        case changeMailed(ChangeCause)
        /// No such account, wrong password, not confirmed, closed: the answer never says which (LG-01).
        case wrongCredentials
        /// The password was right, and a group's rules let nobody in like this: the owner was mailed, and can say that it was them.
        case unusual
        /// Too many were tried; this one was not.
        case refused(TryRefusal)
        /// Too many passwords are being tried; this one was not.
        case busy
    }

    enum ChangeCause: String, Sendable {
        case stolen = "stolen-password", expired = "expired-password", required = "change-required"

        init(_ due: PasswordDue) { self = due.cause == .expired ? .expired : .required }
    }

    let store: any Store
    let desk: SessionDesk
    let hasher: PasswordHasher
    /// Recognises an address that has no account without keeping it.
    let identifiers: KeyRing.Authenticator
    let tries: PasswordTries
    let policies: SessionPolicies
    let secondFactors: SecondFactorPolicy
    /// Nil where passwords aren't held against lists at each sign-in.
    let breaches: BreachAtSignIn?
    let calendar: PasswordCalendar
    let unusual: UnusualPolicy
    let links: PasswordResetLinks
    let random: Randomness

    func attempt(_ attempt: Attempt, now: Timestamp) async throws(StoreError) -> Outcome {
        guard !hasher.isFull else { return .busy }
        // From the look-up to the hash to the write without going back to the connection's thread in between.
        return try await hasher.chaining { () throws(StoreError) in try await check(attempt, now: now) }
    }

    private func check(_ attempt: Attempt, now: Timestamp) async throws(StoreError) -> Outcome {
        // Counted before it is tried, in a transaction of its own (LG-04, LG-05).
        let (known, verdict) = try await store.write { (transaction) throws(StoreError) in
            let account = try transaction.account(email: attempt.email)
            let tried = TriedAccount(account?.id, email: attempt.email, identifiers: identifiers)
            return (account, try tries.begin(tried, at: .signIn, client: attempt.client, in: transaction, now: now))
        }
        let ticket: PasswordTries.Ticket
        switch verdict {
        case .mayTry(let counted): ticket = counted
        case .refused(let refusal): return .refused(refusal)
        }
        guard let checked = try? await hasher.verify(attempt.password, against: known?.passwordHash) else {
            // Nobody waits for that: in a flood the answer must come at once. What isn't given back counts as a wrong one.
            Task { [store, tries] in
                try? await store.write { (transaction) throws(StoreError) in try tries.giveBack(ticket, in: transaction, now: now) }
            }
            return .busy
        }
        guard let account = known, checked.matches, account.state == .active, let hash = account.passwordHash else {
            try await recordRefusal(attempt, of: known, ticket, now: now)
            return .wrongCredentials
        }
        guard let opened = try await open(attempt, account, hash, ticket, rehashed: checked.rehashed, now: now) else {
            // Closed, blocked by hand, or given another password while this one was checked.
            try await recordRefusal(attempt, of: account, ticket, now: now)
            return .wrongCredentials
        }
        return opened
    }

    /// - Returns: nil when the account changed meanwhile.
    private func open(
        _ attempt: Attempt, _ account: Account, _ hash: String, _ ticket: PasswordTries.Ticket, rehashed: String?, now: Timestamp
    ) async throws(StoreError) -> Outcome? {
        let finding = breaches?.finding(for: attempt.password) ?? .nothing
        let opened = try await store.write { (transaction) throws(StoreError) -> (Outcome, replacedOf: Account.ID?)? in
            // Like a closed account: the answer doesn't tell.
            guard try !transaction.isBlockedByHand(account.id, now: now) else { return nil }
            // Where no group has a policy of its own, nobody needs to be asked for theirs.
            let isOfGroups = !policies.ofGroups.isEmpty || !secondFactors.required.isEmpty || unusual.actsAtOnce
            let groups = isOfGroups ? try transaction.groups(of: account.id) : []
            var step = try secondStep(of: attempt, account.id, groups, in: transaction, now: now)
            let measure = try unusual.measureAtOnce(of: account.id, groups, attempt.client, in: transaction, now: now)
            if measure == .ask, step == .trusted { step = .needed }
            let change = try change(for: account, finding, in: transaction, now: now)
            if change == .afterFactor { step = .needed }
            let isOpen = change == .none && step != .needed && step != .enrolment && measure != .end
            let signedInAt = isOpen ? now : nil
            guard try transaction.notePassword(of: account.id, passwordHash: hash, rehashed: rehashed, signedInAt: signedInAt) else {
                return nil
            }
            try tries.succeeded(ticket, in: transaction, now: now)
            if measure == .end {
                try transaction.recordAttempt(record(attempt, .refused, "unusual-sign-in", account: account.id, ticket, now: now))
                try transaction.record(
                    AuditEvent(.signInFailed, account: account.id, by: .visitor, from: attempt.client, at: now, detail: "unusual-sign-in"))
                return (.unusual, nil)
            }
            if case .mailed(let cause) = change {
                try sendLink(to: account, client: attempt.client, in: transaction, now: now)
                try transaction.recordAttempt(record(attempt, .refused, cause.rawValue, account: account.id, ticket, now: now))
                return (.changeMailed(cause), nil)
            }
            if change == .here {
                let challenge = try openChallenge(
                    attempt, account, ticket, mustEnrol: step == .enrolment, change: .password, in: transaction, now: now)
                return (.changeNeeded(challenge), nil)
            }
            switch step {
            case .needed, .enrolment:
                let challenge = try openChallenge(
                    attempt, account, ticket, mustEnrol: step == .enrolment, change: nil, in: transaction, now: now)
                return (.secondFactorNeeded(challenge), nil)
            case .none, .trusted, .enrolmentDue:
                let (session, replacedOf) = try openSession(attempt, account.id, groups, ticket, in: transaction, now: now)
                if case .enrolmentDue(let time) = step { return (.signedIn(session, enrolBy: time), replacedOf) }
                return (.signedIn(session, enrolBy: nil), replacedOf)
            }
        }
        if let replacedOf = opened?.replacedOf { desk.forget(replacedOf) }
        return opened?.0
    }

    /// What becomes of a password that is right and has to go.
    private enum Change: Equatable {
        case none, here, afterFactor
        case mailed(ChangeCause)
    }

    private func change(
        for account: Account, _ finding: BreachAtSignIn.Finding, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Change {
        var change = Change.none
        if let due = try calendar.due(account, in: transaction, now: now) {
            let hasFactor = try transaction.hasSecondFactor(account.id)
            change = !due.mayChangeHere(hasFactor: hasFactor, now: now) ? .mailed(ChangeCause(due)) : hasFactor ? .afterFactor : .here
        }
        if let breaches, try breaches.refuses(finding, of: account, in: transaction, now: now) {
            let hasFactor = try transaction.hasSecondFactor(account.id)
            change = breaches.policy == .change && hasFactor ? .afterFactor : .mailed(.stolen)
        }
        return change
    }

    private func openChallenge(
        _ attempt: Attempt, _ account: Account, _ ticket: PasswordTries.Ticket, mustEnrol: Bool, change: Challenge.Proved?,
        in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> NewChallenge {
        let challenge = NewChallenge(
            token: Token(random: random.bytes(Token.byteCount)), account: account.id, passwordSetAt: account.passwordSetAt ?? now,
            mustEnrol: mustEnrol, isKept: attempt.isKept, expiresAt: now + NewChallenge.lifetime, changeAfter: change)
        try transaction.openChallenge(challenge)
        let number = try transaction.recordAttempt(record(attempt, .challenged, "password", account: account.id, ticket, now: now))
        try transaction.noteHalfWay(
            number, of: account.id, challenge: challenge.token.hash(for: NewChallenge.purpose), isKnownBrowser: ticket.isByKnownBrowser,
            dueAt: now + SettleAttempts.patience)
        try transaction.record(AuditEvent(.challenged, account: account.id, by: .account(account.id), from: attempt.client, at: now))
        return challenge
    }

    /// Mails the owner a link, as often as anybody may ask for one. Who holds only the password can't choose the next.
    private func sendLink(
        to account: Account, client: Client, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) {
        guard let email = EmailAddress(account.email), try transaction.allowPasswordResetMail(to: email, now: now) else { return }
        try links.send(links.make(), to: account, client: client, in: transaction, now: now)
    }

    private enum SecondStep: Equatable {
        case none, trusted, needed
        /// A group asks for one, and there is none: at once, or by then.
        case enrolment, enrolmentDue(Timestamp)
    }

    private func secondStep(
        of attempt: Attempt, _ account: Account.ID, _ groups: [String], in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> SecondStep {
        if try transaction.hasSecondFactor(account) {
            guard secondFactors.trust != nil, let trust = attempt.trust else { return .needed }
            return try transaction.isTrusted(tokenHash: trust.hash(for: NewTrust.purpose), by: account, now: now) ? .trusted : .needed
        }
        guard let requirement = secondFactors.requirement(for: groups) else { return .none }
        let due = try transaction.secondFactorRequiredSince(account, now: now) + requirement.grace
        return due > now ? .enrolmentDue(due) : .enrolment
    }

    private func openSession(
        _ attempt: Attempt, _ account: Account.ID, _ groups: [String], _ ticket: PasswordTries.Ticket,
        in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> (NewSession, replacedOf: Account.ID?) {
        let session = NewSession(
            account: account, policy: policies.policy(for: groups), isKept: attempt.isKept, client: attempt.client, now: now, random: random
        )
        let replacedOf = try attempt.replaced.flatMap { (token) throws(StoreError) in
            try transaction.endSession(tokenHash: token.hash, now: now)
        }
        try transaction.openSession(session)
        if let mark = attempt.client.mark { try transaction.knowBrowser(mark, of: account, now: now) }
        try transaction.recordAttempt(record(attempt, .signedIn, "password", account: account, ticket, session: session.id, now: now))
        try transaction.record(AuditEvent(.signedIn, account: account, by: .account(account), from: attempt.client, at: now))
        return (session, replacedOf)
    }

    /// In a transaction of its own: nothing that fails later can undo it (LG-05).
    private func recordRefusal(
        _ attempt: Attempt, of account: Account?, _ ticket: PasswordTries.Ticket, now: Timestamp
    ) async throws(StoreError) {
        let record = record(attempt, .refused, reason(for: account), account: account?.id, ticket, now: now)
        try await store.write { (transaction) throws(StoreError) in
            try tries.failed(ticket, client: attempt.client, in: transaction, now: now)
            try transaction.recordAttempt(record)
            try transaction.record(
                AuditEvent(.signInFailed, account: record.account, by: .visitor, from: attempt.client, at: now, detail: record.reason))
        }
    }

    /// For the record only.
    private func reason(for account: Account?) -> String {
        switch account?.state {
        case nil: "unknown-address"
        case .unconfirmed: "not-confirmed"
        case .disabled: "closed"
        case .active: "wrong-password"
        }
    }

    private func record(
        _ attempt: Attempt, _ outcome: SignInAttempt.Outcome, _ reason: String, account: Account.ID?, _ ticket: PasswordTries.Ticket,
        session: Session.ID? = nil, now: Timestamp
    ) -> SignInAttempt {
        SignInAttempt(
            at: now, account: account, identifier: account == nil ? ticket.account.key : nil, outcome: outcome, reason: reason,
            client: attempt.client, session: session, isSpared: ticket.isByKnownBrowser, random: random)
    }
}
