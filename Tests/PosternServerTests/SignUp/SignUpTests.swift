import HTTPTypes
import PasswordStrength
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

@Suite struct SignUpTests {
    private static let body = #"{"email":"Ada@Example.com","password":"correct horse battery"}"#

    @Test("from sign-up to the account: confirm by the mailed link and the password, then sign in", arguments: StoreUnderTest.allCases)
    func journey(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let browser = TestBrowser(house)
        let sent = try await browser.submit("/auth/sign-up", ["email": "Ada@Example.com", "password": TestHouse.password])
        #expect(sent.status == .accepted)
        #expect(try await browser.signIn("ada@example.com").status == .unauthorized)
        let token = try await house.linkToken(to: "Ada@example.com", "/auth/confirm/")
        #expect(!token.isEmpty)
        // RC-12, RC-13: opening the link changes nothing and takes the token out of the address.
        for _ in 1...3 {
            let landing = try await browser.get("/auth/confirm/\(token)")
            #expect(landing.status == .seeOther)
            #expect(landing.headers[.location] == "/auth/confirm")
        }
        let wrong = try await browser.submit("/auth/confirm", ["password": "another password"])
        #expect(wrong.status == .unauthorized)
        let confirmed = try await browser.submit("/auth/confirm", ["password": TestHouse.password])
        #expect(confirmed.headers[.location] == "/auth/sign-in?done=confirmed")
        let signedIn = try await browser.signIn("ADA@example.COM")
        #expect(signedIn.headers[.location] == "/auth/account")
        #expect(try await browser.get("/auth/account").text.contains("Ada@example.com"))
        // The link is spent.
        _ = try await browser.get("/auth/confirm/\(token)")
        #expect(try await browser.submit("/auth/confirm", from: "/auth/account", ["password": TestHouse.password]).status == .gone)
        await house.close()
    }

    @Test("200 parallel posts of one confirmation link confirm once", arguments: StoreUnderTest.allCases)
    func race(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        _ = try await house.json(.post, "/auth/v1/accounts", Self.body)
        let token = try await house.linkToken(to: "Ada@example.com", "/auth/confirm/")
        let statuses = try await withThrowingTaskGroup(of: HTTPResponse.Status.self) { group in
            for _ in 1...200 {
                group.addTask {
                    try await house.json(.post, "/auth/v1/accounts/confirm", #"{"token":"\#(token)","password":"correct horse battery"}"#)
                        .status
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.filter { $0 == .noContent }.count == 1)
        // Some come while others are looked at, and aren't looked at themselves.
        #expect(statuses.filter { $0 == .gone || $0 == .tooManyRequests }.count == 199)
        await house.close()
    }

    @Test("LG-03: a known, an unknown and a closed address get the same bytes", arguments: StoreUnderTest.allCases)
    func sameAnswer(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await house.makeAccount("known@example.com")
        try await house.makeAccount("closed@example.com", state: .disabled)
        try await house.makeAccount("waits@example.com", state: .unconfirmed)
        var answers: Set<String> = []
        for name in ["known", "closed", "waits", "nobody"] {
            let answer = try await house.json(
                .post, "/auth/v1/accounts", #"{"email":"\#(name)@example.com","password":"correct horse battery"}"#)
            var headers = answer.headers
            headers[.requestID] = nil
            answers.insert("\(answer.status) \(headers) \(answer.text)")
        }
        #expect(answers.count == 1)
        let mail = try await house.mail()
        #expect(mail.first { $0.to == "known@example.com" }?.subject.contains("already") == true)
        #expect(!mail.contains { $0.to == "closed@example.com" })
        await house.close()
    }

    @Test("a later sign-up for an unconfirmed address voids the earlier link and password", arguments: StoreUnderTest.allCases)
    func later(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        _ = try await house.json(.post, "/auth/v1/accounts", #"{"email":"ada@example.com","password":"the first password"}"#)
        let first = try await house.linkToken(to: "ada@example.com", "/auth/confirm/")
        _ = try await house.json(.post, "/auth/v1/accounts", #"{"email":"ada@example.com","password":"the second password"}"#)
        let second = try await house.linkToken(to: "ada@example.com", "/auth/confirm/")
        #expect(first != second)
        func confirm(_ token: String, _ password: String) async throws -> HTTPResponse.Status {
            try await house.json(.post, "/auth/v1/accounts/confirm", #"{"token":"\#(token)","password":"\#(password)"}"#).status
        }
        #expect(try await confirm(first, "the first password") == .gone)
        #expect(try await confirm(second, "the first password") == .unauthorized)
        #expect(try await confirm(second, "the second password") == .noContent)
        #expect(try await !house.signIn("ada@example.com", password: "the second password").isEmpty)
        await house.close()
    }

    @Test("RC-14: an address gets at most five mails an hour, and nobody is told", arguments: StoreUnderTest.allCases)
    func mailLimit(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        for _ in 1...8 { #expect(try await house.json(.post, "/auth/v1/accounts", Self.body).status == .accepted) }
        #expect(try await house.mail().count == 5)
        await house.close()
    }

    @Test("who may sign up is a setting, and the API answers 202 in every mode", arguments: Settings.SignUpMode.allCases)
    func modes(mode: Settings.SignUpMode) async throws {
        let house = try await TestHouse(.sqlite) {
            $0.signUp = mode
            $0.signUpDomains = ["example.org"]
        }
        #expect(try await house.json(.post, "/auth/v1/accounts", Self.body).status == .accepted)
        #expect(try await house.mail().count == (mode == .open ? 1 : 0))
        _ = try await house.json(.post, "/auth/v1/accounts", #"{"email":"ada@example.org","password":"correct horse battery"}"#)
        #expect(try await house.mail().contains { $0.to == "ada@example.org" } == (mode == .open || mode == .domains))
        let page = try await TestBrowser(house).get("/auth/sign-up")
        #expect(page.status == (mode == .open || mode == .domains ? .ok : .forbidden))
        await house.close()
    }

    @Test(
        "PW-01, PW-02: a password has 8 characters or more, and 1,024 bytes or fewer",
        arguments: [
            ("1234567", "password-too-short"), ("ééééééé", "password-too-short"), ("12345679x", ""), ("éééééééé", ""), ("🗝🗝🗝🗝🗝🗝🗝🗝", ""),
            (String(repeating: "a", count: 1_024), ""), (String(repeating: "a", count: 1_025), "password-too-long"),
        ])
    func passwordLimits(password: String, reason: String) async throws {
        let house = try await TestHouse(.sqlite) { $0.passwords.rules.strength.lowestScore = 0 }
        let answer = try await house.json(.post, "/auth/v1/accounts", #"{"email":"ada@example.com","password":"\#(password)"}"#)
        #expect(answer.status == (reason.isEmpty ? .accepted : .unprocessableContent))
        #expect(answer.reason == reason)
        await house.close()
    }

    @Test("what was typed stays in the form, with the error beside the field")
    func formErrors() async throws {
        let house = try await TestHouse(.sqlite)
        let browser = TestBrowser(house)
        let short = try await browser.submit("/auth/sign-up", ["email": "ada@example.com", "password": "short"])
        #expect(short.status == .unprocessableContent)
        #expect(short.text.contains(#"value="ada@example.com""#))
        #expect(short.text.contains("shorter than 8"))
        #expect(!short.text.contains("short\""))
        let noAddress = try await browser.submit("/auth/sign-up", ["email": "<b>ada", "password": "long enough now"])
        #expect(noAddress.text.contains("&lt;b&gt;ada"))
        #expect(noAddress.text.contains(#"aria-invalid="true""#))
        await house.close()
    }
}

@Suite struct InvitationTests {
    @Test("an invitation makes an open account once, and takes over a stranger's unconfirmed sign-up", arguments: StoreUnderTest.allCases)
    func invitation(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine) { $0.signUp = .invited }
        try await house.makeAccount("owner@example.com", role: .owner)
        try await house.makeAccount("guest@example.com", password: "a stranger's password", state: .unconfirmed)
        let owner = TestBrowser(house)
        _ = try await owner.signIn("owner@example.com")
        let sent = try await owner.submit("/auth/admin/invitations", from: "/auth/admin/people", ["email": "guest@example.com"])
        #expect(sent.status == .ok)
        let token = try await house.linkToken(to: "guest@example.com", "/auth/invitation/")
        let guest = TestBrowser(house)
        #expect(try await guest.get("/auth/invitation/\(token)").headers[.location] == "/auth/invitation")
        #expect(try await guest.submit("/auth/invitation", ["password": "short"]).status == .unprocessableContent)
        let made = try await guest.submit("/auth/invitation", ["password": "the guest's own words"])
        #expect(made.headers[.location] == "/auth/sign-in?done=invitation")
        #expect(try await house.signIn("guest@example.com", password: "the guest's own words").count == 43)
        #expect(try await house.signIn("guest@example.com", password: "a stranger's password").isEmpty)
        _ = try await guest.get("/auth/invitation/\(token)")
        #expect(try await guest.get("/auth/invitation").status == .gone)
        let again = try await owner.submit("/auth/admin/invitations", from: "/auth/admin/people", ["email": "guest@example.com"])
        #expect(again.status == .conflict)
        await house.close()
    }

    @Test("RC-18: an invitation that is over opens nothing", arguments: StoreUnderTest.allCases)
    func expiry(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let token = Token(random: Randomness.system.bytes(32))
        let past = Timestamp.now() - .seconds(1)
        let email = try #require(EmailAddress("late@example.com"))
        try await house.store.write { (transaction) throws(StoreError) in
            try transaction.setInvitation(of: email, tokenHash: token.hash(for: Invite.linkPurpose), expiresAt: past, by: nil)
        }
        let browser = TestBrowser(house)
        _ = try await browser.get("/auth/invitation/\(token.text.exposed)")
        #expect(try await browser.get("/auth/invitation").status == .gone)
        #expect(try await browser.submit("/auth/invitation", from: "/auth/sign-in", ["password": "long enough now"]).status == .gone)
        await house.close()
    }
}
