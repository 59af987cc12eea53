import Storage

/// Looks at organizations, as far as somebody may.
struct ReadOrganizations: Sendable {
    struct Own: Sendable {
        let memberships: [Membership]
        let invitations: [(invitation: OrganizationInvitation, organization: Organization)]
    }

    struct Detail: Sendable {
        let organization: Organization
        /// Nil for a key.
        let role: Organization.Role?
        let members: [Member]
        let invitations: [OrganizationInvitation]
        /// Somebody else owns it too.
        let hasOtherOwner: Bool
    }

    let store: any Store

    /// Members that are listed.
    private static let mostShown: Int64 = 500

    func own(_ account: Account.ID, now: Timestamp) async throws(StoreError) -> Own {
        try await store.read { (transaction) throws(StoreError) in
            let email = try transaction.account(account).flatMap { EmailAddress($0.email) }
            return Own(
                memberships: try transaction.memberships(of: account, now: now),
                invitations: try email.map { (email) throws(StoreError) in try transaction.invitations(of: email.key, now: now) } ?? [])
        }
    }

    /// - Returns: nil for what the caller isn't in.
    func detail(_ id: Organization.ID, by caller: KeyCaller, now: Timestamp) async throws(StoreError) -> Detail? {
        try await store.read { (transaction) throws(StoreError) in
            var role: Organization.Role?
            if let account = caller.account {
                role = try transaction.role(of: account, in: id, now: now)
                guard role != nil else { return nil }
            } else if let key = caller.key, key.keyOwner != .organization(id) {
                return nil
            }
            guard let organization = try transaction.organization(id, now: now) else { return nil }
            // A key sees its organization, not its people.
            let members = caller.key == nil ? try transaction.members(of: id, limit: Self.mostShown) : []
            return Detail(
                organization: organization, role: role, members: members,
                invitations: role?.mayManageMembers == true ? try transaction.invitations(to: id, now: now) : [],
                hasOtherOwner: members.contains { $0.role == .owner && $0.account != caller.account })
        }
    }
}

/// Part of an e-mail address, for who only looks on.
func maskedEmail(_ email: String) -> String {
    guard let at = email.lastIndex(of: "@") else { return "•••" }
    return "\(email.prefix(1))•••\(email[at...])"
}
