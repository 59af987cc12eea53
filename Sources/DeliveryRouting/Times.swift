import Glibc

/// How long things took, counted in buckets that are 2 % wide: the same for a hundred and for ten million.
public struct Times: Equatable, Sendable {
    /// Milliseconds of the first bucket's end: what is shorter counts as that.
    static let shortest = 100.0
    static let growth = 1.02
    /// The last one ends after more than an hour.
    public static let lastBucket = 531

    private(set) var counts: [Int: Int] = [:]
    public private(set) var count = 0

    public init() {}

    public var isEmpty: Bool { count == 0 }

    /// 0 to ``lastBucket``.
    public static func bucket(milliseconds: Int64) -> Int {
        guard milliseconds > Int64(shortest) else { return 0 }
        return min(lastBucket, Int((log(Double(milliseconds) / shortest) / log(growth)).rounded(.up)))
    }

    /// Milliseconds where a bucket ends.
    static func end(_ bucket: Int) -> Double { shortest * pow(growth, Double(bucket)) }

    /// - Parameter bucket: as ``bucket(milliseconds:)`` gives it; others count as the nearest.
    public mutating func add(bucket: Int, _ number: Int = 1) {
        guard number > 0 else { return }
        counts[min(max(0, bucket), Self.lastBucket), default: 0] += number
        count += number
    }

    /// Milliseconds that a share of all stayed under.
    /// - Parameter share: 0 to 1.
    /// - Returns: nil where there are none.
    public func quantile(_ share: Double) -> Double? { count == 0 ? nil : Distribution(self).value(at: share) }

    /// The share that took at most so long.
    public func share(withinMilliseconds limit: Int64) -> Double {
        guard count > 0 else { return 0 }
        let last = Self.bucket(milliseconds: limit)
        return Double(counts.reduce(0) { $0 + ($1.key <= last ? $1.value : 0) }) / Double(count)
    }

    /// How much longer, in milliseconds, the median of the second is than that of the first, with a bootstrap interval (Efron, percentile
    /// method): the medians of `rounds` samples drawn from what was seen, with replacement. The median of such a sample is the value at
    /// a point that is Beta distributed, so no sample has to be drawn for it.
    /// - Returns: nil where one of them has fewer than two.
    public static func differenceOfMedians(
        _ first: Times, _ second: Times, rounds: Int = 2_000, using generator: inout some RandomNumberGenerator
    ) -> Difference? {
        guard first.count > 1, second.count > 1, rounds > 0 else { return nil }
        let (left, right) = (Distribution(first), Distribution(second))
        let halves = (Double(first.count + 1) / 2, Double(second.count + 1) / 2)
        var differences: [Double] = []
        differences.reserveCapacity(rounds)
        for _ in 0..<rounds {
            let one = left.value(at: Chance.beta(halves.0, halves.0, using: &generator))
            let other = right.value(at: Chance.beta(halves.1, halves.1, using: &generator))
            differences.append(other - one)
        }
        differences.sort()
        let low = differences[Int(Double(rounds - 1) * 0.025)]
        let high = differences[Int((Double(rounds - 1) * 0.975).rounded(.up))]
        return Difference(value: right.value(at: 0.5) - left.value(at: 0.5), interval: low...high)
    }

    /// The buckets in order, with how many lie in or before each.
    private struct Distribution {
        private var buckets: [Int] = []
        private var sums: [Int] = []

        init(_ times: Times) {
            var sum = 0
            for (bucket, count) in times.counts.sorted(by: { $0.key < $1.key }) {
                sum += count
                buckets.append(bucket)
                sums.append(sum)
            }
        }

        func value(at share: Double) -> Double {
            guard let total = sums.last else { return 0 }
            let wanted = min(max(0, share), 1) * Double(total)
            var (low, high) = (0, sums.count - 1)
            while low < high {
                let middle = (low + high) / 2
                if Double(sums[middle]) < wanted { low = middle + 1 } else { high = middle }
            }
            // Within a bucket they are taken to lie evenly.
            let before = low == 0 ? 0 : Double(sums[low - 1])
            let part = (wanted - before) / (Double(sums[low]) - before)
            let end = Times.end(buckets[low])
            let start = buckets[low] == 0 ? 0 : end / Times.growth
            return start + (end - start) * min(max(0, part), 1)
        }
    }
}
