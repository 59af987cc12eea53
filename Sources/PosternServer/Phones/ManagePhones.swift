import Storage

/// Removes one's own numbers.
struct ManagePhones: Sendable {
    enum Removal: Equatable, Sendable {
        case removed, noSuchPhone, stepUpNeeded
        /// What would be left can't be used yet.
        case othersCoolOff
    }

    let store: any Store
    let desk: SessionDesk
    let notices: PhoneNotices

    func remove(_ id: Phone.ID, in session: LiveSession, client: Client, now: Timestamp) async throws(StoreError) -> Removal {
        let account = session.account
        let outcome = try await store.write { (transaction) throws(StoreError) -> Removal in
            try transaction.lockFactors(of: account)
            let all = try transaction.phones(of: account)
            guard let phone = all.first(where: { $0.id == id }) else { return .noSuchPhone }
            guard try isProven(phone, among: all, session, in: transaction, now: now) else { return .stepUpNeeded }
            let others = all.filter { $0.id != id }
            if !others.isEmpty, !others.contains(where: { $0.isUsable(at: now) }), try transaction.authenticators(of: account).isEmpty {
                return .othersCoolOff
            }
            // Before it is gone: its number is told too.
            try notices.tell(.removed(phone), all, account, in: transaction, now: now)
            guard try transaction.removePhone(id, of: account, now: now) else { return .noSuchPhone }
            // Without a first factor there is nothing that recovery codes stand in for.
            if try !transaction.hasSecondFactor(account) { _ = try transaction.removeAllFactors(of: account) }
            try transaction.forgetFactorProofs(byPhone: id, of: account, except: session.id)
            try transaction.endWishes(of: account)
            try transaction.endTrust(of: account)
            try transaction.endChallenges(of: account)
            try transaction.noteSessionChange(of: account, now: now)
            try transaction.record(
                AuditEvent(.phoneRemoved, account: account, by: .account(account), from: client, at: now, detail: phone.masked))
            return .removed
        }
        desk.forget(account)
        return outcome
    }

    /// By an app or a number; by a recovery code only if it couldn't have been made to get here.
    private func isProven(
        _ phone: Phone, among all: [Phone], _ session: LiveSession, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Bool {
        let account = session.account
        guard try transaction.isFreshlyProven(session.id, of: account, now: now) else { return false }
        guard try transaction.proof(of: session.id, account: account)?.factor == .recoveryCode else { return true }
        if all.count == 1, try transaction.authenticators(of: account).isEmpty { return true }
        return try transaction.recoverySet(of: account)?.mayStandIn(for: .phone(phone.id), now: now) == true
    }
}
