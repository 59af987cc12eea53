import Storage

/// Asks somebody to join. The link is a plain page: joining takes a sign-in with the address that this was sent to.
struct OrganizationMail: Sendable {
    let publicURL: PublicURL
    let layout: MailLayout

    func invitation(_ invitation: OrganizationInvitation, to email: EmailAddress, organization: String, inviter: String) -> Mail {
        layout.mail(
            .organizationInvitation, to: email,
            [
                "organization": organization, "inviter": inviter, "role": invitation.role.rawValue,
                "time": ISOTime.words(invitation.expiresAt),
            ],
            link: "\(publicURL)/auth/account/organizations")
    }
}
