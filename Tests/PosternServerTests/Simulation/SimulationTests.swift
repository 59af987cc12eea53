import HTTPTypes
import NetworkAddress
import Storage
import Support
import Testing
import Throttle

@testable import PosternServer

@Suite struct SimulationTests {
    private static let begin = Timestamp(microseconds: 1_700_000_000_000_000)

    private func attempt(_ seconds: Int64, _ who: UInt8, _ address: String, isRight: Bool = false) throws -> TriedPassword {
        TriedPassword(
            number: SignInAttempt.Number.first(at: Self.begin), at: Self.begin + .seconds(seconds),
            who: [who], isAccount: true, isRight: isRight, isOfPassword: true, address: IPAddress(address), isByKnownBrowser: false)
    }

    @Test("an owner whose right password comes after too many wrong ones is one who would have been locked out; a guesser is caught")
    func findings() throws {
        var limits = SignInLimits()
        limits.pair = Lockout(waitFrom: 3, window: 900, firstWait: 600, longestWait: 900, lockAt: 5, quiet: 86_400)
        limits.perAddress = Rate.perMinute(1_000)
        var replay = PolicyReplay(limits: limits, rules: [], trustedProxies: [])
        for second in 0..<3 { replay.replay(try attempt(Int64(second), 1, "192.0.2.1")) }
        replay.replay(try attempt(10, 1, "192.0.2.1", isRight: true))
        for second in 0..<50 { replay.replay(try attempt(20 + Int64(second), 2, "203.0.113.1")) }
        replay.finish()
        let finding = try #require(replay.findings[.failures])
        #expect(finding.lockedOut == [[1]])
        #expect(finding.examples.map(\.who) == [[1]])
        #expect(finding.attackers == [try #require(AddressRange("203.0.113.1"))])
        #expect(finding.refused == 1 + 47)
        #expect(replay.attempts == 54 && replay.right == 1)
    }

    @Test("what the simulation refuses is what the server refuses", arguments: StoreUnderTest.allCases)
    func sameAsServer(engine: StoreUnderTest) async throws {
        let house = try await TestHouse.guarded(engine) {
            $0.signInLimits.perAddress = Rate.perMinute(4)
            $0.signInLimits.account.lockAt = 30
            $0.signInLimits.account.waitFrom = 30
            $0.trustedProxies = ["192.0.2.0/30"].compactMap { AddressRange($0) }
            $0.signInLimits.stuffing = (8, .seconds(120))
            $0.signInLimits.stuffingBlock = .seconds(300)
            ($0.signInLimits.pair.waitFrom, $0.signInLimits.pair.lockAt) = (3, 12)
        }
        var generator = SeededGenerator(seed: 77)
        var replay = PolicyReplay(
            limits: house.server.settings.signInLimits, rules: [], trustedProxies: house.server.settings.trustedProxies)
        var ids: [Account.ID] = []
        for number in 0..<16 { ids.append(try await house.makeAccount("p\(number)@example.com")) }
        let tries = house.tries
        var now = Timestamp.now()
        var refusals = 0
        for _ in 0..<1_500 {
            now = now + .seconds(.random(in: 0...4, using: &generator))
            let number = Int.random(in: 0..<16, using: &generator)
            // Some addresses guess at everybody, others belong to one person.
            let isGuesser = Bool.random(using: &generator)
            let address = isGuesser ? "203.0.113.\(Int.random(in: 1...3, using: &generator))" : "192.0.2.\(number)"
            let client = Client(address: try #require(IPAddress(address)), browser: "")
            let isRight = !isGuesser && Int.random(in: 0..<4, using: &generator) == 0
            let (id, at) = (ids[number], now)
            try await house.server.gate.blocks.load(now: at)
            let isRefused = try await house.store.write { (transaction) throws(StoreError) in
                guard
                    case .mayTry(let ticket) = try tries.begin(
                        house.tried("p\(number)@example.com", id), at: .signIn, client: client, in: transaction, now: at)
                else { return true }
                if isRight {
                    try tries.succeeded(ticket, in: transaction, now: at)
                } else {
                    try tries.failed(ticket, client: client, in: transaction, now: at)
                }
                return false
            }
            let before = replay.findings.values.reduce(0) { $0 + $1.refused }
            replay.replay(
                TriedPassword(
                    number: SignInAttempt.Number.first(at: at), at: at, who: id.bytes, isAccount: true,
                    isRight: isRight, isOfPassword: true, address: client.address, isByKnownBrowser: false))
            let isRefusedThere = replay.findings.values.reduce(0) { $0 + $1.refused } > before
            #expect(isRefused == isRefusedThere)
            if isRefused { refusals += 1 }
            // The simulation takes it that who was locked out had it released, for where they are.
            if isRefused, isRight {
                let (key, place) = (house.tried("p\(number)@example.com", id).key, "\(client.address.client)")
                try await house.store.write { (transaction) throws(StoreError) in
                    try transaction.clearTries(key, place: "")
                    try transaction.clearTries(key, place: place)
                    try transaction.releaseBlocks(ofSignIn: key, network: place, now: at)
                }
            }
        }
        #expect(refusals > 100)
        #expect(Set(replay.findings.keys).isSuperset(of: [.perAddress, .failures, .stuffing]))
        await house.close()
    }

    @Test("recorded attempts are read whole, and under today's rules nobody is locked out", arguments: StoreUnderTest.allCases)
    func recorded(engine: StoreUnderTest) async throws {
        let house = try await TestHouse.guarded(engine)
        try await house.makeAccount("ada@example.com")
        for _ in 1...4 { _ = try await house.tryPassword("ada@example.com") }
        _ = try await house.tryPassword("ada@example.com", TestHouse.password)
        _ = try await house.tryPassword("nobody@example.com")
        let simulate = Simulate(store: house.store)
        let now = Timestamp.now()
        let today = house.server.settings
        let same = try await simulate.run(today, instead: today, since: now - .seconds(3_600), now: now)
        #expect(same.attempts == 6 && same.right == 1)
        #expect(same.findings.isEmpty)
        var strict = today
        (strict.signInLimits.pair.waitFrom, strict.signInLimits.pair.lockAt) = (3, 3)
        strict.passwords.rules.expiresAfter = .seconds(1)
        let report = try await simulate.run(strict, instead: today, since: now - .seconds(3_600), now: now + .seconds(60))
        #expect(report.findings[.failures]?.lockedOut.count == 1)
        #expect(Array(report.people.values) == ["ada@example.com"])
        #expect(report.passwords.expiredThen == 1 && report.passwords.expiredNow == 0, "\(report.passwords)")
        #expect(try await simulate.run(strict, instead: today, since: now + .seconds(3_600), now: now).attempts == 0)
        await house.close()
    }

    @Test("a person is masked to a letter and a domain, an address to its network")
    func masked() throws {
        let example = PolicyReplay.Example(at: Self.begin, who: [1], address: try #require(IPAddress("192.0.2.77")))
        #expect(Masked.of(example, [[1]: "ada@example.org"], isWhole: false) == ("a•••@example.org", "192.0.2.0/24"))
        #expect(Masked.of(example, [[1]: "ada@example.org"], isWhole: true) == ("ada@example.org", "192.0.2.77"))
        let six = PolicyReplay.Example(at: Self.begin, who: [1], address: try #require(IPAddress("2001:db8:1:2::7")))
        #expect(Masked.of(six, [:], isWhole: false).network == "2001:db8:1::/48")
    }

    @Test(
        "administrators try limits on a page, beside today's; what can't stand in the settings is said", arguments: StoreUnderTest.allCases)
    func page(engine: StoreUnderTest) async throws {
        let house = try await TestHouse.guarded(engine) {
            var rule = ThrottleRule(name: "tried-out", kind: .throttle)
            (rule.mode, rule.rate, rule.paths) = (.shadow, Rate(limit: 0, period: 60), ["/auth/sign-up"].compactMap(PathPattern.init))
            $0.throttleRules = [rule]
        }
        try await house.makeAccount("admin@example.com", role: .administrator)
        try await house.makeAccount("ada@example.com")
        for _ in 1...5 { _ = try await house.tryPassword("ada@example.com", peer: "203.0.113.77") }
        _ = try await house.tryPassword("ada@example.com", TestHouse.password, peer: "203.0.113.77")
        _ = try await house.send(.get, "/auth/sign-up")
        try await house.server.gate.writeNotes(now: .now())
        let browser = TestBrowser(house)
        _ = try await browser.signIn("admin@example.com")
        let empty = try await browser.get("/auth/admin/simulation")
        #expect(empty.status == .ok && empty.text.contains(#"value="25""#) && empty.text.contains("tried-out"))
        let fields = "per-address=20&block-after=5&lock-after=100&stuffing=15&days=7"
        let tried = try await browser.get("/auth/admin/simulation?\(fields)&wait-after=4")
        #expect(tried.status == .ok)
        #expect(tried.text.contains("a•••@example.com") && tried.text.contains("203.0.113.0/24"))
        #expect(!tried.text.contains("ada@example.com") && !tried.text.contains("203.0.113.77"))
        for wrong in ["2", "101", "6", "many", ""] {
            #expect(try await browser.get("/auth/admin/simulation?\(fields)&wait-after=\(wrong)").status == .unprocessableContent)
        }
        #expect(try await TestBrowser(house).get("/auth/admin/simulation").status == .seeOther)
        await house.close()
    }
}
