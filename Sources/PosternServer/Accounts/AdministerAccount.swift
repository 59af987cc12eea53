import Storage

/// What administrators, and the command line, do to an account. Each act is one transaction with its line in the audit record.
struct AdministerAccount: Sendable {
    /// Who acts. What they may do is read in the transaction itself: a session may know a role that was taken away meanwhile.
    enum Actor: Sendable {
        case account(Account.ID, in: Session.ID, Client)
        /// Whoever may run the command line may do everything.
        case commandLine

        var account: Account.ID? { if case .account(let id, _, _) = self { id } else { nil } }
        var client: Client? { if case .account(_, _, let client) = self { client } else { nil } }
        var inAudit: AuditEvent.Actor { account.map(AuditEvent.Actor.account) ?? .commandLine }
    }

    enum Act: Sendable {
        case disable, enable, delete, endSessions
        case changeRole(Account.Role)
        case join(GroupName)
        case leave(GroupName)
        case changeUsername(Username)
        /// At the next sign-in. Nobody but the person ever sees or sets a password (PW-17).
        case requirePasswordChange
        /// A link to choose another is mailed.
        case startPasswordReset
        /// Wrong passwords are counted anew, and what they locked opens.
        case releaseLocks
    }

    enum Outcome: Equatable, Sendable {
        case done
        /// It was so already.
        case unchanged
        case noSuchAccount
        /// Administrators don't act on owners, and only owners give roles (AZ-06).
        case notAllowed
        case lastOwner
        /// It, or one that looks like it, is or was somebody else's.
        case usernameTaken
        /// All but ending sessions needs a proof of minutes ago (AZ-05).
        case stepUpNeeded
    }

    let store: any Store
    let desk: SessionDesk
    let links: PasswordResetLinks
    let locks: AccountLocks

    func perform(_ act: Act, on id: Account.ID, by actor: Actor, now: Timestamp) async throws(StoreError) -> Outcome {
        let outcome = try await store.write { (transaction) throws(StoreError) in
            let accounts = try transaction.lockedAccounts(id, and: actor.account)
            guard let account = accounts.first(where: { $0.id == id }) else { return Outcome.noSuchAccount }
            let role = actor.account.map { actor in accounts.first { $0.id == actor && $0.state == .active }?.role ?? .member } ?? .owner
            guard mayPerform(act, on: account, as: role) else { return .notAllowed }
            guard try isProven(act, by: actor, in: transaction, now: now) else { return .stepUpNeeded }
            let (isChanged, event) = try apply(act, to: account, by: actor, in: transaction, now: now)
            guard isChanged else { return refusal(of: act, on: account) }
            if let event { try transaction.record(event) }
            if case .delete = act {} else { try transaction.noteSessionChange(of: id, now: now) }
            return .done
        }
        desk.forget(id)
        return outcome
    }

    private func isProven(
        _ act: Act, by actor: Actor, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Bool {
        guard case .account(let id, let session, _) = actor else { return true }
        if case .endSessions = act { return true }
        return try transaction.isFreshlyProven(session, of: id, now: now)
    }

    private func mayPerform(_ act: Act, on account: Account, as role: Account.Role) -> Bool {
        if role == .owner { return true }
        if case .changeRole = act { return false }
        return role == .administrator && account.role != .owner
    }

    private func refusal(of act: Act, on account: Account) -> Outcome {
        switch act {
        case .disable: account.state == .disabled ? .unchanged : .lastOwner
        case .delete, .changeRole: .lastOwner
        case .enable, .join, .leave, .endSessions, .requirePasswordChange, .startPasswordReset, .releaseLocks: .unchanged
        case .changeUsername: .usernameTaken
        }
    }

    private func apply(
        _ act: Act, to account: Account, by actor: Actor, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> (isChanged: Bool, AuditEvent?) {
        func event(_ kind: AuditEvent.Kind, _ detail: String = "") -> AuditEvent {
            AuditEvent(kind, account: account.id, by: actor.inAudit, from: actor.client, at: now, detail: detail)
        }
        switch act {
        case .disable:
            let isChanged = try transaction.disableAccount(account.id)
            if isChanged {
                _ = try transaction.endSessions(of: account.id, except: nil, now: now)
                try transaction.endTrust(of: account.id)
                try transaction.endChallenges(of: account.id)
                try transaction.endEmailChange(of: account.id)
            }
            return (isChanged, event(.disabled))
        case .enable: return (try transaction.enableAccount(account.id), event(.enabled))
        case .delete:
            // An organization must not be left with nobody who may look after it.
            guard try transaction.organizationsOwnedAlone(by: account.id).isEmpty else { return (false, event(.deleted)) }
            let isChanged = try transaction.deleteAccount(account.id)
            // The sessions go with the account; other nodes must hear of it.
            if isChanged { try transaction.noteSessionChange(of: account.id, now: now) }
            return (isChanged, event(.deleted))
        case .endSessions:
            let count = try transaction.endSessions(of: account.id, except: nil, now: now)
            try transaction.endChallenges(of: account.id)
            try transaction.endEmailChange(of: account.id)
            return (true, event(.sessionsEnded, "\(count)"))
        case .changeRole(let role):
            return (try transaction.changeRole(of: account.id, to: role), event(.roleChanged, role.rawValue))
        case .join(let group): return (try transaction.addToGroup(group, account.id, now: now), event(.groupJoined, group.text))
        case .leave(let group): return (try transaction.removeFromGroup(group, account.id), event(.groupLeft, group.text))
        case .requirePasswordChange:
            try transaction.endChallenges(of: account.id)
            try transaction.endEmailChange(of: account.id)
            return (try transaction.requirePasswordChange(of: account.id, now: now), event(.passwordChangeRequired))
        case .startPasswordReset:
            let isOpen = account.state == .active && account.passwordSetAt != nil
            try transaction.endEmailChange(of: account.id)
            if isOpen { try links.send(links.make(), to: account, by: actor.inAudit, client: actor.client, in: transaction, now: now) }
            return (isOpen, event(.passwordResetStarted))
        case .releaseLocks:
            try locks.release(account.id, by: actor.inAudit, client: actor.client, in: transaction, now: now)
            return (true, nil)
        case .changeUsername(let username):
            return (
                try transaction.changeUsername(of: account.id, to: username),
                event(.usernameChanged, "\(account.username) to \(username.text)")
            )
        }
    }
}
