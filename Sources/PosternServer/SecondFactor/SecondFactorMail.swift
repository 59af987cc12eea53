import Storage

/// Notices to the owner. None holds a secret, and each says what to do if it wasn't them.
struct SecondFactorMail: Sendable {
    enum Event: Equatable, Sendable {
        case authenticatorAdded(name: String)
        case authenticatorRemoved(name: String)
        case recoveryCodesMade
        case recoveryCodeUsed(left: Int64)
        case factorsReset
        case codesStopped
        case stopLifted

        var kind: Notice.Kind {
            switch self {
            case .authenticatorAdded: .authenticatorAdded
            case .authenticatorRemoved: .authenticatorRemoved
            case .recoveryCodesMade: .recoveryCodesMade
            case .recoveryCodeUsed: .recoveryCodeUsed
            case .factorsReset: .secondFactorReset
            case .codesStopped: .codesStopped
            case .stopLifted: .codesStopLifted
            }
        }
    }

    let publicURL: PublicURL
    let layout: MailLayout

    func notice(of event: Event, to email: EmailAddress, at time: Timestamp) -> Mail {
        let (subject, opening) = words(event)
        return layout.mail(
            event.kind, to: email, subject: subject, opening: "\(opening) It was on \(ISOTime.words(time)).",
            button: "Look at your security page",
            link: "\(publicURL)/auth/account/security",
            closing: "Wasn’t it you? Sign in, end all other sessions, and tell an administrator: somebody may know your password.")
    }

    private func words(_ event: Event) -> (subject: String, opening: String) {
        switch event {
        case .authenticatorAdded(let name): ("An authenticator app was added", "The app “\(name)” now makes codes for your sign-in.")
        case .authenticatorRemoved(let name): ("An authenticator app was removed", "Codes from “\(name)” no longer work.")
        case .recoveryCodesMade: ("You have new recovery codes", "Ten new recovery codes were made. Older ones no longer work.")
        case .recoveryCodeUsed(let left):
            (
                "A recovery code was used",
                left <= 3
                    ? "Somebody signed in or confirmed with one of your recovery codes. \(left) of 10 are left: make new ones soon."
                    : "Somebody signed in or confirmed with one of your recovery codes. \(left) of 10 are left."
            )
        case .factorsReset:
            (
                "Your second factor was removed",
                "An administrator removed all authenticator apps and recovery codes of your account. Your password alone signs you in until you add one again."
            )
        case .codesStopped:
            (
                "Too many wrong codes",
                "50 wrong codes in a row were typed for your account, after the right password. App codes alone don’t let in for now; a recovery code does, or three right codes in a row, 15 minutes apart."
            )
        case .stopLifted: ("Codes work again", "After too many wrong codes they were stopped. An administrator let them be tried again.")
        }
    }
}
