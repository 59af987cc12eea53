import Storage

/// Notices of a change of numbers.
struct PhoneMail: Sendable {
    let publicURL: PublicURL
    let layout: MailLayout

    func notice(of event: PhoneNotices.Event, to email: EmailAddress, at time: Timestamp) -> Mail {
        layout.mail(
            event.kind, to: email, ["number": event.phone.masked, "time": ISOTime.words(time)],
            link: "\(publicURL)/auth/account/security")
    }

    /// The same as a text message: no link, for people are told not to follow those.
    func text(of event: PhoneNotices.Event, at time: Timestamp) -> String {
        let what =
            switch event {
            case .added(let phone): "The number ending in \(phone.masked.suffix(2)) was added to"
            case .removed(let phone): "The number ending in \(phone.masked.suffix(2)) was removed from"
            }
        return "\(what) your account at \(layout.siteName), \(ISOTime.words(time)). Not you? Sign in there and change your password."
    }
}
