import Secrets
import Storage

/// Makes recovery codes, puts them to use, and checks one without spending it.
struct RecoveryCodes: Sendable {
    enum Outcome: Sendable {
        case made(NewRecoverySet)
        case stepUpNeeded
        /// Only with a first factor: codes in its place would be no second one.
        case noFactor
        case busy
    }

    enum Use: Equatable, Sendable { case inUse, noSuchSet, stepUpNeeded }

    enum Check: Equatable, Sendable { case good, notGood, busy }

    let store: any Store
    let hasher: PasswordHasher
    let notices: FactorNotices
    let random: Randomness

    /// - Parameter atOnce: whether they replace the old ones now, or when ``use(_:in:client:now:)`` says that they are kept somewhere.
    func make(in session: LiveSession, atOnce: Bool, client: Client, now: Timestamp) async throws(StoreError) -> Outcome {
        let account = session.account
        let (refusal, proof) = try await store.read { (transaction) throws(StoreError) in
            (try Self.refusal(session, in: transaction, now: now), try transaction.proof(of: session.id, account: account))
        }
        if let refusal { return refusal }
        guard let made = try? await NewRecoverySet(hasher: hasher, madeBy: proof?.factor?.text, now: now, random: random) else {
            return .busy
        }
        let notice = notices.notice(.recoveryCodesMade, to: session.email, now: now)
        return try await store.write { (transaction) throws(StoreError) -> Outcome in
            // Once more: the session may have ended, or the factor gone, while ten codes were hashed.
            try transaction.lockFactors(of: account)
            if let refusal = try Self.refusal(session, in: transaction, now: now) { return refusal }
            try transaction.addRecoverySet(made, of: account, now: now)
            guard atOnce, try transaction.useRecoverySet(made.set.id, of: account) else { return .made(made) }
            try transaction.endTrust(of: account)
            try transaction.record(
                AuditEvent(
                    .recoveryCodesMade, account: account, by: .account(account), from: client, at: now, detail: "\(made.codes.count)"))
            try transaction.send(notice, of: session.account)
            return .made(made)
        }
    }

    private static func refusal(
        _ session: LiveSession, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Outcome? {
        guard try transaction.hasSecondFactor(session.account) else { return .noFactor }
        let proof = try transaction.proof(of: session.id, account: session.account)
        return proof?.isFresh(hasFactor: true, now: now) == true ? nil : .stepUpNeeded
    }

    /// The codes are saved: from now on they count, and those before them don't.
    func use(_ set: RecoverySet.ID, in session: LiveSession, client: Client, now: Timestamp) async throws(StoreError) -> Use {
        let account = session.account
        let notice = notices.notice(.recoveryCodesMade, to: session.email, now: now)
        return try await store.write { (transaction) throws(StoreError) in
            guard try transaction.proof(of: session.id, account: account)?.factorAt != nil else { return .stepUpNeeded }
            try transaction.lockFactors(of: account)
            guard try transaction.hasSecondFactor(account), try transaction.useRecoverySet(set, of: account) else { return .noSuchSet }
            try transaction.endTrust(of: account)
            try transaction.record(
                AuditEvent(
                    .recoveryCodesMade, account: account, by: .account(account), from: client, at: now, detail: "\(RecoveryCode.count)"))
            try transaction.send(notice, of: session.account)
            return .inUse
        }
    }

    /// Whether a code would let in. It is not spent.
    func check(_ text: String, of account: Account.ID) async throws(StoreError) -> Check {
        guard let code = RecoveryCode(text) else { return .notGood }
        let set = try await store.lookUp { (transaction) throws(StoreError) in try transaction.recoverySet(of: account) }
        guard let set else { return .notGood }
        guard let hash = try? await hasher.hashes(of: [code.characters], salt: set.salt, parameters: set.parameters).first else {
            return .busy
        }
        return try await store.read { (transaction) throws(StoreError) in
            try transaction.recoveryCodeIsGood(hash: hash, of: account) ? .good : .notGood
        }
    }
}
