import Secrets

/// The mails of signing up: confirm, "you have one already", and an invitation.
struct SignUpMail: Sendable {
    let publicURL: PublicURL
    let layout: MailLayout

    func confirmation(to email: EmailAddress, link: Token) -> Mail {
        layout.mail(
            .confirmEmail, to: email, subject: "Confirm your address",
            opening:
                "You, or someone, made an account with this address. Confirm that it is yours, with the password you chose. The link works once, for 24 hours.",
            button: "Confirm the address", link: "\(publicURL)/auth/confirm-email/\(link.text.exposed)",
            closing: "Didn’t make an account? Then do nothing: without this link it never opens.")
    }

    func accountExists(to email: EmailAddress) -> Mail {
        layout.mail(
            .accountExists, to: email, subject: "You have an account already",
            opening: "You, or someone, tried to make an account with this address. You have one already: just sign in.",
            button: "Sign in", link: "\(publicURL)/auth/sign-in",
            closing: "Wasn’t it you? Then do nothing: nothing was changed.")
    }

    func invitation(to email: EmailAddress, link: Token) -> Mail {
        layout.mail(
            .invitation, to: email, subject: "Your invitation",
            opening: "An administrator invites you to make an account. Choose a password; the link works once, for 7 days.",
            button: "Make your account", link: "\(publicURL)/auth/invitation/\(link.text.exposed)",
            closing: "Don’t want one? Then do nothing.")
    }
}
