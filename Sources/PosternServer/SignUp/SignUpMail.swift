import Secrets

/// The mails of signing up. None says whether an address has an account to anybody but its owner.
struct SignUpMail: Sendable {
    let publicURL: PublicURL
    let layout: MailLayout

    func confirmation(to email: EmailAddress, link: Token) -> Mail {
        layout.mail(.confirmEmail, to: email, link: "\(publicURL)/auth/confirm/\(link.text.exposed)")
    }

    func accountExists(to email: EmailAddress) -> Mail { layout.mail(.accountExists, to: email, link: "\(publicURL)/auth/sign-in") }

    func invitation(to email: EmailAddress, link: Token) -> Mail {
        layout.mail(.invitation, to: email, link: "\(publicURL)/auth/invitation/\(link.text.exposed)")
    }
}
