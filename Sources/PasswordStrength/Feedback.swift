/// zxcvbn's advice, word for word.
public struct Feedback: Sendable {
    public enum Warning: Sendable, CaseIterable {
        case straightRow, keyPattern, characterRepeat, wordRepeat, sequence, recentYear, date, topTen, topHundred, veryCommon,
            similarToCommon, wordAlone, nameAlone, commonName

        public var text: StaticString {
            switch self {
            case .straightRow: "Straight rows of keys are easy to guess."
            case .keyPattern: "Short keyboard patterns are easy to guess."
            case .characterRepeat: "Repeats like \"aaa\" are easy to guess."
            case .wordRepeat: "Repeats like \"abcabcabc\" are only slightly harder to guess than \"abc\"."
            case .sequence: "Sequences like \"abc\" or \"6543\" are easy to guess."
            case .recentYear: "Recent years are easy to guess."
            case .date: "Dates are often easy to guess."
            case .topTen: "This is a top-10 common password."
            case .topHundred: "This is a top-100 common password."
            case .veryCommon: "This is a very common password."
            case .similarToCommon: "This is similar to a commonly used password."
            case .wordAlone: "A word by itself is easy to guess."
            case .nameAlone: "Names and surnames by themselves are easy to guess."
            case .commonName: "Common names and surnames are easy to guess."
            }
        }
    }

    public enum Suggestion: Sendable, CaseIterable {
        case fewWords, noNeedForSymbols, anotherWord, longerKeyPattern, noRepeats, noSequences, noRecentYears, noOwnYears, noOwnDates,
            capitalsHelpLittle, allCapitalsHelpLittle, reversingHelpsLittle, signsHelpLittle

        public var text: StaticString {
            switch self {
            case .fewWords: "Use a few words, avoid common phrases."
            case .noNeedForSymbols: "No need for symbols, digits, or uppercase letters."
            case .anotherWord: "Add another word or two. Uncommon words are better."
            case .longerKeyPattern: "Use a longer keyboard pattern with more turns."
            case .noRepeats: "Avoid repeated words and characters."
            case .noSequences: "Avoid sequences."
            case .noRecentYears: "Avoid recent years."
            case .noOwnYears: "Avoid years that are associated with you."
            case .noOwnDates: "Avoid dates and years that are associated with you."
            case .capitalsHelpLittle: "Capitalization doesn't help very much."
            case .allCapitalsHelpLittle: "All-uppercase is almost as easy to guess as all-lowercase."
            case .reversingHelpsLittle: "Reversed words aren't much harder to guess."
            case .signsHelpLittle: "Predictable substitutions like '@' instead of 'a' don't help very much."
            }
        }
    }

    public let warning: Warning?
    public let suggestions: [Suggestion]
}

extension StrengthEstimator {
    /// What makes a password weak, and what would help. Nothing at score 3 and 4.
    func feedback(on password: String, _ estimate: Estimate) -> Feedback {
        guard let first = estimate.sequence.first else { return Feedback(warning: nil, suggestions: [.fewWords, .noNeedForSymbols]) }
        guard estimate.score < 3 else { return Feedback(warning: nil, suggestions: []) }
        // The longest part; of equals the first.
        let longest = estimate.sequence.reduce(first) { $1.range.count > $0.range.count ? $1 : $0 }
        let isAlone = estimate.sequence.count == 1
        switch longest.pattern {
        case .bruteForce: return Feedback(warning: nil, suggestions: [.anotherWord])
        case .keys(_, let turns, _):
            return Feedback(warning: turns == 1 ? .straightRow : .keyPattern, suggestions: [.anotherWord, .longerKeyPattern])
        case .repeated(let length, _, _):
            return Feedback(warning: length == 1 ? .characterRepeat : .wordRepeat, suggestions: [.anotherWord, .noRepeats])
        case .sequence: return Feedback(warning: .sequence, suggestions: [.anotherWord, .noSequences])
        case .recentYear: return Feedback(warning: .recentYear, suggestions: [.anotherWord, .noRecentYears, .noOwnYears])
        case .date: return Feedback(warning: .date, suggestions: [.anotherWord, .noOwnDates])
        case .word(let list, let rank, let isReversed, let substitutions):
            let token = password.points(most: Self.mostCodePoints)[longest.range]
            return Feedback(
                warning: warning(list, rank, isPlain: !isReversed && substitutions.isEmpty, isAlone: isAlone, guesses: longest.guesses),
                suggestions: [.anotherWord] + capitalSuggestions(token)
                    + (isReversed && token.count >= 4 ? [.reversingHelpsLittle] : []) + (substitutions.isEmpty ? [] : [.signsHelpLittle]))
        }
    }

    private func warning(_ list: WordList, _ rank: Int, isPlain: Bool, isAlone: Bool, guesses: Double) -> Feedback.Warning? {
        switch list {
        case .passwords:
            if isAlone && isPlain { return rank <= 10 ? .topTen : rank <= 100 ? .topHundred : .veryCommon }
            return guesses <= 1e4 ? .similarToCommon : nil
        case .englishWikipedia: return isAlone ? .wordAlone : nil
        case .surnames, .maleNames, .femaleNames: return isAlone ? .nameAlone : .commonName
        case .televisionAndFilm, .added, .context: return nil
        }
    }

    private func capitalSuggestions(_ token: ArraySlice<UInt32>) -> [Feedback.Suggestion] {
        let capitals = token.count { $0.isCapital }
        if capitals == 1, token.count > 1, token.first?.isCapital == true { return [.capitalsHelpLittle] }
        let isAllCapitals = !token.contains { $0.isSmall } && token.contains { isCapital($0) }
        return isAllCapitals ? [.allCapitalsHelpLittle] : []
    }
}
