import Storage

/// What administrators and the command line do for somebody who is locked out: remove all factors, or let codes be tried again. Nobody
/// ever sees or sets a secret.
struct ResetFactors: Sendable {
    enum Actor: Sendable {
        /// In a session that proved its own second factor minutes ago.
        case session(LiveSession, Client)
        case commandLine

        var account: Account.ID? { if case .session(let session, _) = self { session.account } else { nil } }
        var client: Client? { if case .session(_, let client) = self { client } else { nil } }
        var inAudit: AuditEvent.Actor { account.map(AuditEvent.Actor.account) ?? .commandLine }
    }

    enum Act: Sendable { case removeAll, liftStop }

    enum Outcome: Equatable, Sendable { case done, unchanged, noSuchAccount, notAllowed, stepUpNeeded }

    let store: any Store
    let desk: SessionDesk
    let notices: FactorNotices

    func perform(_ act: Act, on id: Account.ID, by actor: Actor, now: Timestamp) async throws(StoreError) -> Outcome {
        let outcome = try await store.write { (transaction) throws(StoreError) -> Outcome in
            let accounts = try transaction.lockedAccounts(id, and: actor.account)
            guard let account = accounts.first(where: { $0.id == id }) else { return .noSuchAccount }
            if case .session(let session, _) = actor {
                let role = accounts.first { $0.id == session.account && $0.state == .active }?.role ?? .member
                // Administrators don't act on owners (AZ-06); one's own factors are removed with proof of them.
                guard role == .owner || (role == .administrator && account.role != .owner), session.account != id else {
                    return .notAllowed
                }
                guard try transaction.isFreshlyProven(session.id, of: session.account, now: now) else { return .stepUpNeeded }
            }
            try transaction.lockFactors(of: id)
            guard try apply(act, to: id, in: transaction) else { return .unchanged }
            try transaction.record(
                AuditEvent(
                    act == .removeAll ? .factorsReset : .codeStopLifted, account: id, by: actor.inAudit, from: actor.client, at: now))
            try transaction.endEmailChange(of: id)
            try transaction.noteSessionChange(of: id, now: now)
            let event: SecondFactorMail.Event = act == .removeAll ? .factorsReset : .stopLifted
            try transaction.send(notices.notice(event, to: account.email, now: now), of: account.id)
            return .done
        }
        desk.forget(id)
        return outcome
    }

    private func apply(_ act: Act, to account: Account.ID, in transaction: borrowing Transaction) throws(StoreError) -> Bool {
        switch act {
        case .removeAll: try transaction.removeAllFactors(of: account) > 0
        case .liftStop: try transaction.liftCodeStop(of: account)
        }
    }
}
