import DeliveryRouting
import Foundation
import Support
import Testing

@Suite struct IntervalTests {
    /// Newcombe 1998, table II, method 10: (a) 56/70 and 48/80, (b) 9/10 and 3/10, (g) 10/10 and 0/20 among its examples.
    @Test(
        "the interval of a difference is the published one",
        arguments: [
            (56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090), (6, 7, 2, 7, 0.0582, 0.8062), (5, 56, 0, 29, -0.0381, 0.1926),
            (0, 10, 0, 20, -0.1611, 0.2775), (0, 10, 0, 10, -0.2775, 0.2775), (10, 10, 0, 20, 0.6791, 1.0000),
            (10, 10, 0, 10, 0.6075, 1.0000),
        ])
    func newcombe(a: Int, m: Int, b: Int, n: Int, low: Double, high: Double) throws {
        // The paper takes the first minus the second.
        let difference = try #require(Difference.of(Proportion(b, of: n), Proportion(a, of: m)))
        #expect(
            abs(difference.interval.lowerBound - low) < 0.000_06 && abs(difference.interval.upperBound - high) < 0.000_06, "\(difference)")
    }

    @Test("where nothing was tried nothing is said")
    func nothing() {
        #expect(Difference.of(Proportion(0, of: 0), Proportion(1, of: 2)) == nil)
        #expect(Proportion(0, of: 0).interval == 0...1)
        #expect(Proportion(9, of: 5) == Proportion(5, of: 5))
        #expect(Times().quantile(0.5) == nil)
    }

    @Test("it is known which is better once the interval leaves 0 out")
    func known() throws {
        #expect(try #require(Difference.of(Proportion(895, of: 1_000), Proportion(923, of: 1_000))).isKnown)
        #expect(try !#require(Difference.of(Proportion(36, of: 41), Proportion(35, of: 38))).isKnown)
    }

    @Test("quantiles are right to a bucket's width")
    func quantiles() throws {
        var times = Times()
        for second in 1...1_000 { times.add(bucket: Times.bucket(milliseconds: Int64(second) * 100)) }
        for (share, wanted) in [(0.5, 50_000.0), (0.9, 90_000), (0.99, 99_000)] {
            let found = try #require(times.quantile(share))
            #expect(abs(found / wanted - 1) < 0.02, "\(share): \(found)")
        }
        #expect(abs(times.share(withinMilliseconds: 30_000) - 0.3) < 0.01)
        #expect(Times.bucket(milliseconds: -5) == 0 && Times.bucket(milliseconds: .max) == Times.lastBucket)
    }

    @Test("the bootstrap interval of two medians holds the true difference in 95 of 100 rounds")
    func medians() throws {
        var generator = Seeded(7)
        var held = 0
        let rounds = 400
        for _ in 0..<rounds {
            var (north, south) = (Times(), Times())
            for _ in 0..<300 {
                north.add(bucket: Times.bucket(milliseconds: Int64(21_000 * exp(0.6 * generator.normal()))))
                south.add(bucket: Times.bucket(milliseconds: Int64(14_000 * exp(0.6 * generator.normal()))))
            }
            let difference = try #require(Times.differenceOfMedians(north, south, rounds: 500, using: &generator))
            if difference.interval.contains(-7_000) { held += 1 }
        }
        #expect((Double(held) / Double(rounds)) >= 0.92, "\(held) of \(rounds)")
    }
}

/// SplitMix64: the same numbers each time.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func normal() -> Double {
        let (one, other) = (Double.random(in: 0.000_001...1, using: &self), Double.random(in: 0...1, using: &self))
        return (-2 * log(one)).squareRoot() * cos(2 * .pi * other)
    }
}
