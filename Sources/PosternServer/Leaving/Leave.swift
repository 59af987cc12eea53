import Secrets
import Storage

/// Deletes one's own account, after seven days to think.
struct Leave: Sendable {
    enum Outcome: Equatable, Sendable {
        case leaving(at: Timestamp)
        case wrongPassword
        case tooManyTries(TryRefusal)
        /// A fresh proof of the second factor is needed.
        case stepUpNeeded
        case lastOwner
        /// They own these alone: somebody else must, or they end first.
        case ownsAlone([String])
        case busy
    }

    let store: any Store
    let check: PasswordCheck
    let notices: Notices
    let mails: LeavingMail

    static let timeToThink = Duration.seconds(7 * 86_400)

    func isProven(_ session: LiveSession, now: Timestamp) async throws(StoreError) -> Bool {
        try await store.read { (transaction) throws(StoreError) in try isProven(session, in: transaction, now: now) }
    }

    /// For what needs no password besides: whether the strongest factor was proved minutes ago.
    func isFresh(_ session: LiveSession, now: Timestamp) async throws(StoreError) -> Bool {
        try await store.read { (transaction) throws(StoreError) in
            try transaction.isFreshlyProven(session.id, of: session.account, now: now)
        }
    }

    private func isProven(_ session: LiveSession, in transaction: borrowing Transaction, now: Timestamp) throws(StoreError) -> Bool {
        // Without a second factor the password, typed here, is the proof.
        guard try transaction.hasSecondFactor(session.account) else { return true }
        return try transaction.isFreshlyProven(session.id, of: session.account, now: now)
    }

    func leave(_ session: LiveSession, password: Password, client: Client, now: Timestamp) async throws(StoreError) -> Outcome {
        let id = session.account
        let found = try await store.read { (transaction) throws(StoreError) in try transaction.account(id) }
        switch try await check.check(password, of: found, id, at: .session(session.id), client: client, now: now) {
        case .right: break
        case .wrong: return .wrongPassword
        case .refused(let refusal): return .tooManyTries(refusal)
        case .busy: return .busy
        }
        guard let account = found else { return .wrongPassword }
        return try await store.write { (transaction) throws(StoreError) in
            guard try isProven(session, in: transaction, now: now) else { return .stepUpNeeded }
            _ = try transaction.lockedAccounts(id, and: nil)
            guard try transaction.isDeletable(id) else { return .lastOwner }
            let alone = try transaction.organizationsOwnedAlone(by: id)
            guard alone.isEmpty else { return .ownsAlone(alone.map(\.name)) }
            let time = now + Self.timeToThink
            guard try transaction.setLeaving(id, at: time) else {
                return .leaving(at: try transaction.leaving(id) ?? time)
            }
            try transaction.record(AuditEvent(.leaving, account: id, by: .account(id), from: client, at: now))
            if let email = EmailAddress(account.email) {
                try transaction.send(notices.make(mails.leaving(email, at: time), now: now), of: id)
            }
            return .leaving(at: time)
        }
    }

    /// Keeps the account. No proof is asked for: nothing is lost by it.
    /// - Returns: whether it was to be deleted.
    func stay(_ account: Account.ID, client: Client, now: Timestamp) async throws(StoreError) -> Bool {
        try await store.write { (transaction) throws(StoreError) in
            guard try transaction.removeLeaving(account) else { return false }
            try transaction.record(AuditEvent(.stayed, account: account, by: .account(account), from: client, at: now))
            return true
        }
    }
}

/// Deletes, once a day, whose time to think is over.
struct DeleteLeavers: Sendable {
    let store: any Store
    let desk: SessionDesk
    let notices: Notices
    let mails: LeavingMail

    /// - Returns: how many accounts are gone.
    func run(now: Timestamp) async throws(StoreError) -> Int {
        let due = try await store.read { (transaction) throws(StoreError) in try transaction.leavers(until: now) }
        var gone = 0
        for id in due {
            let isGone = try await store.write { (transaction) throws(StoreError) in
                // They may have thought better of it a moment ago, be closed, or the last owner by now (AZ-04).
                guard let account = try transaction.lockedAccounts(id, and: nil).first, account.state == .active,
                    let time = try transaction.leaving(id), time <= now, try transaction.organizationsOwnedAlone(by: id).isEmpty,
                    try transaction.deleteAccount(id)
                else { return false }
                try transaction.noteSessionChange(of: id, now: now)
                try transaction.record(AuditEvent(.deleted, account: id, by: .account(id), from: nil, at: now, detail: "left"))
                if let email = EmailAddress(account.email) { try transaction.send(notices.make(mails.gone(email), now: now), of: nil) }
                return true
            }
            guard isGone else { continue }
            desk.forget(id)
            gone += 1
        }
        return gone
    }
}
