import Storage

/// Tells somebody that their password is known to others.
struct PasswordMail: Sendable {
    let publicURL: PublicURL
    let layout: MailLayout

    func breached(to email: EmailAddress, isCertain: Bool) -> Mail {
        let certainty =
            isCertain
            ? "The password of your account stands on lists of passwords that were stolen from other sites."
            : "The password of your account may stand on lists of passwords that were stolen from other sites."
        return layout.mail(
            to: email, subject: "Choose another password",
            opening: "\(certainty) Such lists are tried first. Choose another password, here and wherever else you use it.",
            button: "Look at your security page", link: "\(publicURL)/auth/account/security",
            closing: "Nobody needs to have been in your account for this: the password alone is known.")
    }
}
