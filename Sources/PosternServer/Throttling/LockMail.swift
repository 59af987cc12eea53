import Secrets
import Storage

/// Tells of a lock and how to end it.
struct LockMail: Sendable {
    let publicURL: PublicURL
    let layout: MailLayout

    func locked(_ email: EmailAddress, link: Token, until: Timestamp?, at time: Timestamp) -> Mail {
        layout.mail(
            .signInLocked, to: email,
            ["time": ISOTime.words(time), "until": until.map { "until \(ISOTime.words($0))" } ?? "until you end it"],
            link: "\(publicURL)/auth/unlock/\(link.text.exposed)")
    }
}
