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
        /// Made later, where they can be shown.
        case later
    }

    enum Beginning: Sendable { case pending(Pending), nameInvalid, tooMany, stepUpNeeded }

    enum Confirmation: Sendable {
        /// - Parameters:
        ///   - codes: recovery codes, made with the first factor.
        ///   - session: where a sign-in waited for this.
        case confirmed(codes: NewRecoverySet?, session: NewSession?)
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
            guard try isProven(person, in: transaction, now: now) else { return .stepUpNeeded }
            guard try transaction.addPendingAuthenticator(id, named: name, sealed: sealed, of: person.account, now: now) else {
                return .tooMany
            }
            return .pending(
                Pending(
                    id: id, name: name, uri: OTPAuthURI(issuer: issuer, account: person.email, secret: secret),
                    expiresAt: now + Authenticator.pendingLifetime))
        }
    }

    /// - Parameter name: another than the one it was begun with; nil to keep that.
    func confirm(
        _ id: Authenticator.ID, code: Secret<String>, name: String? = nil, for person: Person, codes making: Codes, client: Client,
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
            codes = known.hasCodes || making == .later ? nil : try await NewRecoverySet(hasher: hasher, now: now, random: random)
        } catch {
            return .busy
        }
        let clock = AuthenticatorClock().accepting(step: step, at: seconds)
        let name = name.flatMap(Authenticator.name) ?? pending.name
        let notice = notices.job(.authenticatorAdded(name: name), to: person.email, now: now)
        let outcome = try await store.write { (transaction) throws(StoreError) -> (Confirmation, replacedOf: Account.ID?) in
            // A session's proof was asked for when this was begun; a sign-in that waits must still be one.
            if case .challenge = person, try !isProven(person, in: transaction, now: now) { return (.gone, nil) }
            guard try transaction.confirmAuthenticator(id, of: account, step: step, clock: clock, now: now) else { return (.gone, nil) }
            let opened = try settle(person, id, client: client, replaced: replaced, in: transaction, now: now)
            if case .challenge = person, opened == nil {
                // The account was closed, or given another password meanwhile.
                _ = try transaction.removeAuthenticator(id, of: account)
                return (.gone, nil)
            }
            if name != pending.name { _ = try transaction.renameAuthenticator(id, of: account, to: name) }
            if let codes {
                try transaction.addRecoverySet(codes, of: account, now: now)
                if making == .atOnce, try transaction.useRecoverySet(codes.set.id, of: account) {
                    try transaction.record(
                        AuditEvent(
                            .recoveryCodesMade, account: account, by: .account(account), from: client, at: now,
                            detail: "\(codes.codes.count)"))
                }
            }
            try transaction.endTrust(of: account)
            try transaction.record(
                AuditEvent(.authenticatorAdded, account: account, by: .account(account), from: client, at: now, detail: id.description))
            if let notice { try transaction.enqueue(notice) }
            return (.confirmed(codes: codes, session: opened?.0), opened?.replacedOf)
        }
        desk.forget(account)
        if let replacedOf = outcome.replacedOf { desk.forget(replacedOf) }
        return outcome.0
    }

    /// The code just typed is a proof: for this session, or for the sign-in that waited.
    private func settle(
        _ person: Person, _ id: Authenticator.ID, client: Client, replaced: SessionToken?, in transaction: borrowing Transaction,
        now: Timestamp
    ) throws(StoreError) -> (NewSession, replacedOf: Account.ID?)? {
        switch person {
        case .session(let session):
            _ = try transaction.noteFactorProof(.authenticator(id), in: session.id, of: session.account, now: now)
            try transaction.noteSessionChange(of: session.account, now: now)
            return nil
        case .challenge(let challenge, _):
            return try completion.open(
                challenge, .authenticator(id), client: client, replaced: replaced, in: transaction, now: now)
        }
    }

    /// Adding a factor needs a proof of minutes ago, by the strongest factor there is. A challenge is one: its password was just checked.
    private func isProven(_ person: Person, in transaction: borrowing Transaction, now: Timestamp) throws(StoreError) -> Bool {
        switch person {
        case .session(let session):
            let hasFactor = try transaction.hasSecondFactor(session.account)
            return try transaction.proof(of: session.id, account: session.account)?.isFresh(hasFactor: hasFactor, now: now) ?? false
        case .challenge(let challenge, _):
            // Only where there is none yet: a half-made sign-in must not add a second one beside the one it can't prove.
            guard challenge.mustEnrol, try !transaction.hasSecondFactor(challenge.account) else { return false }
            return try transaction.challenge(tokenHash: challenge.tokenHash, now: now) != nil
        }
    }
}
