import HTTPTypes
import Logging
import PasswordHashing
import Secrets
import Storage
import Support
import Testing
import Throttle

@testable import PosternServer

@Suite struct SignInTests {
    private func attempt(_ house: TestHouse, _ email: String, _ password: String) async throws -> TestResponse {
        try await house.json(.post, "/auth/v1/sign-in", #"{"email":"\#(email)","password":"\#(password)"}"#)
    }

    @Test("LG-01: unknown, wrong, unconfirmed, closed and unusable get the same bytes", arguments: StoreUnderTest.allCases)
    func sameAnswer(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await house.makeAccount("known@example.com")
        try await house.makeAccount("closed@example.com", state: .disabled)
        try await house.makeAccount("waits@example.com", state: .unconfirmed)
        var answers: Set<String> = []
        var pages: Set<String> = []
        for (name, password) in [
            ("known", "not the password"), ("nobody", TestHouse.password), ("closed", TestHouse.password), ("waits", TestHouse.password),
        ] {
            let answer = try await attempt(house, "\(name)@example.com", password)
            #expect(answer.status == .unauthorized)
            #expect(answer.reason == "wrong-credentials")
            var headers = answer.headers
            headers[.requestID] = nil
            answers.insert("\(headers) \(answer.text.replacing(answer.field("request_id"), with: ""))")
            let page = try await TestBrowser(house).signIn("\(name)@example.com", password: password)
            #expect(page.status == .unauthorized)
            #expect(page.headers[values: .setCookie].isEmpty)
            pages.insert(page.text.replacing(TestBrowser.formToken(page.text), with: "").replacing(name, with: ""))
        }
        #expect(answers.count == 1)
        #expect(pages.count == 1)
        await house.close()
    }

    @Test(
        "LG-08: letter case and spaces around an address are one account",
        arguments: ["ada@example.com", "ADA@EXAMPLE.COM", " Ada@Example.com "])
    func spellings(email: String) async throws {
        let house = try await TestHouse(.sqlite)
        try await house.makeAccount("Ada@example.com")
        #expect(try await attempt(house, email, TestHouse.password).status == .ok)
        await house.close()
    }

    @Test("PW-05: NFC and NFD of a password sign in alike; PW-03: one byte more doesn't")
    func normalisation() async throws {
        let house = try await TestHouse(.sqlite)
        try await house.makeAccount("ada@example.com", password: "caf\u{E9} Ångström")
        #expect(try await attempt(house, "ada@example.com", "cafe\u{301} Ångström").status == .ok)
        #expect(try await attempt(house, "ada@example.com", "caf\u{E9} Ångström ").status == .unauthorized)
        #expect(try await attempt(house, "ada@example.com", "cafe Ångström").status == .unauthorized)
        await house.close()
    }

    @Test("PW-02: a password past the limit is refused before any work", arguments: [4_097, 60_000])
    func tooLong(length: Int) async throws {
        let house = try await TestHouse(.sqlite)
        let answer = try await attempt(house, "ada@example.com", String(repeating: "x", count: length))
        #expect(answer.status == .unprocessableContent)
        #expect(answer.reason == "password-too-long")
        await house.close()
    }

    @Test("LG-05: every refusal leaves its row, whatever it was refused for", arguments: StoreUnderTest.allCases)
    func history(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        _ = try await attempt(house, "ada@example.com", "wrong password")
        _ = try await attempt(house, "nobody@example.com", "wrong password")
        _ = try await attempt(house, "Nobody@example.com", "wrong password")
        _ = try await attempt(house, "ada@example.com", TestHouse.password)
        let rows = try await house.store.read { (transaction) throws(StoreError) in
            try transaction.run("SELECT account_id, identifier, outcome, reason, times FROM sign_in_attempt ORDER BY number")
        }
        #expect(try rows.map { try $0.text("reason") } == ["wrong-password", "unknown-address", "password"])
        let known: Account.ID = try rows[0].id("account_id")
        #expect(known == id)
        // However it is typed, it is one address: its second failure is counted with the first (LO-07).
        #expect(try rows[1].blob("identifier").count == 8 && rows[1].integer("times") == 2)
        let audit = try await house.store.read { (transaction) throws(StoreError) in
            try transaction.run("SELECT kind FROM audit_event WHERE kind LIKE 'sign-in.%' ORDER BY at")
        }
        #expect(try audit.map { try $0.text("kind") } == ["sign-in.failed", "sign-in.failed", "sign-in.failed", "sign-in.succeeded"])
        await house.close()
    }

    @Test("SE-02: a sign-in makes a new session and ends the one this browser had", arguments: StoreUnderTest.allCases)
    func rotation(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await house.makeAccount("ada@example.com")
        let browser = TestBrowser(house)
        _ = try await browser.signIn("ada@example.com")
        let first = try #require(browser.cookies["postern"])
        let formBefore = TestBrowser.formToken(try await browser.get("/auth/account").text)
        // A second sign-in from the same browser, without signing out: post straight.
        let again = try await browser.post(
            "/auth/sign-in", ["email": "ada@example.com", "password": TestHouse.password, "form_token": formBefore])
        #expect(again.status == .seeOther)
        let second = try #require(browser.cookies["postern"])
        #expect(first != second)
        #expect(try await house.send(.get, "/auth/v1/session", headers: [.authorization: "Bearer \(first)"]).status == .unauthorized)
        #expect(try await house.send(.get, "/auth/v1/session", headers: [.authorization: "Bearer \(second)"]).status == .ok)
        // The form token of before is none after.
        #expect(try await browser.post("/auth/account/name", ["name": "x", "form_token": formBefore]).status == .forbidden)
        await house.close()
    }

    @Test("ST-03: when the parameters rose, 20 sign-ins at once leave one valid stronger hash", arguments: StoreUnderTest.allCases)
    func rehash(engine: StoreUnderTest) async throws {
        let weak = try #require(Argon2id.Parameters(memoryKiB: 8_192, passes: 1, lanes: 1))
        let house = try await TestHouse(engine) {
            $0.hashing.parameters = weak
            // Twenty at once count as twenty until the first was right.
            ($0.signInLimits.pair.waitFrom, $0.signInLimits.pair.lockAt) = (100, 100)
        }
        let id = try await house.makeAccount("ada@example.com")
        var settings = house.server.settings
        settings.hashing.parameters = .standard
        let server = try Server(settings: settings, store: house.store, keys: house.server.keys, logger: house.server.logger)
        let signIn = SignIn(
            store: house.store, desk: server.desk, hasher: server.hasher,
            identifiers: server.keys.current.authenticator(for: "identifier of a sign-in"), tries: house.tries,
            policies: SessionPolicies(general: .standard, ofGroups: [:]), secondFactors: SecondFactorPolicy(), breaches: nil,
            calendar: server.passwords.calendar, unusual: UnusualPolicy(), links: server.passwords.links(house.notices), random: .system)
        let client = Client(address: .unknown, browser: "")
        let email = try #require(EmailAddress("ada@example.com"))
        let password = try Password(trying: TestHouse.password)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 1...20 {
                group.addTask {
                    _ = try await signIn.attempt(
                        .init(email: email, password: password, isKept: false, client: client, replaced: nil), now: .now())
                }
            }
            try await group.waitForAll()
        }
        let account = try #require(try await house.store.read { (transaction) throws(StoreError) in try transaction.account(id) })
        let hash = try #require(account.passwordHash.flatMap { PasswordHash(text: $0) })
        #expect(hash.parameters == .standard)
        #expect(try await !house.signIn("ada@example.com").isEmpty)
        server.hasher.stop()
        await house.close()
    }

    @Test("past the queue the answer is 503 with Retry-After, and nothing was tried")
    func overload() async throws {
        // About a quarter of a second each, so that all twenty come before the first is done.
        let slow = try #require(Argon2id.Parameters(memoryKiB: 131_072, passes: 2, lanes: 1))
        let house = try await TestHouse(.sqlite) {
            $0.hashing.parameters = slow
            $0.hashing.threads = 1
            $0.hashing.queue = 2
            ($0.signInLimits.pair.waitFrom, $0.signInLimits.pair.lockAt) = (100, 100)
        }
        let answers = try await withThrowingTaskGroup(of: TestResponse.self) { group in
            for _ in 1...20 { group.addTask { try await attempt(house, "ada@example.com", "some password") } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let refused = answers.filter { $0.status == .serviceUnavailable }
        #expect(refused.count >= 16 && refused.count < 20)
        #expect(refused.allSatisfy { $0.reason == "busy" && $0.headers[.retryAfter] != nil })
        let rows = try await house.store.read { (transaction) throws(StoreError) in try transaction.run("SELECT times FROM sign_in_attempt")
        }
        #expect(try rows.reduce(0) { try $0 + $1.integer("times") } == Int64(20 - refused.count))
        await house.close()
    }

    @Test("\"keep me signed in\" makes a cookie that outlives the browser; without it the cookie ends with it")
    func keeping() async throws {
        let house = try await TestHouse(.sqlite)
        try await house.makeAccount("ada@example.com")
        let short = try await TestBrowser(house).signIn("ada@example.com")
        #expect(short.headers[values: .setCookie].contains { $0.hasPrefix("postern=") && !$0.contains("Max-Age") })
        let kept = try await TestBrowser(house).signIn("ada@example.com", ["keep": "yes"])
        #expect(kept.headers[values: .setCookie].contains { $0.hasPrefix("postern=") && $0.contains("Max-Age=2592000") })
        await house.close()
    }

    @Test("the strictest group decides how long somebody stays signed in")
    func groupPolicy() async throws {
        let house = try await TestHouse(.sqlite) {
            $0.groupSessions = [
                "staff": SessionPolicy(idle: .seconds(3_600), absolute: .seconds(7_200), keep: .seconds(86_400)),
                "guests": SessionPolicy(idle: .seconds(7_200), absolute: .seconds(3_000), keep: .seconds(90_000)),
            ]
        }
        let id = try await house.makeAccount("ada@example.com")
        try await house.store.write { (transaction) throws(StoreError) in
            for name in ["staff", "guests", "others"].compactMap(GroupName.init) { _ = try transaction.addToGroup(name, id, now: .now()) }
        }
        _ = try await house.signIn("ada@example.com")
        let row = try await house.store.read { (transaction) throws(StoreError) in try transaction.run("SELECT * FROM session")[0] }
        #expect(try row.integer("idle") == 3_600_000_000)
        #expect(try row.integer("expires_at") - row.integer("created_at") == 3_000_000_000)
        await house.close()
    }

    @Test("WF-06: after signing in one comes back to the page first asked for, and nowhere else")
    func comingBack() async throws {
        let house = try await TestHouse(.sqlite)
        try await house.makeAccount("ada@example.com")
        let good = TestBrowser(house)
        #expect(try await good.get("/auth/sign-in?return_to=%2Fshop%3Fa%3D1%26b%3D2").text.contains(#"value="/shop?a=1&amp;b=2""#))
        #expect(try await good.signIn("ada@example.com", ["return_to": "/shop?a=1&b=2"]).headers[.location] == "/shop?a=1&b=2")
        #expect(
            try await TestBrowser(house).signIn("ada@example.com", ["return_to": "//evil.example"]).headers[.location] == "/auth/account")
        await house.close()
    }

    @Test("signing out ends the session at once, everywhere in this node", arguments: StoreUnderTest.allCases)
    func signingOut(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await house.makeAccount("ada@example.com")
        let browser = TestBrowser(house)
        _ = try await browser.signIn("ada@example.com")
        let token = try #require(browser.cookies["postern"])
        let cookie: HTTPFields = [.cookie: "postern=\(token)"]
        #expect(try await house.send(.get, "/auth/request", headers: cookie).status == .ok)
        #expect(try await browser.submit("/auth/sign-out", from: "/auth/account", [:]).status == .seeOther)
        #expect(browser.cookies["postern"] == nil)
        #expect(try await house.send(.get, "/auth/request", headers: cookie).status == .unauthorized)
        #expect(try await browser.get("/auth/account").headers[.location] == "/auth/sign-in?return_to=%2Fauth%2Faccount")
        await house.close()
    }

    @Test("ST-09, LO-02: no password and no token stands in the database", arguments: StoreUnderTest.allCases)
    func nothingInTheDump(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        _ = try await house.json(.post, "/auth/v1/accounts", #"{"email":"ada@example.com","password":"canary password 4711"}"#)
        let before = try await house.dump()
        let link = try await house.linkToken(to: "ada@example.com", "/auth/confirm/")
        _ = try await house.json(.post, "/auth/v1/accounts/confirm", #"{"token":"\#(link)","password":"canary password 4711"}"#)
        let session = try await house.signIn("ada@example.com", password: "canary password 4711")
        let setup = try #require(try await house.server.setUp.freshLink(now: .now())).text.exposed
        let dump = try await before + house.dump()
        #expect(!link.isEmpty && !session.isEmpty)
        for secret in ["canary", link, session, setup] { #expect(!dump.contains(secret), "\(secret.prefix(4))…") }
        for secret in [link, session, setup] {
            let bytes = try #require(Base64URL.decode(secret.utf8))
            #expect(!dump.contains("\(SQLValue.blob(bytes))"))
        }
        await house.close()
    }
}
