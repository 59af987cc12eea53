import Foundation
import HTTPTypes
import Logging
import NetworkAddress
import Secrets
import Storage
import Support
import Testing
import Throttle

@testable import PosternServer

extension TestHouse {
    /// With the limits that a server has by itself.
    static func guarded(_ engine: StoreUnderTest, _ adjust: (inout Settings) -> Void = { _ in }) async throws -> TestHouse {
        try await TestHouse(engine) { settings in
            settings.signInLimits = SignInLimits()
            adjust(&settings)
        }
    }

    func tryPassword(
        _ email: String, _ password: String = "not the password", peer: String = "198.51.100.1", headers: HTTPFields = [:]
    ) async throws -> TestResponse {
        try await json(.post, "/auth/v1/sign-in", #"{"email":"\#(email)","password":"\#(password)"}"#, headers: headers, peer: peer)
    }

    func number(_ statement: SQLStatement) async throws -> Int64 {
        try await store.read { (transaction) throws(StoreError) in try transaction.run(statement).first?.integer("number") ?? 0 }
    }

    /// Another node on the same database.
    func secondNode() throws -> Server {
        try Server(settings: server.settings, store: store, keys: server.keys, logger: server.logger)
    }

    /// As the sign-in counts.
    func tried(_ email: String, _ id: Account.ID?) -> TriedAccount {
        EmailAddress(email).map { TriedAccount(id, email: $0, identifiers: AccountLocks(server.keys.current).identifiers) }
            ?? TriedAccount(
                Account.ID(high: 0, low: 0))
    }

    var tries: PasswordTries {
        PasswordTries(
            rules: server.rules, trustedProxies: server.settings.trustedProxies, blocks: server.gate.blocks,
            locks: LockNotices(
                notices: notices, mails: LockMail(publicURL: server.settings.publicURL, layout: server.settings.mailLayout)),
            random: .system)
    }
}

@Suite struct PasswordTriesTests {
    private func address(_ number: Int) -> String {
        "2001:db8:\(String(number / 65_536, radix: 16)):\(String(number % 65_536, radix: 16))::1"
    }

    @Test(
        "LG-04, CVE-2019-5421, CVE-2024-4629, GHSA-7h8m-vrxx-vr4m: of 200 wrong passwords at once, over two nodes, at most 10 reach the hash",
        arguments: StoreUnderTest.allCases)
    func parallel(engine: StoreUnderTest) async throws {
        let house = try await TestHouse.guarded(engine) { $0.signInLimits.perAddress = Rate.perMinute(10_000) }
        try await house.makeAccount("ada@example.com")
        let other = TestHouse(sharing: house, try house.secondNode())
        let answers = try await withThrowingTaskGroup(of: TestResponse.self) { group in
            for number in 0..<200 {
                group.addTask { try await (number % 2 == 0 ? house : other).tryPassword("ada@example.com", "wrong \(number)") }
            }
            return try await group.reduce(into: [TestResponse]()) { $0.append($1) }
        }
        let tried = answers.filter { $0.reason == "wrong-credentials" }.count
        #expect(tried == 10)
        #expect(answers.filter { $0.reason == "throttled" && $0.status == .tooManyRequests }.count == 190)
        #expect(try await house.number("SELECT CAST(SUM(times) AS BIGINT) AS number FROM sign_in_attempt") == 10)
        #expect(try await house.number("SELECT failures AS number FROM password_try WHERE place <> ''") == 10)
        #expect(try await house.number("SELECT failures AS number FROM password_try WHERE place = ''") == 10)
        other.server.hasher.stop()
        await house.close()
    }

    @Test("what SQL counts is what Lockout says", arguments: StoreUnderTest.allCases)
    func oracle(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        var generator = SeededGenerator(seed: 21)
        let lockouts = [
            Lockout(waitFrom: 3, window: 900, firstWait: 60, longestWait: 150, lockAt: 8, quiet: 7_200),
            Lockout(waitFrom: 4, window: nil, firstWait: 0, longestWait: 0, lockAt: 4),
            Lockout(waitFrom: 3, window: 600, firstWait: 30, longestWait: 900, lockAt: 6, lockFor: 1_800, quiet: 3_600),
        ]
        for (index, lockout) in lockouts.enumerated() {
            for round in 0..<6 {
                var model = LockoutCount()
                var now = Timestamp(microseconds: 1_700_000_000_000_000)
                let place = "place \(index) \(round)"
                for _ in 0..<60 {
                    now = now + .seconds(Int64.random(in: 0...[20, 200, 2_000][round % 3], using: &generator))
                    let at = now
                    let counted = try await house.store.write { (transaction) throws(StoreError) in
                        try transaction.countTry([1, 2, 3], place: place, lockout, now: at)
                    }
                    let isCounted = model.fail(at: now.microseconds, under: lockout)
                    #expect((counted != nil) == isCounted)
                    if let counted { #expect(counted == model.failures) }
                }
            }
        }
        await house.close()
    }

    @Test(
        "ten wrong ones of one address make the next wait, and the right one isn't looked at either (LG-12, LG-16)",
        arguments: StoreUnderTest.allCases)
    func waits(engine: StoreUnderTest) async throws {
        let house = try await TestHouse.guarded(engine)
        try await house.makeAccount("ada@example.com")
        for _ in 1...10 { #expect(try await house.tryPassword("ada@example.com").status == .unauthorized) }
        let refused = try await house.tryPassword("ada@example.com", TestHouse.password)
        #expect(refused.status == .tooManyRequests)
        #expect(refused.reason == "throttled")
        #expect(refused.headers[.retryAfter].flatMap(Int.init).map { (1...61).contains($0) } == true)
        // Elsewhere nothing happened.
        #expect(try await house.tryPassword("ada@example.com", TestHouse.password, peer: "198.51.100.2").status == .ok)
        #expect(try await house.number("SELECT number FROM refusal WHERE rule = 'failures'") == 1)
        await house.close()
    }

    @Test(
        "LG-07, CVE-2026-45364: every address of one /64, and every spelling, is one key; LG-08, CVE-2025-24806, CVE-2026-47203: so is every spelling of the account"
    )
    func oneKey() async throws {
        let house = try await TestHouse.guarded(.sqlite)
        try await house.makeAccount("ada@example.com")
        let peers = ["2001:db8::1", "2001:DB8:0:0:1::", "2001:db8::ffff:ffff", "2001:db8:0:0:dead:beef:0:1", "2001:0db8::2"]
        let emails = ["ada@example.com", "ADA@example.com", " ada@EXAMPLE.com", "Ada@example.com "]
        for number in 0..<10 {
            #expect(try await house.tryPassword(emails[number % 4], peer: peers[number % 5]).status == .unauthorized)
        }
        #expect(try await house.tryPassword("aDa@example.com", peer: "2001:db8::77").status == .tooManyRequests)
        #expect(try await house.number("SELECT COUNT(*) AS number FROM password_try WHERE place <> ''") == 1)
        for number in 0..<10 {
            _ = try await house.tryPassword("ada@example.com", peer: number % 2 == 0 ? "192.0.2.9" : "::ffff:192.0.2.9")
        }
        #expect(try await house.tryPassword("ada@example.com", peer: "::ffff:c000:209").status == .tooManyRequests)
        await house.close()
    }

    @Test(
        "LG-09, LG-10: after 100 from 100 addresses strangers are locked out, and the owner's browser isn't; the mailed link ends it",
        arguments: StoreUnderTest.allCases)
    func accountLock(engine: StoreUnderTest) async throws {
        let house = try await TestHouse.guarded(engine)
        let id = try await house.makeAccount("ada@example.com")
        let owner = TestBrowser(house, peer: "192.0.2.50")
        #expect(try await owner.signIn("ada@example.com").status == .seeOther)
        #expect(try await owner.submit("/auth/sign-out", from: "/auth/account", [:]).status == .seeOther)
        for number in 1...100 { #expect(try await house.tryPassword("ada@example.com", peer: address(number)).status == .unauthorized) }
        let stranger = try await house.tryPassword("ada@example.com", TestHouse.password, peer: address(101))
        #expect(stranger.status == .forbidden)
        #expect(stranger.reason == "blocked")
        #expect(stranger.headers[.retryAfter] == nil)
        #expect(try await owner.signIn("ada@example.com").status == .seeOther)
        // The owner's success doesn't open the door to strangers: the row of failures isn't theirs.
        #expect(try await house.tryPassword("ada@example.com", TestHouse.password, peer: address(102)).status == .forbidden)
        let mails = try await house.mail().filter { $0.text.contains("/auth/unlock/") }
        #expect(mails.count == 1)
        let token = try await house.linkToken(to: "ada@example.com", "/auth/unlock/")
        let browser = TestBrowser(house, peer: address(103))
        for _ in 1...3 { _ = try await browser.get("/auth/unlock/\(token)") }
        #expect(try await house.tryPassword("ada@example.com", TestHouse.password, peer: address(103)).status == .forbidden)
        #expect(try await browser.submit("/auth/unlock", [:]).headers[.location] == "/auth/sign-in?done=unlocked")
        #expect(try await house.tryPassword("ada@example.com", TestHouse.password, peer: address(103)).status == .ok)
        #expect(try await house.json(.post, "/auth/v1/unlock", #"{"token":"\#(token)"}"#).reason == "link-invalid")
        let audit = try await house.store.read { (transaction) throws(StoreError) in
            try transaction.auditLines(of: id, limit: 300).map(\.kind)
        }
        #expect(audit.contains("block.made") && audit.contains("sign-in.locks-released"))
        await house.close()
    }

    @Test(
        "LG-15: a completed reset or an administrator ends every count and block of passwords, never those of codes (TO-06)",
        arguments: [true, false])
    func release(byReset: Bool) async throws {
        let house = try await TestHouse.guarded(.sqlite)
        let id = try await house.makeAccount("ada@example.com")
        for number in 1...100 { _ = try await house.tryPassword("ada@example.com", peer: address(number)) }
        try await house.store.write { (transaction) throws(StoreError) in
            try transaction.lockFactors(of: id)
            for _ in 1...7 { _ = try transaction.countFailure(of: id, now: .now()) }
        }
        #expect(try await house.tryPassword("ada@example.com", TestHouse.password, peer: address(500)).reason == "blocked")
        var password = TestHouse.password
        if byReset {
            _ = try await house.json(.post, "/auth/v1/forgot-password", #"{"email":"ada@example.com"}"#)
            password = "a wholly different phrase"
            let token = try await house.linkToken(to: "ada@example.com", "/auth/reset-password/")
            #expect(
                try await house.json(.post, "/auth/v1/reset-password", #"{"token":"\#(token)","password":"\#(password)"}"#).status
                    == .noContent)
        } else {
            #expect(try await house.administer.perform(.releaseLocks, on: id, by: .commandLine, now: .now()) == .done)
        }
        #expect(try await house.tryPassword("ada@example.com", password, peer: address(500)).status == .ok)
        #expect(try await house.number("SELECT COUNT(*) AS number FROM block WHERE released_at IS NULL") == 0)
        #expect(try await house.store.read { (transaction) throws(StoreError) in try transaction.codeTries(of: id).failures } == 7)
        await house.close()
    }

    @Test(
        "LG-01, LG-02, LG-12: an address without an account is answered like one with, through every wait, block and lock",
        arguments: StoreUnderTest.allCases)
    func nothingTells(engine: StoreUnderTest) async throws {
        let house = try await TestHouse.guarded(engine)
        try await house.makeAccount("known@example.com")
        func answers(_ email: String, _ base: Int) async throws -> [String] {
            var all: [String] = []
            func note(_ response: TestResponse) {
                var headers = response.headers
                headers[.requestID] = nil
                headers[.retryAfter] = headers[.retryAfter].map { _ in "some" }
                headers[.named("RateLimit")] = nil
                let text = response.text.replacing(response.field("request_id"), with: "").replacing(/Wait \d+ \w+/, with: "Wait")
                all.append("\(response.status) \(headers) \(text)")
            }
            for number in 0..<12 { note(try await house.tryPassword(email, "x\(number)", peer: address(base))) }
            for number in 1...95 { note(try await house.tryPassword(email, peer: address(base + number))) }
            note(try await house.tryPassword(email, TestHouse.password, peer: address(base + 200)))
            return all
        }
        let (known, unknown) = (try await answers("known@example.com", 1_000), try await answers("nobody@example.com", 2_000))
        #expect(known == unknown)
        #expect(Set(known).count == 3)
        #expect(
            try await house.number("SELECT COUNT(*) AS number FROM block WHERE account_id IS NULL")
                == (try await house.number("SELECT COUNT(*) AS number FROM block WHERE account_id IS NOT NULL")))
        await house.close()
    }

    @Test(
        "LG-11: one address that fails at 15 accounts is kept from signing in for a day, but for browsers that are known",
        arguments: StoreUnderTest.allCases)
    func stuffing(engine: StoreUnderTest) async throws {
        let house = try await TestHouse.guarded(engine)
        try await house.makeAccount("ada@example.com")
        let owner = TestBrowser(house, peer: "203.0.113.5")
        _ = try await owner.signIn("ada@example.com")
        for number in 1...14 { #expect(try await house.tryPassword("p\(number)@example.com", peer: "203.0.113.5").status == .unauthorized) }
        try await house.server.gate.blocks.load(now: .now())
        #expect(try await house.tryPassword("ada@example.com", TestHouse.password, peer: "203.0.113.5").status == .ok)
        #expect(try await house.tryPassword("p15@example.com", peer: "203.0.113.5").status == .unauthorized)
        try await house.server.gate.blocks.load(now: .now())
        #expect(try await house.tryPassword("p16@example.com", peer: "203.0.113.5").reason == "blocked")
        #expect(try await house.tryPassword("ada@example.com", TestHouse.password, peer: "203.0.113.5").reason == "blocked")
        #expect(try await owner.get("/auth/account").status == .ok)
        _ = try await owner.submit("/auth/sign-out", from: "/auth/account", [:])
        #expect(try await owner.signIn("ada@example.com").status == .seeOther)
        #expect(try await house.tryPassword("ada@example.com", TestHouse.password, peer: "203.0.113.6").status == .ok)
        let blocks = try await house.store.read { (transaction) throws(StoreError) in
            try transaction.blocks(live: true, limit: 9, now: .now())
        }
        #expect(blocks.map(\.rule) == ["stuffing"] && blocks.map(\.network) == ["203.0.113.5"])
        #expect(blocks.first?.until.map { $0 > .now() + .seconds(86_000) } == true)
        await house.close()
    }

    @Test("an address that signs in to what it mistyped before counts for nothing: an office is no attacker")
    func office() async throws {
        let house = try await TestHouse.guarded(.sqlite) { $0.signInLimits.perAddress = Rate.perMinute(1_000) }
        for number in 1...20 {
            try await house.makeAccount("p\(number)@example.com")
            #expect(try await house.tryPassword("p\(number)@example.com").status == .unauthorized)
            #expect(try await house.tryPassword("p\(number)@example.com", TestHouse.password).status == .ok)
        }
        #expect(try await house.number("SELECT COUNT(*) AS number FROM block") == 0)
        await house.close()
    }

    @Test("LG-13: one's own success clears one's own counts, nobody else's")
    func ownCounts() async throws {
        let house = try await TestHouse.guarded(.sqlite) { $0.signInLimits.perAddress = Rate.perMinute(1_000) }
        try await house.makeAccount("victim@example.com")
        try await house.makeAccount("mallory@example.com")
        for _ in 1...10 {
            #expect(try await house.tryPassword("victim@example.com").status == .unauthorized)
            #expect(try await house.tryPassword("mallory@example.com", TestHouse.password).status == .ok)
        }
        #expect(try await house.tryPassword("victim@example.com").reason == "throttled")
        await house.close()
    }

    @Test("LG-14: a right password that opens nothing yet is no failure")
    func policyRefusals() async throws {
        let house = try await TestHouse.guarded(.sqlite) { $0.passwords.rules.expiresAfter = .seconds(86_400) }
        try await house.makeAccount("ada@example.com")
        try await house.store.write { (transaction) throws(StoreError) in
            _ = try transaction.change("UPDATE account SET password_set_at = 1, created_at = 1")
        }
        for _ in 1...12 { #expect(try await house.tryPassword("ada@example.com", TestHouse.password).reason != "throttled") }
        #expect(try await house.number("SELECT COUNT(*) AS number FROM password_try") == 0)
        await house.close()
    }

    @Test("20 tries a minute of one address, right or wrong; the answer says how long (LG-16)")
    func perAddress() async throws {
        let house = try await TestHouse.guarded(.sqlite)
        try await house.makeAccount("ada@example.com")
        var refused: TestResponse?
        for _ in 1...42 {
            let answer = try await house.tryPassword("ada@example.com", TestHouse.password)
            if answer.status == .tooManyRequests { refused = answer }
        }
        let answer = try #require(refused)
        #expect(answer.reason == "throttled")
        #expect(answer.headers[.named("RateLimit-Policy")] == #""sign-in";q=20"#)
        #expect(answer.headers[.named("RateLimit")]?.hasPrefix(#""sign-in";r=0;t="#) == true)
        #expect(try await house.tryPassword("ada@example.com", TestHouse.password, peer: "198.51.100.77").status == .ok)
        await house.close()
    }

    @Test("a known browser has ten failures of its own, then is a stranger; another password ends what it was good for")
    func knownBrowser() async throws {
        let house = try await TestHouse.guarded(.sqlite)
        try await house.makeAccount("ada@example.com")
        try await house.makeAccount("bob@example.com")
        let browser = TestBrowser(house)
        _ = try await browser.signIn("ada@example.com")
        _ = try await browser.submit("/auth/sign-out", from: "/auth/account", [:])
        for _ in 1...10 { #expect(try await browser.signIn("ada@example.com", password: "wrong").status == .unauthorized) }
        #expect(try await house.number("SELECT COUNT(*) AS number FROM password_try") == 0)
        // For everybody else's account it was never more than a stranger.
        #expect(try await browser.signIn("bob@example.com", password: "wrong").status == .unauthorized)
        #expect(try await house.number("SELECT COUNT(*) AS number FROM password_try") == 2)
        #expect(try await browser.signIn("ada@example.com", password: "wrong").status == .unauthorized)
        #expect(try await house.number("SELECT COUNT(*) AS number FROM password_try") == 4)
        #expect(try await browser.signIn("ada@example.com").status == .seeOther)
        #expect(try await house.number("SELECT failures AS number FROM known_browser") == 0)
        _ = try await browser.submit(
            "/auth/account/password", ["current": TestHouse.password, "password": "a wholly different phrase"])
        // It goes on, and is known by the password that it chose.
        #expect(try await house.number("SELECT COUNT(*) AS number FROM known_browser") == 1)
        await house.close()
    }

    @Test("PW-12: passwords typed by somebody who is signed in count by themselves, and strangers have no part in it")
    func inSession() async throws {
        let house = try await TestHouse.guarded(.sqlite)
        try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        func stepUp(_ password: String) async throws -> TestResponse {
            try await house.json(
                .post, "/auth/v1/session/step-up", #"{"method":"password","password":"\#(password)"}"#, bearer: token)
        }
        for number in 1...100 { _ = try await house.tryPassword("ada@example.com", peer: address(number)) }
        #expect(try await stepUp(TestHouse.password).status == .noContent)
        for _ in 1...10 { #expect(try await stepUp("wrong").reason == "wrong-credentials") }
        #expect(try await stepUp(TestHouse.password).reason == "throttled")
        await house.close()
    }

    @Test("LG-21, CVE-2026-9798, CVE-2026-16103: every door inside counts on the same, and refuses alike")
    func everyDoor() async throws {
        let house = try await TestHouse.guarded(.sqlite)
        try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        let doors: [(path: String, document: @Sendable (String) -> String)] = [
            ("/auth/v1/session/step-up", { #"{"method":"password","password":"\#($0)"}"# }),
            ("/auth/v1/account/password", { #"{"current":"\#($0)","password":"a wholly different phrase"}"# }),
            ("/auth/v1/account/leave", { #"{"password":"\#($0)"}"# }),
        ]
        for number in 0..<10 {
            let door = doors[number % doors.count]
            #expect(try await house.json(.post, door.path, door.document("wrong"), bearer: token).reason == "wrong-credentials")
        }
        for door in doors {
            let refused = try await house.json(.post, door.path, door.document(TestHouse.password), bearer: token)
            #expect(refused.reason == "throttled" && refused.headers[.retryAfter] != nil)
        }
        #expect(
            try await house.number("SELECT CAST(SUM(times) AS BIGINT) AS number FROM sign_in_attempt WHERE reason = 'wrong-password'") == 10
        )
        await house.close()
    }

    @Test("LG-12: that an address gets an account, loses it or is signed up for again changes nothing of what is counted")
    func signUpTellsNothing() async throws {
        let house = try await TestHouse.guarded(.sqlite) { $0.signUp = .open }
        try await house.makeAccount("known@example.com")
        for email in ["known@example.com", "nobody@example.com"] {
            for _ in 1...10 { _ = try await house.tryPassword(email) }
            #expect(try await house.tryPassword(email).reason == "throttled")
            for _ in 1...2 {
                _ = try await house.json(
                    .post, "/auth/v1/accounts", #"{"email":"\#(email)","password":"four unrelated plain words"}"#)
                #expect(try await house.tryPassword(email).reason == "throttled")
            }
        }
        let known = try #require(try await house.account("known@example.com"))
        _ = try await house.administer.perform(.delete, on: known.id, by: .commandLine, now: .now())
        #expect(try await house.tryPassword("known@example.com").reason == "throttled")
        await house.close()
    }

    @Test("LG-10: an owner who chose another password by mail signs in from there, whatever strangers do meanwhile")
    func afterReset() async throws {
        let house = try await TestHouse.guarded(.sqlite)
        try await house.makeAccount("ada@example.com")
        let browser = TestBrowser(house, peer: "203.0.113.5")
        _ = try await browser.get("/auth/sign-in")
        for number in 1...16 { _ = try await house.tryPassword("p\(number)@example.com", peer: "203.0.113.5") }
        try await house.server.gate.blocks.load(now: .now())
        #expect(try await browser.signIn("ada@example.com").status == .forbidden)
        _ = try await house.json(.post, "/auth/v1/forgot-password", #"{"email":"ada@example.com"}"#)
        let token = try await house.linkToken(to: "ada@example.com", "/auth/reset-password/")
        _ = try await browser.get("/auth/reset-password/\(token)")
        _ = try await browser.submit("/auth/reset-password", ["password": "a wholly different phrase"])
        for number in 1...100 { _ = try await house.tryPassword("ada@example.com", peer: address(number)) }
        #expect(try await browser.signIn("ada@example.com", password: "a wholly different phrase").status == .seeOther)
        await house.close()
    }

    @Test("one address has 25 wrong ones in all, however far apart")
    func patience() async throws {
        let house = try await TestHouse.guarded(.sqlite)
        let id = try await house.makeAccount("ada@example.com")
        let tries = house.tries
        let client = Client(address: try #require(IPAddress("198.51.100.1")), browser: "")
        var guesses = 0
        for quarter in 0..<400 {
            for second in 0..<9 {
                let now = Timestamp.now() + .seconds(Int64(quarter * 1_000 + second))
                let isTried = try await house.store.write { (transaction) throws(StoreError) in
                    guard
                        case .mayTry(let ticket) = try tries.begin(
                            house.tried("ada@example.com", id), at: .signIn, client: client, in: transaction, now: now)
                    else { return false }
                    try tries.failed(ticket, client: client, in: transaction, now: now)
                    return true
                }
                if isTried { guesses += 1 }
            }
        }
        #expect(guesses == 25)
        await house.close()
    }

    @Test("a rule on tries to sign in counts them in the database, failures alone or all", arguments: StoreUnderTest.allCases)
    func events(engine: StoreUnderTest) async throws {
        let house = try await TestHouse.guarded(engine) { settings in
            var failed = ThrottleRule(name: "few-failures", kind: .throttle)
            (failed.event, failed.key, failed.rate) = (.failed, [.address], Rate(limit: 3, period: 86_400))
            var seen = ThrottleRule(name: "seen", kind: .watch)
            (seen.event, seen.key, seen.rate) = (.tried, [.account, .userAgent], Rate(limit: 2, period: 86_400))
            settings.throttleRules = [failed, seen]
        }
        try await house.makeAccount("ada@example.com")
        for _ in 1...5 { #expect(try await house.tryPassword("ada@example.com", TestHouse.password).status == .ok) }
        for number in 1...3 { #expect(try await house.tryPassword("p\(number)@example.com").status == .unauthorized) }
        let refused = try await house.tryPassword("ada@example.com", TestHouse.password)
        #expect(refused.status == .tooManyRequests && refused.headers[.named("RateLimit-Policy")] == #""sign-in";q=3"#)
        #expect(try await house.tryPassword("ada@example.com", TestHouse.password, peer: "198.51.100.9").status == .ok)
        #expect(
            try await house.number("SELECT CAST(SUM(number) AS BIGINT) AS number FROM refusal WHERE rule = 'seen' AND mode = 'watched'")
                >= 3)
        await house.close()
    }

    @Test("counts and blocks are there after a restart (LG-05, CVE-2026-35597)", arguments: StoreUnderTest.allCases)
    func restart(engine: StoreUnderTest) async throws {
        let house = try await TestHouse.guarded(engine)
        try await house.makeAccount("ada@example.com")
        for _ in 1...10 { _ = try await house.tryPassword("ada@example.com") }
        for number in 1...15 { _ = try await house.tryPassword("p\(number)@example.com", peer: "203.0.113.5") }
        let again = TestHouse(sharing: house, try house.secondNode())
        try await again.server.gate.blocks.load(now: .now())
        #expect(try await again.tryPassword("ada@example.com").reason == "throttled")
        #expect(try await again.tryPassword("ada@example.com", peer: "203.0.113.5").reason == "blocked")
        again.server.hasher.stop()
        await house.close()
    }

    @Test("what was too busy to be tried is given back, and a proxy's own address is never counted on")
    func givenBack() async throws {
        let house = try await TestHouse.guarded(.sqlite) { $0.trustedProxies = ["192.0.2.80"].compactMap { AddressRange($0) } }
        try await house.makeAccount("ada@example.com")
        let id = try #require(try await house.account("ada@example.com")?.id)
        let tries = house.tries
        let client = Client(address: try #require(IPAddress("198.51.100.1")), browser: "")
        for _ in 1...30 {
            try await house.store.write { (transaction) throws(StoreError) in
                guard
                    case .mayTry(let ticket) = try tries.begin(TriedAccount(id), at: .signIn, client: client, in: transaction, now: .now())
                else { throw StoreError.unavailable(reason: "refused") }
                try tries.giveBack(ticket, in: transaction, now: .now())
                // The rate of the address counts tries, tried or not.
                _ = try transaction.change("DELETE FROM rate_count")
            }
        }
        for _ in 1...40 { #expect(try await house.tryPassword("ada@example.com", peer: "192.0.2.80").status == .unauthorized) }
        #expect(try await house.number("SELECT COUNT(*) AS number FROM password_try WHERE place <> '' AND failures > 0") == 0)
        await house.close()
    }

    @Test(
        "a trusted backend names the person's address and browser; nobody else can (CVE-2023-36456, CVE-2024-47070, django-allauth 65.14.2)"
    )
    func backend() async throws {
        let house = try await TestHouse.guarded(.sqlite) { $0.trustedProxies = ["192.0.2.80"].compactMap { AddressRange($0) } }
        try await house.makeAccount("ada@example.com")
        let mark = Token(random: Array(repeating: 7, count: 32)).text.exposed
        let named: HTTPFields = [.xForwardedFor: "203.0.113.9", .posternBrowser: mark]
        #expect(try await house.tryPassword("ada@example.com", TestHouse.password, headers: named).reason == "proxy-not-trusted")
        #expect(try await house.tryPassword("ada@example.com", TestHouse.password, peer: "192.0.2.80", headers: named).status == .ok)
        #expect(try await house.number("SELECT COUNT(*) AS number FROM known_browser") == 1)
        for number in 1...100 { _ = try await house.tryPassword("ada@example.com", peer: address(number)) }
        #expect(try await house.tryPassword("ada@example.com", TestHouse.password, peer: "192.0.2.80", headers: named).status == .ok)
        let other: HTTPFields = [.xForwardedFor: "203.0.113.9"]
        #expect(try await house.tryPassword("ada@example.com", TestHouse.password, peer: "192.0.2.80", headers: other).reason == "blocked")
        #expect(
            try await house.tryPassword(
                "ada@example.com", TestHouse.password, peer: "192.0.2.80", headers: [.xForwardedFor: "nonsense", .posternBrowser: mark]
            ).status == .badRequest)
        #expect(
            try await house.tryPassword(
                "ada@example.com", TestHouse.password, peer: "192.0.2.80",
                headers: [.xForwardedFor: "203.0.113.9", .posternBrowser: "short"]
            ).reason == "malformed")
        await house.close()
    }

    @Test(
        "LG-06, LG-09, LG-10: a stranger attacks for an hour: the owner's browser signs in throughout, and the guesses are as many as is said",
        arguments: StoreUnderTest.allCases)
    func hour(engine: StoreUnderTest) async throws {
        let house = try await TestHouse.guarded(engine)
        let id = try await house.makeAccount("ada@example.com")
        let tries = house.tries
        let mark = BrowserMark(Token(random: Array(repeating: 9, count: 32)))
        var begin = Timestamp.now()
        _ = try await house.store.write { [begin] (transaction) throws(StoreError) in try transaction.knowBrowser(mark, of: id, now: begin)
        }
        func guess(_ client: Client, at now: Timestamp, isRight: Bool = false) async throws -> Bool {
            try await house.store.write { (transaction) throws(StoreError) in
                guard
                    case .mayTry(let ticket) = try tries.begin(
                        house.tried("ada@example.com", id), at: .signIn, client: client, in: transaction, now: now)
                else { return false }
                if isRight {
                    try tries.succeeded(ticket, in: transaction, now: now)
                } else {
                    try tries.failed(ticket, client: client, in: transaction, now: now)
                }
                return true
            }
        }
        var owner = Client(address: try #require(IPAddress("192.0.2.7")), browser: "")
        owner.mark = mark
        let one = Client(address: try #require(IPAddress("198.51.100.1")), browser: "")
        var guesses = 0
        for second in 0..<3_600 {
            let now = begin + .seconds(Int64(second))
            if try await guess(one, at: now) { guesses += 1 }
            if second % 60 == 0 { #expect(try await guess(owner, at: now, isRight: true)) }
        }
        // Ten at once, then after 1, 2, 3 … minutes: ten waits in an hour.
        #expect(guesses == 20)
        begin = begin + .seconds(4_000)
        var more = 0
        for number in 0..<1_000 {
            let client = Client(address: try #require(IPAddress(address(number))), browser: "")
            let now = begin + .seconds(Int64(number) * 3)
            if try await guess(client, at: now) { more += 1 }
            if number % 20 == 0 { #expect(try await guess(owner, at: now, isRight: true)) }
        }
        #expect(guesses + more == 100)
        await house.close()
    }
}
