import Secrets
import Storage

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
    }

    enum Outcome: Sendable {
        case signedIn(NewSession)
        /// No such account, wrong password, not confirmed, closed: the answer never says which (LG-01).
        case wrongCredentials
        /// Too many passwords are being tried; this one was not.
        case busy
    }

    let store: any Store
    let desk: SessionDesk
    let hasher: PasswordHasher
    /// Recognises an address that has no account without keeping it.
    let identifiers: KeyRing.Authenticator
    let policies: SessionPolicies
    let random: Randomness

    func attempt(_ attempt: Attempt, now: Timestamp) async throws(StoreError) -> Outcome {
        guard !hasher.isFull else { return .busy }
        let known = try await store.read { (transaction) throws(StoreError) in
            let account = try transaction.account(email: attempt.email)
            return (account, try account.map { (account) throws(StoreError) in try transaction.groups(of: account.id) } ?? [])
        }
        guard let checked = try? await hasher.verify(attempt.password, against: known.0?.passwordHash) else { return .busy }
        guard let account = known.0, checked.matches, account.state == .active, let hash = account.passwordHash else {
            try await recordRefusal(attempt, of: known.0, now: now)
            return .wrongCredentials
        }
        let session = NewSession(
            account: account.id, policy: policies.policy(for: known.1), isKept: attempt.isKept, client: attempt.client, now: now,
            random: random)
        let replaced = attempt.replaced?.hash
        let record = record(attempt, .signedIn, "password", account: account.id, session: session.id, now: now)
        let isOpen = try await store.write { (transaction) throws(StoreError) in
            guard try transaction.noteSignIn(account.id, passwordHash: hash, rehashed: checked.rehashed, now: now) else { return false }
            if let replaced { _ = try transaction.endSession(tokenHash: replaced, now: now) }
            try transaction.openSession(session)
            try transaction.recordAttempt(record)
            try transaction.record(AuditEvent(.signedIn, account: account.id, by: .account(account.id), from: attempt.client, at: now))
            return true
        }
        if replaced != nil { desk.forget(account.id) }
        guard isOpen else {
            // Closed, or given another password, while this one was checked.
            try await recordRefusal(attempt, of: account, now: now)
            return .wrongCredentials
        }
        return .signedIn(session)
    }

    /// In a transaction of its own: nothing that fails later can undo it (LG-05).
    private func recordRefusal(_ attempt: Attempt, of account: Account?, now: Timestamp) async throws(StoreError) {
        let record = record(attempt, .refused, reason(for: account), account: account?.id, session: nil, now: now)
        try await store.write { (transaction) throws(StoreError) in
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
        _ attempt: Attempt, _ outcome: SignInAttempt.Outcome, _ reason: String, account: Account.ID?, session: Session.ID?, now: Timestamp
    ) -> SignInAttempt {
        // Always made, so that a known and an unknown address cost the same.
        let hash = identifiers.code(for: Array(attempt.email.key.utf8))
        return SignInAttempt(
            id: SignInAttempt.ID(now: now, random: random.bytes(10)), at: now, account: account,
            identifierHash: account == nil ? hash : nil, outcome: outcome, reason: reason, client: attempt.client, session: session)
    }
}
