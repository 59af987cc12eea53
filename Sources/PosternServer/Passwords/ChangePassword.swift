import Secrets
import Storage

/// Changes one's own password, with the current one and, where a second factor is held, a fresh proof of it.
struct ChangePassword: Sendable {
    enum Outcome: Sendable {
        /// All other sessions are ended.
        /// - Parameter token: under which a browser's session goes on (SE-02).
        case changed(token: SessionToken?)
        case wrongPassword
        case tooManyTries(TryRefusal)
        case stepUpNeeded
        case repeated(RepeatedPassword)
        /// The one in use must stay until then.
        case tooSoon(Timestamp)
        case busy
    }

    let store: any Store
    let desk: SessionDesk
    let hasher: PasswordHasher
    let check: PasswordCheck
    let previous: PreviousPasswords
    let followUp: BreachFollowUp
    let random: Randomness

    /// Whether a proof of the second factor is fresh enough to begin.
    func isProven(_ session: LiveSession, now: Timestamp) async throws(StoreError) -> Bool {
        try await store.read { (transaction) throws(StoreError) in try isProven(session, in: transaction, now: now) }
    }

    private func isProven(
        _ session: LiveSession, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Bool {
        // Without a second factor the current password is the proof.
        guard try transaction.hasSecondFactor(session.account) else { return true }
        return try transaction.isFreshlyProven(session.id, of: session.account, now: now)
    }

    /// - Parameter renews: whether the session goes on under a new token: a browser's does, a program keeps the one it holds.
    func change(
        from current: Password, to password: ChosenPassword, renews: Bool, in session: LiveSession, client: Client, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        let id = session.account
        let account = try await store.read { (transaction) throws(StoreError) in try transaction.account(id) }
        switch try await check.check(current, of: account, id, at: .session(session.id), client: client, now: now) {
        case .right: break
        case .wrong: return .wrongPassword
        case .refused(let refusal): return .tooManyTries(refusal)
        case .busy: return .busy
        }
        guard let account, let setAt = account.passwordSetAt else { return .wrongPassword }
        let (groups, isStolen) = try await store.read { (transaction) throws(StoreError) in
            (try transaction.groups(of: id), try transaction.breachFinding(of: id) != nil)
        }
        let rules = previous.policy.rules(for: groups)
        // What is asked for, or known to others, may go at any time.
        if let age = rules.minimumAge, account.passwordChangeRequiredAt == nil, !isStolen, setAt + age > now {
            return .tooSoon(setAt + age)
        }
        switch try await previous.check(password.password, against: account, groups: groups) {
        case .new: break
        case .repeated(let password): return .repeated(password)
        case .busy: return .busy
        }
        guard let hash = try? await hasher.hash(password.password) else { return .busy }
        let token = renews ? SessionToken(random: random.bytes(Token.byteCount)) : nil
        let outcome = try await store.write { (transaction) throws(StoreError) -> Outcome in
            guard try isProven(session, in: transaction, now: now) else { return .stepUpNeeded }
            guard try transaction.replacePassword(of: id, setAt: setAt, with: hash, keeping: session.id, history: rules.history, now: now),
                try transaction.notePasswordProof(in: session.id, of: id, token: token, now: now)
            else { return .wrongPassword }
            // It goes on, so it is no stranger.
            if let mark = client.mark { try transaction.knowBrowser(mark, of: id, now: now) }
            try followUp.follow(password, of: id, setAt: now, in: transaction)
            try transaction.record(AuditEvent(.passwordChanged, account: id, by: .account(id), from: client, at: now))
            try followUp.tellOfChange(of: id, in: transaction, now: now)
            return .changed(token: token)
        }
        desk.forget(id)
        return outcome
    }
}
