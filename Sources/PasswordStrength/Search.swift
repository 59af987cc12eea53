/// Finds the sequence of parts that an attacker would guess first.
///
/// It is the sequence that covers the password, without gaps, and has the fewest guesses g = l! × Π gᵢ + 10,000^(l−1): the guesses of its
/// l parts, the orders in which they may stand, and the shorter sequences that were tried before. What no match covers is guessed
/// character by character. Time is O(n·l·(n + m)) for n characters and m matches; l rarely exceeds 5 (zxcvbn, `scoring.coffee`).
struct Search {
    /// The best sequence of a length over a prefix of the password.
    private struct Best {
        let length: Int
        /// Where its last part starts.
        let start: Int
        /// Its last part; nil for brute force.
        let match: Int?
        /// Π gᵢ.
        let product: Double
        let guesses: Double
    }

    private let subject: Subject
    private let matches: [Match]
    private let tables: SearchTables
    /// The sequences that end at each position, one behind the other; those of `end` stand at `first[end]..<first[end + 1]`.
    private var best: [Best] = []
    private var first: [Int] = [0]

    /// The parts, in order, and what they cost together. An empty password costs one guess.
    static func easiest(_ subject: Subject, _ matches: [Match], _ tables: SearchTables) -> (sequence: [Match], guesses: Double) {
        guard subject.count > 0 else { return ([], 1) }
        var search = Search(subject: subject, matches: matches, tables: tables)
        search.run()
        return search.unwound()
    }

    private init(subject: Subject, matches: [Match], tables: SearchTables) {
        (self.subject, self.matches, self.tables) = (subject, matches, tables)
        best.reserveCapacity(subject.count * 2)
        first.reserveCapacity(subject.count + 1)
    }

    private mutating func run() {
        // By end, then by start, then in the order in which they were found: of equal guesses the first stays.
        let order = matches.indices.map { index in
            UInt64(matches[index].range.upperBound) << 48 | UInt64(matches[index].range.lowerBound) << 32 | UInt64(index)
        }.sorted()
        var next = 0
        for end in 1...subject.count {
            while next < order.count, order[next] >> 48 == UInt64(end) {
                let index = Int(order[next] & 0xFFFF_FFFF)
                let match = matches[index]
                if match.range.lowerBound == 0 {
                    consider(start: 0, match: index, guesses: match.guesses, after: nil)
                } else {
                    for before in sequences(endingAt: match.range.lowerBound) {
                        consider(start: match.range.lowerBound, match: index, guesses: match.guesses, after: best[before])
                    }
                }
                next += 1
            }
            considerBruteForce(endingAt: end)
            first.append(best.count)
        }
    }

    private func sequences(endingAt end: Int) -> Range<Int> { first[end - 1]..<first[end] }

    private mutating func considerBruteForce(endingAt end: Int) {
        func guesses(from start: Int) -> Double {
            // One more than what a match costs at least, so that a match over the same characters comes first.
            let least: Double = end - start == 1 ? 11 : 51
            return subject.atLeast(max(tables.tenToThe[end - start], least), over: start..<end)
        }
        consider(start: 0, match: nil, guesses: guesses(from: 0), after: nil)
        for start in 1..<max(end, 1) {
            let guesses = guesses(from: start)
            // Two of them side by side are never better than one.
            for before in sequences(endingAt: start) where best[before].match != nil {
                consider(start: start, match: nil, guesses: guesses, after: best[before])
            }
        }
    }

    /// Keeps a sequence unless one that is no longer has as few guesses.
    private mutating func consider(start: Int, match: Int?, guesses: Double, after: Best?) {
        let length = (after?.length ?? 0) + 1
        let product = guesses * (after?.product ?? 1)
        let total = tables.factorial[length] * product + tables.tenThousandToThe[length - 1]
        let range = first[first.count - 1]..<best.count
        var same: Int?
        for index in range where best[index].length <= length {
            if best[index].guesses <= total { return }
            if best[index].length == length { same = index }
        }
        let new = Best(length: length, start: start, match: match, product: product, guesses: total)
        if let same { best[same] = new } else { best.append(new) }
    }

    private func unwound() -> (sequence: [Match], guesses: Double) {
        var end = subject.count
        guard var last = sequences(endingAt: end).map({ best[$0] }).min(by: { $0.guesses < $1.guesses }) else { return ([], 1) }
        let guesses = last.guesses
        var sequence: [Match] = []
        while true {
            sequence.append(part(last, end))
            end = last.start
            guard end > 0, let before = sequences(endingAt: end).first(where: { best[$0].length == last.length - 1 }) else { break }
            last = best[before]
        }
        sequence.reverse()
        return (sequence, guesses)
    }

    private func part(_ best: Best, _ end: Int) -> Match {
        if let match = best.match { return matches[match] }
        let range = best.start..<end
        let least: Double = range.count == 1 ? 11 : 51
        return Match(
            range: range, pattern: .bruteForce, guesses: subject.atLeast(max(tables.tenToThe[range.count], least), over: range))
    }
}

/// Powers and factorials up to the longest password. What no longer fits is infinite, and never the fewest guesses.
struct SearchTables: Sendable {
    let tenToThe: [Double]
    let factorial: [Double]
    let tenThousandToThe: [Double]

    init(longest: Int) {
        func products(_ factor: (Int) -> Double) -> [Double] {
            var products = [1.0]
            for index in 1...longest { products.append(products[index - 1] * factor(index)) }
            return products
        }
        tenToThe = products { _ in 10 }
        tenThousandToThe = products { _ in 10_000 }
        factorial = products { Double($0) }
    }
}
