import Secrets
import Storage

/// A sign-in whose password was right and whose second step is still to come. It is no session: nothing but that step takes it (SE-05).
struct Challenge: Sendable {
    let tokenHash: [UInt8]
    let account: Account.ID
    /// The password that was checked: after another is set, the challenge is worth nothing.
    let passwordSetAt: Timestamp
    /// There is no factor yet, and one must be added first.
    let mustEnrol: Bool
    let isKept: Bool
    /// All is proved, and another password must be chosen before a session opens.
    var changeAfter: Proved?

    /// What a sign-in proved that waits for another password.
    enum Proved: Equatable, Sendable {
        /// There is no second factor.
        case password
        case factor(SessionProof.Means)

        var text: String { if case .factor(let means) = self { means.text } else { "password" } }

        init?(text: String) {
            if text == "password" {
                self = .password
            } else if let means = SessionProof.Means(text: text) {
                self = .factor(means)
            } else {
                return nil
            }
        }

        var factor: SessionProof.Means? { if case .factor(let means) = self { means } else { nil } }
    }
}

struct NewChallenge: Sendable {
    static let purpose = Token.Purpose(label: "sign-in challenge")
    static let lifetime = Duration.seconds(600)
    /// Wrong codes before the password is asked for again.
    static let mostTries: Int64 = 10

    let token: Token
    let account: Account.ID
    let passwordSetAt: Timestamp
    let mustEnrol: Bool
    let isKept: Bool
    let expiresAt: Timestamp
    var changeAfter: Challenge.Proved?
}

/// A browser that is not asked for the second step.
struct TrustedBrowser: Equatable, Sendable {
    typealias ID = Identifier<TrustedBrowser>

    let id: ID
    let createdAt: Timestamp
    let expiresAt: Timestamp
    let address: String
    let browser: String
}

struct NewTrust: Sendable {
    static let purpose = Token.Purpose(label: "trusted browser")

    let id: TrustedBrowser.ID
    let token: Token
    let account: Account.ID
    let createdAt: Timestamp
    let expiresAt: Timestamp
    let client: Client
}

/// What the settings say of second factors.
struct SecondFactorPolicy: Equatable, Sendable {
    /// Of members of a group: how long one may still sign in without, from the first sign-in on.
    struct Requirement: Equatable, Sendable {
        var grace: Duration
    }

    /// Steps accepted on each side of the current one: 0 or 1.
    var reach: Int64 = 1
    /// How long a browser may be trusted; nil for never.
    var trust: Duration?
    /// By group.
    var required: [String: Requirement] = [:]
    /// Whether owners and administrators need one for the administration (AZ-05).
    var isNeededForAdministration = true

    /// Groups whose members may not use codes by SMS or voice.
    var phoneForbidden: Set<String> = []
    /// How long a number that came beside or after another can't be used yet: its owner has been told by the old one (OB-09).
    var phoneCoolOff = Duration.seconds(86_400)

    func allowsPhones(_ groups: [String]) -> Bool { phoneForbidden.isDisjoint(with: groups) }

    /// The strictest of those that apply.
    func requirement(for groups: [String]) -> Requirement? {
        groups.compactMap { required[$0] }.min { $0.grace < $1.grace }
    }
}
