import PasswordStrength

/// What is asked of a new password.
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

    var strength = StrengthPolicy()
    /// What more is asked of the members of a group.
    var ofGroups: [String: StrengthPolicy] = [:]
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

    /// The strictest of what is asked of everybody and of a person's groups.
    func strength(for groups: [String]) -> StrengthPolicy {
        groups.compactMap { ofGroups[$0] }.reduce(strength) { strictest, next in
            StrengthPolicy(
                fewestCodePoints: max(strictest.fewestCodePoints, next.fewestCodePoints),
                lowestScore: max(strictest.lowestScore, next.lowestScore), mostBytes: strictest.mostBytes)
        }
    }
}
