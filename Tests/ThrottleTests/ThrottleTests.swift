import Foundation
import Support
import Testing
import Throttle

@Suite struct RateTests {
    static let second: Int64 = 1_000_000

    @Test("a rate has a limit and a period that can be kept")
    func bounds() {
        #expect(Rate(limit: 0, period: 1) != nil)
        #expect(Rate(limit: 1_000_000, period: 366 * 86_400) != nil)
        for (limit, period) in [(-1, 60), (1_000_001, 60), (1, 0), (1, -5), (1, 366 * 86_400 + 1)] {
            #expect(Rate(limit: limit, period: period) == nil)
        }
    }

    @Test("a fixed window lets its limit through and says how long until the next")
    func fixed() throws {
        let rate = try #require(Rate(limit: 3, period: 60))
        var meter = Meter()
        let begin = 1_700_000_040 * Self.second
        for count in 1...3 {
            let decision = meter.count(at: begin, under: rate)
            #expect(decision == Decision(isAllowed: true, count: UInt32(count), wait: 0))
        }
        let refused = meter.count(at: begin + 1_500_000, under: rate)
        #expect(refused == Decision(isAllowed: false, count: 4, wait: 60 * Self.second - 1_500_000))
        let later = meter.count(at: begin + 1_500_000 + refused.wait, under: rate)
        #expect(later.isAllowed)
    }

    @Test("nothing passes a limit of nothing", arguments: Rate.Window.allCases)
    func nothing(window: Rate.Window) throws {
        let rate = try #require(Rate(limit: 0, period: 60, window: window))
        var meter = Meter()
        for at in [0, 1, 59, 60, 1_000_000] {
            let decision = meter.count(at: Int64(at) * Self.second, under: rate)
            #expect(!decision.isAllowed && decision.wait > 0)
        }
    }

    @Test("times before 1970 and at the end of all are counted like any other", arguments: Rate.Window.allCases)
    func ends(window: Rate.Window) throws {
        let rate = try #require(Rate(limit: 1, period: 366 * 86_400, window: window))
        for time in [Int64.min, -1, 0, 4_294_967_295 * Self.second, Int64.max / 4] {
            var meter = Meter()
            let decision = meter.count(at: time, under: rate)
            #expect(decision.isAllowed)
        }
    }

    @Test("whoever waits as long as told is let through, and not a moment earlier", arguments: [Rate.Window.sliding, .tokenBucket])
    func waits(window: Rate.Window) throws {
        var generator = SeededGenerator(seed: 7)
        for _ in 1...2_000 {
            let rate = try #require(
                Rate(limit: .random(in: 1...20, using: &generator), period: .random(in: 1...120, using: &generator), window: window))
            var meter = Meter()
            var now = Int64.random(in: 1_700_000_000_000_000...1_700_000_200_000_000, using: &generator)
            for _ in 1...Int.random(in: 1...60, using: &generator) {
                _ = meter.count(at: now, under: rate)
                now += .random(in: 0...Int64(rate.period) * 300_000, using: &generator)
            }
            let decision = meter.count(at: now, under: rate)
            guard !decision.isAllowed else { continue }
            var early = meter
            let before = early.count(at: now + decision.wait - 2, under: rate)
            #expect(decision.wait == 1 || !before.isAllowed)
            let after = meter.count(at: now + decision.wait, under: rate)
            #expect(after.isAllowed)
        }
    }

    @Test("a bucket lets a burst of its limit through, then one each time it has filled by one")
    func bucket() throws {
        let rate = try #require(Rate(limit: 10, period: 60, window: .tokenBucket))
        var meter = Meter()
        let begin = 1_700_000_000 * Self.second
        let first = (1...11).map { _ in meter.count(at: begin, under: rate).isAllowed }
        #expect(first == Array(repeating: true, count: 10) + [false])
        var passed = 0
        for step in 1...6_000 where meter.count(at: begin + Int64(step) * 10_000, under: rate).isAllowed { passed += 1 }
        #expect(passed == 10)
    }

    @Test("a sliding window never lets more than its limit and the estimate's error through in any period")
    func sliding() throws {
        let rate = try #require(Rate(limit: 20, period: 10, window: .sliding))
        var generator = SeededGenerator(seed: 3)
        var meter = Meter()
        var passed: [Int64] = []
        var now = 1_700_000_000 * Self.second
        for _ in 1...20_000 {
            now += .random(in: 0...200_000, using: &generator)
            if meter.count(at: now, under: rate).isAllowed { passed.append(now) }
        }
        var first = 0
        var most = 0
        for (index, time) in passed.enumerated() {
            while passed[first] <= time - 10 * Self.second { first += 1 }
            most = max(most, index - first + 1)
        }
        #expect(passed.count > 3_000)
        #expect(most <= 24)
    }

    @Test("a trace gets the same decisions from Rack::Attack", arguments: [(5, 60), (1, 1), (100, 3_600), (0, 10)])
    func rackAttack(limit: Int, period: Int) throws {
        var generator = SeededGenerator(seed: UInt64(limit * 1_000 + period))
        var now = 1_700_000_000
        let trace = (1...5_000).map { _ in
            now += .random(in: 0...3, using: &generator)
            return (now, Int.random(in: 0...9, using: &generator) * Int.random(in: 0...9, using: &generator))
        }
        let rate = try #require(Rate(limit: limit, period: period))
        let table = ThrottleTable(keys: 1_024)
        let ours = trace.map { at, key in table.count("key \(key)".hashValue, at: Int64(at) * Self.second, under: rate).isAllowed }
        #expect(try Self.ask(limit, period, trace) == ours)
    }

    private static func ask(_ limit: Int, _ period: Int, _ trace: [(Int, Int)]) throws -> [Bool] {
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "rack-attack.rb")
        let input = FileManager.default.temporaryDirectory.appending(path: "postern-trace-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: input) }
        try trace.map { "\($0) k\($1)\n" }.joined().write(to: input, atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/ruby")
        process.arguments = [script.path, "\(limit)", "\(period)"]
        process.standardInput = try FileHandle(forReadingFrom: input)
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let answer = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return answer.split(separator: "\n").map { $0 == "1" }
    }
}

@Suite struct ThrottleTableTests {
    @Test("LG-17: many keys are counted as each would be alone")
    func alike() throws {
        let table = ThrottleTable(keys: 20_000)
        var alone: [Int: Meter] = [:]
        var generator = SeededGenerator(seed: 5)
        var now: Int64 = 1_700_000_000_000_000
        let rates = try Rate.Window.allCases.map { try #require(Rate(limit: 4, period: 30, window: $0)) }
        for _ in 1...200_000 {
            now += .random(in: 0...2_000, using: &generator)
            let number = Int.random(in: 0..<10_000, using: &generator)
            let rate = rates[number % 3]
            let key = Int(truncatingIfNeeded: UInt64(number) &* 0x9E37_79B9_7F4A_7C15)
            let expected = alone[number, default: Meter()].count(at: now, under: rate)
            #expect(table.count(key, at: now, under: rate) == expected)
        }
    }

    @Test("LG-17: more keys than it holds push out what would end first, and who comes often stays counted")
    func bounded() throws {
        let table = ThrottleTable(keys: 1_024)
        let rate = try #require(Rate(limit: 5, period: 3_600))
        let long = try #require(Rate(limit: 5, period: 30 * 86_400))
        var generator = SeededGenerator(seed: 9)
        let now: Int64 = 1_700_000_000_000_000
        for _ in 1...6 { _ = table.count(42, at: now, under: long) }
        for _ in 1...500_000 { _ = table.count(Int.random(in: .min ... .max, using: &generator), at: now, under: rate) }
        #expect(!table.count(42, at: now, under: long).isAllowed)
    }

    @Test("LG-04: of 200 at once exactly the limit passes")
    func parallel() async throws {
        let table = ThrottleTable(keys: 1_024)
        let rate = try #require(Rate(limit: 10, period: 3_600))
        let passed = await withTaskGroup(of: Bool.self) { group in
            for _ in 1...200 { group.addTask { table.count(7, at: 1_700_000_000_000_000, under: rate).isAllowed } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(passed == 10)
    }
}

@Suite struct LockoutTests {
    static let lockout = Lockout(
        waitFrom: 10, window: 900, firstWait: 60, longestWait: 900, lockAt: 25, quiet: 86_400)
    static let minute: Int64 = 60_000_000

    /// Not in an expectation, whose macro can't change what it is given.
    private func fail(_ count: inout LockoutCount, at now: Int64, under lockout: Lockout) -> Bool { count.fail(at: now, under: lockout) }

    @Test("nine wrong ones are free, then each waits a minute longer, up to fifteen, and the twenty-fifth locks")
    func waits() {
        #expect(Self.lockout.standing(after: 9, recent: 9) == .free)
        #expect(Self.lockout.standing(after: 10, recent: 10) == .wait(60))
        #expect(Self.lockout.standing(after: 11, recent: 11) == .wait(120))
        #expect(Self.lockout.standing(after: 24, recent: 24) == .wait(900))
        #expect(Self.lockout.standing(after: 25, recent: 25) == .locked)
        var count = LockoutCount()
        var now: Int64 = 1_700_000_000_000_000
        for _ in 1...10 {
            let isCounted = fail(&count, at: now, under: Self.lockout)
            #expect(isCounted)
        }
        for failures in 10...24 {
            #expect(count.failures == Int64(failures))
            do {
                let isCounted = fail(&count, at: count.nextAt - 1, under: Self.lockout)
                #expect(!isCounted)
            }
            now = count.nextAt
            do {
                let isCounted = fail(&count, at: now, under: Self.lockout)
                #expect(isCounted)
            }
        }
        #expect(count.nextAt == .max)
        do {
            let isCounted = fail(&count, at: now + 1_000 * 86_400 * 1_000_000, under: Self.lockout)
            #expect(!isCounted)
        }
    }

    @Test("waits begin anew after their window and after a quiet day; what leads to the lock counts on")
    func forgets() {
        var count = LockoutCount()
        var now: Int64 = 1_700_000_000_000_000
        for _ in 1...9 { _ = fail(&count, at: now, under: Self.lockout) }
        now += 15 * Self.minute
        for _ in 1...9 { _ = fail(&count, at: now, under: Self.lockout) }
        #expect(count.nextAt == .min)
        #expect(count.failures == 18)
        now += 15 * Self.minute
        for _ in 1...7 { _ = fail(&count, at: now, under: Self.lockout) }
        #expect(count.nextAt == .max)
        var waiting = LockoutCount()
        for _ in 1...10 { _ = fail(&waiting, at: now, under: Self.lockout) }
        #expect(waiting.nextAt == now + Self.minute)
        now += 25 * 60 * Self.minute
        _ = fail(&waiting, at: now, under: Self.lockout)
        #expect(waiting.nextAt == .min && waiting.failures == 11)
    }

    @Test("a lock with an end begins anew after it")
    func timed() {
        var lockout = Self.lockout
        (lockout.lockAt, lockout.lockFor) = (10, 1_800)
        var count = LockoutCount()
        let now: Int64 = 1_700_000_000_000_000
        for _ in 1...10 { _ = fail(&count, at: now, under: lockout) }
        let early = fail(&count, at: now + 30 * Self.minute - 1, under: lockout)
        let late = fail(&count, at: now + 30 * Self.minute, under: lockout)
        #expect(!early && late)
        #expect(count.failures == 1)
    }

    @Test("CF-02: nothing traps at the ends of the ranges")
    func extremes() throws {
        let wide = Lockout(waitFrom: .min, window: .max, firstWait: .max, longestWait: .max, lockAt: .max, lockFor: .max, quiet: .min)
        for now in [Int64.min, -1, 0, 1, .max] {
            var count = LockoutCount()
            for _ in 1...3 { _ = fail(&count, at: now, under: wide) }
            _ = wide.standing(after: 7, recent: 7)
            for window in Rate.Window.allCases {
                let rate = try #require(Rate(limit: 1_000_000, period: 366 * 86_400, window: window))
                var meter = Meter()
                for _ in 1...3 { _ = meter.count(at: now, under: rate) }
                _ = Decision(count: .max, under: rate, at: now)
                _ = rate.windowEnd(at: now)
            }
        }
    }
}
