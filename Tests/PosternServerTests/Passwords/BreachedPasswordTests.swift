import BreachFilter
import HTTPTypes
import Secrets
import Storage
import Support
import Synchronization
import Testing

@testable import PosternServer

struct BreachedPasswordTests {
    /// A range service in this process: what it was asked, and what it answers.
    private final class Service: Sendable {
        private let state: Mutex<(asked: [String], body: String?)>

        init(answering body: String?) { state = Mutex(([], body)) }

        var asked: [String] { state.withLock { $0.asked } }
        func answer(_ body: String?) { state.withLock { $0.body = body } }

        var range: BreachRange {
            BreachRange(url: "https://range.test/") { [self] url, _ in
                state.withLock { state in
                    state.asked.append(url)
                    return state.body
                }
            }
        }
    }

    private static let hash = BreachedHash(password: Array(TestHouse.password.utf8))

    @Test("PW-08: a range's answer is read line by line; padding and garbage count for nothing")
    func answers() {
        let suffix = Self.hash.rangeSuffix
        let other = String(repeating: "0", count: 35)
        let cases: [(body: String, answer: BreachRange.Answer)] = [
            ("\(suffix):3", .listed), ("\(other):1\r\n\(suffix):12\r\n", .listed), (suffix.lowercased() + ":1", .listed),
            ("\(suffix):0\r\n\(other):0", .notListed), ("\(other):5", .notListed), ("", .notAnswered), ("<html>", .notAnswered),
            ("\(suffix)", .notAnswered), ("\(suffix)0:4", .notAnswered),
            // Whatever stands behind the own suffix but a plain 0.
            ("\(suffix):x", .listed), ("\(suffix):1,234", .listed), ("\(suffix):99999999999999999999", .listed),
            ("\u{FEFF}\(suffix):1", .listed),
            ("é\(suffix.dropFirst()):4", .notAnswered), (String(repeating: ":", count: 10_000), .notAnswered),
        ]
        for (body, answer) in cases { #expect(BreachRange.answer(for: suffix, in: body) == answer, "\(body.prefix(60))") }
    }

    @Test("PW-08: five digits are asked for, and nothing more")
    func fiveDigits() async {
        let service = Service(answering: "\(Self.hash.rangeSuffix):9")
        #expect(await service.range.contains(Self.hash) == .listed)
        #expect(service.asked == ["https://range.test/\(Self.hash.hex.prefix(5))"])
    }

    @Test("PW-09: what no list could answer is taken or refused as the settings say", arguments: PasswordPolicy.OnFailure.allCases)
    func onFailure(_ onFailure: PasswordPolicy.OnFailure) async throws {
        var policy = PasswordPolicy()
        policy.breached.onFailure = onFailure
        let judge = PasswordJudge(policy: policy, site: [], listedWords: [])
        let service = Service(answering: nil)
        let choose = ChoosePassword(judge: judge, breaches: BreachLookup(filter: nil, range: service.range))
        do throws(PasswordRefusal) {
            let chosen = try await choose.choose(TestHouse.password, about: [])
            #expect(onFailure == .allow)
            #expect(chosen.unasked?.exposed == Self.hash.bytes)
        } catch {
            #expect(onFailure == .refuse)
            #expect(error.reason == .passwordUnasked)
        }
        service.answer("\(Self.hash.rangeSuffix):1")
        await #expect(throws: PasswordRefusal.self) { try await choose.choose(TestHouse.password, about: []) }
    }

    @Test("PW-09: a job asks again until a list answers, and then the owner is told once", arguments: StoreUnderTest.allCases)
    func recheck(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let setAt = try #require(try await account(house, id).passwordSetAt)
        let service = Service(answering: nil)
        let followUp = house.server.passwords.followUp(house.notices)
        let recheck = RecheckPassword(store: house.store, breaches: BreachLookup(filter: nil, range: service.range), followUp: followUp)
        let payload = Secret(BreachQuestion(account: id, setAt: setAt, hash: Secret(Self.hash.bytes)).payload)

        #expect(try await recheck.recheck(payload, now: .now()) == .failed("no list of stolen passwords answered"))
        service.answer("\(String(repeating: "A", count: 35)):1")
        #expect(try await recheck.recheck(payload, now: .now()) == .done)
        #expect(try await finding(house, id) == nil)
        service.answer("\(Self.hash.rangeSuffix):1")
        for _ in 1...3 { #expect(try await recheck.recheck(payload, now: .now()) == .done) }
        #expect(try await finding(house, id)?.isCertain == true)
        #expect(try await house.mail().count { $0.subject.hasPrefix("Your password is known") } == 1)
        #expect(try await house.dump().contains("password.found-breached"))
        await house.close()
    }

    @Test("a finding is of the password that was looked at, and of no later one", arguments: StoreUnderTest.allCases)
    func laterPassword(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let setAt = try #require(try await account(house, id).passwordSetAt)
        func note(_ time: Timestamp, isCertain: Bool) async throws -> Bool {
            try await house.store.write { (transaction) throws(StoreError) in
                try transaction.noteBreachedPassword(of: id, setAt: time, isCertain: isCertain, now: .now())
            }
        }
        #expect(try await note(setAt + .seconds(1), isCertain: true) == false)
        #expect(try await finding(house, id) == nil)
        #expect(try await note(setAt, isCertain: false))
        #expect(try await note(setAt, isCertain: false) == false)
        // What was suspected becomes certain, and stays it.
        #expect(try await note(setAt, isCertain: true))
        #expect(try await note(setAt, isCertain: false) == false)
        #expect(try await finding(house, id)?.isCertain == true)
        await house.close()
    }

    @Test("200 findings at once tell the owner once", arguments: StoreUnderTest.allCases)
    func race(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let setAt = try #require(try await account(house, id).passwordSetAt)
        let followUp = house.server.passwords.followUp(house.notices)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 1...200 {
                group.addTask {
                    try await house.store.write { (transaction) throws(StoreError) in
                        try followUp.note(of: id, setAt: setAt, isCertain: true, in: transaction, now: .now())
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await house.mail().count { $0.subject.hasPrefix("Your password is known") } == 1)
        await house.close()
    }

    @Test("no hash of a password stands readable in the database while a job carries it", arguments: StoreUnderTest.allCases)
    func sealed(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let followUp = house.server.passwords.followUp(house.notices)
        try await house.store.write { (transaction) throws(StoreError) in
            try followUp.ask(Secret(Self.hash.bytes), of: id, setAt: .now(), in: transaction, now: .now())
        }
        let rows = try await house.store.read { (transaction) throws(StoreError) in
            try transaction.run("SELECT payload FROM job WHERE kind = 'check-password'")
        }
        #expect(rows.count == 1)
        let payload = try rows[0].blob("payload")
        #expect(!payload.isEmpty && !payload.contains(subsequence: Self.hash.bytes))
        await house.close()
    }

    private func account(_ house: TestHouse, _ id: Account.ID) async throws -> Account {
        try #require(try await house.store.read { (transaction) throws(StoreError) in try transaction.account(id) })
    }

    private func finding(_ house: TestHouse, _ id: Account.ID) async throws -> BreachFinding? {
        try await house.store.read { (transaction) throws(StoreError) in try transaction.breachFinding(of: id) }
    }
}

extension [UInt8] {
    fileprivate func contains(subsequence: [UInt8]) -> Bool {
        indices.contains { self[$0...].starts(with: subsequence) }
    }
}
