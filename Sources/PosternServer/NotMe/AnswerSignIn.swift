import Secrets
import Storage

/// What an account's owner says of a sign-in, by a mailed link: that it was them, or that it wasn't. Neither needs a sign-in, and neither
/// signs in.
struct AnswerSignIn: Sendable {
    /// What the page that asks shows.
    struct View: Sendable {
        let link: SignInLink
        /// Nil once it is no longer kept.
        let attempt: KeptAttempt?
        let place: ShownPlace
    }

    enum Outcome: Equatable, Sendable {
        /// What was done, a sentence each.
        case secured([String])
        case learnt
        /// It was answered like that already.
        case answered
        /// Too old, or never ours.
        case linkInvalid
    }

    let store: any Store
    let desk: SessionDesk
    let notices: Notices
    let mails: NotMeMail
    let links: PasswordResetLinks
    let random: Randomness

    func view(of token: Token, now: Timestamp) async throws(StoreError) -> View? {
        let hash = token.hash(for: SignInLink.purpose)
        return try await store.read { (transaction) throws(StoreError) in
            guard let link = try transaction.signInLink(tokenHash: hash, now: now) else { return nil }
            var reader = AttemptReader()
            let attempt = try transaction.attempt(link.number, &reader)
            return View(link: link, attempt: attempt, place: try transaction.shownPlace(attempt?.place, network: attempt?.network))
        }
    }

    /// "Yes, this was me": what it came from is known from now on.
    func wasMe(_ token: Token, client: Client, now: Timestamp) async throws(StoreError) -> Outcome {
        let hash = token.hash(for: SignInLink.purpose)
        return try await store.write { (transaction) throws(StoreError) in
            guard let link = try transaction.signInLink(tokenHash: hash, now: now) else { return .linkInvalid }
            guard try transaction.answer(tokenHash: hash, .wasMe, now: now) else { return .answered }
            var reader = AttemptReader()
            if let attempt = try transaction.attempt(link.number, &reader) {
                try transaction.learnAttempt(attempt, mark: link.mark, of: link.account)
            }
            try transaction.record(AuditEvent(.saidWasMe, account: link.account, by: .visitor, from: client, at: now))
            return .learnt
        }
    }

    /// "This wasn't me": everything that whoever it was may have got hold of is taken away.
    func notMe(_ token: Token, client: Client, now: Timestamp) async throws(StoreError) -> Outcome {
        let hash = token.hash(for: SignInLink.purpose)
        let done = try await store.write { (transaction) throws(StoreError) -> (Outcome, Account.ID?) in
            guard let link = try transaction.signInLink(tokenHash: hash, now: now) else { return (.linkInvalid, nil) }
            guard let before = try transaction.lockedAccounts(link.account, and: nil).first(where: { $0.id == link.account })
            else { return (.linkInvalid, nil) }
            guard try transaction.answer(tokenHash: hash, .notMe, now: now) else { return (.answered, nil) }
            // Who said that it was them may have added factors since, as its owner.
            let dispute = Dispute(number: link.number, email: link.email, removesFactors: link.answer != .wasMe)
            let (outcome, done) = try conclude(before, dispute, by: .visitor, client: client, in: transaction, now: now)
            try transaction.noteDone(tokenHash: hash, done)
            return (outcome, link.account)
        }
        if let account = done.1 { desk.forget(account) }
        return done.0
    }

    /// How far back somebody who is signed in may say so.
    static let longestAgo = Duration.seconds(30 * 86_400)

    /// The same, said by somebody who is signed in and looks at the history. Factors are removed only where they were proved just now: a
    /// session alone takes no second factor away.
    func notMe(
        _ number: SignInAttempt.Number, in session: LiveSession, client: Client, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        let id = session.account
        let outcome = try await store.write { (transaction) throws(StoreError) -> Outcome in
            var reader = AttemptReader()
            guard number.at > now - Self.longestAgo, let attempt = try transaction.attempt(number, &reader), attempt.account == id,
                attempt.outcome != .refused, let before = try transaction.lockedAccounts(id, and: nil).first(where: { $0.id == id })
            else { return .linkInvalid }
            let dispute = Dispute(
                number: number, email: try transaction.email(of: id, at: number.at) ?? before.email,
                removesFactors: try transaction.isFreshlyProven(session.id, of: id, now: now))
            return try conclude(before, dispute, by: .account(id), client: client, in: transaction, now: now).outcome
        }
        desk.forget(id)
        return outcome
    }

    /// What somebody says wasn't them.
    private struct Dispute {
        let number: SignInAttempt.Number
        /// The address that the account had then.
        let email: String
        let removesFactors: Bool
    }

    /// Secures the account, tells of it and opens a case.
    private func conclude(
        _ before: Account, _ dispute: Dispute, by actor: AuditEvent.Actor, client: Client, in transaction: borrowing Transaction,
        now: Timestamp
    ) throws(StoreError) -> (outcome: Outcome, done: String) {
        let secured = try secure(before, dispute, in: transaction, now: now)
        try transaction.openCase(
            SignInCase.ID(now: now, random: random.bytes(10)), dispute.number, of: before.id, done: secured.text, now: now)
        try transaction.record(AuditEvent(.saidNotMe, account: before.id, by: actor, from: client, at: now))
        // An address that may be a thief's is mailed nothing: an administrator must help.
        if !secured.emailIsTaken, let account = try transaction.account(before.id) {
            if let email = EmailAddress(account.email) {
                try transaction.send(notices.make(mails.secured(secured, at: dispute.number.at, to: email), now: now), of: account.id)
            }
            try links.send(links.make(), to: account, client: client, in: transaction, now: now)
        }
        return (.secured(secured.sentences), secured.text)
    }

    private func secure(
        _ account: Account, _ dispute: Dispute, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Secured {
        let id = account.id
        // The same browser at the same address may have been in before.
        let number = try transaction.firstOfItsKind(dispute.number, of: id, since: dispute.number.at - SignInLink.lifetime)
        var secured = Secured()
        try transaction.lockFactors(of: id)
        _ = try transaction.lockPassword(of: id, now: now)
        secured.sessions = try transaction.endSessions(of: id, except: nil, now: now)
        try transaction.endChallenges(of: id)
        try transaction.endTrust(of: id)
        try transaction.forgetBrowsers(of: id)
        try transaction.unlearn(of: id, since: number)
        // Links of later sign-ins may have been mailed to whoever it was.
        try transaction.voidSignInLinks(of: id, after: dispute.number)
        if dispute.removesFactors { try removeFactors(of: id, since: number.at, &secured, in: transaction) }
        try transaction.endEmailChange(of: id)
        if account.email != dispute.email, let email = EmailAddress(dispute.email) {
            try transaction.removeUnconfirmed(email)
            let holder = try transaction.account(email: email)
            if holder == nil || holder?.id == id {
                if try transaction.restoreEmail(of: id, to: email) { secured.email = email.address }
            } else {
                secured.emailIsTaken = true
            }
        }
        secured.keptFromDeletion = try transaction.removeLeaving(id)
        try transaction.voidUnlockLink(of: id)
        secured.invited =
            try transaction.invitations(by: id, now: now) + transaction.organizationInvitations(by: id, since: number.at)
        secured.keys = try transaction.endKeys(of: .account(id), .revoked, now: now)
        secured.organizationKeys = try transaction.organizationKeys(madeBy: id, since: number.at)
            .map { "\($0.key.terms.name) of \($0.slug), …\($0.key.lastFour)" }
        return secured
    }

    private func removeFactors(
        of id: Account.ID, since: Timestamp, _ secured: inout Secured, in transaction: borrowing Transaction
    ) throws(StoreError) {
        secured.authenticators = try transaction.removeAuthenticators(of: id, addedSince: since)
        secured.phones = try transaction.removePhones(of: id, addedSince: since)
        secured.madeCodesVoid = try transaction.removeRecoverySets(of: id, madeSince: since)
        // What a code was asked for with is gone; and codes alone are no second factor.
        try transaction.endWishes(of: id)
        let hasFactor = try transaction.hasSecondFactor(id)
        if secured.authenticators + secured.phones > 0, !hasFactor { _ = try transaction.removeAllFactors(of: id) }
    }
}

/// Looks after what people said wasn't them.
struct CloseCase: Sendable {
    enum Outcome: Equatable, Sendable { case closed, noSuchCase }

    let store: any Store

    func close(_ id: SignInCase.ID, by session: LiveSession, client: Client, now: Timestamp) async throws(StoreError) -> Outcome {
        try await store.write { (transaction) throws(StoreError) in
            guard try transaction.closeCase(id, by: session.account, now: now) else { return .noSuchCase }
            try transaction.record(
                AuditEvent(.caseClosed, account: nil, by: .account(session.account), from: client, at: now, detail: id.description))
            return .closed
        }
    }
}
