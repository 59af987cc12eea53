import HTTPTypes
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

@Suite struct SetupTests {
    @Test("LG-19: the setup link makes one owner, once", arguments: StoreUnderTest.allCases)
    func journey(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let link = try #require(try await house.server.setUp.freshLink(now: .now())).text.exposed
        let browser = TestBrowser(house)
        #expect(try await browser.get("/auth/sign-in").text.contains("There is no owner yet"))
        #expect(try await browser.get("/auth/setup/\(link)").headers[.location] == "/auth/setup")
        #expect(
            try await browser.submit("/auth/setup", ["email": "nonsense", "password": TestHouse.password]).status == .unprocessableContent)
        #expect(
            try await browser.submit("/auth/setup", ["email": "owner@example.com", "password": "short"]).status == .unprocessableContent)
        let made = try await browser.submit("/auth/setup", ["email": "owner@example.com", "password": TestHouse.password])
        #expect(made.headers[.location] == "/auth/sign-in?done=setup")
        #expect(try await browser.signIn("owner@example.com").status == .seeOther)
        #expect(try await browser.get("/auth/admin").text.contains("Open accounts"))
        #expect(try await house.server.setUp.freshLink(now: .now()) == nil)
        _ = try await browser.get("/auth/setup/\(link)")
        #expect(try await browser.get("/auth/setup").status == .gone)
        await house.close()
    }

    @Test("200 posts of one setup link at once make one owner", arguments: StoreUnderTest.allCases)
    func race(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let link = try #require(try await house.server.setUp.freshLink(now: .now()))
        let client = Client(address: .unknown, browser: "")
        let password = try await house.server.passwords.desk.choose.choose(TestHouse.password, about: [])
        let made = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 1...200 {
                group.addTask {
                    let email = try #require(EmailAddress("owner\(number)@example.com"))
                    return try await house.server.setUp.make(email, password: password, link: link, client: client, now: .now())
                        == .ownerMade
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(made == 1)
        let owners = try await house.store.read { (transaction) throws(StoreError) in
            try transaction.run("SELECT COUNT(*) AS number FROM account")[0].integer("number")
        }
        #expect(owners == 1)
        await house.close()
    }

    @Test("a link dies after an hour, by a fresh one, and once there is an owner", arguments: StoreUnderTest.allCases)
    func endings(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let setUp = house.server.setUp
        let now = Timestamp.now()
        let first = try #require(try await setUp.freshLink(now: now))
        #expect(try await setUp.isAlive(first, now: now + .seconds(3_599)))
        #expect(try await !setUp.isAlive(first, now: now + .seconds(3_600)))
        let second = try #require(try await setUp.freshLink(now: now))
        #expect(try await !setUp.isAlive(first, now: now))
        #expect(try await setUp.isAlive(second, now: now))
        try await house.makeAccount("owner@example.com", role: .owner)
        #expect(try await !setUp.isAlive(second, now: now))
        await house.close()
    }
}
