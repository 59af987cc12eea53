import PasswordStrength

/// What rooms need in which somebody chooses a password: the field for the page, and the decision.
struct PasswordDesk: Sendable {
    let choose: ChoosePassword
    /// Where the page's module and the site's own words lie.
    let module: String
    let words: String?

    /// For programs: a refusal as the API answers it.
    func chosen(_ text: String, about: [String], groups: [String] = []) async throws -> ChosenPassword {
        do throws(PasswordRefusal) {
            return try await choose.choose(text, about: about, groups: groups)
        } catch {
            throw error.refused
        }
    }

    /// - Parameters:
    ///   - about: what is known of the person already; an address that is typed beside it is added by the page.
    ///   - replacing: whether there is a password that it takes the place of.
    func field(about: [String] = [], groups: [String] = [], replacing: Bool = false) -> NewPasswordField {
        let rules = choose.judge.policy.rules(for: groups)
        let asked = rules.strength
        return NewPasswordField(
            isReplacing: replacing, fewest: asked.fewestCodePoints, lowestScore: asked.lowestScore, mostBytes: asked.mostBytes,
            mixes: rules.mixesLettersAndDigits,
            module: module, words: words,
            about: about + choose.judge.site)
    }
}
