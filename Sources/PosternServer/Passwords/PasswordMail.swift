import Secrets
import Storage

/// Tells somebody of their password.
struct PasswordMail: Sendable {
    let publicURL: PublicURL
    let layout: MailLayout

    private var security: String { "\(publicURL)/auth/account/security" }

    func reset(to email: EmailAddress, link: Token) -> Mail {
        layout.mail(.passwordReset, to: email, link: "\(publicURL)/auth/reset-password/\(link.text.exposed)")
    }

    func changed(to email: EmailAddress, at time: Timestamp) -> Mail {
        layout.mail(.passwordChanged, to: email, ["time": ISOTime.words(time)], link: security)
    }

    /// - Parameter days: how many are left, at most.
    func expires(to email: EmailAddress, at time: Timestamp, days: Int) -> Mail {
        layout.mail(
            .passwordExpires, key: days == 1 ? "password-expires-in-a-day" : nil, to: email,
            ["time": ISOTime.words(time), "days": "\(days)"], link: "\(publicURL)/auth/account/password")
    }

    func breached(to email: EmailAddress, isCertain: Bool) -> Mail {
        layout.mail(.passwordStolen, key: isCertain ? nil : "password-perhaps-stolen", to: email, link: security)
    }
}
