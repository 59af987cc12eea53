import PasswordStrength
import Secrets

/// Judges how well a password would hold, in the same words as the page's meter.
struct PasswordJudge: Sendable {
    let policy: PasswordPolicy
    let estimator: StrengthEstimator
    /// What is known of the site, whoever the person is.
    let site: [String]
    /// The site's own lists, for pages; empty if there are none.
    let listedWords: [String]

    init(policy: PasswordPolicy, site: [String], listedWords: [String]) {
        self.policy = policy
        self.site = site + policy.words
        self.listedWords = listedWords
        estimator = StrengthEstimator(adding: listedWords)
    }

    /// - Parameters:
    ///   - about: what is known of the person.
    ///   - groups: the person's own.
    func verdict(on password: Password, about: [String], groups: [String]) -> Verdict {
        verdict(on: password, knowing: about + site, groups: groups)
    }

    /// - Parameter known: all that is known; what comes first counts, where it is too much. In the password's own normal form.
    private func verdict(on password: Password, knowing known: [String], groups: [String]) -> Verdict {
        estimator.verdict(
            on: password.judged.exposed, about: known.map(Password.normalised),
            policy: policy.strength(for: groups))
    }

    /// The same for programs.
    /// - Parameters:
    ///   - isSiteKnown: false where there are no settings, and so no site to know anything of.
    ///   - isBreached: whether the password is on a list.
    func document(
        on password: Password, about: [String], groups: [String] = [], isSiteKnown: Bool = true, isBreached: Bool = false
    ) -> StrengthDocument {
        let verdict = verdict(on: password, knowing: about + (isSiteKnown ? site : policy.words), groups: groups)
        let lacksMix = policy.rules(for: groups).mixesLettersAndDigits && !password.mixesLettersAndDigits
        return StrengthDocument(verdict, lacksMix: lacksMix, isBreached: isBreached)
    }
}
