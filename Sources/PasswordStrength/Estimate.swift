/// What a password withstands.
public struct Estimate: Sendable {
    /// How many guesses a good attacker needs; 1 for an empty password.
    public let guesses: Double
    /// The parts it would be guessed by, in order.
    public let sequence: [Match]

    /// 0 to 4: what attack it withstands.
    ///
    /// 0: none (fewer than 10³ guesses). 1: guesses over the net where tries are limited (10⁶). 2: over the net without a limit (10⁸).
    /// 3: against a stolen, slow hash (10¹⁰). 4: more than that.
    public var score: Int {
        let margin = 5.0
        return [1e3, 1e6, 1e8, 1e10].count { guesses >= $0 + margin }
    }

    public var guessesLog10: Double { Logarithm.base10(guesses) }

    public func crackTime(_ attack: Attack) -> CrackTime { CrackTime(seconds: guesses / attack.guessesPerSecond) }
}

/// Who guesses, and how fast.
public enum Attack: Sendable, CaseIterable {
    case onlineThrottled, onlineUnthrottled, offlineSlowHash, offlineFastHash

    public var guessesPerSecond: Double {
        switch self {
        case .onlineThrottled: 100.0 / 3_600.0
        case .onlineUnthrottled: 10
        case .offlineSlowHash: 1e4
        case .offlineFastHash: 1e10
        }
    }

    /// The name that zxcvbn gives it.
    public var name: StaticString {
        switch self {
        case .onlineThrottled: "online_throttling_100_per_hour"
        case .onlineUnthrottled: "online_no_throttling_10_per_second"
        case .offlineSlowHash: "offline_slow_hashing_1e4_per_second"
        case .offlineFastHash: "offline_fast_hashing_1e10_per_second"
        }
    }
}

/// A time as people say it.
public struct CrackTime: Sendable {
    public let seconds: Double

    /// In zxcvbn's words: `less than a second`, `4 minutes`, `centuries`.
    public var text: String {
        let units: [(length: Double, name: String)] = [
            (1, "second"), (60, "minute"), (3_600, "hour"), (86_400, "day"), (31 * 86_400, "month"), (372 * 86_400, "year"),
        ]
        if seconds < 1 { return "less than a second" }
        if seconds >= 37_200 * 86_400 { return "centuries" }
        guard let unit = units.last(where: { seconds >= $0.length }) else { return "less than a second" }
        let number = Self.nearest(seconds / unit.length)
        return Decimal.text(number) + " " + unit.name + (number == 1 ? "" : "s")
    }

    /// Halves go to the even number. `rounded()` would need a mathematics library.
    private static func nearest(_ value: Double) -> Int {
        let whole = Int(value)
        let rest = value - Double(whole)
        return rest > 0.5 || rest == 0.5 && whole % 2 == 1 ? whole + 1 : whole
    }
}

enum Decimal {
    /// A whole number's digits.
    static func text(_ number: Int) -> String {
        var (digits, left): ([UInt8], Int) = ([], number)
        repeat {
            digits.append(UInt8(48 + left % 10))
            left /= 10
        } while left > 0
        return String(decoding: digits.reversed(), as: UTF8.self)
    }
}

enum Logarithm {
    /// To about 15 digits: a browser's module has no mathematics library.
    static func base10(_ value: Double) -> Double {
        guard value > 0, value.isFinite else { return value > 0 ? value : -.infinity }
        // ln(m · 2ᵉ) = e · ln 2 + 2 · artanh((m − 1) / (m + 1)), with m near 1 so that the series is short.
        var (exponent, significand) = (Double(value.exponent), value.significand)
        if significand > 1.414_213_562_373_095 {
            significand /= 2
            exponent += 1
        }
        let ratio = (significand - 1) / (significand + 1)
        var (term, sum, power) = (ratio, 0.0, 1.0)
        while abs(term) > 1e-18 {
            sum += term / power
            term *= ratio * ratio
            power += 2
        }
        let ln2 = 0.693_147_180_559_945_3
        let ln10 = 2.302_585_092_994_046
        return (exponent * ln2 + 2 * sum) / ln10
    }
}
