import Storage

/// Tells of the end of an account.
struct LeavingMail: Sendable {
    let publicURL: PublicURL
    let layout: MailLayout

    func leaving(_ email: EmailAddress, at time: Timestamp) -> Mail {
        layout.mail(.accountLeaving, to: email, ["time": ISOTime.words(time)], link: "\(publicURL)/auth/account/leave")
    }

    func gone(_ email: EmailAddress) -> Mail { layout.mail(.accountGone, to: email, link: "\(publicURL)/auth/sign-in") }
}
