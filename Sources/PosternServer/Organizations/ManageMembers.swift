import Secrets
import Storage
import Throttle

/// Who is in an organization, and as what.
struct ManageMembers: Sendable {
    enum Outcome: Equatable, Sendable {
        case done
        /// No such organization, member or invitation, as far as the caller is told.
        case notFound
        case notAllowed
        case stepUpNeeded
        case lastOwner
        case alreadyMember
        case tooMany
        case nameInvalid
    }

    let store: any Store
    let desk: SessionDesk
    let notices: Notices
    let mails: OrganizationMail
    let random: Randomness

    /// Invitations that one organization may send.
    private static let mostInvitations = Rate.perHour(50)
    /// That come to one address, from whomever.
    private static let mostToAddress = Rate.perHour(5)

    func rename(
        _ id: Organization.ID, to text: String, by session: LiveSession, client: Client, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        guard let name = Organization.name(text) else { return .nameInvalid }
        return try await store.write { (transaction) throws(StoreError) in
            guard let role = try transaction.role(of: session.account, in: id, now: now) else { return .notFound }
            guard role.mayManageMembers else { return .notAllowed }
            guard try transaction.rename(id, to: name) else { return .notFound }
            try transaction.record(
                AuditEvent(
                    .organizationRenamed, account: session.account, by: .account(session.account), from: client, at: now,
                    detail: id.description))
            return .done
        }
    }

    // MARK: Invitations

    func invite(
        _ email: EmailAddress, as wanted: Organization.Role, to id: Organization.ID, by session: LiveSession, client: Client, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        let random = random
        return try await store.write { (transaction) throws(StoreError) in
            if let refusal = try refusal(of: session, in: id, giving: [wanted], in: transaction, now: now) { return refusal }
            guard let organization = try transaction.organization(id, now: now) else { return .notFound }
            if let account = try transaction.account(email: email), try transaction.role(of: account.id, in: id, now: now) != nil {
                return .alreadyMember
            }
            // One by somebody higher stays theirs.
            if let waiting = try transaction.invitation(to: id, id: nil, key: email.key, now: now),
                try transaction.role(of: session.account, in: id, now: now)?.mayGive(waiting.role) != true
            {
                return .notAllowed
            }
            for (name, rate) in [
                ("invitations \(id)", Self.mostInvitations), ("invitations by \(session.account)", Self.mostInvitations),
                ("invitations to \(email.key)", Self.mostToAddress),
            ] where try !transaction.countRate(name, rate, now: now).isAllowed { return .tooMany }
            let invitation = OrganizationInvitation(
                id: OrganizationInvitation.ID(now: now, random: random.bytes(10)), organization: id, email: email.address, role: wanted,
                invitedAt: now, expiresAt: now + OrganizationInvitation.lifetime)
            try transaction.setInvitation(invitation, key: email.key, by: session.account)
            let mail = mails.invitation(invitation, to: email, organization: organization.name, inviter: session.email)
            try transaction.send(notices.make(mail, now: now), of: nil)
            try transaction.record(
                AuditEvent(
                    .memberInvited, account: session.account, by: .account(session.account), from: client, at: now,
                    detail: "\(organization.slug):\(wanted.rawValue)"))
            return .done
        }
    }

    func withdraw(
        _ invitation: OrganizationInvitation.ID, to id: Organization.ID, by session: LiveSession, client: Client, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        try await store.write { (transaction) throws(StoreError) in
            guard let role = try transaction.role(of: session.account, in: id, now: now) else { return .notFound }
            guard let waiting = try transaction.invitation(to: id, id: invitation, key: nil, now: now) else { return .notFound }
            guard role.mayGive(waiting.role) else { return .notAllowed }
            return try transaction.withdrawInvitation(invitation, to: id) ? .done : .notFound
        }
    }

    /// Joins by an invitation to the account's own address. Its time is asked by the statement that spends it.
    func accept(
        _ invitation: OrganizationInvitation.ID, by session: LiveSession, client: Client, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        let id = session.account
        let outcome = try await store.write { (transaction) throws(StoreError) -> Outcome in
            // Two that join at once are counted one after the other.
            guard let account = try transaction.heldAccount(id),
                let email = EmailAddress(account.email)
            else { return .notFound }
            guard try transaction.membershipCount(of: id) < OrganizationSettings.mostOfAccount else { return .tooMany }
            guard let spent = try transaction.spendInvitation(invitation, of: email.key, now: now) else { return .notFound }
            // One that ends at this moment has ended before, or with this member.
            try transaction.lockMembers(of: spent.organization)
            guard let organization = try transaction.organization(spent.organization, now: now) else { return .notFound }
            guard try transaction.addMember(id, to: organization.id, as: spent.role, now: now) else { return .alreadyMember }
            try transaction.noteSessionChange(of: id, now: now)
            try transaction.record(
                AuditEvent(
                    .memberJoined, account: id, by: .account(id), from: client, at: now,
                    detail: "\(organization.slug):\(spent.role.rawValue)"))
            return .done
        }
        desk.forget(id)
        return outcome
    }

    func decline(_ invitation: OrganizationInvitation.ID, by session: LiveSession) async throws(StoreError) -> Outcome {
        try await store.write { (transaction) throws(StoreError) in
            guard let account = try transaction.account(session.account), let email = EmailAddress(account.email) else { return .notFound }
            return try transaction.declineInvitation(invitation, of: email.key) ? .done : .notFound
        }
    }

    // MARK: Members

    /// Of two owners who take each other's role away at once, one does (AZ-04).
    func setRole(
        of account: Account.ID, to wanted: Organization.Role, in id: Organization.ID, by session: LiveSession, client: Client,
        now: Timestamp
    ) async throws(StoreError) -> Outcome {
        try await act(on: account, in: id, giving: wanted, by: session, now: now) { (transaction) throws(StoreError) in
            guard try transaction.setRole(of: account, in: id, to: wanted) else { return .lastOwner }
            if !wanted.mayManageMembers { try transaction.withdrawInvitations(by: account, to: id) }
            try transaction.record(
                AuditEvent(
                    .memberRoleChanged, account: account, by: .account(session.account), from: client, at: now,
                    detail: "\(id):\(wanted.rawValue)"))
            return .done
        }
    }

    /// Takes somebody out; oneself too. What keys they know stands on the page that follows.
    func remove(
        _ account: Account.ID, from id: Organization.ID, by session: LiveSession, client: Client, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        try await act(on: account, in: id, giving: nil, by: session, now: now) { (transaction) throws(StoreError) in
            guard try transaction.removeMember(account, from: id) else { return .lastOwner }
            try transaction.withdrawInvitations(by: account, to: id)
            try transaction.record(
                AuditEvent(.memberLeft, account: account, by: .account(session.account), from: client, at: now, detail: id.description))
            return .done
        }
    }

    private func act(
        on account: Account.ID, in id: Organization.ID, giving wanted: Organization.Role?, by session: LiveSession, now: Timestamp,
        _ body: @escaping @Sendable (borrowing Transaction) throws(StoreError) -> Outcome
    ) async throws(StoreError) -> Outcome {
        let outcome = try await store.write { (transaction) throws(StoreError) -> Outcome in
            // First, so that a role that is being taken away gives no other.
            try transaction.lockMembers(of: id)
            guard let held = try transaction.role(of: account, in: id, now: now) else {
                return .notFound
            }
            let isLeaving = wanted == nil && account == session.account
            if !isLeaving,
                let refusal = try refusal(of: session, in: id, giving: [held] + (wanted.map { [$0] } ?? []), in: transaction, now: now)
            {
                return refusal
            }
            let outcome = try body(transaction)
            if outcome == .done { try transaction.noteSessionChange(of: account, now: now) }
            return outcome
        }
        if outcome == .done { desk.forget(account) }
        return outcome
    }

    private func refusal(
        of session: LiveSession, in id: Organization.ID, giving roles: [Organization.Role], in transaction: borrowing Transaction,
        now: Timestamp
    ) throws(StoreError) -> Outcome? {
        guard let own = try transaction.role(of: session.account, in: id, now: now) else { return .notFound }
        guard roles.allSatisfy(own.mayGive) else { return .notAllowed }
        return try transaction.isFreshlyProven(session.id, of: session.account, now: now) ? nil : .stepUpNeeded
    }
}
