import DeliveryRouting
import Foundation
import Support
import Testing

/// Weeks of messages whose truth is known.
@Suite struct ExperimentTests {
    /// Shares of sign-ins that end well, by country: south is 8 points better in Brazil and 5 worse in Germany.
    static let truth: [(country: String, north: Double, south: Double)] = [("BR", 0.82, 0.90), ("DE", 0.94, 0.89)]

    @Test("the interval of a simulated week holds the truth in at least 93 of 100")
    func coverage() throws {
        let weeks = 1_000
        for (country, north, south) in Self.truth {
            var generator = Seeded(country == "BR" ? 11 : 12)
            var held = 0
            for _ in 0..<weeks {
                var arms = [Proportion(0, of: 0), Proportion(0, of: 0)]
                for _ in 0..<2_000 {
                    let arm = try #require(ArmChoice.byWeight([50, 50], using: &generator))
                    let isIn = Double.random(in: 0..<1, using: &generator) < (arm == 0 ? north : south)
                    arms[arm] = Proportion(arms[arm].successes + (isIn ? 1 : 0), of: arms[arm].trials + 1)
                }
                if try #require(Difference.of(arms[0], arms[1])).interval.contains(south - north) { held += 1 }
            }
            #expect(held >= weeks * 93 / 100, "\(country): \(held) of \(weeks)")
        }
    }

    @Test("learning gives the better arm of each country 80 % of the fourth week", arguments: [UInt64(1), 2, 3, 4, 5])
    func learning(seed: UInt64) throws {
        var generator = Seeded(seed)
        for (country, north, south) in Self.truth {
            var seen = [Proportion(0, of: 0), Proportion(0, of: 0)]
            var fourth = [0, 0]
            var floors = 0
            for week in 1...4 {
                for _ in 0..<2_000 {
                    let choice = try #require(ArmChoice.byLearning(seen, floor: 0.05, using: &generator))
                    let isIn = Double.random(in: 0..<1, using: &generator) < (choice.arm == 0 ? north : south)
                    seen[choice.arm] = Proportion(seen[choice.arm].successes + (isIn ? 1 : 0), of: seen[choice.arm].trials + 1)
                    if week == 4 { fourth[choice.arm] += 1 }
                    if choice.isFloor { floors += 1 }
                }
            }
            let better = north > south ? 0 : 1
            #expect(fourth[better] >= 1_600, "\(country): \(fourth)")
            #expect(fourth[1 - better] >= 60, "\(country): the other is still tried, \(fourth)")
            #expect((700...900).contains(floors))
        }
    }

    @Test("weights are kept")
    func weights() throws {
        var generator = Seeded(3)
        var counts = [0, 0, 0]
        for _ in 0..<20_000 { counts[try #require(ArmChoice.byWeight([70, 0, 30], using: &generator))] += 1 }
        #expect(counts[1] == 0 && abs(counts[0] - 14_000) < 300)
        #expect(ArmChoice.byWeight([0, 0], using: &generator) == 0)
        #expect(ArmChoice.byWeight([], using: &generator) == nil)
        #expect(ArmChoice.byLearning([], using: &generator) == nil)
    }
}

@Suite struct CircuitTests {
    static let second: Int64 = 1_000_000

    @Test("five failures of the last twenty open it, one that gets through after 30 seconds closes it")
    func opensAndCloses() {
        let circuit = Breaker()
        for _ in 0..<4 { #expect(!circuit.note(failed: true, at: 0)) }
        for _ in 0..<16 { circuit.note(failed: false, at: 0) }
        // One after the other of the first four is out of sight.
        for _ in 0..<4 { #expect(!circuit.note(failed: true, at: 0)) }
        #expect(circuit.state == .closed)
        #expect(circuit.note(failed: true, at: 0))
        #expect(!circuit.admit(at: 29 * Self.second))
        #expect(circuit.admit(at: 30 * Self.second))
        #expect(!circuit.admit(at: 31 * Self.second), "one at a time")
        #expect(circuit.note(failed: false, at: 32 * Self.second))
        #expect(circuit.state == .closed && circuit.admit(at: 32 * Self.second))
    }

    @Test("one that fails again rests again, and one whose outcome never comes doesn't keep it shut for ever")
    func failsAgain() {
        let circuit = Breaker()
        for _ in 0..<5 { circuit.note(failed: true, at: 0) }
        #expect(circuit.admit(at: 30 * Self.second))
        #expect(circuit.note(failed: true, at: 35 * Self.second))
        #expect(!circuit.isUsable(at: 64 * Self.second))
        #expect(circuit.admit(at: 65 * Self.second))
        #expect(!circuit.isUsable(at: 94 * Self.second))
        #expect(circuit.admit(at: 95 * Self.second))
    }
}

/// One that an expectation may change.
private final class Breaker {
    private var circuit = Circuit()
    var state: Circuit.State { circuit.state }

    func admit(at now: Int64) -> Bool { circuit.admit(at: now) }
    func isUsable(at now: Int64) -> Bool { circuit.isUsable(at: now) }
    @discardableResult func note(failed: Bool, at now: Int64) -> Bool { circuit.note(failed: failed, at: now) }
}
