import Secrets
import Storage
import Throttle

/// How often passwords may be tried, and what too many lead to.
struct SignInLimits: Equatable, Sendable {
    /// Tries of one address, right or wrong.
    var perAddress = Rate.perMinute(20)
    /// Wrong ones of one address for one account, in a row.
    var pair = Lockout(waitFrom: 10, window: 900, firstWait: 60, longestWait: 900, lockAt: 25, quiet: 86_400)
    /// Wrong ones in a row for one account from all browsers that aren't known there (63B: at most 100). Only a right one or a release ends
    /// the row.
    var account = Lockout(waitFrom: 100, window: nil, firstWait: 0, longestWait: 0, lockAt: 100)
    /// So many accounts that one address failed at, within so long, and none of which it signed in to: passwords from a stolen list.
    var stuffing: (accounts: Int64, within: Duration) = (15, .seconds(3 * 3_600))
    var stuffingBlock = Duration.seconds(86_400)

    /// Wrong ones in a row by a browser that is known for the account: then it is a stranger like any other.
    static let knownBrowserFailures: Int64 = 10
    /// Of one account; those that weren't used for longest go.
    static let mostKnownBrowsers: Int64 = 50
    /// Passwords typed by somebody who is signed in, or beside a mailed link. Nothing makes them good again but a right one or a release.
    static let inside = Lockout(waitFrom: 10, window: nil, firstWait: 60, longestWait: 900, lockAt: 25)

    static func == (one: Self, other: Self) -> Bool {
        one.perAddress == other.perAddress && one.pair == other.pair && one.account == other.account && one.stuffing == other.stuffing
            && one.stuffingBlock == other.stuffingBlock
    }
}

/// Whose password is tried. An address is counted, made to wait and blocked under its keyed hash, whether it has an account or not, and goes on
/// being so when it gets one or loses it (LG-12).
struct TriedAccount: Sendable {
    let key: [UInt8]
    let id: Account.ID?

    /// At the sign-in.
    /// - Parameter identifiers: makes the hash.
    init(_ account: Account.ID?, email: EmailAddress, identifiers: KeyRing.Authenticator) {
        (key, id) = (identifiers.code(for: Array(email.key.utf8)), account)
    }

    /// Inside, where the account is known.
    init(_ id: Account.ID) { (key, self.id) = (id.bytes, id) }
}
