import Storage

/// Says what was done after somebody said that a sign-in wasn't them.
struct NotMeMail: Sendable {
    let publicURL: PublicURL
    let layout: MailLayout

    func secured(_ secured: Secured, at time: Timestamp, to email: EmailAddress) -> Mail {
        layout.mail(
            .signInNotMe, to: email, ["time": ISOTime.words(time), "done": secured.sentences.joined(separator: " ")],
            link: "\(publicURL)/auth/forgot-password")
    }
}
