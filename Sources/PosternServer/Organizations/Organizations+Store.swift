import Storage

extension Migration {
    static let organizations = Migration(
        40, "organizations",
        [
            """
            CREATE TABLE organization (
                id BYTEA NOT NULL PRIMARY KEY, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL, created_at BIGINT NOT NULL,
                is_guest BIGINT NOT NULL, ends_at BIGINT, members_changed BIGINT NOT NULL DEFAULT 0)
            """,
            // Whoever is told "acme" by an app's rules must never be somebody else later: what was used stays used.
            "CREATE TABLE organization_slug (slug TEXT NOT NULL PRIMARY KEY)",
            "CREATE INDEX organization_by_end ON organization (ends_at) WHERE ends_at IS NOT NULL",
            """
            CREATE TABLE organization_member (
                organization_id BYTEA NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
                account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE,
                role TEXT NOT NULL, joined_at BIGINT NOT NULL, PRIMARY KEY (account_id, organization_id))
            """,
            "CREATE INDEX organization_member_by_organization ON organization_member (organization_id)",
            """
            CREATE TABLE organization_invitation (
                id BYTEA NOT NULL PRIMARY KEY, organization_id BYTEA NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
                email_key TEXT NOT NULL, email TEXT NOT NULL, role TEXT NOT NULL, invited_at BIGINT NOT NULL, expires_at BIGINT NOT NULL,
                invited_by BYTEA, UNIQUE (organization_id, email_key))
            """,
            "CREATE INDEX organization_invitation_by_address ON organization_invitation (email_key)",
        ])
}

extension Organization {
    init(_ row: Row) throws(StoreError) {
        self.init(
            id: try row.id("id"), slug: try row.text("slug"), name: try row.text("name"), createdAt: try row.time("created_at"),
            isGuest: try row.integer("is_guest") == 1, endsAt: try row.optionalTime("ends_at"))
    }
}

extension Organization.Role {
    fileprivate init(_ row: Row) throws(StoreError) {
        guard let role = Self(rawValue: try row.text("role")) else { throw .unexpectedColumn("role") }
        self = role
    }
}

// MARK: Organizations

extension Transaction {
    /// - Returns: false if the slug is, or was, another's.
    borrowing func addOrganization(_ new: Organization) throws(StoreError) -> Bool {
        if !new.isGuest {
            guard try change("INSERT INTO organization_slug (slug) VALUES (\(new.slug)) ON CONFLICT DO NOTHING") == 1 else { return false }
        }
        return try change(
            """
            INSERT INTO organization (id, slug, name, created_at, is_guest, ends_at)
            VALUES (\(new.id), \(new.slug), \(new.name), \(new.createdAt), \(Int64(new.isGuest ? 1 : 0)), \(new.endsAt))
            ON CONFLICT DO NOTHING
            """) == 1
    }

    /// How many guests live.
    borrowing func guestCount(now: Timestamp) throws(StoreError) -> Int64 {
        try run("SELECT COUNT(*) AS number FROM organization WHERE ends_at > \(now)")[0].integer("number")
    }

    /// One that isn't over.
    borrowing func organization(_ id: Organization.ID, now: Timestamp) throws(StoreError) -> Organization? {
        try run("SELECT * FROM organization WHERE id = \(id) AND (ends_at IS NULL OR ends_at > \(now))").first
            .map { (row) throws(StoreError) in try Organization(row) }
    }

    borrowing func organization(slug: String, now: Timestamp) throws(StoreError) -> Organization? {
        try run("SELECT * FROM organization WHERE slug = \(slug) AND (ends_at IS NULL OR ends_at > \(now))").first
            .map { (row) throws(StoreError) in try Organization(row) }
    }

    /// By slug.
    borrowing func organizations(limit: Int64, now: Timestamp) throws(StoreError) -> [Organization] {
        try run("SELECT * FROM organization WHERE ends_at IS NULL OR ends_at > \(now) ORDER BY slug LIMIT \(limit)")
            .map { (row) throws(StoreError) in try Organization(row) }
    }

    borrowing func rename(_ id: Organization.ID, to name: String) throws(StoreError) -> Bool {
        try change("UPDATE organization SET name = \(name) WHERE id = \(id)") == 1
    }

    /// A guest becomes somebody's.
    borrowing func keepGuest(_ id: Organization.ID, now: Timestamp) throws(StoreError) -> Bool {
        let kept = try run(
            "UPDATE organization SET is_guest = 0, ends_at = NULL WHERE id = \(id) AND is_guest = 1 AND ends_at > \(now) RETURNING slug")
        guard let row = kept.first else { return false }
        try change("INSERT INTO organization_slug (slug) VALUES (\(try row.text("slug"))) ON CONFLICT DO NOTHING")
        return true
    }

    /// Ends an organization: from now on it has no members, and its keys open nothing.
    /// - Parameter ifGuest: only one that nobody has claimed.
    borrowing func endOrganization(_ id: Organization.ID, ifGuest: Bool, now: Timestamp) throws(StoreError) -> Bool {
        let least: Int64 = ifGuest ? 1 : 0
        let isEnded =
            try change(
                """
                UPDATE organization SET ends_at = \(now), is_guest = 0 WHERE id = \(id) AND is_guest >= \(least)
                    AND (ends_at IS NULL OR ends_at > \(now))
                """) == 1
        guard isEnded else { return false }
        try change("DELETE FROM organization_member WHERE organization_id = \(id)")
        try change("DELETE FROM organization_invitation WHERE organization_id = \(id)")
        return true
    }

    borrowing func pruneOrganizations(endedBefore: Timestamp, now: Timestamp) throws(StoreError) {
        try change("DELETE FROM organization_invitation WHERE expires_at < \(now)")
        try change("DELETE FROM organization WHERE ends_at < \(endedBefore)")
    }
}

// MARK: Members

extension Transaction {
    /// Holds an organization's members until the transaction ends: two that would each take the other's role away wait for each other.
    borrowing func lockMembers(of id: Organization.ID) throws(StoreError) {
        try change("UPDATE organization SET members_changed = members_changed + 1 WHERE id = \(id)")
    }

    /// Nil for somebody who isn't in it, and for one that is over.
    borrowing func role(of account: Account.ID, in id: Organization.ID, now: Timestamp) throws(StoreError) -> Organization.Role? {
        try run(
            """
            SELECT organization_member.role FROM organization_member JOIN organization ON organization.id = organization_member.organization_id
            WHERE organization_member.account_id = \(account) AND organization_member.organization_id = \(id)
                AND (organization.ends_at IS NULL OR organization.ends_at > \(now))
            """
        ).first.map { (row) throws(StoreError) in try Organization.Role(row) }
    }

    /// By name.
    borrowing func memberships(of account: Account.ID, now: Timestamp) throws(StoreError) -> [Membership] {
        try run(
            """
            SELECT organization.*, organization_member.role FROM organization_member
                JOIN organization ON organization.id = organization_member.organization_id
            WHERE organization_member.account_id = \(account) AND (organization.ends_at IS NULL OR organization.ends_at > \(now))
            ORDER BY organization.name, organization.slug
            """
        ).map { (row) throws(StoreError) in Membership(organization: try Organization(row), role: try Organization.Role(row)) }
    }

    borrowing func membershipCount(of account: Account.ID) throws(StoreError) -> Int64 {
        try run("SELECT COUNT(*) AS number FROM organization_member WHERE account_id = \(account)")[0].integer("number")
    }

    /// Owners first, then by address.
    borrowing func members(of id: Organization.ID, limit: Int64) throws(StoreError) -> [Member] {
        try run(
            """
            SELECT organization_member.account_id, organization_member.role, organization_member.joined_at, account.email, account.name
            FROM organization_member JOIN account ON account.id = organization_member.account_id
            WHERE organization_member.organization_id = \(id)
            ORDER BY CASE organization_member.role WHEN 'owner' THEN 0 WHEN 'manager' THEN 1 WHEN 'developer' THEN 2 ELSE 3 END, account.email
            LIMIT \(limit)
            """
        ).map { (row) throws(StoreError) in
            Member(
                account: try row.id("account_id"), email: try row.text("email"), name: try row.text("name"),
                role: try Organization.Role(row), joinedAt: try row.time("joined_at"))
        }
    }

    /// - Returns: false for somebody who is in it already.
    borrowing func addMember(
        _ account: Account.ID, to id: Organization.ID, as role: Organization.Role, now: Timestamp
    ) throws(StoreError)
        -> Bool
    {
        try change(
            """
            INSERT INTO organization_member (organization_id, account_id, role, joined_at) VALUES (\(id), \(account), \(role.rawValue), \(now))
            ON CONFLICT (account_id, organization_id) DO NOTHING
            """) == 1
    }

    /// Changes a role, unless the last owner would be gone: one who is open and isn't leaving. After ``lockMembers(of:)``.
    borrowing func setRole(of account: Account.ID, in id: Organization.ID, to role: Organization.Role) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE organization_member SET role = \(role.rawValue) WHERE organization_id = \(id) AND account_id = \(account)
                AND (\(role.rawValue) = 'owner' OR role <> 'owner' OR EXISTS (SELECT 1 FROM organization_member AS other
                    JOIN account ON account.id = other.account_id WHERE other.organization_id = \(id) AND other.account_id <> \(account)
                    AND other.role = 'owner' AND account.state = 'active'
                    AND NOT EXISTS (SELECT 1 FROM account_leaving WHERE account_leaving.account_id = other.account_id)))
            """) == 1
    }

    /// Takes somebody out, unless they are the last owner. After ``lockMembers(of:)``.
    borrowing func removeMember(_ account: Account.ID, from id: Organization.ID) throws(StoreError) -> Bool {
        try change(
            """
            DELETE FROM organization_member WHERE organization_id = \(id) AND account_id = \(account)
                AND (role <> 'owner' OR EXISTS (SELECT 1 FROM organization_member AS other
                    JOIN account ON account.id = other.account_id WHERE other.organization_id = \(id) AND other.account_id <> \(account)
                    AND other.role = 'owner' AND account.state = 'active'
                    AND NOT EXISTS (SELECT 1 FROM account_leaving WHERE account_leaving.account_id = other.account_id)))
            """) == 1
    }

    /// Organizations that would have no owner without an account, held until the transaction ends.
    borrowing func organizationsOwnedAlone(by account: Account.ID) throws(StoreError) -> [Organization] {
        // All that they are in: a role may be changing at this moment.
        let rows = try run("SELECT organization_id FROM organization_member WHERE account_id = \(account) ORDER BY organization_id")
        var alone: [Organization] = []
        for row in rows {
            let id: Organization.ID = try row.id("organization_id")
            try lockMembers(of: id)
            let found = try run(
                """
                SELECT * FROM organization WHERE id = \(id) AND EXISTS (SELECT 1 FROM organization_member AS own
                    WHERE own.organization_id = \(id) AND own.account_id = \(account) AND own.role = 'owner') AND NOT EXISTS (SELECT 1 FROM organization_member AS other
                    JOIN account ON account.id = other.account_id WHERE other.organization_id = \(id) AND other.account_id <> \(account)
                    AND other.role = 'owner' AND account.state = 'active'
                    AND NOT EXISTS (SELECT 1 FROM account_leaving WHERE account_leaving.account_id = other.account_id))
                """)
            for row in found { alone.append(try Organization(row)) }
        }
        return alone
    }

    /// Who hears of an organization's keys: its owners and managers.
    borrowing func keyContacts(of id: Organization.ID) throws(StoreError) -> [(account: Account.ID, email: String)] {
        try run(
            """
            SELECT account.id, account.email FROM organization_member JOIN account ON account.id = organization_member.account_id
            WHERE organization_member.organization_id = \(id) AND organization_member.role IN ('owner', 'manager') AND account.state = 'active'
            ORDER BY account.id LIMIT 20
            """
        ).map { (row) throws(StoreError) in (try row.id("id"), try row.text("email")) }
    }
}

// MARK: Invitations

extension OrganizationInvitation {
    fileprivate init(_ row: Row) throws(StoreError) {
        self.init(
            id: try row.id("id"), organization: try row.id("organization_id"), email: try row.text("email"),
            role: try Organization.Role(row), invitedAt: try row.time("invited_at"), expiresAt: try row.time("expires_at"))
    }
}

extension Transaction {
    /// One an address: a later one takes the place of an earlier.
    borrowing func setInvitation(_ new: OrganizationInvitation, key: String, by inviter: Account.ID) throws(StoreError) {
        try change(
            """
            INSERT INTO organization_invitation (id, organization_id, email_key, email, role, invited_at, expires_at, invited_by)
            VALUES (\(new.id), \(new.organization), \(key), \(new.email), \(new.role.rawValue), \(new.invitedAt), \(new.expiresAt), \(inviter))
            ON CONFLICT (organization_id, email_key) DO UPDATE SET id = excluded.id, role = excluded.role,
                invited_at = excluded.invited_at, expires_at = excluded.expires_at, invited_by = excluded.invited_by
            """)
    }

    /// Those that may still come.
    borrowing func invitations(to id: Organization.ID, now: Timestamp) throws(StoreError) -> [OrganizationInvitation] {
        try run("SELECT * FROM organization_invitation WHERE organization_id = \(id) AND expires_at > \(now) ORDER BY email LIMIT 1000")
            .map { (row) throws(StoreError) in try OrganizationInvitation(row) }
    }

    /// What an address was asked to join.
    borrowing func invitations(
        of key: String, now: Timestamp
    ) throws(StoreError) -> [(
        invitation: OrganizationInvitation, organization: Organization
    )] {
        var found: [(invitation: OrganizationInvitation, organization: Organization)] = []
        for row in try run(
            "SELECT * FROM organization_invitation WHERE email_key = \(key) AND expires_at > \(now) ORDER BY invited_at LIMIT 100")
        {
            let invitation = try OrganizationInvitation(row)
            guard let organization = try organization(invitation.organization, now: now) else { continue }
            found.append((invitation, organization))
        }
        return found
    }

    /// Spends an invitation: address and time are checked by the statement that deletes it. It lives no longer than its sender may invite.
    borrowing func spendInvitation(
        _ id: OrganizationInvitation.ID, of key: String, now: Timestamp
    ) throws(StoreError)
        -> OrganizationInvitation?
    {
        try run(
            """
            DELETE FROM organization_invitation WHERE id = \(id) AND email_key = \(key) AND expires_at > \(now) AND EXISTS (
                SELECT 1 FROM organization_member WHERE organization_member.organization_id = organization_invitation.organization_id
                    AND organization_member.account_id = organization_invitation.invited_by
                    AND (organization_member.role = 'owner' OR (organization_member.role = 'manager' AND organization_invitation.role <> 'owner')))
            RETURNING *
            """
        ).first.map { (row) throws(StoreError) in try OrganizationInvitation(row) }
    }

    /// An address doesn't want to join.
    borrowing func declineInvitation(_ id: OrganizationInvitation.ID, of key: String) throws(StoreError) -> Bool {
        try change("DELETE FROM organization_invitation WHERE id = \(id) AND email_key = \(key)") == 1
    }

    /// What was asked for in somebody's name is over with their right to ask.
    borrowing func withdrawInvitations(by inviter: Account.ID, to organization: Organization.ID) throws(StoreError) {
        try change("DELETE FROM organization_invitation WHERE organization_id = \(organization) AND invited_by = \(inviter)")
    }

    /// One that may still come, by its id or its address.
    borrowing func invitation(
        to organization: Organization.ID, id: OrganizationInvitation.ID?, key: String?, now: Timestamp
    ) throws(StoreError) -> OrganizationInvitation? {
        try run(
            """
            SELECT * FROM organization_invitation WHERE organization_id = \(organization) AND expires_at > \(now)
                AND (id = \(id) OR email_key = \(key))
            """
        ).first.map { (row) throws(StoreError) in try OrganizationInvitation(row) }
    }

    borrowing func withdrawInvitation(_ id: OrganizationInvitation.ID, to organization: Organization.ID) throws(StoreError) -> Bool {
        try change("DELETE FROM organization_invitation WHERE id = \(id) AND organization_id = \(organization)") == 1
    }

    /// What somebody asked others to join since a time.
    borrowing func organizationInvitations(by inviter: Account.ID, since: Timestamp) throws(StoreError) -> [String] {
        try run("SELECT email FROM organization_invitation WHERE invited_by = \(inviter) AND invited_at >= \(since) ORDER BY email")
            .map { (row) throws(StoreError) in try row.text("email") }
    }
}
