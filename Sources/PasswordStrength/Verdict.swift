/// What a site asks of a password.
public struct StrengthPolicy: Sendable, Equatable {
    /// In code points.
    public var fewestCodePoints: Int
    /// 0 to 4, see ``Estimate/score``.
    public var lowestScore: Int
    /// Of UTF-8.
    public var mostBytes: Int

    public init(fewestCodePoints: Int = 8, lowestScore: Int = 3, mostBytes: Int = 1_024) {
        (self.fewestCodePoints, self.lowestScore, self.mostBytes) = (fewestCodePoints, lowestScore, mostBytes)
    }
}

/// Whether a password will do, and in words why or why not. The same words in the page and from the server.
public struct Verdict: Sendable {
    public enum Refusal: Sendable, CaseIterable {
        case tooShort, tooLong
        /// A common password, whatever score is asked for.
        case common
        case tooWeak
    }

    public let estimate: Estimate
    public let feedback: Feedback
    /// Nil if it will do.
    public let refusal: Refusal?
    /// 0 to 4, for a meter: 0 for what is too short, too long or common. Lower than the score where known words carry the password.
    public let level: Int
    /// One or two words, such as `Weak`.
    public let title: String
    /// How long it would hold, what is weak, what to do.
    public let sentences: [String]
}

extension StrengthEstimator {
    /// - Parameters:
    ///   - about: what is known of the person and the site, as whole texts: the site's name, an address, a name. Their parts count too.
    public func verdict(on password: String, about: [String] = [], policy: StrengthPolicy = StrengthPolicy()) -> Verdict {
        let estimate = estimate(password, context: Self.contextPoints(from: about))
        let feedback = feedback(on: password, estimate)
        let sure = estimate.withoutFloorOverContext
        let words = VerdictWords(estimate: sure, commonIn: commonList(password), lowestScore: policy.lowestScore)
        let missing = policy.fewestCodePoints - password.points(most: policy.fewestCodePoints).count
        let refusal: Verdict.Refusal? =
            if missing > 0 {
                .tooShort
            } else if password.utf8.count > policy.mostBytes {
                .tooLong
            } else if words.isCommon {
                .common
            } else if sure.score < policy.lowestScore {
                .tooWeak
            } else {
                nil
            }
        switch refusal {
        case .tooShort:
            let more = Decimal.text(missing) + " more " + (missing == 1 ? "character." : "characters.")
            return Verdict(
                estimate: estimate, feedback: feedback, refusal: refusal, level: 0, title: "Too short", sentences: ["It needs " + more])
        case .tooLong:
            return Verdict(
                estimate: estimate, feedback: feedback, refusal: refusal, level: 0, title: "Too long",
                sentences: ["It has more than " + Decimal.text(policy.mostBytes) + " bytes."])
        case .common, .tooWeak, nil:
            return Verdict(
                estimate: estimate, feedback: feedback, refusal: refusal, level: refusal == .common ? 0 : sure.score, title: words.title,
                sentences: words.sentences)
        }
    }

    /// What a score is called.
    public static func title(of score: Int) -> String {
        switch score {
        case 0: "Too easy to guess"
        case 1: "Weak"
        case 2: "Nearly there"
        case 3: "Good"
        default: "Strong"
        }
    }

    /// Each text whole, then the parts of it that are three letters or longer: `ada.lovelace@example.com` holds `ada.lovelace` and
    /// `lovelace`.
    public static func contextWords(from texts: [String]) -> [String] {
        contextPoints(from: texts).map { word in
            var text = String.UnicodeScalarView()
            for point in word { if let scalar = Unicode.Scalar(point) { text.append(scalar) } }
            return String(text)
        }
    }

    static func contextPoints(from texts: [String]) -> [[UInt32]] {
        var words: [[UInt32]] = []
        func add(_ word: ArraySlice<UInt32>) {
            if word.count >= 3, words.count < mostContextWords, !words.contains(where: { $0.elementsEqual(word) }) {
                words.append(Array(word))
            }
        }
        for text in texts {
            let points = text.points(most: mostCodePoints)
            add(points[...])
            // An address's two sides; then what stands between signs.
            for side in points.split(whereSeparator: { $0 == 0x40 }) { add(side) }
            for part in points.split(whereSeparator: { !$0.isDigit && !$0.isCapital && !$0.isSmall && $0 < 128 }) { add(part) }
        }
        return words
    }
}

extension Estimate {
    /// The model takes it that shorter sequences of anything are tried before longer ones, which alone makes any three parts 10⁸ guesses.
    /// Whoever attacks one person tries their names in twos and threes first: with such a part only the parts themselves count.
    fileprivate var withoutFloorOverContext: Estimate {
        let hasContext = sequence.contains { if case .word(.context, _, _, _) = $0.pattern { true } else { false } }
        guard hasContext else { return self }
        let product = sequence.enumerated().reduce(1.0) { $0 * $1.element.guesses * Double($1.offset + 1) }
        return Estimate(guesses: min(guesses, product), sequence: sequence)
    }
}

/// Builds the sentences of a verdict.
private struct VerdictWords {
    let estimate: Estimate
    /// The list that the whole password is on.
    let commonIn: WordList?
    let lowestScore: Int

    var isCommon: Bool { commonIn != nil }

    var title: String {
        isCommon ? StrengthEstimator.title(of: 0) : StrengthEstimator.title(of: estimate.score)
    }

    var sentences: [String] {
        if estimate.score >= 3, !isCommon {
            return [holds] + (estimate.score < lowestScore ? ["This site asks for more. Add one more uncommon word."] : [])
        }
        // A list is tried first, whatever the estimate says.
        return (isCommon && estimate.score >= 3 ? [] : [holds]) + [weakness, remedy]
    }

    private var holds: String {
        let time = estimate.crackTime(.offlineSlowHash)
        let length =
            switch time.text {
            case let text where text.utf8.first == UInt8(ascii: "c"): "for " + text
            case let text where time.seconds < 1: text
            case let text: "about " + text
            }
        return "Would hold " + length + (estimate.score >= 3 ? ", even if someone stole our database." : ".")
    }

    private var hasContext: Bool {
        estimate.sequence.contains { if case .word(.context, _, _, _) = $0.pattern { true } else { false } }
    }

    private var weakness: String {
        if commonIn == .passwords { return "It is on every list of common passwords." }
        if commonIn != nil { return "It is a word this site expects." }
        if estimate.sequence.isEmpty { return "It is empty." }
        var parts: [(part: Part, count: Int)] = []
        for match in estimate.sequence {
            let part = Part(match)
            if let index = parts.firstIndex(where: { $0.part == part }) {
                parts[index].count += 1
            } else {
                parts.append((part, 1))
            }
        }
        var text = "It is "
        for (index, entry) in parts.enumerated() {
            if index > 0 { text += index == parts.count - 1 ? " and " : ", " }
            text += entry.part.words(entry.count)
        }
        return text + "."
    }

    private var remedy: String {
        if hasContext { return "Leave out what is known about you or this site: that is tried first." }
        if isCommon { return "Choose something nobody else would." }
        return estimate.score == 2 ? "Add one more uncommon word." : "Add two or three words that have nothing to do with each other."
    }

    /// A kind of part, as people call it.
    private enum Part: Equatable {
        case password, word, name, title, listed, known, keys, repeated, sequence, year, date, other

        init(_ match: Match) {
            self =
                switch match.pattern {
                case .bruteForce: .other
                case .word(.passwords, _, _, _): .password
                case .word(.englishWikipedia, _, _, _): .word
                case .word(.femaleNames, _, _, _), .word(.maleNames, _, _, _), .word(.surnames, _, _, _): .name
                case .word(.televisionAndFilm, _, _, _): .title
                case .word(.added, _, _, _): .listed
                case .word(.context, _, _, _): .known
                case .keys: .keys
                case .repeated: .repeated
                case .sequence: .sequence
                case .recentYear: .year
                case .date: .date
                }
        }

        func words(_ count: Int) -> String {
            let (one, more): (String, String) =
                switch self {
                case .password: ("a common password", "common passwords")
                case .word: ("a common word", "common words")
                case .name: ("a name", "names")
                case .title: ("a word from films", "words from films")
                case .listed: ("a word this site expects", "words this site expects")
                case .known: ("something known about you or this site", "things known about you or this site")
                case .keys: ("a row of keys", "rows of keys")
                case .repeated: ("a repeat", "repeats")
                case .sequence: ("a run like abc or 987", "runs like abc or 987")
                case .year: ("a recent year", "recent years")
                case .date: ("a date", "dates")
                case .other: ("a few other characters", "a few other characters")
                }
            let numbers = ["", "", "two ", "three ", "four ", "five "]
            return count == 1 || self == .other ? one : (count < numbers.count ? numbers[count] : "many ") + more
        }
    }
}
