/// A part of a password that an attacker would guess in some cheaper way than letter by letter.
public struct Match: Sendable {
    public enum Pattern: Sendable {
        /// Nothing known: each character is ten guesses.
        case bruteForce
        case word(list: WordList, rank: Int, isReversed: Bool, substitutions: Substitutions)
        /// A walk over neighbouring keys.
        case keys(Keyboard, turns: Int, shifted: Int)
        /// The first `length` code points, again and again; `guesses` are what those cost by themselves.
        case repeated(length: Int, guesses: Double, count: Int)
        /// Code points at equal distance, as in `abc` or `9753`.
        case sequence(isAscending: Bool)
        case recentYear(Int)
        /// - Parameter isSeparated: by dots, slashes and the like.
        case date(year: Int, month: Int, day: Int, isSeparated: Bool)
    }

    /// In code points from the password's start.
    public let range: Range<Int>
    public let pattern: Pattern
    /// How many guesses it takes an attacker who knows the pattern, at least 1.
    public let guesses: Double
}

/// Letters written as signs that look like them.
public struct Substitutions: Sendable, Equatable {
    /// One bit for each of `Leet.pairs`.
    var bits: UInt32 = 0

    public var isEmpty: Bool { bits == 0 }

    /// The sign and the letter it stands for.
    public var pairs: [(sign: Unicode.Scalar, letter: Unicode.Scalar)] {
        Leet.pairs.indices.filter { bits & (1 << UInt32($0)) != 0 }.map {
            (Unicode.Scalar(Leet.pairs[$0].sign), Unicode.Scalar(Leet.pairs[$0].letter))
        }
    }
}
