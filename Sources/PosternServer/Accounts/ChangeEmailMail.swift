import Secrets
import Storage

/// What both addresses are told of a change.
struct ChangeEmailMail: Sendable {
    let publicURL: PublicURL
    let layout: MailLayout

    func confirmation(to email: EmailAddress, link: Token) -> Mail {
        layout.mail(.confirmNewEmail, to: email, link: "\(publicURL)/auth/new-email/\(link.text.exposed)")
    }

    func addressTaken(to email: EmailAddress) -> Mail {
        layout.mail(.accountExists, key: "address-taken", to: email, link: "\(publicURL)/auth/sign-in")
    }

    func asked(of old: EmailAddress, at time: Timestamp) -> Mail {
        layout.mail(.emailChangeAsked, to: old, ["time": ISOTime.words(time)], link: "\(publicURL)/auth/account/security")
    }

    func changed(of old: EmailAddress, to new: EmailAddress, at time: Timestamp) -> Mail {
        layout.mail(.emailChanged, to: old, ["time": ISOTime.words(time), "email": new.address], link: "\(publicURL)/auth/sign-in")
    }
}
