import Secrets
import Storage

/// "Confirm it's you": a proof for a session that lives already.
struct StepUp: Sendable {
    enum Offer: Sendable {
        case factor(OfferedProof)
        case password(Secret<String>)
    }

    enum Outcome: Sendable {
        /// - Parameter token: under which a browser's session goes on (SE-02).
        case proved(token: SessionToken?)
        case refused(CodeVerdict)
        case wrongPassword
        case tooManyTries(TryRefusal)
        /// The password is not the strongest factor that the account holds.
        case factorNeeded
        /// There is no second factor that could be proved.
        case noFactor
        case busy
    }

    let store: any Store
    let desk: SessionDesk
    let passwords: PasswordCheck
    let check: FactorCheck
    let notices: FactorNotices
    let random: Randomness

    /// - Parameters:
    ///   - only: one authenticator whose code it must be; a recovery code does as well.
    ///   - renews: whether the session goes on under a new token: a browser's does, a program keeps the one it holds.
    func prove(
        _ offer: Offer, only: Authenticator.ID? = nil, renews: Bool, in session: LiveSession, client: Client, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        let token = renews ? SessionToken(random: random.bytes(Token.byteCount)) : nil
        let outcome =
            switch offer {
            case .factor(let proof): try await prove(proof, only: only, token, in: session, client: client, now: now)
            case .password(let text): try await prove(text, token, in: session, client: client, now: now)
            }
        if case .proved = outcome { desk.forget(session.account) }
        return outcome
    }

    private func prove(
        _ proof: OfferedProof, only: Authenticator.ID?, _ token: SessionToken?, in session: LiveSession, client: Client, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        let account = session.account
        guard let prepared = try await check.prepare(proof, of: account, for: .stepUp(session.id), only: only, now: now) else {
            return .busy
        }
        return try await store.write { (transaction) throws(StoreError) -> Outcome in
            guard try transaction.hasSecondFactor(account) else { return .noFactor }
            switch try transaction.settle(prepared, of: account, now: now) {
            case .refused(let verdict):
                try transaction.record(
                    AuditEvent(
                        .stepUpFailed, account: account, by: .account(account), from: client, at: now, detail: verdict.reason.rawValue))
                try notices.noteStop(of: account, after: verdict, in: transaction, now: now)
                return .refused(verdict)
            case .accepted(let means):
                let heldFor = try transaction.heldFor(session.id, of: account)
                guard try transaction.noteFactorProof(means, in: session.id, of: account, token: token, now: now) else {
                    return .refused(.wrong)
                }
                if let heldFor { try transaction.learnHeld(heldFor, by: client, of: account) }
                try transaction.noteSessionChange(of: account, now: now)
                try transaction.record(
                    AuditEvent(.steppedUp, account: account, by: .account(account), from: client, at: now, detail: proof.method))
                if means == .recoveryCode { try notices.noteRecoveryCode(of: account, client, in: transaction, now: now) }
                return .proved(token: token)
            }
        }
    }

    private func prove(
        _ text: Secret<String>, _ token: SessionToken?, in session: LiveSession, client: Client, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        let id = session.account
        let known = try await store.read { (transaction) throws(StoreError) in
            (account: try transaction.account(id), hasFactor: try transaction.hasSecondFactor(id))
        }
        guard !known.hasFactor else { return .factorNeeded }
        guard let password = try? Password(trying: text.exposed) else { return .wrongPassword }
        let isRight: Bool
        switch try await passwords.check(password, of: known.account, id, at: .session(session.id), client: client, now: now) {
        case .right: isRight = known.account?.state == .active
        case .wrong: isRight = false
        case .refused(let refusal): return .tooManyTries(refusal)
        case .busy: return .busy
        }
        return try await store.write { (transaction) throws(StoreError) -> Outcome in
            let isNoted =
                isRight ? try transaction.notePasswordProof(in: session.id, of: id, token: token, now: now) : false
            try transaction.record(
                AuditEvent(isNoted ? .steppedUp : .stepUpFailed, account: id, by: .account(id), from: client, at: now, detail: "password"))
            guard isNoted else { return .wrongPassword }
            try transaction.noteSessionChange(of: id, now: now)
            return .proved(token: token)
        }
    }
}
