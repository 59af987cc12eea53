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
    private let added: RankedWords
    private let keyWalks = KeyWalks()
    private let tables = SearchTables(longest: mostCodePoints)

    /// - Parameter words: a list of the site's own, the most likely first. Words of more than 100 code points are left out.
    public init(adding words: [String] = []) {
        let capitals = builtIn.capitals
        added = RankedWords(
            list: .added,
            words.enumerated().map { index, word in
                let points = word.points(most: Self.mostCodePoints + 1).map { capitals.lowercase($0) }
                return (points.count > Self.mostCodePoints ? [] : points, index + 1)
            }, keepingLowest: true)
    }

    /// - Parameters:
    ///   - password: as it will be hashed: normalised already, if it is to be.
    ///   - context: words that whoever attacks this password would try first: names, addresses, the site. Compared whole; see
    ///     ``contextWords(from:)``.
    public func estimate(_ password: String, context: [String] = []) -> Estimate {
        estimate(password, context: context.prefix(Self.mostContextWords).map { $0.points(most: Self.mostCodePoints) })
    }

    /// - Parameter context: at most 100 words.
    func estimate(_ password: String, context: [[UInt32]]) -> Estimate {
        let capitals = builtIn.capitals
        let words = RankedWords(
            list: .context, context.enumerated().map { (points: $1.map { capitals.lowercase($0) }, rank: $0 + 1) })
        let typed = password.points(most: Self.mostCodePoints)
        let (sequence, guesses) = easiest(Subject(typed, capitals: capitals), words)
        return Estimate(guesses: guesses, sequence: sequence)
    }

    /// The list that the whole password is on, in any case: the 30,000 most common ones, or an added one.
    func commonList(_ password: String) -> WordList? {
        let points = password.points(most: Self.mostCodePoints + 1).map { builtIn.capitals.lowercase($0) }
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
