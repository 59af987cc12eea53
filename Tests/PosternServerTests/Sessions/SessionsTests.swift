import HTTPTypes
import Logging
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

@Suite struct SessionsTests {
    private func status(_ house: TestHouse, _ token: String) async throws -> HTTPResponse.Status {
        try await house.send(.get, "/auth/request", headers: [.cookie: "postern=\(token)"]).status
    }

    @Test("SE-08: one sees one's own sessions, ends one or all others, and never another person's", arguments: StoreUnderTest.allCases)
    func listing(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await house.makeAccount("ada@example.com")
        try await house.makeAccount("eve@example.com")
        let (first, second, third) = try await (
            house.signIn("ada@example.com"), house.signIn("ada@example.com"), house.signIn("ada@example.com")
        )
        let stranger = try await house.signIn("eve@example.com")
        let list = try await house.send(.get, "/auth/v1/sessions", headers: [.authorization: "Bearer \(first)"])
        guard case .object(let object) = try JSONValue(parsing: list.body), case .array(let rows)? = object["sessions"] else {
            Issue.record("no list"); return
        }
        #expect(rows.count == 3)
        #expect(!list.text.contains(first))
        let secondID = try await house.send(.get, "/auth/v1/session", headers: [.authorization: "Bearer \(second)"]).field("id")
        #expect(
            try await house.send(.delete, "/auth/v1/sessions/\(secondID)", headers: [.authorization: "Bearer \(stranger)"]).status
                == .notFound)
        #expect(try await status(house, second) == .ok)
        #expect(
            try await house.send(.delete, "/auth/v1/sessions/\(secondID)", headers: [.authorization: "Bearer \(first)"]).status
                == .noContent)
        #expect(try await status(house, second) == .unauthorized)
        #expect(try await house.send(.delete, "/auth/v1/sessions", headers: [.authorization: "Bearer \(first)"]).status == .noContent)
        #expect(try await status(house, third) == .unauthorized)
        #expect(try await status(house, first) == .ok)
        #expect(try await status(house, stranger) == .ok)
        #expect(try await house.send(.delete, "/auth/v1/session", headers: [.authorization: "Bearer \(first)"]).status == .noContent)
        #expect(try await status(house, first) == .unauthorized)
        await house.close()
    }

    /// That it takes no longer than a second is measured on two real nodes in Tests/EndToEnd/test_two_nodes.py.
    @Test("SE-06: what another node or the command line ends is refused here too", arguments: StoreUnderTest.allCases)
    func otherNode(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        let watching = Task { try await house.server.desk.run() }
        #expect(try await status(house, token) == .ok)
        let elsewhere = SessionDesk(store: house.store, logger: house.server.logger)
        let administer = AdministerAccount(
            store: house.store, desk: elsewhere, links: house.server.passwords.links(house.notices),
            locks: AccountLocks(house.server.keys.current))
        #expect(try await administer.perform(.disable, on: id, by: .commandLine, now: .now()) == .done)
        let giveUp = ContinuousClock.now + .seconds(30)
        while try await status(house, token) == .ok, ContinuousClock.now < giveUp {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(try await status(house, token) == .unauthorized)
        watching.cancel()
        await house.close()
    }

    @Test("SE-04: a session ends after its idle time and after its whole time, by the server's clock", arguments: StoreUnderTest.allCases)
    func limits(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let now = Timestamp.now()
        let policy = SessionPolicy(idle: .seconds(100), absolute: .seconds(250), keep: .seconds(1_000))
        let client = Client(address: .unknown, browser: "")
        let new = NewSession(account: id, policy: policy, isKept: false, client: client, now: now, random: .system)
        let kept = NewSession(account: id, policy: policy, isKept: true, client: client, now: now, random: .system)
        try await house.store.write { (transaction) throws(StoreError) in
            try transaction.openSession(new)
            try transaction.openSession(kept)
        }
        let desk = house.server.desk
        #expect(try await desk.session(of: new.token, now: now + .seconds(99)) != nil)
        // Used at 99 s: lives on until 199 s, also in memory.
        #expect(try await desk.session(of: new.token, now: now + .seconds(150)) != nil)
        #expect(try await desk.session(of: new.token, now: now + .seconds(249)) != nil)
        #expect(try await desk.session(of: new.token, now: now + .seconds(250)) == nil)
        #expect(try await desk.session(of: kept.token, now: now + .seconds(999)) != nil)
        #expect(try await desk.session(of: kept.token, now: now + .seconds(1_000)) == nil)
        let fresh = SessionDesk(store: house.store, logger: house.server.logger)
        #expect(try await fresh.session(of: new.token, now: now + .seconds(101)) == nil)
        await house.close()
    }

    @Test("SE-07: an answer that was under way when a session ended is not remembered")
    func resurrection() async throws {
        let house = try await TestHouse(.sqlite)
        let id = try await house.makeAccount("ada@example.com")
        let token = try #require(SessionToken(text: try await house.signIn("ada@example.com").utf8))
        let table = SessionTable()
        guard case .unknown(let epoch) = table.find(token, now: .now()) else { Issue.record("known"); return }
        let read = try await house.store.read { (transaction) throws(StoreError) in
            try transaction.liveSession(tokenHash: token.hash, now: .now())
        }
        table.forget(id)
        table.remember(try #require(read).session, of: token, epoch: epoch, seenAt: .now(), now: .now())
        guard case .unknown(let later) = table.find(token, now: .now()) else { Issue.record("a dead session lives"); return }
        table.remember(try #require(read).session, of: token, epoch: later, seenAt: .now(), now: .now())
        guard case .live = table.find(token, now: .now()) else { Issue.record("a live session is forgotten"); return }
        table.forgetAll()
        guard case .unknown = table.find(token, now: .now()) else { Issue.record("not forgotten"); return }
        table.remember(try #require(read).session, of: token, epoch: later, seenAt: .now(), now: .now())
        guard case .unknown = table.find(token, now: .now()) else { Issue.record("an old answer is trusted"); return }
        await house.close()
    }

    @Test("the table stays within its size and keeps what is used")
    func bounded() throws {
        let table = SessionTable(capacity: 100)
        let now = Timestamp.now()
        func session(_ number: Int) -> LiveSession {
            LiveSession(
                id: .init(now: now, random: Randomness.system.bytes(10)), account: .init(now: now, random: Randomness.system.bytes(10)),
                role: .member,
                expiresAt: now + .seconds(1_000), idle: nil, readAt: now, assurance: .aal1, username: "u\(number)", email: "", name: "",
                groups: [])
        }
        let favourite = SessionToken(random: Randomness.system.bytes(32))
        table.remember(session(0), of: favourite, epoch: 0, seenAt: now, now: now)
        var tokens: [SessionToken] = []
        for number in 1...1_000 {
            let token = SessionToken(random: Randomness.system.bytes(32))
            tokens.append(token)
            table.remember(session(number), of: token, epoch: 0, seenAt: now, now: now)
            guard case .live(let found) = table.find(favourite, now: now) else { Issue.record("the favourite was dropped"); return }
            #expect(found.username == "u0")
        }
        let kept = tokens.filter { if case .live = table.find($0, now: now) { true } else { false } }.count
        #expect(kept <= 100)
    }

    @Test("a session in memory answers while the database is away")
    func databaseAway() async throws {
        let house = try await TestHouse(.sqlite)
        try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        #expect(try await status(house, token) == .ok)
        await house.store.close()
        #expect(try await status(house, token) == .ok)
        let other = Token(random: Randomness.system.bytes(32)).text.exposed
        #expect(try await status(house, other) == .forbidden)
        #expect(
            try await house.json(.post, "/auth/v1/sign-in", #"{"email":"ada@example.com","password":"correct horse battery"}"#).status
                == .serviceUnavailable)
        house.server.hasher.stop()
    }

    @Test("SE-13: under load every answer names its own person")
    func identityBleed() async throws {
        let house = try await TestHouse(.sqlite)
        var tokens: [(String, String)] = []
        let now = Timestamp.now()
        for number in 1...rounds(2_000) {
            let email = try #require(EmailAddress("person\(number)@example.com"))
            let account = NewAccount(email: email, state: .active, passwordHash: nil, now: now, random: .system)
            let session = NewSession(
                account: account.id, policy: .standard, isKept: false, client: Client(address: .unknown, browser: ""), now: now,
                random: .system)
            try await house.store.write { (transaction) throws(StoreError) in
                _ = try transaction.createAccountUnderFreeName(account, random: .system)
                try transaction.openSession(session)
            }
            tokens.append((session.token.token.text.exposed, email.address))
        }
        let all = tokens
        let mismatches = try await withThrowingTaskGroup(of: Int.self) { group in
            for start in 0..<64 {
                group.addTask {
                    var wrong = 0
                    for step in 0..<all.count {
                        let (token, email) = all[(start * 31 + step) % all.count]
                        let answer = try await house.send(.get, "/auth/request", headers: [.cookie: "postern=\(token)"])
                        if answer.headers[.remoteEmail] != email { wrong += 1 }
                    }
                    return wrong
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(mismatches == 0)
        await house.close()
    }
}
