import Foundation
import NetworkAddress
import PhoneNumbers
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

@Suite struct DeliveryGuardTests {
    private func verdict(
        _ it: DeliveryHouse, _ number: String, account: Account.ID, channel: Delivery.Channel = .sms, from address: String = "192.0.2.1",
        cost: Int64 = 0, now: Timestamp = .now()
    ) async throws -> DeliveryGuard.Verdict {
        let number = try PhoneNumber(number)
        let request = SendRequest(
            account: account, phone: Phone.ID(now: now, random: Randomness.system.bytes(10)), number: number,
            numberKey: it.policy.desk.key(of: number), channel: channel,
            client: Client(address: IPAddress(address) ?? .unknown, browser: ""))
        let settings = it.rules.settings
        return try await it.house.store.write { (transaction) throws(StoreError) in
            try it.policy.desk.guarding.ask(request, under: settings, cost: cost, in: transaction, now: now).verdict
        }
    }

    @Test("OB-04: a number gets 3 in ten minutes and 5 an hour", arguments: StoreUnderTest.allCases)
    func perNumber(engine: StoreUnderTest) async throws {
        let it = try await DeliveryHouse(engine)
        let begin = Timestamp.now()
        var passed: [Int64] = []
        // One every minute, of another account and network each time.
        for minute in Int64(0)..<120 {
            let account = Account.ID(now: begin, random: Randomness.system.bytes(10))
            let now = begin + .seconds(minute * 60)
            let verdict = try await verdict(it, "+351912345678", account: account, from: "198.51.100.\(minute)", now: now)
            if verdict == .passes { passed.append(minute) }
        }
        for minute in passed {
            #expect(passed.filter { (minute..<(minute + 10)).contains($0) }.count <= 3)
            #expect(passed.filter { (minute..<(minute + 60)).contains($0) }.count <= 5)
        }
        #expect(passed.prefix(6) == [0, 1, 2, 10, 11, 60])
        await it.close()
    }

    @Test("OB-04: an account 5 an hour, a network 10, and no more at once", arguments: StoreUnderTest.allCases)
    func perAccountAndNetwork(engine: StoreUnderTest) async throws {
        let it = try await DeliveryHouse(engine)
        let now = Timestamp.now()
        let account = Account.ID(now: now, random: Randomness.system.bytes(10))
        func passed(_ count: Int, _ ask: @escaping @Sendable (Int) async throws -> DeliveryGuard.Verdict) async throws -> Int {
            try await withThrowingTaskGroup(of: DeliveryGuard.Verdict.self) { group in
                for index in 0..<count { group.addTask { try await ask(index) } }
                return try await group.reduce(0) { $0 + ($1 == .passes ? 1 : 0) }
            }
        }
        let ofAccount = try await passed(40) {
            try await verdict(it, "+3519123450\(10 + $0)", account: account, from: "198.51.100.\($0)", now: now)
        }
        #expect(ofAccount == 5)
        let ofNetwork = try await passed(40) {
            try await verdict(
                it, "+3519124450\(10 + $0)", account: Account.ID(now: now, random: Randomness.system.bytes(10)), from: "2001:db8::\($0)",
                now: now)
        }
        #expect(ofNetwork == 10, "a /64 is one network")
        await it.close()
    }

    @Test(
        "OB-05: nothing goes to other countries, premium numbers, satellites, or by text to a fixed line",
        arguments: ["+4915112345678", "+447911123456", "+449012345678", "+881612345678", "+351212345678", "+351800123456"])
    func notThere(number: String) async throws {
        let it = try await DeliveryHouse(.sqlite)
        let account = Account.ID(now: .now(), random: Randomness.system.bytes(10))
        // An ordinary one of Guernsey's range counts as its own country.
        let verdict = try await verdict(it, number, account: account)
        #expect(verdict == .refused(.notThere), "\(number): \(verdict)")
        let decisions = try await it.house.store.read { (transaction) throws(StoreError) in try transaction.guardDecisions(limit: 5) }
        #expect(decisions.first?.isRefused == true && decisions.first?.range.hasSuffix("••••") == true)
        await it.close()
    }

    @Test("bursts and countries over their limit are written down, and refused once that is said", arguments: StoreUnderTest.allCases)
    func modes(engine: StoreUnderTest) async throws {
        for mode in DeliverySettings.Guard.Mode.allCases {
            let it = try await DeliveryHouse(engine) {
                $0.guardRules.mode = mode
                $0.guardRules.burst = (4, .seconds(3_600))
                $0.guardRules.countryFloor = 8
            }
            let now = Timestamp.now()
            var passed = 0
            for index in 0..<6 {
                let account = Account.ID(now: now, random: Randomness.system.bytes(10))
                if try await verdict(it, "+35191234500\(index)", account: account, from: "198.51.100.\(index)", now: now) == .passes {
                    passed += 1
                }
            }
            #expect(passed == (mode == .enforce ? 4 : 6))
            for index in 0..<8 {
                let account = Account.ID(now: now, random: Randomness.system.bytes(10))
                _ = try await verdict(it, "+35191\(2_400_000 + index * 12_345)", account: account, from: "198.51.101.\(index)", now: now)
            }
            let decisions = try await it.house.store.read { (transaction) throws(StoreError) in try transaction.guardDecisions(limit: 50) }
            #expect(Set(decisions.map(\.rule)) == ["burst", "country-limit"])
            #expect(decisions.allSatisfy { $0.isRefused == (mode == .enforce) })
            await it.close()
        }
    }

    @Test(
        "a day never costs more than it may, however many ask at once, and administrators hear of it once",
        arguments: StoreUnderTest.allCases)
    func spend(engine: StoreUnderTest) async throws {
        let it = try await DeliveryHouse(engine) { $0.guardRules.spendPerDay = 1_000_000 }
        _ = try await it.house.makeAccount("owner@example.com", role: .owner)
        let now = Timestamp.now()
        let settings = it.rules.settings
        let passed = try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<60 {
                group.addTask {
                    let account = try await it.house.makeAccount("person\(index)@example.com")
                    let number = try PhoneNumber("+35191\(2_400_000 + index * 12_345)")
                    let request = SendRequest(
                        account: account, phone: Phone.ID(now: now, random: Randomness.system.bytes(10)), number: number,
                        numberKey: it.policy.desk.key(of: number), channel: .sms,
                        client: Client(address: IPAddress("198.51.100.\(index)") ?? .unknown, browser: ""))
                    return try await it.house.store.write { (transaction) throws(StoreError) in
                        let (verdict, alarm) = try it.policy.desk.guarding.ask(
                            request, under: settings, cost: 40_000, in: transaction, now: now)
                        if let alarm { try it.policy.desk.alarms.tell(alarm, settings, in: transaction, now: now) }
                        return verdict == .passes
                    }
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(passed == 25, "25 × 0.04 is 1")
        let subjects = try await it.house.mail().filter { $0.to == "owner@example.com" }.map(\.subject)
        #expect(subjects.count == 2, "\(subjects)")
        await it.close()
    }

    @Test("amounts of money are read exactly")
    func amounts() {
        for (text, amount) in [("0.041", 41_000), ("1", 1_000_000), ("12.5", 12_500_000), ("0.000001", 1)] as [(String, Int64)] {
            #expect(SettingsReader.amount(text) == amount)
        }
        for text in ["", "-1", "+1", "1.", ".5", "1.2345678", "1e3", "1,5", "99999999999"] {
            #expect(SettingsReader.amount(text) == nil, "\(text)")
        }
        #expect(SpendAlarm.words(41_000, "EUR") == "0.041 EUR" && SpendAlarm.words(1_000_000, "EUR") == "1.00 EUR")
    }
}
