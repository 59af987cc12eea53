import Secrets
import Storage

/// A session on one app's host. It lives as long as the portal's session that it came from, and proves what that one proves.
struct NewAppSession: Sendable {
    let token: SessionToken
    let account: Account.ID
    let session: Session.ID
    /// The app's host, or the domain of a cookie that several share.
    let place: String
    let createdAt: Timestamp
    /// Seconds for the cookie; nil lets it end with the browser.
    let cookieMaxAge: Int64?
}

/// One use of a way from the portal to an app's host: 30 seconds, one host, one browser (its state cookie), one portal session.
struct NewTicket: Sendable {
    static let purpose = Token.Purpose(label: "ticket")
    static let statePurpose = Token.Purpose(label: "ticket state")
    /// Long enough for a redirect on a slow line, too short for whoever finds it in a log.
    static let lifetime = Duration.seconds(30)

    let token: Token
    let account: Account.ID
    let session: Session.ID
    let host: String
    let stateHash: [UInt8]
    /// A path on the app's host.
    let returnTo: String
    let expiresAt: Timestamp
}
