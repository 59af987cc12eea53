import BreachFilter
import Foundation
import HTTPTypes
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

struct PasswordLifeTests {
    private static let next = "seven quiet lanterns drift"

    private func ask(_ house: TestHouse, _ email: String) async throws {
        #expect(try await house.json(.post, "/auth/v1/forgot-password", #"{"email":"\#(email)"}"#).status == .accepted)
    }

    private func reset(_ house: TestHouse, _ token: String, _ password: String = Self.next) async throws -> TestResponse {
        try await house.json(.post, "/auth/v1/reset-password", #"{"token":"\#(token)","password":"\#(password)"}"#)
    }

    @Test("RC-06 to RC-09: a mailed link sets another password once, and ends every session", arguments: StoreUnderTest.allCases)
    func resets(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await house.makeAccount("ada@example.com")
        let old = try await house.signIn("ada@example.com")
        try await ask(house, "ada@example.com")
        let token = try await house.linkToken(to: "ada@example.com", "/auth/reset-password/")
        // RC-12, RC-15: neither asking nor looking changes anything.
        let browser = TestBrowser(house)
        for _ in 1...3 { #expect(try await browser.get("/auth/reset-password/\(token)").status == .seeOther) }
        #expect(try await house.json(.get, "/auth/v1/session", "", bearer: old).status == .ok)

        #expect(try await reset(house, token, "password1").reason == "password-common")
        #expect(try await reset(house, token).status == .noContent)
        #expect(try await reset(house, token, "another four word phrase").reason == "link-invalid")
        #expect(try await house.json(.get, "/auth/v1/session", "", bearer: old).status == .unauthorized)
        #expect(try await house.signIn("ada@example.com").isEmpty)
        #expect(try await !house.signIn("ada@example.com", password: Self.next).isEmpty)
        #expect(try await house.mail().count { $0.subject.hasPrefix("Your password was changed") } == 1)
        await house.close()
    }

    @Test("RC-06: 200 uses of one link at once set one password", arguments: StoreUnderTest.allCases)
    func race(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await house.makeAccount("ada@example.com")
        try await ask(house, "ada@example.com")
        let text = try await house.linkToken(to: "ada@example.com", "/auth/reset-password/")
        let link = try #require(Token(text: text.utf8))
        let flow = resetFlow(house)
        let password = try await house.server.passwords.desk.choose.choose(Self.next, about: [])
        let client = Client(address: .unknown, browser: "")
        let replaced = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 1...200 {
                group.addTask { try await flow.reset(link, to: password, client: client, now: .now()) == .replaced }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(replaced == 1)
        await house.close()
    }

    @Test("RC-14, LG-03: any address is answered alike, and gets a mail in two minutes at most", arguments: StoreUnderTest.allCases)
    func limits(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await house.makeAccount("ada@example.com")
        try await house.makeAccount("closed@example.com", state: .disabled)
        for email in ["ada@example.com", "ADA@example.com", "nobody@example.com", "closed@example.com"] {
            for _ in 1...5 { try await ask(house, email) }
        }
        #expect(try await house.mail().filter { $0.subject.hasPrefix("Choose another password") }.map(\.to) == ["ada@example.com"])
        let flow = resetFlow(house)
        let email = try #require(EmailAddress("ada@example.com"))
        // A day of asking every minute: five an hour.
        for minute in 1...120 {
            try await flow.ask(email, client: Client(address: .unknown, browser: ""), now: .now() + .seconds(Int64(minute * 60)))
        }
        #expect(try await house.mail().count { $0.subject.hasPrefix("Choose another password") } <= 15)
        await house.close()
    }

    @Test(
        "RC-06: a link is over after an hour, after a later link, and after any change of the password", arguments: StoreUnderTest.allCases)
    func linksEnd(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let links = house.server.passwords.links(house.notices)
        let flow = resetFlow(house)
        let client = Client(address: .unknown, browser: "")
        func send(_ link: Token, at time: Timestamp) async throws {
            try await house.store.write { (transaction) throws(StoreError) in
                try links.send(link, to: try transaction.account(id), client: client, in: transaction, now: time)
            }
        }
        let (early, first, second) = (links.make(), links.make(), links.make())
        try await send(early, at: .now() - .seconds(3_601))
        #expect(try await flow.account(of: early, now: .now()) == nil)
        try await send(first, at: .now())
        try await send(second, at: .now())
        #expect(try await flow.account(of: first, now: .now()) == nil)
        #expect(try await flow.account(of: second, now: .now()) != nil)
        let token = try await house.signIn("ada@example.com")
        let changed = try await house.json(
            .post, "/auth/v1/account/password", #"{"current":"\#(TestHouse.password)","password":"\#(Self.next)"}"#, bearer: token)
        #expect(changed.status == .noContent)
        #expect(try await flow.account(of: second, now: .now()) == nil)
        await house.close()
    }

    @Test("PW-12, SE-06: a change needs the current password, keeps this session and ends the others", arguments: StoreUnderTest.allCases)
    func changes(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await house.makeAccount("ada@example.com")
        let (here, there) = (try await house.signIn("ada@example.com"), try await house.signIn("ada@example.com"))
        func change(_ current: String, _ password: String) async throws -> TestResponse {
            try await house.json(
                .post, "/auth/v1/account/password", #"{"current":"\#(current)","password":"\#(password)"}"#, bearer: here)
        }
        #expect(try await change("not the password", Self.next).reason == "wrong-credentials")
        #expect(try await house.dump().contains("wrong-password"))
        #expect(try await change(TestHouse.password, TestHouse.password).reason == "password-unchanged")
        #expect(try await change(TestHouse.password, "password1").reason == "password-common")
        #expect(try await change(TestHouse.password, Self.next).status == .noContent)
        #expect(try await house.json(.get, "/auth/v1/session", "", bearer: here).status == .ok)
        #expect(try await house.json(.get, "/auth/v1/session", "", bearer: there).status == .unauthorized)
        #expect(try await !house.signIn("ada@example.com", password: Self.next).isEmpty)
        await house.close()
    }

    @Test("a browser's session goes on under a new token after a change", arguments: StoreUnderTest.allCases)
    func renews(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await house.makeAccount("ada@example.com")
        let browser = TestBrowser(house)
        _ = try await browser.signIn("ada@example.com")
        let before = browser.cookies["postern"]
        let answer = try await browser.submit("/auth/account/password", ["current": TestHouse.password, "password": Self.next])
        #expect(answer.status == .seeOther)
        #expect(browser.cookies["postern"] != before)
        #expect(try await browser.get("/auth/account").status == .ok)
        #expect(try await browser.get("/.well-known/change-password").headers[.location] == "/auth/account/password")
        await house.close()
    }

    @Test("a stolen password opens nothing where the settings say so, and the owner gets a link", arguments: StoreUnderTest.allCases)
    func stolen(engine: StoreUnderTest) async throws {
        let filter = try Self.filter(of: [TestHouse.password])
        let house = try await TestHouse(engine) {
            $0.passwords.breached.filter = filter
            $0.passwords.breached.atSignIn = .reset
        }
        try await house.makeAccount("ada@example.com")
        for _ in 1...3 {
            let answer = try await house.json(
                .post, "/auth/v1/sign-in", #"{"email":"ada@example.com","password":"\#(TestHouse.password)"}"#)
            #expect(answer.reason == "password-stolen")
        }
        #expect(try await house.mail().count { $0.subject.hasPrefix("Choose another password") } == 1)
        let token = try await house.linkToken(to: "ada@example.com", "/auth/reset-password/")
        #expect(try await reset(house, token, TestHouse.password).reason == "password-breached")
        #expect(try await reset(house, token).status == .noContent)
        #expect(try await !house.signIn("ada@example.com", password: Self.next).isEmpty)
        await house.close()
    }

    @Test(
        "PW-15: after the second factor a stolen password is changed on the spot; without one a link is mailed",
        arguments: StoreUnderTest.allCases)
    func changedOnTheSpot(engine: StoreUnderTest) async throws {
        let filter = try Self.filter(of: [TestHouse.password])
        let house = try await TestHouse(engine) {
            $0.passwords.breached.filter = filter
            $0.passwords.breached.atSignIn = .change
        }
        let phone = try await house.addPhone(to: try await house.makeAccount("ada@example.com"), confirmedAt: .now() - .seconds(120))
        try await house.makeAccount("bob@example.com")
        let bob = try await house.json(.post, "/auth/v1/sign-in", #"{"email":"bob@example.com","password":"\#(TestHouse.password)"}"#)
        #expect(bob.reason == "password-stolen")

        let first = try await house.json(.post, "/auth/v1/sign-in", #"{"email":"ada@example.com","password":"\#(TestHouse.password)"}"#)
        let attempt = first.field("attempt")
        // Before the code nothing can be chosen.
        #expect(try await change(house, attempt).reason == "attempt-over")
        let second = try await house.json(
            .post, "/auth/v1/sign-in/second-factor", #"{"attempt":"\#(attempt)","method":"totp","code":"\#(phone.code(at: .now()))"}"#)
        #expect(second.field("next") == "change_password")
        let proved = second.field("attempt")
        #expect(try await change(house, attempt).reason == "attempt-over")
        // It is no session and no second step.
        #expect(try await house.json(.get, "/auth/v1/session", "", bearer: proved).status == .unauthorized)
        #expect(
            try await house.json(
                .post, "/auth/v1/sign-in/second-factor", #"{"attempt":"\#(proved)","method":"totp","code":"000000"}"#
            ).reason == "attempt-over")
        #expect(try await change(house, proved, TestHouse.password).reason == "password-breached")
        let done = try await change(house, proved)
        #expect(done.field("next") == "done")
        #expect(done.field("session", "assurance") == "aal2")
        #expect(try await change(house, proved).reason == "attempt-over")
        #expect(try await house.json(.get, "/auth/v1/session", "", bearer: done.field("session", "token")).status == .ok)
        await house.close()
    }

    private func change(_ house: TestHouse, _ attempt: String, _ password: String = Self.next) async throws -> TestResponse {
        try await house.json(.post, "/auth/v1/sign-in/change-password", #"{"attempt":"\#(attempt)","password":"\#(password)"}"#)
    }

    private func resetFlow(_ house: TestHouse) -> ResetPassword {
        ResetPassword(
            store: house.store, desk: house.server.desk, hasher: house.server.hasher, previous: house.previous,
            followUp: house.server.passwords.followUp(house.notices),
            links: house.server.passwords.links(house.notices), locks: AccountLocks(house.server.keys.current))
    }

    /// A filter file with these passwords.
    private static func filter(of passwords: [String]) throws -> String {
        var writer = BreachFilterWriter(fingerprintBits: 16, shardBits: 0)
        let fingerprints = try writer.add(passwords.map { BreachedHash(password: Array($0.utf8)).key })
        let path = try StoreUnderTest.freshFolder() + "/stolen.filter"
        try Data(writer.head(madeAt: 0) + fingerprints).write(to: URL(filePath: path))
        return path
    }
}
