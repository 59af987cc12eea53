import NetworkAddress
import Storage
import Support
import Testing

@testable import PosternServer

@Suite struct AttemptBlockTests {
    static func random(_ number: Int64, _ generator: inout SeededGenerator) throws -> KeptAttempt {
        func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in .random(in: 0...255, using: &generator) } }
        let number = SignInAttempt.Number(number)
        let outcome = SignInAttempt.Outcome.allCases.randomElement(using: &generator) ?? .refused
        var attempt = KeptAttempt(
            number: number, who: bytes([0, 8, 16].randomElement(using: &generator) ?? 0), outcome: outcome,
            reason: ["password", "totp", "wrong-password", "", "unknown-address"].randomElement(using: &generator) ?? "",
            address: [nil, IPAddress(bytes: bytes(4)), IPAddress(bytes: bytes(16))].randomElement(using: &generator) ?? nil,
            program: Program(browserCode: .random(in: 0...10, using: &generator), systemCode: .random(in: 0...7, using: &generator)),
            session: outcome == .signedIn
                ? Session.ID(now: Bool.random(using: &generator) ? number.at : .now(), random: bytes(10)) : nil, lastAt: number.at)
        if Bool.random(using: &generator) { attempt.previous = SignInAttempt.Number(.random(in: 0..<number.value, using: &generator)) }
        (attempt.isSpared, attempt.isKnownBrowser) = (Bool.random(using: &generator), Bool.random(using: &generator))
        if Bool.random(using: &generator) { attempt.place = .random(in: 1...Int64.max, using: &generator) }
        if Bool.random(using: &generator) { attempt.network = .random(in: 0...UInt32.max, using: &generator) }
        if Bool.random(using: &generator) {
            attempt.times = .random(in: 2...100_000, using: &generator)
            attempt.lastAt = number.at + .milliseconds(Int64.random(in: 0...3_600_000, using: &generator))
        }
        return attempt
    }

    private func block(_ count: Int, _ generator: inout SeededGenerator) throws -> [KeptAttempt] {
        var number = SignInAttempt.Number.first(at: .now()).value
        return try (0..<count).map { _ in
            number += .random(in: 1...10_000_000_000, using: &generator)
            return try Self.random(number, &generator)
        }
    }

    @Test("what is packed comes out as it went in")
    func roundTrip() throws {
        var generator = SeededGenerator(seed: 1)
        for round in 0..<200 {
            let attempts = try block(round % 140, &generator)
            let bytes = AttemptBlock.pack(attempts)
            let unpacked = try #require(AttemptBlock.unpack(bytes))
            #expect(unpacked.count == attempts.count)
            if let (got, put) = zip(unpacked, attempts).first(where: { $0 != $1 }) { Issue.record("\(put) came out as \(got)") }
        }
    }

    @Test("bytes that are none of ours, cut short or flipped give nothing or attempts, and never a trap")
    func broken() throws {
        var generator = SeededGenerator(seed: 2)
        let bytes = AttemptBlock.pack(try block(20, &generator))
        for length in 0..<bytes.count { #expect(AttemptBlock.unpack(Array(bytes.prefix(length))) == nil) }
        for _ in 0..<20_000 {
            var broken = bytes
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                broken[Int.random(in: 0..<broken.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            _ = AttemptBlock.unpack(broken)
        }
        for _ in 0..<5_000 {
            _ = AttemptBlock.unpack((0..<Int.random(in: 0...300, using: &generator)).map { _ in .random(in: 0...255, using: &generator) })
        }
    }
}
