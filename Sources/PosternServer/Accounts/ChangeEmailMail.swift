import Secrets
import Storage

/// What both addresses are told of a change.
struct ChangeEmailMail: Sendable {
    let publicURL: PublicURL
    let layout: MailLayout

    func confirmation(to email: EmailAddress, link: Token) -> Mail {
        layout.mail(
            .confirmNewEmail, to: email, subject: "Confirm your new address",
            opening: "You, or someone, wants to sign in with this address from now on. The link works once, for 24 hours.",
            button: "Confirm the address", link: "\(publicURL)/auth/new-email/\(link.text.exposed)",
            closing: "Don’t know of it? Then do nothing: without this link nothing changes.")
    }

    func addressTaken(to email: EmailAddress) -> Mail {
        layout.mail(
            .accountExists, to: email, subject: "You have an account already",
            opening: "You, or someone, wanted to use this address for another account. It has one already, so nothing was changed.",
            button: "Sign in", link: "\(publicURL)/auth/sign-in", closing: "Wasn’t it you? Then do nothing.")
    }

    func asked(of old: EmailAddress, at time: Timestamp) -> Mail {
        layout.mail(
            .emailChangeAsked, to: old, subject: "Another address for your account?",
            opening:
                "On \(ISOTime.words(time)) another e-mail address was given for your account. It counts once a link that we sent there is opened.",
            button: "Look at your security page", link: "\(publicURL)/auth/account/security",
            closing: "Wasn’t it you? Choose another password at once: that makes the link worthless. Then tell an administrator.")
    }

    func changed(of old: EmailAddress, to new: EmailAddress, at time: Timestamp) -> Mail {
        layout.mail(
            .emailChanged, to: old, subject: "Your account has another address",
            opening: "Since \(ISOTime.words(time)) your account is at \(new.address). This address no longer signs in.",
            button: "Go to the sign-in", link: "\(publicURL)/auth/sign-in",
            closing: "Wasn’t it you? Tell an administrator at once: somebody may have your password.")
    }
}
