import PasswordStrength
import Storage

/// What is asked of new passwords, and how long they last.
struct PasswordRules: Sendable, Equatable {
    var strength = StrengthPolicy()
    /// Code points where a group of the person's requires a second factor, instead of those of ``strength`` (PW-01).
    var fewestWithFactor: Int?
    /// Both must be there (PCI DSS 4.0 8.3.6).
    var mixesLettersAndDigits = false
    /// Nil for never.
    var expiresAfter: Duration?
    /// Whether a password never expires where a second factor is held (PCI DSS 4.0 8.3.9).
    var sparesSecondFactor = false
    /// How many of the last can't be chosen again, the current one among them: 1 for only that.
    var history: Int64 = 1
    /// How long a password stays before its owner may choose another.
    var minimumAge: Duration?
}

/// Rules that go together because a standard says so.
enum PasswordPreset: String, CaseIterable, Sendable {
    case modern, nist, pci, iso

    var rules: PasswordRules {
        var rules = PasswordRules()
        switch self {
        case .modern: break
        case .nist:
            rules.strength.fewestCodePoints = 15
            rules.fewestWithFactor = 8
        case .pci:
            rules.strength.fewestCodePoints = 12
            rules.mixesLettersAndDigits = true
            rules.expiresAfter = .seconds(90 * 86_400)
            rules.sparesSecondFactor = true
            rules.history = 4
        case .iso:
            rules.expiresAfter = .seconds(90 * 86_400)
            rules.history = 2
        }
        return rules
    }
}

/// Everything that the settings say of passwords.
struct PasswordPolicy: Sendable, Equatable {
    /// What a breach list that can't be asked means for a new password.
    enum OnFailure: String, CaseIterable, Sendable { case allow, refuse }

    /// What happens where a password that signs somebody in is on such a list.
    enum AtSignIn: String, CaseIterable, Sendable {
        case off, warn
        /// A link to choose another is mailed, and nobody is signed in.
        case reset
        /// Who holds a second factor proves it and chooses another on the spot; to others a link is mailed.
        case change

        /// Whether the stolen password alone no longer opens anything.
        var refuses: Bool { self == .reset || self == .change }
    }

    var rules = PasswordRules()
    /// What more is asked of the members of a group.
    var ofGroups: [String: PasswordRules] = [:]
    /// Groups whose members must hold a second factor.
    var groupsWithFactor: Set<String> = []
    /// Days before a password expires on which its owner is told, the most first.
    var reminders = [15, 7, 1]
    /// Over what time the first dates are spread where expiry is switched on.
    var spread = Duration.seconds(14 * 86_400)
    /// Words of the site's own that are guessed first.
    var words: [String] = []
    /// Files with more words, one a line, the most likely first.
    var lists: [String] = []
    var breached = Breached()

    struct Breached: Sendable, Equatable {
        /// A file made by `postern password breached build`.
        var filter: String?
        /// Where a range query's five digits are put behind.
        var url: String?
        var onFailure = OnFailure.allow
        var atSignIn = AtSignIn.off
    }

    var expires: Bool { rules.expiresAfter != nil || ofGroups.values.contains { $0.expiresAfter != nil } }

    /// The strictest of what is asked of everybody and of a person's groups.
    func rules(for groups: [String]) -> PasswordRules {
        let hasFactor = groups.contains(where: groupsWithFactor.contains)
        return ([rules] + groups.compactMap { ofGroups[$0] }).map { rules in
            var rules = rules
            if hasFactor, let fewest = rules.fewestWithFactor { rules.strength.fewestCodePoints = fewest }
            return rules
        }
        .reduce(PasswordRules(strength: StrengthPolicy(fewestCodePoints: 0, lowestScore: 0, mostBytes: rules.strength.mostBytes))) {
            strictest, next in
            var both = strictest
            both.strength.fewestCodePoints = max(strictest.strength.fewestCodePoints, next.strength.fewestCodePoints)
            both.strength.lowestScore = max(strictest.strength.lowestScore, next.strength.lowestScore)
            both.mixesLettersAndDigits = strictest.mixesLettersAndDigits || next.mixesLettersAndDigits
            both.history = max(strictest.history, next.history)
            both.minimumAge = [strictest.minimumAge, next.minimumAge].compactMap { $0 }.max()
            return both
        }
    }

    func strength(for groups: [String]) -> StrengthPolicy { rules(for: groups).strength }
}
