import Storage

/// Tells of the end of an account.
struct LeavingMail: Sendable {
    let publicURL: PublicURL
    let layout: MailLayout

    func leaving(_ email: EmailAddress, at time: Timestamp) -> Mail {
        layout.mail(
            .accountLeaving, to: email, subject: "Your account will be deleted",
            opening: "You asked for it, so your account is deleted after \(ISOTime.words(time)), for good. Until then you can keep it.",
            button: "Keep the account", link: "\(publicURL)/auth/account/leave",
            closing: "Wasn’t it you? Keep the account, choose another password, and tell an administrator: somebody may know yours.")
    }

    func gone(_ email: EmailAddress) -> Mail {
        layout.mail(
            .accountGone, to: email, subject: "Your account is deleted",
            opening: "As you asked seven days ago, your account and everything in it is deleted.",
            button: "Go to the sign-in", link: "\(publicURL)/auth/sign-in", closing: "This is the last mail that you get about it.")
    }
}
