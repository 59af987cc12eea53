import HTTPTypes
import NetworkAddress
import Storage
import Support
import Testing

@testable import PosternServer

@Suite struct BlocklistTests {
    private func manage(_ house: TestHouse) -> ManageBlocks {
        ManageBlocks(
            store: house.store, trustedProxies: house.server.settings.trustedProxies, locks: AccountLocks(house.server.keys.current),
            random: .system)
    }

    private func network(_ text: String) throws -> ManageBlocks.Target { .network(try #require(AddressRange(text))) }

    @Test(
        "a network that is blocked gets no answer anywhere, signed in or not, until its time is over or it is released",
        arguments: StoreUnderTest.allCases)
    func everything(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        let now = Timestamp.now()
        let added = try await manage(house).add(
            network("192.0.2.0/25"), why: "scans", until: now + .seconds(60), by: .commandLine, now: now)
        guard case .added(let id) = added else { return #expect(Bool(false), "\(added)") }
        try await house.server.gate.blocks.load(now: now)
        let refused = try await house.send(.get, "/auth/v1/session", headers: [.authorization: "Bearer \(token)"])
        #expect(refused.status == .forbidden && refused.reason == "blocked")
        #expect(try await house.send(.get, "/auth/sign-in").status == .forbidden)
        #expect(
            try await house.send(.get, "/auth/request", headers: [.authorization: "Bearer \(token)"]).headers[.posternReason] == "blocked")
        #expect(try await house.send(.get, "/auth/health").status == .ok)
        #expect(try await house.send(.get, "/auth/sign-in", peer: "192.0.2.200").status == .ok)
        #expect(house.server.gate.blocks.findForAll(try #require(IPAddress("192.0.2.9")), now: now + .seconds(61)) == nil)
        #expect(try await manage(house).release(id, by: .commandLine, now: now) == .released)
        try await house.server.gate.blocks.load(now: now)
        #expect(try await house.send(.get, "/auth/sign-in").status == .ok)
        #expect(try await manage(house).release(id, by: .commandLine, now: now) == .notLive)
        await house.close()
    }

    @Test("one block at a time for a network; after its end there may be another", arguments: StoreUnderTest.allCases)
    func again(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let now = Timestamp.now()
        func add(_ at: Timestamp) async throws -> Bool {
            let added = try await manage(house).add(network("10.0.0.0/8"), why: "", until: at + .seconds(10), by: .commandLine, now: at)
            if case .added = added { return true }
            return false
        }
        #expect(try await add(now))
        #expect(try await !add(now + .seconds(5)))
        #expect(try await add(now + .seconds(11)))
        let all = try await house.store.read { (transaction) throws(StoreError) in
            try transaction.blocks(live: false, limit: 9, now: now + .seconds(11)).map { $0.state(now: now + .seconds(11)) }
        }
        #expect(Set(all) == [.live, .released] && all.count == 2)
        await house.close()
    }

    @Test("a block within another that ends holds from then on")
    func nested() async throws {
        let house = try await TestHouse(.sqlite)
        let now = Timestamp.now()
        _ = try await manage(house).add(network("10.0.0.0/8"), why: "", until: now + .seconds(10), by: .commandLine, now: now)
        _ = try await manage(house).add(network("10.1.0.0/16"), why: "", until: nil, by: .commandLine, now: now)
        let blocks = house.server.gate.blocks
        let address = try #require(IPAddress("10.1.2.3"))
        try await blocks.load(now: now)
        #expect(blocks.findForAll(address, now: now) != nil)
        try await blocks.load(now: now + .seconds(11))
        #expect(blocks.findForAll(address, now: now + .seconds(11)) != nil)
        #expect(blocks.findForAll(try #require(IPAddress("10.2.2.3")), now: now + .seconds(11)) == nil)
        await house.close()
    }

    @Test("no block holds a trusted proxy", arguments: ["192.0.2.80", "192.0.2.0/24", "0.0.0.0/0", "::/0"])
    func proxies(text: String) async throws {
        let house = try await TestHouse(.sqlite) { $0.trustedProxies = ["192.0.2.80"].compactMap { AddressRange($0) } }
        let outcome = try await manage(house).add(network(text), why: "", until: nil, by: .commandLine, now: .now())
        guard case .holdsProxy = outcome else { return #expect(Bool(false), "\(outcome)") }
        await house.close()
    }

    @Test("AZ-05, AZ-06: blocks by page need a proof of minutes ago, and administrators don't touch owners'")
    func rights() async throws {
        let house = try await TestHouse(.sqlite)
        let admin = try await house.makeAccount("admin@example.com", role: .administrator)
        try await house.makeAccount("owner@example.com", role: .owner)
        let session = try await house.openSession(for: admin)
        let actor = AdministerAccount.Actor.account(admin, in: session, Client(address: .unknown, browser: ""))
        let owner = ManageBlocks.Target.account(try #require(EmailAddress("owner@example.com")))
        let early = try await manage(house).add(
            network("10.0.0.0/8"), why: "", until: nil, by: actor, now: .now() + .seconds(3_600))
        guard case .stepUpNeeded = early else { return #expect(Bool(false), "\(early)") }
        let above = try await manage(house).add(owner, why: "", until: nil, by: actor, now: .now())
        guard case .notAllowed = above else { return #expect(Bool(false), "\(above)") }
        let added = try await manage(house).add(owner, why: "", until: nil, by: .commandLine, now: .now())
        guard case .added(let id) = added else { return #expect(Bool(false), "\(added)") }
        #expect(try await manage(house).release(id, by: actor, now: .now()) == .notAllowed)
        // By hand, it holds for browsers that are known too, another password doesn't end it, and nothing tells of it.
        #expect(try await house.tryPassword("owner@example.com", TestHouse.password).reason == "wrong-credentials")
        try await house.store.write { (transaction) throws(StoreError) in
            guard let found = try transaction.block(id)?.account else { return }
            try AccountLocks(house.server.keys.current).release(found, by: .account(found), client: nil, in: transaction, now: .now())
        }
        #expect(try await house.tryPassword("owner@example.com", TestHouse.password).reason == "wrong-credentials")
        #expect(try await manage(house).release(id, by: .commandLine, now: .now()) == .released)
        #expect(try await house.tryPassword("owner@example.com", TestHouse.password).status == .ok)
        await house.close()
    }

    @Test("lists are read as they are written: plain, with remarks, and as fail2ban prints them")
    func lists() throws {
        let now = Timestamp(secondsSinceEpoch: 1_700_000_000)
        let plain = try BlockImport(
            "# bad\n192.0.2.1\n 192.0.2.0/24 # remark\n\n2001:db8::/32;remark\n; end\n", secondsFromUTC: 0, now: now)
        #expect(plain.entries.map { "\($0.network)" } == ["192.0.2.1", "192.0.2.0/24", "2001:db8::/32"])
        let banned = try BlockImport("[{'sshd': ['192.0.2.1', '2001:db8::7']}, {'web': []}]\n", secondsFromUTC: 0, now: now)
        #expect(banned.entries.map { "\($0.network)" } == ["192.0.2.1", "2001:db8::7"])
        let timed = try BlockImport(
            "192.0.2.1 \t2023-11-14 22:00:00 + 3600 = 2023-11-14 23:00:00\n192.0.2.2 \t2023-11-14 20:00:00 + 60 = 2023-11-14 20:01:00\n"
                + "192.0.2.3 \t2024-02-28 23:00:00 + 7200 = 2024-02-29 01:00:00\n192.0.2.4 \t2023-11-14 20:00:00 + -1 = 9999-12-31 23:59:59\n",
            secondsFromUTC: 0, now: now)
        #expect(timed.entries.map { "\($0.network)" } == ["192.0.2.1", "192.0.2.3", "192.0.2.4"])
        #expect(timed.entries[0].end == .at(Timestamp(secondsSinceEpoch: 1_700_002_800)))
        #expect(timed.entries[1].end == .at(Timestamp(secondsSinceEpoch: 1_709_168_400)))
        #expect(timed.entries[2].end == .never && timed.over == 1)
        #expect(throws: BlockImport.Problem(line: 2, text: "nonsense here")) {
            try BlockImport("192.0.2.1\nnonsense here\n", secondsFromUTC: 0, now: now)
        }
        #expect(throws: BlockImport.Problem.self) { try BlockImport("10.0.0.1/8\n", secondsFromUTC: 0, now: now) }
    }
}
