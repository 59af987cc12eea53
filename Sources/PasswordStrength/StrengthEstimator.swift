/// Estimates how many guesses a password withstands: the zxcvbn 4.4.2 model (Wheeler, USENIX Security 2016), whole.
///
/// Pure and bounded: no clock, no randomness, at most the first 100 code points. The same source runs in the server and, as WebAssembly,
/// in its pages. An estimator costs about 100 kB and a millisecond to make; keep one.
public struct StrengthEstimator: Sendable {
    /// How much of a password is looked at, in code points. The rest can only make it stronger.
    public static let mostCodePoints = 100
    /// How many words about a person or site count.
    public static let mostContextWords = 100

    private let builtIn = WordTrie.standard
    private var added = RankedWords(list: .added)
    private let keyWalks = KeyWalks()
    private let tables = SearchTables(longest: mostCodePoints)

    public init() {}

    /// Adds a list of words, the most likely first. A word that is in several added lists keeps its lowest place.
    public mutating func add(words: some Sequence<String>) {
        for (index, word) in words.enumerated() {
            added.insert(lowercase(word.unicodeScalars), rank: index + 1, keepingLowest: true)
        }
    }

    /// - Parameters:
    ///   - password: as it will be hashed: normalised already, if it is to be.
    ///   - context: words that whoever attacks this password would try first: names, addresses, the site. Compared whole; see
    ///     ``contextWords(from:)``.
    public func estimate(_ password: String, context: [String] = []) -> Estimate {
        var words = RankedWords(list: .context)
        for (index, word) in context.prefix(Self.mostContextWords).enumerated() {
            words.insert(lowercase(word.unicodeScalars), rank: index + 1, keepingLowest: false)
        }
        let typed = password.unicodeScalars.prefix(Self.mostCodePoints).map { $0.value }
        let (sequence, guesses) = easiest(Subject(Array(typed), capitals: builtIn.capitals), words)
        return Estimate(guesses: guesses, sequence: sequence)
    }

    /// The list that the whole password is on, in any case: the 30,000 most common ones, or an added one.
    func commonList(_ password: String) -> WordList? {
        let points = password.unicodeScalars.map { builtIn.capitals.lowercase($0.value) }
        guard points.count <= Self.mostCodePoints else { return nil }
        if Self.word(points, in: builtIn)?.list == .passwords { return .passwords }
        return Self.word(points, in: added)?.list
    }

    private static func word(_ points: [UInt32], in known: some Trie) -> RankedWord? {
        var node = 0
        for point in points {
            guard let next = known.child(of: node, by: point) else { return nil }
            node = next
        }
        return known.word(at: node)
    }

    func isCapital(_ point: UInt32) -> Bool { builtIn.capitals.isUppercase(point) }

    private func lowercase(_ scalars: String.UnicodeScalarView) -> [UInt32] {
        scalars.prefix(Self.mostCodePoints).map { builtIn.capitals.lowercase($0.value) }
    }

    private func easiest(_ subject: Subject, _ context: RankedWords) -> (sequence: [Match], guesses: Double) {
        var matches: [Match] = []
        let leet = Leet(subject.typed)
        let known = Words(subject: subject, known: builtIn)
        let others = [added, context].filter { !$0.isEmpty }.map { Words(subject: subject, known: $0) }
        known.forwards(into: &matches)
        for words in others { words.forwards(into: &matches) }
        known.backwards(into: &matches)
        for words in others { words.backwards(into: &matches) }
        known.substituted(leet, into: &matches)
        for words in others { words.substituted(leet, into: &matches) }
        keyWalks.matches(subject, into: &matches)
        repeats(subject, context, into: &matches)
        Sequences.matches(subject, into: &matches)
        Dates.recentYears(subject, into: &matches)
        Dates.matches(subject, into: &matches)
        return Search.easiest(subject, matches, tables)
    }

    /// A repeat costs what its part costs, times how often it stands there. The part is shorter by half at least, so this ends.
    private func repeats(_ subject: Subject, _ context: RankedWords, into matches: inout [Match]) {
        for stretch in Repeats.stretches(subject.typed) {
            let part = Subject(
                Array(subject.typed[stretch.range.lowerBound..<stretch.range.lowerBound + stretch.length]), capitals: subject.capitals)
            let (count, guesses) = (stretch.range.count / stretch.length, easiest(part, context).guesses)
            matches.append(
                Match(
                    range: stretch.range, pattern: .repeated(length: stretch.length, guesses: guesses, count: count),
                    guesses: subject.atLeast(guesses * Double(count), over: stretch.range)))
        }
    }
}
