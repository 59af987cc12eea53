import Secrets
import Storage

/// A link in the mail that tells of a sign-in: its owner says with it that it was them, or that it wasn't.
struct SignInLink: Sendable {
    enum Answer: String, Sendable {
        case notMe = "not-me"
        case wasMe = "was-me"
    }

    static let purpose = Token.Purpose(label: "link of a sign-in")
    static let lifetime = Duration.seconds(10 * 86_400)

    let number: SignInAttempt.Number
    let account: Account.ID
    /// The address that the account had when the sign-in happened.
    let email: String
    let mark: BrowserMark?
    let answer: Answer?
    /// What was done, as ``Secured/text`` writes it.
    let done: String
}

struct NewSignInLink: Sendable {
    let tokenHash: [UInt8]
    let number: SignInAttempt.Number
    let account: Account.ID
    let email: String
    let mark: BrowserMark?
    let createdAt: Timestamp
    let expiresAt: Timestamp
}

/// Something for administrators to look into: a sign-in that wasn't its owner's.
struct SignInCase: Sendable {
    typealias ID = Identifier<SignInCase>

    let id: ID
    let number: SignInAttempt.Number
    let account: Account.ID
    let email: String
    let openedAt: Timestamp
    let done: String
    let closedAt: Timestamp?
}

/// What was done to make an account safe.
struct Secured: Equatable, Sendable {
    var sessions = 0
    var authenticators = 0
    var phones = 0
    var madeCodesVoid = false
    /// The address that the account has again.
    var email: String?
    /// It was changed, and somebody else's account has the old one by now.
    var emailIsTaken = false
    var keptFromDeletion = false
    /// People that were invited since.
    var invited: [String] = []
    /// The account's own API keys.
    var keys = 0
    /// Keys of organizations that were made since.
    var organizationKeys: [String] = []

    /// A sentence for each, for people; the same in the mail, the page and the case.
    var sentences: [String] {
        var lines = [
            sessions == 0
                ? "There was no session left to end." : sessions == 1 ? "One session was ended." : "\(sessions) sessions were ended.",
            "No browser is trusted or known any more.",
            "Your password opens nothing any more.",
        ]
        if authenticators > 0 { lines.append("Authenticator apps added since then were removed: \(authenticators).") }
        if phones > 0 { lines.append("Telephone numbers added since then were removed: \(phones).") }
        if madeCodesVoid { lines.append("Recovery codes made since then are void: make new ones.") }
        if let email { lines.append("Your address is \(email) again.") }
        if emailIsTaken { lines.append("Your address was changed and another account has the old one: an administrator must help.") }
        if keptFromDeletion { lines.append("The account is no longer going to be deleted.") }
        if keys > 0 { lines.append(keys == 1 ? "Your API key was revoked." : "Your \(keys) API keys were revoked.") }
        if !organizationKeys.isEmpty {
            lines.append(
                "API keys of organizations were made in your name, for their owners to decide: \(organizationKeys.joined(separator: ", "))."
            )
        }
        if !invited.isEmpty {
            lines.append("People were invited in your name, for an administrator to decide: \(invited.joined(separator: ", ")).")
        }
        return lines
    }

    var text: String { sentences.joined(separator: "\n") }
}
