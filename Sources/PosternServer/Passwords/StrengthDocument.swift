import PasswordStrength

/// An estimate as programs read it: zxcvbn's fields under zxcvbn's names, and what this site makes of it.
struct StrengthDocument: Encodable, Sendable {
    let score: Int
    let guesses: Double
    let guessesLog10: Double
    let crackTimes: [String: Time]
    let warning: String
    let suggestions: [String]
    let sequence: [Part]
    /// Whether it may be set here, as far as this machine knows.
    let acceptable: Bool
    let reason: String?
    /// 0 to 4, as the page's meter shows it: at most the score.
    let level: Int
    let title: String
    let sentences: [String]

    struct Time: Encodable, Sendable {
        let seconds: Double
        let text: String
    }

    /// A part, without its characters.
    struct Part: Encodable, Sendable {
        let pattern: String
        /// In code points, from 0; the last belongs to it.
        let i, j: Int
        let guesses: Double
        var dictionaryName: String?
        var rank: Int?
        var reversed: Bool?
        var l33t: Bool?
        var graph: String?
        var turns: Int?
        var shiftedCount: Int?
        var repeatCount: Int?
        var baseGuesses: Double?
        var ascending: Bool?
        var year: Int?
        var month: Int?
        var day: Int?

        enum CodingKeys: String, CodingKey {
            case pattern, i, j, guesses, rank, reversed, l33t, graph, turns, ascending, year, month, day
            case dictionaryName = "dictionary_name"
            case shiftedCount = "shifted_count"
            case repeatCount = "repeat_count"
            case baseGuesses = "base_guesses"
        }
    }

    enum CodingKeys: String, CodingKey {
        case score, guesses, warning, suggestions, sequence, acceptable, reason, level, title, sentences
        case guessesLog10 = "guesses_log10"
        case crackTimes = "crack_times"
    }

    /// - Parameters:
    ///   - lacksMix: whether letters and digits are asked for, and one is missing.
    ///   - isBreached: whether it is on a list of stolen ones, however strong it is.
    init(_ verdict: Verdict, lacksMix: Bool, isBreached: Bool) {
        let reason = verdict.reason ?? (lacksMix ? .passwordNotMixed : isBreached ? .passwordBreached : nil)
        let estimate = verdict.estimate
        score = estimate.score
        guesses = estimate.guesses
        guessesLog10 = estimate.guessesLog10
        crackTimes = Dictionary(
            uniqueKeysWithValues: Attack.allCases.map { attack in
                let time = estimate.crackTime(attack)
                return ("\(attack.name)", Time(seconds: time.seconds, text: time.text))
            })
        warning = verdict.feedback.warning.map { "\($0.text)" } ?? ""
        suggestions = verdict.feedback.suggestions.map { "\($0.text)" }
        sequence = estimate.sequence.map(Part.init)
        acceptable = reason == nil
        level = reason == .passwordBreached ? 0 : lacksMix ? min(verdict.level, NewPasswordField.Reading.mostWithoutMix) : verdict.level
        self.reason = reason?.rawValue
        (title, sentences) =
            reason == .passwordBreached
            ? (Reason.passwordBreached.title, [Reason.passwordBreached.advice])
            : (verdict.title, verdict.sentences + (lacksMix ? ["\(Reason.passwordNotMixed.title)."] : []))
    }
}

extension StrengthDocument.Part {
    init(_ match: Match) {
        let (i, j) = (match.range.lowerBound, match.range.upperBound - 1)
        func part(_ pattern: String) -> Self { Self(pattern: pattern, i: i, j: j, guesses: match.guesses) }
        switch match.pattern {
        case .bruteForce: self = part("bruteforce")
        case .word(let list, let rank, let isReversed, let substitutions):
            self = part("dictionary")
            (dictionaryName, self.rank, reversed, l33t) = ("\(list.name)", rank, isReversed, !substitutions.isEmpty)
        case .keys(let board, let turns, let shifted):
            self = part("spatial")
            (graph, self.turns, shiftedCount) = ("\(board.name)", turns, shifted)
        case .repeated(_, let guesses, let count):
            self = part("repeat")
            (baseGuesses, repeatCount) = (guesses, count)
        case .sequence(let isAscending):
            self = part("sequence")
            ascending = isAscending
        case .recentYear(let year):
            self = part("regex")
            self.year = year
        case .date(let year, let month, let day, _):
            self = part("date")
            (self.year, self.month, self.day) = (year, month, day)
        }
    }
}

extension Verdict {
    /// The reason code of its refusal.
    var reason: Reason? {
        switch refusal {
        case nil: nil
        case .tooShort: .passwordTooShort
        case .tooLong: .passwordTooLong
        case .common: .passwordCommon
        case .tooWeak: .passwordTooWeak
        }
    }
}
