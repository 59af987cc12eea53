import Secrets
import Storage

/// Tells somebody that their password is known to others.
struct PasswordMail: Sendable {
    let publicURL: PublicURL
    let layout: MailLayout

    func reset(to email: EmailAddress, link: Token) -> Mail {
        layout.mail(
            .passwordReset, to: email, subject: "Choose another password",
            opening: "You, or someone, asked for a link to choose another password. It works once, for an hour.",
            button: "Choose another password", link: "\(publicURL)/auth/reset-password/\(link.text.exposed)",
            closing: "Didn’t ask? Then do nothing: without this link nothing changes, and your password goes on.")
    }

    func changed(to email: EmailAddress, at time: Timestamp) -> Mail {
        layout.mail(
            .passwordChanged, to: email, subject: "Your password was changed",
            opening: "The password of your account was changed on \(ISOTime.words(time)). All other sessions were ended.",
            button: "Look at your security page", link: "\(publicURL)/auth/account/security",
            closing: "Wasn’t it you? Choose another at once with “Forgot your password?” on the sign-in page, and tell an administrator.")
    }

    /// - Parameter days: how many are left, at most.
    func expires(to email: EmailAddress, at time: Timestamp, days: Int) -> Mail {
        layout.mail(
            .passwordExpires, to: email,
            subject: days == 1 ? "Your password expires within a day" : "Your password expires within \(days) days",
            opening:
                "The password of your account expires on \(ISOTime.words(time)). Choose another before then; afterwards you are asked for one at the next sign-in.",
            button: "Choose another password", link: "\(publicURL)/auth/account/password",
            closing: "A rule of this site asks for it. Nobody has been in your account.")
    }

    func breached(to email: EmailAddress, isCertain: Bool) -> Mail {
        let certainty =
            isCertain
            ? "The password of your account stands on lists of passwords that were stolen from other sites."
            : "The password of your account may stand on lists of passwords that were stolen from other sites."
        return layout.mail(
            .passwordStolen, to: email, subject: "Your password is known",
            opening: "\(certainty) Such lists are tried first. Choose another password, here and wherever else you use it.",
            button: "Look at your security page", link: "\(publicURL)/auth/account/security",
            closing: "Nobody needs to have been in your account for this: the password alone is known.")
    }
}
