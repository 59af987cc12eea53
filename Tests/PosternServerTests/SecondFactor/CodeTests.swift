import HTTPTypes
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

/// How codes are judged, counted and spent, with a clock of the tests' own.
@Suite struct CodeTests {
    /// The start of a step, so that offsets within it are known.
    static let base = Timestamp(secondsSinceEpoch: 1_800_000_000)

    private func tries(_ house: TestHouse, _ account: Account.ID) async throws -> CodeTries {
        try await house.store.read { (transaction) throws(StoreError) in try transaction.codeTries(of: account) }
    }

    private func failures(_ house: TestHouse, _ account: Account.ID) async throws -> Int64 { try await tries(house, account).failures }

    @Test("TO-02: of 200 that send one right code at once, exactly one gets in", arguments: StoreUnderTest.allCases)
    func race(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let phone = try await house.addPhone(to: id)
        let results = try await withThrowingTaskGroup(of: FactorCheck.Result?.self) { group in
            for _ in 1...200 { group.addTask { try await house.settle(phone.code(at: Self.base), of: id, now: Self.base) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.filter { $0 == .accepted(.authenticator(phone.id)) }.count == 1)
        #expect(results.filter { $0 == .refused(.used) }.count == 199)
        #expect(try await failures(house, id) == 0)
        await house.close()
    }

    @Test("TO-02, TO-03: a code and all earlier ones are refused for ever, and that isn't counted", arguments: StoreUnderTest.allCases)
    func replay(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let phone = try await house.addPhone(to: id)
        let before = phone.code(at: Self.base - .seconds(30))
        let code = phone.code(at: Self.base)
        #expect(try await house.settle(code, of: id, now: Self.base) == .accepted(.authenticator(phone.id)))
        for seconds in [0, 1, 29, 30, 59] {
            #expect(try await house.settle(code, of: id, now: Self.base + .seconds(seconds)) == .refused(.used))
        }
        // The older one was never used, and is refused all the same.
        #expect(try await house.settle(before, of: id, now: Self.base) == .refused(.used))
        #expect(try await failures(house, id) == 0)
        // Another house on the same database: nothing was kept in memory only.
        #expect(
            try await house.settle(phone.code(at: Self.base + .seconds(30)), of: id, now: Self.base) == .accepted(.authenticator(phone.id)))
        await house.close()
    }

    @Test("TO-04: the current step and one to each side; only the current one where the window is 0", arguments: [Int64(0), 1])
    func window(reach: Int64) async throws {
        let house = try await TestHouse(.sqlite)
        for second in [0, 15, 29] {
            for offset in -5...5 {
                let id = try await house.makeAccount("a\(second)-\(offset + 5)@example.com")
                let phone = try await house.addPhone(to: id)
                let now = Self.base + .seconds(second)
                let result = try await house.settle(phone.code(at: now + .seconds(offset * 30)), of: id, reach: reach, now: now)
                #expect(result == (abs(offset) <= reach ? .accepted(.authenticator(phone.id)) : .refused(.wrong)), "\(second) \(offset)")
            }
        }
        await house.close()
    }

    @Test("TO-05: ten wrong codes make the next wait, longer each time, whoever types them", arguments: StoreUnderTest.allCases)
    func delays(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let phone = try await house.addPhone(to: id)
        for number in 1...9 {
            #expect(try await house.settle(phone.wrongCode(at: Self.base, number), of: id, now: Self.base) == .refused(.wrong))
        }
        #expect(try await tries(house, id).nextAt <= Self.base)
        var now = Self.base
        for wait in [30, 60, 90, 120] {
            #expect(try await house.settle(phone.wrongCode(at: now), of: id, now: now) == .refused(.wrong))
            #expect(try await tries(house, id).nextAt == now + .seconds(wait))
            // During the wait nothing is tried: a right code is refused like a wrong one, and neither counts.
            let count = try await failures(house, id)
            let late = now + .seconds(wait - 1)
            #expect(try await house.settle(phone.code(at: late), of: id, now: late) == .refused(.wait(until: now + .seconds(wait))))
            #expect(try await house.settle(phone.wrongCode(at: late), of: id, now: late) == .refused(.wait(until: now + .seconds(wait))))
            #expect(try await failures(house, id) == count)
            now = now + .seconds(wait)
        }
        #expect(try await house.settle(phone.code(at: now), of: id, now: now) == .accepted(.authenticator(phone.id)))
        #expect(try await failures(house, id) == 0)
        await house.close()
    }

    @Test("TO-05: 200 wrong codes at once count ten, and no more are tried", arguments: StoreUnderTest.allCases)
    func countingRace(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let phone = try await house.addPhone(to: id)
        let results = try await withThrowingTaskGroup(of: FactorCheck.Result?.self) { group in
            for number in 1...200 {
                group.addTask { try await house.settle(phone.wrongCode(at: Self.base, number), of: id, now: Self.base) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.filter { $0 == .refused(.wrong) }.count == 10)
        #expect(results.filter { $0 == .refused(.wait(until: Self.base + .seconds(30))) }.count == 190)
        #expect(try await failures(house, id) == 10)
        await house.close()
    }

    /// Types wrong codes until the stop.
    private func stop(_ house: TestHouse, _ id: Account.ID, _ phone: TestPhone) async throws -> Timestamp {
        var now = Self.base
        while try await failures(house, id) < CodeLimits.stopAt {
            #expect(try await house.settle(phone.wrongCode(at: now), of: id, now: now) == .refused(.wrong))
            now = max(now, try await tries(house, id).nextAt)
        }
        return now
    }

    @Test("TO-05: at 50 the stop; three right codes in a row, a quarter of an hour apart, end it", arguments: StoreUnderTest.allCases)
    func stopAndLift(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let phone = try await house.addPhone(to: id)
        var now = try await stop(house, id, phone)
        // Guessing all the way took hours.
        #expect(now - Self.base > .seconds(6 * 3_600))
        // One right, one wrong: the row begins anew.
        #expect(try await house.settle(phone.code(at: now), of: id, now: now) == .refused(.moreNeeded(2, from: now + CodeLimits.wait)))
        let soon = now + .seconds(60)
        #expect(try await house.settle(phone.code(at: soon), of: id, now: soon) == .refused(.wait(until: now + CodeLimits.wait)))
        now = now + CodeLimits.wait
        #expect(try await house.settle(phone.wrongCode(at: now), of: id, now: now) == .refused(.wrong))
        for more in [Int64(2), 1] {
            now = now + CodeLimits.wait
            #expect(
                try await house.settle(phone.code(at: now), of: id, now: now) == .refused(.moreNeeded(more, from: now + CodeLimits.wait)))
        }
        now = now + CodeLimits.wait
        #expect(try await house.settle(phone.code(at: now), of: id, now: now) == .accepted(.authenticator(phone.id)))
        #expect(try await failures(house, id) == 0)
        await house.close()
    }

    @Test("TO-05: one right code sent 50 times at once during the stop counts once", arguments: StoreUnderTest.allCases)
    func liftRace(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let phone = try await house.addPhone(to: id)
        let now = try await stop(house, id, phone)
        let results = try await withThrowingTaskGroup(of: FactorCheck.Result?.self) { group in
            for _ in 1...50 { group.addTask { try await house.settle(phone.code(at: now), of: id, now: now) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.filter { if case .refused(.moreNeeded) = $0 { true } else { false } }.count == 1)
        #expect(!results.contains(.accepted(.authenticator(phone.id))))
        #expect(try await tries(house, id).streak == 1)
        await house.close()
    }

    @Test("a recovery code works during a delay and the stop, and ends both", arguments: StoreUnderTest.allCases)
    func recoveryEndsStop(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let phone = try await house.addPhone(to: id)
        let codes = try await house.addRecoveryCodes(to: id)
        let now = try await stop(house, id, phone)
        #expect(try await house.settle(.recoveryCode(Secret(codes[0])), of: id, now: now) == .accepted(.recoveryCode))
        #expect(try await failures(house, id) == 0)
        #expect(try await house.settle(phone.code(at: now), of: id, now: now) == .accepted(.authenticator(phone.id)))
        await house.close()
    }

    @Test("TO-06: wrong codes and wrong passwords are counted apart")
    func apart() async throws {
        let house = try await TestHouse(.sqlite)
        let id = try await house.makeAccount("ada@example.com")
        let phone = try await house.addPhone(to: id)
        for number in 1...9 { _ = try await house.settle(phone.wrongCode(at: .now(), number), of: id, now: .now()) }
        for _ in 1...3 { _ = try await house.json(.post, "/auth/v1/sign-in", #"{"email":"ada@example.com","password":"wrong one"}"#) }
        #expect(try await failures(house, id) == 9)
        let attempt = try await house.attempt("ada@example.com")
        #expect(try await house.finish(attempt, "totp", phone.code(at: .now())).status == .ok)
        await house.close()
    }

    @Test(
        "a wrong clock is told once two codes agree on it, never after one; the window moves and stays as wide",
        arguments: StoreUnderTest.allCases, [Int64(-95), 130, -290, 300])
    func drift(engine: StoreUnderTest, seconds: Int64) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        var phone = try await house.addPhone(to: id)
        phone.clockError = seconds
        var now = Self.base + .seconds(7)
        #expect(try await house.settle(phone.code(at: now), of: id, now: now) == .refused(.wrong))
        // The same code again is no second witness.
        #expect(try await house.settle(phone.code(at: now), of: id, now: now + .seconds(2)) == .refused(.wrong))
        now = now + .seconds(45)
        guard case .refused(.clockOff(let told)) = try await house.settle(phone.code(at: now), of: id, now: now) else {
            Issue.record("the clock was not learnt")
            return
        }
        // A code stands for 30 seconds, so half of that is what can be told.
        #expect(abs(told - seconds) <= 15)
        // The code that taught it is spent; the next one lets in, and steps of a right clock don't any more.
        #expect(try await house.settle(phone.code(at: now), of: id, now: now) == .refused(.used))
        now = now + .seconds(30)
        #expect(try await house.settle(phone.code(at: now), of: id, now: now) == .accepted(.authenticator(phone.id)))
        var right = phone
        right.clockError = 0
        let later = now + .seconds(3_000)
        #expect(try await house.settle(right.code(at: later), of: id, now: later) == .refused(.wrong))
        let shown = try await house.store.read { (transaction) throws(StoreError) in try transaction.authenticators(of: id) }
        #expect(shown.first?.clockError.map { abs($0 - seconds) <= 30 } == true)
        await house.close()
    }

    @Test("clocks off by more than ten steps teach nothing, and neither do two codes that disagree")
    func noDrift() async throws {
        let house = try await TestHouse(.sqlite)
        let id = try await house.makeAccount("ada@example.com")
        var phone = try await house.addPhone(to: id)
        for error in [Int64(400), 400, -120, 200] {
            phone.clockError = error
            let now = Self.base + .seconds(error == 400 ? 60 : 120)
            #expect(try await house.settle(phone.code(at: now), of: id, now: now) == .refused(.wrong))
        }
        await house.close()
    }

    @Test("codes that come late twice in a row move the window by one step, and back again")
    func shift() {
        var clock = AuthenticatorClock()
        clock = clock.accepting(step: 99, at: 100 * 30)
        #expect(clock.drift == 0 && clock.side == -1)
        clock = clock.accepting(step: 109, at: 110 * 30)
        #expect(clock.drift == -1 && clock.side == 0)
        clock = clock.accepting(step: 120, at: 120 * 30)
        clock = clock.accepting(step: 130, at: 130 * 30)
        #expect(clock.drift == 0)
        // And never farther than ten.
        clock = AuthenticatorClock(drift: 10, side: 1, error: 300)
        #expect(clock.accepting(step: 111, at: 100 * 30).drift == 10)
    }

    @Test("RC-02: of 200 that send one recovery code at once, exactly one gets in", arguments: StoreUnderTest.allCases)
    func recoveryRace(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        _ = try await house.addPhone(to: id)
        let codes = try await house.addRecoveryCodes(to: id)
        // The hash once, as a try would compute it: what races is the spending.
        let check = FactorCheck(
            store: house.store, hasher: house.server.hasher, matcher: CodeMatcher(keys: house.server.keys, reach: 1), phones: house.phones)
        let prepared = try #require(
            try await check.prepare(.recoveryCode(Secret(codes[3])), of: id, for: .signIn([1]), now: Self.base))
        let results = try await withThrowingTaskGroup(of: FactorCheck.Result.self) { group in
            for _ in 1...200 {
                group.addTask {
                    try await house.store.write { (transaction) throws(StoreError) in
                        try transaction.settle(prepared, of: id, now: Self.base)
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.filter { $0 == .accepted(.recoveryCode) }.count == 1)
        #expect(try await house.store.read { (transaction) throws(StoreError) in try transaction.recoveryCodesLeft(of: id) } == 9)
        await house.close()
    }

    @Test("RC-05: a use and a new set at once: the old code counts before the new set, or never", arguments: StoreUnderTest.allCases)
    func useAgainstRegenerate(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        _ = try await house.addPhone(to: id)
        for _ in 1...rounds(50) {
            let codes = try await house.addRecoveryCodes(to: id)
            let fresh = try await NewRecoverySet(hasher: house.server.hasher, now: .now(), random: .system)
            try await house.store.write { (transaction) throws(StoreError) in try transaction.addRecoverySet(fresh, of: id, now: .now()) }
            async let used = house.settle(.recoveryCode(Secret(codes[0])), of: id, now: Self.base)
            async let replaced = house.store.write { (transaction) throws(StoreError) in
                try transaction.useRecoverySet(fresh.set.id, of: id)
            }
            _ = try await used
            #expect(try await replaced)
            // Whatever came first: afterwards no old code is good, and all ten new ones are.
            #expect(try await house.settle(.recoveryCode(Secret(codes[1])), of: id, now: Self.base) == .refused(.wrong))
            #expect(try await house.store.read { (transaction) throws(StoreError) in try transaction.recoveryCodesLeft(of: id) } == 10)
        }
        await house.close()
    }

    @Test("RC-01: a recovery code has 80 bits, reads back from its text in any spelling, and nothing else is one")
    func recoveryCodes() throws {
        var seen: Set<String> = []
        for _ in 0..<1_000 {
            let code = RecoveryCode(random: Randomness.system.bytes(RecoveryCode.randomBytes))
            let text = code.text.exposed
            #expect(text.wholeMatch(of: /[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){3}/) != nil)
            for spelling in [
                text, text.uppercased(), text.replacing("-", with: " "), text.replacing("-", with: ""),
                text.replacing("0", with: "O").replacing("1", with: "l"),
            ] {
                #expect(RecoveryCode(spelling)?.characters.exposed == code.characters.exposed)
            }
            seen.insert(text)
        }
        #expect(seen.count == 1_000)
        for wrong in ["", "aaaa-aaaa-aaaa", "aaaa-aaaa-aaaa-aaaau", "aaaa-aaaa-aaaa-aaa!", String(repeating: "a", count: 200)] {
            #expect(RecoveryCode(wrong) == nil)
        }
    }
}
