import OneTimePassword
import Secrets
import Storage

/// Adds an authenticator app: begin shows its secret once, and only a right code makes it count (TO-08).
struct EnrolAuthenticator: Sendable {
    /// Who adds one: somebody signed in, or somebody whose sign-in waits for it.
    enum Person: Sendable {
        case session(LiveSession)
        case challenge(Challenge, email: String)

        var account: Account.ID {
            switch self {
            case .session(let session): session.account
            case .challenge(let challenge, _): challenge.account
            }
        }

        var email: String {
            switch self {
            case .session(let session): session.email
            case .challenge(_, let email): email
            }
        }
    }

    /// What is shown once.
    struct Pending: Sendable {
        let id: Authenticator.ID
        let name: String
        let uri: OTPAuthURI
        let expiresAt: Timestamp
    }

    /// What becomes of recovery codes, which are made with the first factor.
    enum Codes: Sendable {
        /// They count from now on.
        case atOnce
        /// They count once the person says that they are saved.
        case onceSaved
    }

    enum Beginning: Sendable { case pending(Pending), nameInvalid, tooMany, stepUpNeeded }

    enum Confirmation: Sendable {
        /// - Parameters:
        ///   - codes: recovery codes, made with the first factor.
        ///   - session: where a sign-in waited for this.
        ///   - token: under which a browser's session goes on (SE-02).
        case confirmed(codes: NewRecoverySet?, session: NewSession?, token: SessionToken?)
        case wrongCode
        /// It waited longer than ten minutes, or another was begun since.
        case gone
        case busy
    }

    let store: any Store
    let desk: SessionDesk
    let hasher: PasswordHasher
    let keys: KeyRingHolder
    let completion: SignInCompletion
    let notices: FactorNotices
    let issuer: String
    let random: Randomness

    func begin(_ name: String, for person: Person, now: Timestamp) async throws(StoreError) -> Beginning {
        guard let name = Authenticator.name(name) else { return .nameInvalid }
        let secret = random.bytes(Authenticator.secretBytes)
        let id = Authenticator.ID(now: now, random: random.bytes(10))
        let sealed = keys.current.seal(secret, at: Authenticator.place(of: id), nonce: random.bytes(12))
        return try await store.write { (transaction) throws(StoreError) in
            try transaction.lockFactors(of: person.account)
            guard try isProven(person, begunAt: now, in: transaction, now: now) else { return .stepUpNeeded }
            guard try transaction.addPendingAuthenticator(id, named: name, sealed: sealed, of: person.account, now: now) else {
                return .tooMany
            }
            return .pending(
                Pending(
                    id: id, name: name, uri: OTPAuthURI(issuer: issuer, account: person.email, secret: secret),
                    expiresAt: now + Authenticator.pendingLifetime))
        }
    }

    /// - Parameters:
    ///   - name: another than the one it was begun with; nil to keep that.
    ///   - renews: whether the session goes on under a new token.
    func confirm(
        _ id: Authenticator.ID, code: Secret<String>, name: String? = nil, for person: Person, codes making: Codes, renews: Bool = false,
        client: Client,
        replaced: SessionToken?, now: Timestamp
    ) async throws(StoreError) -> Confirmation {
        let account = person.account
        let known = try await store.read { (transaction) throws(StoreError) in
            (
                pending: try transaction.pendingAuthenticator(id, of: account, now: now),
                hasCodes: try transaction.recoverySet(of: account) != nil
            )
        }
        guard let pending = known.pending, let secret = try? keys.open(pending.sealed, at: Authenticator.place(of: id)) else {
            return .gone
        }
        let seconds = now.secondsSinceEpoch
        let password = OneTimePassword.standard
        guard let typed = OneTimePassword.Code(code.exposed),
            let step = password.matchingStep(of: typed, secret: secret.exposed, around: password.step(at: seconds), reach: 1)
        else { return .wrongCode }
        let codes: NewRecoverySet?
        do {
            codes = known.hasCodes ? nil : try await NewRecoverySet(hasher: hasher, now: now, random: random)
        } catch {
            return .busy
        }
        let new = Confirmed(
            id: id, name: name.flatMap(Authenticator.name) ?? pending.name, begunAt: pending.createdAt, step: step,
            clock: AuthenticatorClock().accepting(step: step, at: seconds), codes: codes, making: making,
            token: renews ? SessionToken(random: random.bytes(Token.byteCount)) : nil)
        let outcome = try await store.write { (transaction) throws(StoreError) in
            try conclude(new, for: person, client: client, replaced: replaced, in: transaction, now: now)
        }
        desk.forget(account)
        if let replacedOf = outcome.replacedOf { desk.forget(replacedOf) }
        return outcome.0
    }

    /// A key whose first code was right.
    private struct Confirmed {
        let id: Authenticator.ID
        let name: String
        let begunAt: Timestamp
        let step: Int64
        let clock: AuthenticatorClock
        let codes: NewRecoverySet?
        let making: Codes
        let token: SessionToken?
    }

    private func conclude(
        _ new: Confirmed, for person: Person, client: Client, replaced: SessionToken?, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> (Confirmation, replacedOf: Account.ID?) {
        let account = person.account
        try transaction.lockFactors(of: account)
        // The proof was asked for when this was begun, and must still stand: the session may have ended, or another factor come.
        guard try isProven(person, begunAt: new.begunAt, in: transaction, now: now),
            try transaction.confirmAuthenticator(new.id, of: account, step: new.step, clock: new.clock, now: now)
        else { return (.gone, nil) }
        let opened = try settle(person, new, client: client, replaced: replaced, in: transaction, now: now)
        if case .challenge = person, opened == nil {
            // The account was closed, or given another password meanwhile.
            _ = try transaction.removeAuthenticator(new.id, of: account)
            return (.gone, nil)
        }
        _ = try transaction.renameAuthenticator(new.id, of: account, to: new.name)
        func record(_ kind: AuditEvent.Kind, _ detail: String) throws(StoreError) {
            try transaction.record(AuditEvent(kind, account: account, by: .account(account), from: client, at: now, detail: detail))
        }
        if let codes = new.codes {
            try transaction.addRecoverySet(codes, of: account, now: now)
            if new.making == .atOnce, try transaction.useRecoverySet(codes.set.id, of: account) {
                try record(.recoveryCodesMade, "\(codes.codes.count)")
            }
        }
        try transaction.endTrust(of: account)
        // What was half made without the new factor is over.
        try transaction.endChallenges(of: account)
        try record(.authenticatorAdded, new.id.description)
        try transaction.send(
            notices.notice(.authenticatorAdded(name: new.name), to: person.email, now: now), of: account)
        return (.confirmed(codes: new.codes, session: opened?.0, token: new.token), opened?.replacedOf)
    }

    /// The code just typed is a proof: for this session, or for the sign-in that waited.
    private func settle(
        _ person: Person, _ new: Confirmed, client: Client, replaced: SessionToken?, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> (NewSession, replacedOf: Account.ID?)? {
        switch person {
        case .session(let session):
            _ = try transaction.noteFactorProof(.authenticator(new.id), in: session.id, of: session.account, token: new.token, now: now)
            try transaction.noteSessionChange(of: session.account, now: now)
            return nil
        case .challenge(let challenge, _):
            return try completion.open(
                challenge, .authenticator(new.id), client: client, replaced: replaced, in: transaction, now: now)
        }
    }

    /// Adding a factor needs a proof of minutes ago, by the strongest factor there is. A challenge is one: its password was just checked.
    /// - Parameter begunAt: when it had to be fresh.
    private func isProven(
        _ person: Person, begunAt: Timestamp, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Bool {
        switch person {
        case .session(let session):
            let hasFactor = try transaction.hasSecondFactor(session.account)
            return try transaction.proof(of: session.id, account: session.account)?.isFresh(hasFactor: hasFactor, now: begunAt) ?? false
        case .challenge(let challenge, _):
            // Only where there is none yet: a half-made sign-in must not add a second one beside the one it can't prove.
            guard challenge.mustEnrol, try !transaction.hasSecondFactor(challenge.account) else { return false }
            return try transaction.challenge(tokenHash: challenge.tokenHash, now: now) != nil
        }
    }
}
