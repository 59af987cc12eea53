import Foundation
import HTTPTypes
import NetworkAddress
import Secrets
import Storage
import Support
import Testing
import Throttle

@testable import PosternServer

@Suite struct HistoryTests {
    private static let begin = Timestamp(secondsSinceEpoch: 1_780_000_000)

    private func attempt(
        _ account: Account.ID?, _ time: Timestamp, _ outcome: SignInAttempt.Outcome = .signedIn, _ reason: String = "password",
        from address: String = "5.1.0.7"
    ) throws -> SignInAttempt {
        SignInAttempt(
            at: time, account: account, identifier: account == nil ? [1, 2, 3, 4, 5, 6, 7, 8] : nil, outcome: outcome, reason: reason,
            client: Client(address: try #require(IPAddress(address)), browser: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"),
            random: .system)
    }

    @discardableResult
    private func record(_ attempts: [SignInAttempt], in house: TestHouse) async throws -> [SignInAttempt.Number] {
        try await house.store.write { (transaction) throws(StoreError) in
            try attempts.map { (attempt) throws(StoreError) in try transaction.recordAttempt(attempt) }
        }
    }

    private func read(
        _ house: TestHouse, _ account: Account.ID, refused: Bool? = nil, limit: Int = 10_000
    ) async throws -> [KeptAttempt] {
        try await house.store.read { (transaction) throws(StoreError) in
            try transaction.attempts(of: account, refused: refused, limit: limit)
        }
    }

    @Test(
        "an account's attempts come newest first, its own alone, by kind or all, before and after they are packed",
        arguments: StoreUnderTest.allCases)
    func chains(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let accounts = [try await house.makeAccount("ada@example.com"), try await house.makeAccount("bob@example.com")]
        var generator = SeededGenerator(seed: 3)
        var expected: [[SignInAttempt.Number]] = [[], []]
        for index in 0..<700 {
            let who = Int.random(in: 0...1, using: &generator)
            let refused = Bool.random(using: &generator)
            // Each failure from another network, so that each has a row.
            let one = try attempt(
                accounts[who], Self.begin + .seconds(Int64(index) * 400), refused ? .refused : .signedIn,
                refused ? "wrong-password" : "password", from: "5.1.\(index / 250).\(index % 250)")
            expected[who].insert(try await record([one], in: house)[0], at: 0)
        }
        try await SettleTests.settle(house)
        let before = [try await read(house, accounts[0]), try await read(house, accounts[1])]
        #expect(before.map { $0.map(\.number) } == expected)
        let upkeep = Upkeep(store: house.store, logger: house.server.logger)
        try await upkeep.pack(now: Self.begin + .seconds(700 * 400))
        #expect(try await house.number("SELECT COUNT(*) AS number FROM sign_in_block") == 5)
        let after = [try await read(house, accounts[0]), try await read(house, accounts[1])]
        #expect(after == before)
        for who in 0...1 {
            let failures = try await read(house, accounts[who], refused: true)
            #expect(failures == before[who].filter { $0.outcome == .refused })
            #expect(
                try await read(house, accounts[who], refused: false, limit: 7)
                    == Array(before[who].filter { $0.outcome != .refused }.prefix(7)))
        }
        // Everybody's, page after page.
        var all: [KeptAttempt] = []
        var next = SignInAttempt.Number(.max)
        while true {
            let start = next
            let page = try await house.store.read { (transaction) throws(StoreError) in try transaction.attempts(before: start, limit: 100)
            }
            guard let last = page.last else { break }
            all += page
            next = last.number
        }
        #expect(all.map(\.number) == (expected[0] + expected[1]).sorted(by: >))
        await house.close()
    }

    @Test(
        "LO-07: 100,000 failures of one source are one row an hour; of as many sources a bounded number of rows",
        arguments: StoreUnderTest.allCases)
    func floods(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let isWhole = ProcessInfo.processInfo.environment["POSTERN_SOAK"] != nil
        let count = isWhole ? 100_000 : 2_000
        for start in stride(from: 0, to: count, by: 500) {
            try await record(
                (start..<start + 500).map { try attempt(id, Self.begin + .milliseconds(Int64($0)), .refused, "wrong-password") }, in: house)
        }
        var rows = try await read(house, id)
        #expect(rows.count == 1 && rows[0].times == Int64(count))
        #expect(rows[0].at == Self.begin && rows[0].lastAt == Self.begin + .milliseconds(Int64(count - 1)))
        // From everywhere at once.
        for start in stride(from: 0, to: count, by: 500) {
            try await record(
                (start..<start + 500).map {
                    try attempt(
                        id, Self.begin + .seconds(100) + .milliseconds(Int64($0)), .refused, "wrong-password",
                        from: "6.\($0 / 65_536).\($0 / 256 % 256).\($0 % 256)")
                }, in: house)
        }
        rows = try await read(house, id)
        #expect(rows.count <= Int(SignInTally.mostSources.limit) + 1)
        #expect(rows.reduce(0) { $0 + $1.times } == Int64(2 * count))
        let shared = try #require(rows.first { $0.address == nil })
        #expect(shared.times > Int64(count) - Int64(SignInTally.mostSources.limit))
        // An hour later it is another row.
        try await record([try attempt(id, Self.begin + .seconds(3_700), .refused, "wrong-password")], in: house)
        #expect(try await read(house, id).count == rows.count + 1)
        // Addresses without an account, from everywhere.
        for start in stride(from: 0, to: count, by: 500) {
            try await record(
                (start..<start + 500).map {
                    try attempt(
                        nil, Self.begin + .milliseconds(Int64($0)), .refused, "unknown-address",
                        from: "7.\($0 / 65_536).\($0 / 256 % 256).\($0 % 256)")
                }, in: house)
        }
        #expect(
            try await house.number("SELECT COUNT(*) AS number FROM sign_in_attempt WHERE reason = 'unknown-address'")
                == Int64(SignInTally.mostStrangers.limit) + 1)
        await house.close()
    }

    @Test(
        "200 at once of one source are all counted; 200 sign-ins at once of one account are all in its chain",
        arguments: StoreUnderTest.allCases)
    func races(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<400 {
                let isFailure = index % 2 == 0
                let one = try attempt(
                    id, Self.begin + .milliseconds(Int64(index)), isFailure ? .refused : .signedIn,
                    isFailure ? "wrong-password" : "password")
                group.addTask { try await record([one], in: house) }
            }
            try await group.waitForAll()
        }
        let rows = try await read(house, id)
        #expect(rows.filter { $0.outcome == .signedIn }.count == 200)
        #expect(rows.filter { $0.outcome == .refused }.reduce(0) { $0 + $1.times } == 200)
        await house.close()
    }

    @Test("each kind is kept for its own time; what an account leaves behind goes with it (LO-08)", arguments: StoreUnderTest.allCases)
    func retention(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let (ada, bob) = (try await house.makeAccount("ada@example.com"), try await house.makeAccount("bob@example.com"))
        let day: Int64 = 86_400
        // Ten a day of each kind and account, for 300 days.
        for number in 0..<300 as Range<Int64> {
            let attempts = try (0..<20 as Range<Int64>).flatMap { index in
                let time = Self.begin + .seconds(number * day + index * 4_000)
                return try [ada, bob].map {
                    try attempt($0, time, index % 2 == 0 ? .refused : .signedIn, index % 2 == 0 ? "wrong-password" : "password")
                }
            }
            try await record(attempts, in: house)
        }
        try await SettleTests.settle(house)
        let now = Self.begin + .seconds(300 * day)
        try await Upkeep(store: house.store, logger: house.server.logger).pack(now: now)
        let prune = PruneHistory(store: house.store, kept: .seconds(200 * day), refusalsKept: .seconds(50 * day))
        _ = try await prune.run(now: now)
        #expect(try await prune.run(now: now) == 0)
        for account in [ada, bob] {
            let rows = try await read(house, account)
            let (kept, refused) = (rows.filter { $0.outcome != .refused }, rows.filter { $0.outcome == .refused })
            // A block goes when all of it is old enough: about three days of these.
            #expect((2_000...2_060).contains(kept.count) && (500...560).contains(refused.count))
        }
        _ = try await house.store.write { (transaction) throws(StoreError) in try transaction.deleteAccount(ada) }
        try await Upkeep(store: house.store, logger: house.server.logger).erase()
        var all: [KeptAttempt] = []
        var next: SignInAttempt.Number? = SignInAttempt.Number(0)
        while let first = next {
            let page = try await house.store.read { (transaction) throws(StoreError) in try transaction.attempts(from: first, limit: 1_000)
            }
            all += page
            next = page.last.map { SignInAttempt.Number($0.number.value + 1) }
        }
        #expect(!all.contains { $0.account == ada })
        let rows = try await read(house, bob)
        #expect(Set(all.filter { $0.account == bob }.map(\.number)).isSuperset(of: rows.map(\.number)) && rows.count > 2_500)
        await house.close()
    }

    @Test("a history that was kept before is there after the upgrade, in its order", arguments: StoreUnderTest.allCases)
    func upgrade(engine: StoreUnderTest) async throws {
        let store = try await engine.make()
        _ = try await store.migrate(Migration.all.filter { $0.number < 34 }, now: .now())
        let email = try #require(EmailAddress("ada@example.com"))
        let account = NewAccount(email: email, state: .active, passwordHash: nil, now: .now(), random: .system)
        try await store.write { (transaction) throws(StoreError) in
            _ = try transaction.createAccountUnderFreeName(account, random: .system)
            for number in 0..<300 as Range<Int64> {
                // Now and then two at the same microsecond.
                let at = Self.begin + .seconds(number / 2 * 60)
                let id = Identifier<Self>(now: at, random: Randomness.system.bytes(10))
                let (outcome, reason) = number % 3 == 0 ? ("refused", "wrong-password") : ("signed-in", "password")
                let whose = number % 5 == 0 ? nil : account.id
                try transaction.change(
                    """
                    INSERT INTO sign_in_attempt (id, at, account_id, outcome, reason, address, browser, session_id, known_browser)
                    VALUES (\(id), \(at), \(whose), \(outcome), \(reason), '192.0.2.7', 'Firefox/140.0', NULL, 0)
                    """)
            }
        }
        _ = try await store.migrate(Migration.all, now: .now())
        let rows = try await store.read { (transaction) throws(StoreError) in try transaction.attempts(of: account.id, limit: 1_000) }
        #expect(rows.count == 240 && rows.map(\.number) == rows.map(\.number).sorted(by: >))
        #expect(rows.filter { $0.outcome == .refused }.count == 80 && Set(rows.map(\.number)).count == 240)
        #expect(rows.allSatisfy { $0.at <= Self.begin + .seconds(149 * 60 + 1) && $0.address == IPAddress("192.0.2.7") })
        await store.close()
    }

    @Test("the page, the API and the exports show one's own and nobody else's; a cursor of another's is refused")
    func doors() async throws {
        let house = try await TestHouse(.sqlite)
        let (ada, _) = (try await house.makeAccount("ada@example.com"), try await house.makeAccount("bob@example.com"))
        let (adas, bobs) = (try await house.signIn("ada@example.com"), try await house.signIn("bob@example.com"))
        // Three pages of them.
        try await record((0..<120).map { try attempt(ada, Self.begin + .seconds(Int64($0)), from: "5.1.0.9") }, in: house)
        var seen: [String] = []
        var after = ""
        var pages = 0
        repeat {
            let answer = try await house.send(
                .get, "/auth/v1/account/sign-ins?limit=50\(after.isEmpty ? "" : "&after=\(after)")",
                headers: [.authorization: "Bearer \(adas)"])
            #expect(answer.status == .ok)
            let rows = try #require(answer.array("sign_ins"))
            seen += rows
            after = answer.field("next")
            pages += 1
            if !after.isEmpty {
                let stolen = try await house.send(
                    .get, "/auth/v1/account/sign-ins?after=\(after)", headers: [.authorization: "Bearer \(bobs)"])
                #expect(stolen.status == .badRequest)
            }
        } while !after.isEmpty
        #expect(seen.count == 121 && pages == 3)
        let own = try await house.send(.get, "/auth/v1/account/sign-ins", headers: [.authorization: "Bearer \(bobs)"])
        #expect(own.array("sign_ins")?.count == 1 && !own.text.contains("5.1.0.9"))
        for bad in ["limit=0", "limit=201", "limit=x", "show=mine", "after=x"] {
            let answer = try await house.send(.get, "/auth/v1/account/sign-ins?\(bad)", headers: [.authorization: "Bearer \(adas)"])
            #expect(answer.status == .badRequest)
        }
        let browser = TestBrowser(house)
        _ = try await browser.signIn("ada@example.com")
        let page = try await browser.get("/auth/account/history")
        #expect(page.status == .ok && page.text.contains("Place unknown") && page.text.contains("5.1.0.9"))
        let csv = try await browser.get("/auth/account/history/export?format=csv")
        #expect(csv.headers[.contentType] == "text/csv; charset=utf-8" && csv.text.split(separator: "\r\n").count == 123)
        let json = try await browser.get("/auth/account/history/export?format=json")
        #expect(try JSONValue(parsing: json.body).isArray(of: 122))
        await house.close()
    }
}

extension TestResponse {
    /// The entries of an array in a JSON answer, as texts.
    func array(_ name: String) -> [String]? {
        guard case .object(let object)? = try? JSONValue(parsing: body), case .array(let entries)? = object[name] else { return nil }
        return entries.map { "\($0)" }
    }
}

extension JSONValue {
    fileprivate func isArray(of count: Int) -> Bool { if case .array(let entries) = self { entries.count == count } else { false } }
}
