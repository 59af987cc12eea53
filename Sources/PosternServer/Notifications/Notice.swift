import Storage

/// Something that somebody is told over one channel: a row that stays, and the job that brings it.
struct Notice: Sendable {
    /// The same as its job's.
    typealias ID = Job.ID

    /// Why somebody is told.
    enum Kind: String, CaseIterable, Codable, Sendable {
        case confirmEmail = "confirm-email"
        case accountExists = "account-exists"
        case invitation
        case confirmNewEmail = "confirm-new-email"
        case emailChangeAsked = "email-change-asked"
        case emailChanged = "email-changed"
        case accountLeaving = "account-leaving"
        case accountGone = "account-gone"
        case passwordReset = "password-reset"
        case passwordChanged = "password-changed"
        case passwordStolen = "password-stolen"
        case passwordExpires = "password-expires"
        case authenticatorAdded = "authenticator-added"
        case authenticatorRemoved = "authenticator-removed"
        case recoveryCodesMade = "recovery-codes-made"
        case recoveryCodeUsed = "recovery-code-used"
        case secondFactorReset = "second-factor-reset"
        case codesStopped = "codes-stopped"
        case codesStopLifted = "codes-stop-lifted"
        case signInLocked = "sign-in-locked"
        case phoneAdded = "phone-added"
        case phoneRemoved = "phone-removed"
        case signInUnusual = "sign-in-unusual"
        case signInHalfWay = "sign-in-half-way"
        case signInNotMe = "sign-in-not-me"
        case deliverySpendNear = "delivery-spend-near"
        case deliverySpendReached = "delivery-spend-reached"
        case organizationInvitation = "organization-invitation"
        case apiKeyMade = "api-key-made"
        case apiKeyRotated = "api-key-rotated"
        case apiKeyRevoked = "api-key-revoked"
        case apiKeyLeaked = "api-key-leaked"
        case apiKeyExposed = "api-key-exposed"
        case apiKeyTried = "api-key-tried"
        case apiKeyExpires = "api-key-expires"

        /// Whether a person may do without. What tells of a change, or brings a link that was asked for, always comes.
        var isOptional: Bool { self == .passwordExpires || self == .apiKeyExpires }

        /// What it is about, for lists.
        var words: String {
            switch self {
            case .confirmEmail: "Confirm an address"
            case .accountExists: "Sign-up with an address that has an account"
            case .invitation: "Invitation"
            case .confirmNewEmail: "Confirm a new address"
            case .emailChangeAsked: "Another address was given"
            case .emailChanged: "Address changed"
            case .accountLeaving: "Account will be deleted"
            case .accountGone: "Account deleted"
            case .passwordReset: "Link to choose another password"
            case .passwordChanged: "Password changed"
            case .passwordStolen: "Password is on a list of stolen ones"
            case .passwordExpires: "Password expires soon"
            case .authenticatorAdded: "Authenticator app added"
            case .authenticatorRemoved: "Authenticator app removed"
            case .recoveryCodesMade: "New recovery codes"
            case .recoveryCodeUsed: "Recovery code used"
            case .secondFactorReset: "Second factor removed by an administrator"
            case .codesStopped: "Too many wrong codes"
            case .codesStopLifted: "Codes work again"
            case .signInLocked: "Too many wrong passwords"
            case .phoneAdded: "Telephone number added"
            case .phoneRemoved: "Telephone number removed"
            case .signInUnusual: "Unusual sign-in"
            case .signInHalfWay: "Right password, no second factor"
            case .signInNotMe: "A sign-in wasn’t its owner’s"
            case .deliverySpendNear: "Text messages and calls cost nearly what a day may"
            case .deliverySpendReached: "No more text messages and calls today"
            case .organizationInvitation: "Invitation to an organization"
            case .apiKeyMade: "API key made"
            case .apiKeyRotated: "API key rotated"
            case .apiKeyRevoked: "API key revoked"
            case .apiKeyLeaked: "API key reported as leaked"
            case .apiKeyExposed: "API key seen over plain HTTP"
            case .apiKeyTried: "Ended API key still tried"
            case .apiKeyExpires: "API key expires soon"
            }
        }
    }

    enum Channel: String, CaseIterable, Sendable { case mail, slack, webhook, sms }

    let kind: Kind
    let channel: Channel
    /// An address, or what the settings call the place.
    let target: String
    /// What it says in one line. Never a secret.
    let subject: String
    /// Of all notices with the same key there is one.
    var uniqueKey: String?
    let job: Job
}

/// A notice as people see it afterwards.
struct NoticeLine: Sendable {
    enum State: String, CaseIterable, Sendable {
        case waiting, sent, failed
        /// It was no longer so when its turn came.
        case dropped
    }

    let id: Notice.ID
    let account: Account.ID?
    let kind: String
    let channel: String
    let target: String
    let subject: String
    let state: State
    let tries: Int64
    let lastError: String
    let createdAt: Timestamp
    let endedAt: Timestamp?

    var why: String { Notice.Kind(rawValue: kind)?.words ?? kind }
}

/// Makes what is sent, sealed, ready to be written down.
struct Notices: Sendable {
    let keys: KeyRingHolder
    let random: Randomness
    let site: [SiteChannel]

    /// The mail, and a word to each place of the site's own that wants to hear of it.
    func make(_ mail: Mail, now: Timestamp) -> [Notice] {
        [toPerson(mail, now: now)] + forSite(mail, now: now)
    }

    /// The mail alone.
    func toPerson(_ mail: Mail, now: Timestamp) -> Notice {
        Notice(
            kind: mail.kind, channel: .mail, target: mail.to, subject: mail.subject,
            job: Job(.sendMail, payload: mail.payload, keys: keys.current, now: now, random: random))
    }

    /// The words to places of the site's own alone.
    func forSite(_ mail: Mail, now: Timestamp) -> [Notice] {
        site.filter { $0.kinds.contains(mail.kind) }.map {
            Notice(
                kind: mail.kind, channel: $0.channel, target: "notifications.\($0.channel.rawValue)",
                subject: "\(mail.subject): \(mail.to)",
                job: Job($0.jobKind, payload: SiteEvent(mail, at: now).payload, keys: keys.current, now: now, random: random))
        }
    }
}
