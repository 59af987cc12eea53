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
        var values = ["time": ISOTime.words(time)]
        var key: String?
        switch event {
        case .authenticatorAdded(let name), .authenticatorRemoved(let name): values["name"] = name
        case .recoveryCodeUsed(let left):
            values["left"] = "\(left)"
            if left <= 3 { key = "recovery-code-used-few-left" }
        case .recoveryCodesMade, .factorsReset, .codesStopped, .stopLifted: break
        }
        return layout.mail(event.kind, key: key, to: email, values, link: "\(publicURL)/auth/account/security")
    }
}
