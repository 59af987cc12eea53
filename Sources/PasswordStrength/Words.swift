/// Finds words in a password: as they stand, from right to left, and with signs for letters.
struct Words<Known: Trie> {
    let subject: Subject
    let known: Known

    func forwards(into matches: inout [Match]) {
        for start in 0..<subject.count {
            var (node, end) = (0, start)
            while end < subject.count, let next = known.child(of: node, by: subject.lowercase[end]) {
                node = next
                end += 1
                if let word = known.word(at: node) { matches.append(match(start..<end, word)) }
            }
        }
    }

    func backwards(into matches: inout [Match]) {
        for last in subject.typed.indices {
            let end = last + 1
            var (node, start) = (0, end)
            while start > 0, let next = known.child(of: node, by: subject.lowercase[start - 1]) {
                node = next
                start -= 1
                if let word = known.word(at: node) { matches.append(match(start..<end, word, isReversed: true)) }
            }
        }
    }

    func substituted(_ leet: Leet, into matches: inout [Match]) {
        guard let last = subject.typed.lastIndex(where: { !leet.readings(of: $0).isEmpty }) else { return }
        for start in 0...last {
            walk(Walk(start: start, end: start, node: 0, choices: leet.allChoices, used: 0), leet, lastSign: last, into: &matches)
        }
    }

    /// A stretch read so far, under the choices that are left.
    private struct Walk {
        let start: Int
        var end: Int
        var node: Int
        var choices: UInt64
        var used: UInt32
    }

    private func walk(_ walk: Walk, _ leet: Leet, lastSign: Int, into matches: inout [Match]) {
        // A sign read as one letter is no word.
        if walk.used != 0, walk.end - walk.start > 1, let word = known.word(at: walk.node) {
            matches.append(match(walk.start..<walk.end, word, substitutions: Substitutions(bits: walk.used)))
        }
        guard walk.end < subject.count, walk.used != 0 || walk.end <= lastSign else { return }
        var next = walk
        next.end += 1
        let readings = leet.readings(of: subject.typed[walk.end])
        if readings.isEmpty, let node = known.child(of: walk.node, by: subject.lowercase[walk.end]) {
            next.node = node
            self.walk(next, leet, lastSign: lastSign, into: &matches)
        }
        for reading in readings {
            next.choices = walk.choices & reading.choices
            guard next.choices & reading.group != 0, let node = known.child(of: walk.node, by: reading.character) else { continue }
            next.node = node
            next.used = walk.used | reading.pair
            self.walk(next, leet, lastSign: lastSign, into: &matches)
        }
    }

    private func match(
        _ range: Range<Int>, _ word: RankedWord, isReversed: Bool = false, substitutions: Substitutions = Substitutions()
    ) -> Match {
        let guesses =
            Double(word.rank) * capitalVariations(range) * substitutionVariations(range, substitutions) * (isReversed ? 2 : 1)
        return Match(
            range: range,
            pattern: .word(list: word.list, rank: word.rank, isReversed: isReversed, substitutions: substitutions),
            guesses: subject.atLeast(guesses, over: range))
    }

    /// In how many ways a word could have got this many capitals.
    private func capitalVariations(_ range: Range<Int>) -> Double {
        let token = subject.typed[range]
        let capitals = token.count { $0.isCapital }
        if capitals == 0 { return 1 }
        let isOneAtAnEnd = capitals == 1 && token.count > 1 && (token[range.lowerBound].isCapital || token[range.upperBound - 1].isCapital)
        if isOneAtAnEnd || !token.contains(where: { $0.isSmall }) { return 2 }
        return Combinations.upToHalf(
            token.count { subject.capitals.isUppercase($0) }, token.count { subject.capitals.isLowercase($0) })
    }

    /// In how many ways its letters could have become these signs.
    private func substitutionVariations(_ range: Range<Int>, _ substitutions: Substitutions) -> Double {
        var variations = 1.0
        var bits = substitutions.bits
        while bits != 0 {
            let pair = Leet.pairs[bits.trailingZeroBitCount]
            bits &= bits - 1
            let token = subject.lowercase[range]
            let (signs, letters) = (token.count { $0 == UInt32(pair.sign) }, token.count { $0 == UInt32(pair.letter) })
            // All of them or none: an attacker tries both.
            variations *= signs == 0 || letters == 0 ? 2 : Combinations.upToHalf(signs, letters)
        }
        return variations
    }
}

enum Combinations {
    /// How many ways there are to choose `chosen` of `count`. Exact below 2⁵³.
    static func of(_ count: Int, _ chosen: Int) -> Double {
        guard chosen <= count else { return 0 }
        var ways = 1.0
        for step in 0..<chosen { ways = ways * Double(count - step) / Double(step + 1) }
        return ways
    }

    /// How many ways there are to choose at least one and at most as many as the smaller of two kinds, of both together.
    static func upToHalf(_ one: Int, _ other: Int) -> Double {
        var (ways, sum) = (1.0, 0.0)
        for step in 0..<min(one, other) {
            ways = ways * Double(one + other - step) / Double(step + 1)
            sum += ways
        }
        return sum
    }
}
