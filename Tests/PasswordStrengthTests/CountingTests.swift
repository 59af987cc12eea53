import Foundation
import Support
import Testing

@testable import PasswordStrength

@Suite struct CountingTests {
    @Test("ways to choose are the numbers of Pascal's triangle")
    func pascal() {
        var row = [1.0]
        for count in 0...50 {
            #expect((0...count).map { Combinations.of(count, $0) } == row)
            #expect(row.reduce(0, +) == Double(1 << count))
            #expect(Combinations.of(count, count + 1) == 0)
            row = zip([0] + row, row + [0]).map { $0 + $1 }
        }
    }

    @Test("there are as many ways to choose some as to leave the others")
    func symmetry() {
        for count in 0...100 {
            for chosen in 0...count {
                #expect(isNear(Combinations.of(count, chosen), Combinations.of(count, count - chosen)))
            }
        }
    }

    @Test("variations choose at least one, and at most as many as there are of the rarer kind")
    func upToHalf() {
        for one in 0...25 {
            for other in 0...25 {
                let sum = (1...25).filter { $0 <= min(one, other) }.reduce(0) { $0 + Combinations.of(one + other, $1) }
                #expect(Combinations.upToHalf(one, other) == sum)
                #expect(Combinations.upToHalf(other, one) == sum)
            }
            #expect(Combinations.upToHalf(one, 0) == 0)
        }
        // Of an odd number, half of all ways but none.
        #expect(Combinations.upToHalf(3, 4) == 63)
    }

    @Test("the logarithm is the mathematics library's, from the smallest to the largest number")
    func logarithm() {
        var generator = SeededGenerator(seed: 10)
        for _ in 0..<rounds(50_000) {
            let value = pow(10, Double.random(in: -300...300, using: &generator))
            #expect(abs(Logarithm.base10(value) - log10(value)) <= 1e-13 * max(1, abs(log10(value))), "\(value)")
        }
        for value in [1, 2, 1.414_213_562_373_095, 1.414_213_562_373_096, 0.999_999, 1.000_001, 10, 1e4, .leastNormalMagnitude] {
            #expect(abs(Logarithm.base10(value) - log10(value)) <= 1e-13 * max(1, abs(log10(value))), "\(value)")
        }
        for exponent in -30...30 { #expect(abs(Logarithm.base10(pow(10, Double(exponent))) - Double(exponent)) <= 1e-13) }
    }

    @Test("logarithms of products add, those of quotients subtract")
    func logarithmRules() {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<rounds(20_000) {
            let one = pow(10, Double.random(in: -100...100, using: &generator))
            let other = pow(10, Double.random(in: -100...100, using: &generator))
            let (left, right) = (Logarithm.base10(one), Logarithm.base10(other))
            #expect(abs(Logarithm.base10(one * other) - (left + right)) <= 1e-12)
            #expect(abs(Logarithm.base10(one / other) - (left - right)) <= 1e-12)
        }
    }

    @Test("a logarithm of nothing is no number that anything is compared with by mistake")
    func logarithmLimits() {
        #expect(Logarithm.base10(0) == -.infinity)
        #expect(Logarithm.base10(-1) == -.infinity)
        #expect(Logarithm.base10(.infinity) == .infinity)
        #expect(Logarithm.base10(1) == 0)
    }

    @Test("whole numbers are written with the digits everybody uses")
    func decimal() {
        for number in Array(0...1_100) + [9_999, 10_000, 2_147_483_648, Int.max] { #expect(Decimal.text(number) == String(number)) }
    }

    @Test("the tables hold powers and factorials")
    func tables() {
        let tables = SearchTables(longest: 100)
        for number in 0...15 { #expect(tables.tenToThe[number] == pow(10, Double(number))) }
        for number in 0...3 { #expect(tables.tenThousandToThe[number] == pow(10_000, Double(number))) }
        #expect(tables.factorial.prefix(8) == [1, 1, 2, 6, 24, 120, 720, 5_040])
        #expect(isNear(tables.tenToThe[100], 1e100))
        #expect(isNear(tables.factorial[100], 9.332621544394415e157))
    }
}
