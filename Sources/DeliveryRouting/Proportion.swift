import Glibc

/// How often something happened, of how many.
public struct Proportion: Equatable, Sendable {
    public var successes: Int
    public var trials: Int

    /// - Parameter successes: 0 to `trials`; others count as the nearest.
    public init(_ successes: Int, of trials: Int) {
        self.trials = max(0, trials)
        self.successes = min(max(0, successes), self.trials)
    }

    /// 0 where nothing was tried.
    public var share: Double { trials == 0 ? 0 : Double(successes) / Double(trials) }

    /// 1.96 standard deviations to each side.
    static let z = 1.959_963_984_540_054

    /// The 95 % score interval (Wilson 1927); 0 to 1 where nothing was tried.
    public var interval: ClosedRange<Double> {
        guard trials > 0 else { return 0...1 }
        let (n, p, z) = (Double(trials), share, Self.z)
        let middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        let half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0, middle - half)...min(1, middle + half)
    }
}

/// How much more the second of two is than the first.
public struct Difference: Equatable, Sendable {
    public let value: Double
    /// 95 %.
    public let interval: ClosedRange<Double>

    public init(value: Double, interval: ClosedRange<Double>) { (self.value, self.interval) = (value, interval) }

    /// Whether it is known which is larger: the interval leaves 0 out.
    public var isKnown: Bool { !interval.contains(0) }

    /// Of two shares: the hybrid score interval (Newcombe, Statistics in Medicine 17, 1998, method 10).
    /// - Returns: nil where one of them was never tried.
    public static func of(_ first: Proportion, _ second: Proportion) -> Difference? {
        guard first.trials > 0, second.trials > 0 else { return nil }
        let (p1, p2) = (first.share, second.share)
        let (i1, i2) = (first.interval, second.interval)
        func length(_ one: Double, _ other: Double) -> Double { sqrt(one * one + other * other) }
        let below = length(p2 - i2.lowerBound, i1.upperBound - p1)
        let above = length(i2.upperBound - p2, p1 - i1.lowerBound)
        return Difference(value: p2 - p1, interval: (p2 - p1 - below)...(p2 - p1 + above))
    }
}
