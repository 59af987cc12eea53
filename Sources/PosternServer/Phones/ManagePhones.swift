import Storage

/// Removes one's own numbers.
struct ManagePhones: Sendable {
    enum Removal: Equatable, Sendable { case removed, noSuchPhone, stepUpNeeded }

    let store: any Store
    let desk: SessionDesk
    let notices: PhoneNotices

    func remove(_ id: Phone.ID, in session: LiveSession, client: Client, now: Timestamp) async throws(StoreError) -> Removal {
        let account = session.account
        let outcome = try await store.write { (transaction) throws(StoreError) -> Removal in
            try transaction.lockFactors(of: account)
            let all = try transaction.phones(of: account)
            guard let phone = all.first(where: { $0.id == id }) else { return .noSuchPhone }
            guard try transaction.isFreshlyProven(session.id, of: account, now: now) else { return .stepUpNeeded }
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
}
