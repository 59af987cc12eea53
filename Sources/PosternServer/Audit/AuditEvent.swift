import Storage

/// One security event: who did what to whom, when, from where and how it ended. Never a secret, never free text from a stranger.
struct AuditEvent: Sendable {
    /// The fixed vocabulary. A name, once written, keeps its meaning for ever.
    enum Kind: String, CaseIterable, Sendable {
        case signedUp = "account.signed-up"
        case emailConfirmed = "account.email-confirmed"
        case created = "account.created"
        case renamed = "account.renamed"
        case disabled = "account.disabled"
        case enabled = "account.enabled"
        case deleted = "account.deleted"
        case leaving = "account.leaving"
        case stayed = "account.stayed"
        case roleChanged = "account.role-changed"
        case groupJoined = "account.group-joined"
        case groupLeft = "account.group-left"
        case invited = "invitation.sent"
        case invitationUsed = "invitation.used"
        case setUp = "setup.owner-made"
        case signedIn = "sign-in.succeeded"
        case signInFailed = "sign-in.failed"
        case challenged = "sign-in.second-factor-asked"
        case secondFactorFailed = "sign-in.second-factor-failed"
        case steppedUp = "session.stepped-up"
        case stepUpFailed = "session.step-up-failed"
        case authenticatorAdded = "factor.authenticator-added"
        case authenticatorRenamed = "factor.authenticator-renamed"
        case authenticatorRemoved = "factor.authenticator-removed"
        case recoveryCodesMade = "factor.recovery-codes-made"
        case recoveryCodeUsed = "factor.recovery-code-used"
        case phoneAdded = "factor.phone-added"
        case phoneRemoved = "factor.phone-removed"
        case codeSent = "sign-in.code-sent"
        case outageSet = "delivery.outage-set"
        case outageCleared = "delivery.outage-cleared"
        case browserTrusted = "factor.browser-trusted"
        case trustEnded = "factor.trust-ended"
        case factorsReset = "factor.all-removed"
        case codeStopLifted = "factor.stop-lifted"
        case appEntered = "session.app-entered"
        case appAdded = "app.added"
        case appRemoved = "app.removed"
        case usernameChanged = "account.username-changed"
        case emailChangeAsked = "account.email-change-asked"
        case emailChanged = "account.email-changed"
        case passwordChanged = "password.changed"
        case passwordResetAsked = "password.reset-asked"
        case passwordReset = "password.reset"
        case passwordChangeRequired = "password.change-required"
        case passwordResetStarted = "password.reset-started"
        case breachedPasswordFound = "password.found-breached"
        case signedOut = "session.signed-out"
        case sessionEnded = "session.ended"
        case sessionsEnded = "session.all-ended"
        /// A second factor is asked for in it.
        case sessionHeld = "session.held"
        case saidNotMe = "sign-in.not-me"
        case saidWasMe = "sign-in.was-me"
        case caseClosed = "sign-in.case-closed"
        case keysRotated = "secrets.rotated"
        case blocked = "block.made"
        case blockReleased = "block.released"
        case rulesChanged = "throttling.rules-changed"
        case locksReleased = "sign-in.locks-released"
        case organizationCreated = "organization.created"
        case organizationClaimed = "organization.claimed"
        case organizationRenamed = "organization.renamed"
        case organizationEnded = "organization.ended"
        case memberInvited = "organization.member-invited"
        case memberJoined = "organization.member-joined"
        case memberRoleChanged = "organization.role-changed"
        case memberLeft = "organization.member-left"
        case keyMade = "key.made"
        case keyRotated = "key.rotated"
        case keyChanged = "key.changed"
        case keyRevoked = "key.revoked"
        case keyLeaked = "key.leaked"
        case keyExposed = "key.exposed"
    }

    enum Actor: Sendable {
        case account(Account.ID)
        /// Somebody on the server's own command line.
        case commandLine
        /// The server by itself.
        case server
        /// Nobody who is known: a visitor before signing in.
        case visitor

        /// As it stands in the database.
        var word: String {
            switch self {
            case .account: "account"
            case .commandLine: "command-line"
            case .server: "server"
            case .visitor: "visitor"
            }
        }

        var id: Account.ID? { if case .account(let id) = self { id } else { nil } }
    }

    let kind: Kind
    let account: Account.ID?
    let actor: Actor
    let client: Client?
    let at: Timestamp
    /// An id, a role, a group, a count or a reason code.
    let detail: String

    init(_ kind: Kind, account: Account.ID?, by actor: Actor, from client: Client?, at: Timestamp, detail: String = "") {
        self.kind = kind
        self.account = account
        self.actor = actor
        self.client = client
        self.at = at
        self.detail = detail
    }
}
