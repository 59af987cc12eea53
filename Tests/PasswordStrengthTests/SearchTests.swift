import Support
import Testing

@testable import PasswordStrength

@Suite struct SearchTests {
    private let tables = SearchTables(longest: 100)

    private func part(_ range: Range<Int>, _ guesses: Double) -> Match {
        Match(range: range, pattern: .sequence(isAscending: true), guesses: guesses)
    }

    private func easiest(_ password: String, _ matches: [Match]) -> (sequence: [Match], guesses: Double) {
        Search.easiest(Subject(password), matches, tables)
    }

    private func isUnknown(_ match: Match) -> Bool { if case .bruteForce = match.pattern { true } else { false } }

    @Test("an empty password costs one guess and has no parts")
    func empty() {
        let estimate = estimator.estimate("")
        #expect(estimate.guesses == 1)
        #expect(estimate.sequence.isEmpty)
        #expect(estimate.score == 0)
        #expect(estimate.guessesLog10 == 0)
    }

    @Test("where nothing is known, each character is ten guesses", arguments: 1...40)
    func bruteForce(count: Int) throws {
        let (sequence, guesses) = easiest(String(repeating: "x", count: count), [])
        try #require(sequence.count == 1)
        #expect(isUnknown(sequence[0]) && sequence[0].range == 0..<count)
        // One character costs one guess more than a match of one; the search adds one for a single part.
        #expect(isNear(guesses, (count == 1 ? 11 : tables.tenToThe[count]) + 1))
    }

    @Test("a match costs what it costs, and what is before and after it is guessed character by character", arguments: 0...4, 0...4)
    func around(before: Int, after: Int) {
        let password = String(repeating: "x", count: before + 10 + after)
        let match = part(before..<before + 10, 50)
        let (sequence, guesses) = easiest(password, [match])
        let expected = [0..<before, before..<before + 10, before + 10..<before + 10 + after].filter { !$0.isEmpty }
        #expect(sequence.map(\.range) == expected)
        #expect(sequence.filter { !isUnknown($0) }.map(\.range) == [match.range])
        #expect(isNear(guesses, cost(sequence)))
    }

    @Test("one part is easier than two, unless it costs more than the two and the sequences tried before")
    func oneOrTwo() {
        let halves = [part(0..<4, 2), part(4..<10, 1)]
        let two = 2.0 * 2 * 1 + 10_000
        #expect(easiest("0123456789", halves + [part(0..<10, two - 2)]).sequence.count == 1)
        #expect(easiest("0123456789", halves + [part(0..<10, two)]).sequence.count == 2)
        #expect(easiest("0123456789", halves + [part(0..<10, two)]).guesses == two)
    }

    @Test("of matches over the same characters the cheapest counts, whichever was found first")
    func cheapest() {
        let matches = [part(0..<5, 70), part(0..<5, 60), part(0..<5, 80)]
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
            let (sequence, guesses) = easiest("01234", order.map { matches[$0] })
            #expect(sequence.map(\.guesses) == [60])
            #expect(guesses == 61)
        }
    }

    @Test("overlapping matches never stand beside each other")
    func overlap() {
        let (sequence, _) = easiest("0123456789", [part(0..<6, 50), part(5..<10, 50)])
        #expect(covers(sequence, 10))
        #expect(sequence.count { !isUnknown($0) } == 1)
    }

    /// Different places, so that no two are equally good for the same characters.
    private func randomMatches(_ count: Int, _ generator: inout SeededGenerator) -> [Match] {
        var matches: [Range<Int>: Match] = [:]
        for _ in 0..<Int.random(in: 0...12, using: &generator) {
            let start = Int.random(in: 0..<count, using: &generator)
            let range = start..<Int.random(in: start + 1...count, using: &generator)
            matches[range] = part(range, Double(Int.random(in: 50...200_000, using: &generator)))
        }
        return matches.values.sorted { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
    }

    @Test("whatever is found, the parts cover the password and cost what is said, never more than character by character")
    func randomSearches() {
        var generator = SeededGenerator(seed: 4)
        for _ in 0..<rounds(10_000) {
            let count = Int.random(in: 1...14, using: &generator)
            let matches = randomMatches(count, &generator)
            let (sequence, guesses) = easiest(String(repeating: "x", count: count), matches)
            #expect(covers(sequence, count))
            #expect(isNear(guesses, cost(sequence)))
            #expect(guesses <= max(tables.tenToThe[count], 11) + 1)
            #expect(matches.allSatisfy { $0.range.count < count || guesses <= $0.guesses + 1 })
            #expect(!zip(sequence, sequence.dropFirst()).contains { isUnknown($0) && isUnknown($1) })
        }
    }

    @Test("the order in which parts are found doesn't matter")
    func order() {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<rounds(5_000) {
            let count = Int.random(in: 1...14, using: &generator)
            let password = String(repeating: "x", count: count)
            let matches = randomMatches(count, &generator)
            let (one, other) = (easiest(password, matches), easiest(password, matches.shuffled(using: &generator)))
            #expect(one.guesses == other.guesses)
            #expect(one.sequence.map(\.range) == other.sequence.map(\.range))
        }
    }

    @Test("to find more never makes a password harder to guess")
    func more() {
        var generator = SeededGenerator(seed: 6)
        for _ in 0..<rounds(5_000) {
            let count = Int.random(in: 1...14, using: &generator)
            let password = String(repeating: "x", count: count)
            let matches = randomMatches(count, &generator)
            #expect(easiest(password, matches).guesses <= easiest(password, Array(matches.dropLast())).guesses)
        }
    }

    @Test("the parts of every password cover it without gaps or overlaps, and cost what is said")
    func passwords() {
        var passwords = PasswordGenerator(seed: 7)
        for _ in 0..<rounds(20_000) {
            let password = passwords.next()
            let estimate = estimator.estimate(password, context: ["Łukasz", "жанна"])
            #expect(covers(estimate.sequence, min(password.unicodeScalars.count, 100)), "\(password)")
            #expect(isNear(estimate.guesses, cost(estimate.sequence)), "\(password)")
            #expect(estimate.sequence.allSatisfy { $0.guesses >= 1 }, "\(password)")
        }
    }

    @Test("a part of a password costs 10 guesses at least, one of several characters 50")
    func least() {
        var passwords = PasswordGenerator(seed: 8)
        for _ in 0..<rounds(5_000) {
            let password = passwords.next()
            let sequence = estimator.estimate(password).sequence
            guard sequence.count > 1 else { continue }
            for match in sequence { #expect(match.guesses >= (match.range.count == 1 ? 10 : 50), "\(match.line(in: password))") }
        }
    }

    @Test("words behind each other multiply, and so do the orders they may stand in")
    func words() {
        // Ranks 30,000 and 10,000 of their lists.
        let two = estimator.estimate("evaporatorbonnette")
        #expect(
            two.sequence.map { $0.line(in: "evaporatorbonnette") } == ["evaporator english_wikipedia 30000", "bonnette surnames 10000"])
        #expect(two.guesses == 2 * 30_000 * 10_000 + 10_000)
    }
}
