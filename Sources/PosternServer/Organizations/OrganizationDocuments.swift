import Storage

/// An organization, as JSON has it.
struct OrganizationDocument: Encodable {
    let id: String
    let slug: String
    let name: String
    let guest: Bool
    let created_at: String
    /// Of a guest: when it is over.
    let ends_at: String?
    /// What the caller is in it.
    let role: String?

    init(_ organization: Organization, role: Organization.Role?) {
        id = organization.id.description
        (slug, name, guest) = (organization.slug, organization.name, organization.isGuest)
        created_at = ISOTime.text(organization.createdAt)
        ends_at = organization.endsAt.map(ISOTime.text)
        self.role = role?.rawValue
    }
}

struct OrganizationList: Encodable { let organizations: [OrganizationDocument] }

struct MemberDocument: Encodable {
    let account: String
    let email: String
    let name: String
    let role: String
    let joined_at: String

    init(_ member: Member, masked: Bool) {
        account = member.account.description
        email = masked ? maskedEmail(member.email) : member.email
        (name, role, joined_at) = (masked ? "" : member.name, member.role.rawValue, ISOTime.text(member.joinedAt))
    }
}

struct MemberList: Encodable { let members: [MemberDocument] }

struct InvitationDocument: Encodable {
    let id: String
    let organization: String
    let organization_name: String
    let email: String
    let role: String
    let invited_at: String
    let expires_at: String

    init(_ invitation: OrganizationInvitation, of organization: Organization) {
        id = invitation.id.description
        (self.organization, organization_name) = (organization.id.description, organization.name)
        (email, role) = (invitation.email, invitation.role.rawValue)
        (invited_at, expires_at) = (ISOTime.text(invitation.invitedAt), ISOTime.text(invitation.expiresAt))
    }
}

struct InvitationList: Encodable { let invitations: [InvitationDocument] }
