import Support
import Testing

@testable import PasswordStrength

let estimator = StrengthEstimator()
let builtInWords = WordTrie.standard

extension Subject {
    init(_ password: String) { self.init(password.unicodeScalars.map { $0.value }, capitals: builtInWords.capitals) }
}

extension Match {
    /// As one line: `p@ss passwords 61 @=a`, `qwe qwerty turns 1 shifted 0`, `aaa 1 x3`, `cba down`, `1991`, `1.1.91 1991-1-1 separated`.
    func line(in password: String) -> String {
        let token = password.part(range)
        switch pattern {
        case .bruteForce: return token + " unknown"
        case .word(let list, let rank, let isReversed, let substitutions):
            let signs = substitutions.pairs.map { " \($0.sign)=\($0.letter)" }.sorted().joined()
            return "\(token) \(list.name) \(rank)" + (isReversed ? " reversed" : "") + signs
        case .keys(let board, let turns, let shifted): return "\(token) \(board.name) turns \(turns) shifted \(shifted)"
        case .repeated(let length, _, let count): return "\(token) \(length) x\(count)"
        case .sequence(let isAscending): return token + (isAscending ? " up" : " down")
        case .recentYear(let year): return "\(year)"
        case .date(let year, let month, let day, let isSeparated):
            return "\(token) \(year)-\(month)-\(day)" + (isSeparated ? " separated" : "")
        }
    }
}

extension String {
    /// Some of its code points.
    func part(_ range: Range<Int>) -> String {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: unicodeScalars.dropFirst(range.lowerBound).prefix(range.count))
        return String(text)
    }

    func holds(_ other: String) -> Bool { Array(unicodeScalars).contains(Array(other.unicodeScalars)) }

    /// From right to left, code point by code point.
    var backwards: String {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: unicodeScalars.reversed())
        return String(text)
    }
}

/// The parts of the easiest way to guess a password, as lines.
func parts(of password: String, context: [String] = [], by estimator: StrengthEstimator = estimator) -> [String] {
    estimator.estimate(password, context: context).sequence.map { $0.line(in: password) }
}

/// Whether parts cover a password of so many code points without gaps and overlaps.
func covers(_ sequence: [Match], _ count: Int) -> Bool {
    var end = 0
    for match in sequence {
        guard match.range.lowerBound == end, !match.range.isEmpty else { return false }
        end = match.range.upperBound
    }
    return end == count
}

/// What the model says a sequence costs: l! × Π gᵢ + 10,000^(l−1).
func cost(_ sequence: [Match]) -> Double {
    guard !sequence.isEmpty else { return 1 }
    var (product, shorter) = (1.0, 1.0)
    for (index, match) in sequence.enumerated() {
        product *= match.guesses * Double(index + 1)
        if index > 0 { shorter *= 10_000 }
    }
    return product + shorter
}

func isNear(_ one: Double, _ other: Double) -> Bool { abs(one - other) <= 1e-12 * abs(other) }

/// Passwords such as people make: words, dates, keys, repeats, runs and noise, one behind the other.
struct PasswordGenerator {
    private var numbers: SeededGenerator
    private let words = [
        "password", "dragon", "evaporator", "bonnette", "mary", "alonso", "straße", "Łukasz", "жанна", "p@ssw0rd", "drowssap", "7rave1",
        "STAPLE",
    ]
    private let walks = ["qwerty", "zxcvfr", "!QAZ2wsx", "aoeuid", "1478963", "789+", "=/*", "mNbVc"]

    init(seed: UInt64) { numbers = SeededGenerator(seed: seed) }

    private mutating func one(of texts: [String]) -> String { texts.randomElement(using: &numbers) ?? "" }

    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &numbers) }

    private mutating func noise() -> String {
        (0..<number(1...4)).map { _ in one(of: ["x", "Q", "7", "!", "é", "Я", "語", "🚀", " ", "\u{301}", "1", "|"]) }.joined()
    }

    private mutating func part() -> String {
        switch number(0...7) {
        case 0, 1: return one(of: words)
        case 2: return one(of: walks)
        case 3:
            return one(of: [
                "\(number(1...31)).\(number(1...12)).\(number(50...99))", "\(number(1_900...2_030))", "\(number(1_000...99_999_999))",
            ])
        case 4: return String(repeating: one(of: ["a", "ab", "aab", "Ω", "12"]), count: number(2...5))
        case 5: return one(of: ["abc", "97531", "zyx", "αβγδ", "жзий"])
        default: return noise()
        }
    }

    mutating func next() -> String { (0..<number(1...4)).map { _ in part() }.joined() }
}
