import BreachFilter
import Secrets
import Storage

/// What comes after a password was set or used: a list that couldn't be asked is asked by a job, and what is found is told.
struct BreachFollowUp: Sendable {
    let notices: Notices
    let mails: PasswordMail

    /// In the transaction that sets the password.
    func follow(
        _ chosen: ChosenPassword, of account: Account.ID, setAt: Timestamp, in transaction: borrowing Transaction
    ) throws(StoreError) {
        if let hash = chosen.unasked { try ask(hash, of: account, setAt: setAt, in: transaction, now: setAt) }
        // No mail: who chose it has just been there, and the page says so.
        if chosen.isSuspected { _ = try write(of: account, setAt: setAt, isCertain: false, in: transaction, now: setAt) }
    }

    /// Tells the owner that the password is another now.
    func tellOfChange(of account: Account.ID, in transaction: borrowing Transaction, now: Timestamp) throws(StoreError) {
        guard let address = try transaction.account(account)?.email, let email = EmailAddress(address) else { return }
        try transaction.send(notices.make(mails.changed(to: email, at: now), now: now), of: account)
    }

    /// Leaves it to a job to ask.
    func ask(
        _ hash: Secret<[UInt8]>, of account: Account.ID, setAt: Timestamp, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) {
        let payload = BreachQuestion(account: account, setAt: setAt, hash: hash).payload
        try transaction.enqueue(Job(.checkPassword, payload: payload, keys: notices.keys.current, now: now, random: notices.random))
    }

    private func write(
        of account: Account.ID, setAt: Timestamp, isCertain: Bool, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Bool {
        guard try transaction.noteBreachedPassword(of: account, setAt: setAt, isCertain: isCertain, now: now) else { return false }
        try transaction.record(
            AuditEvent(.breachedPasswordFound, account: account, by: .server, from: nil, at: now, detail: isCertain ? "" : "suspected"))
        return true
    }

    /// Writes a finding down and tells the owner, once for each password.
    func note(
        of account: Account.ID, setAt: Timestamp, isCertain: Bool, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) {
        guard try write(of: account, setAt: setAt, isCertain: isCertain, in: transaction, now: now),
            // Whose address nobody confirmed gets no mail but the one that asks for it.
            let owner = try transaction.account(account), owner.state == .active, let email = EmailAddress(owner.email)
        else { return }
        try transaction.send(notices.make(mails.breached(to: email, isCertain: isCertain), now: now), of: account)
    }
}

/// What the job carries, sealed: 16 bytes of the account's id, 8 of the time, 20 of the hash.
struct BreachQuestion: Sendable {
    let account: Account.ID
    let setAt: Timestamp
    let hash: Secret<[UInt8]>

    init(account: Account.ID, setAt: Timestamp, hash: Secret<[UInt8]>) {
        (self.account, self.setAt, self.hash) = (account, setAt, hash)
    }

    init?(payload: Secret<[UInt8]>) {
        let bytes = payload.exposed
        guard bytes.count == 24 + BreachedHash.byteCount, let account = Account.ID(bytes: Array(bytes[..<16])) else { return nil }
        self.account = account
        setAt = Timestamp(microseconds: Int64(bitPattern: bytes[16..<24].reduce(0) { $0 << 8 | UInt64($1) }))
        hash = Secret(Array(bytes[24...]))
    }

    var payload: [UInt8] {
        let time = UInt64(bitPattern: setAt.microseconds)
        return account.bytes + (0..<8).map { UInt8(truncatingIfNeeded: time >> UInt64(56 - 8 * $0)) } + hash.exposed
    }
}

/// Asks again, afterwards, whether a password is on a list.
struct RecheckPassword: Sendable {
    let store: any Store
    let breaches: BreachLookup
    let followUp: BreachFollowUp

    func recheck(_ payload: Secret<[UInt8]>, now: Timestamp) async throws(StoreError) -> JobOutcome {
        guard let question = BreachQuestion(payload: payload), let hash = BreachedHash(bytes: question.hash.exposed) else {
            return .failed("its payload is no question")
        }
        let answer = await breaches.answer(for: hash)
        switch answer {
        case .clean: return .done
        case .unknown: return .failed("no list of stolen passwords answered")
        case .found, .suspected:
            try await store.write { (transaction) throws(StoreError) in
                try followUp.note(
                    of: question.account, setAt: question.setAt, isCertain: answer == .found, in: transaction, now: now)
            }
            return .done
        }
    }
}

/// Looks at the password that has just signed somebody in.
struct BreachAtSignIn: Sendable {
    let policy: PasswordPolicy.AtSignIn
    let breaches: BreachLookup
    let followUp: BreachFollowUp

    /// What is to be written, found out before the transaction. Nothing here waits for another machine.
    enum Finding: Sendable {
        case nothing
        case found(isCertain: Bool)
        /// Only a service could tell: a job asks it.
        case toAsk(Secret<[UInt8]>)
    }

    func finding(for password: Password) -> Finding {
        let hash = BreachedHash(password: password.bytes.exposed)
        switch breaches.localAnswer(for: hash) {
        case .found: return .found(isCertain: true)
        // The service knows for sure.
        case .suspected: return breaches.range != nil ? .toAsk(Secret(hash.bytes)) : .found(isCertain: false)
        case .clean, .unknown: return breaches.filter == nil && breaches.range != nil ? .toAsk(Secret(hash.bytes)) : .nothing
        }
    }

    /// Writes what was found.
    /// - Returns: whether the password is known to be stolen, and the settings let it open nothing by itself.
    func refuses(
        _ finding: Finding, of account: Account, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Bool {
        guard let setAt = account.passwordSetAt else { return false }
        switch finding {
        case .nothing: break
        case .found(let isCertain): try followUp.note(of: account.id, setAt: setAt, isCertain: isCertain, in: transaction, now: now)
        case .toAsk(let hash): try followUp.ask(hash, of: account.id, setAt: setAt, in: transaction, now: now)
        }
        guard policy.refuses else { return false }
        return try transaction.breachFinding(of: account.id)?.isCertain == true
    }
}
