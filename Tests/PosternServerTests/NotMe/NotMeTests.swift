import HTTPTypes
import NetworkAddress
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

@Suite struct NotMeTests {
    /// An account whose owner is told of a sign-in by somebody else.
    private func scene(
        _ engine: StoreUnderTest
    ) async throws -> (house: TestHouse, id: Account.ID, own: TestBrowser, thief: TestBrowser, link: String) {
        let house = try await SettleTests.house(engine)
        let id = try await house.makeAccount("ada@example.com")
        let (own, thief) = (TestBrowser(house, peer: SettleTests.lisbon), TestBrowser(house, peer: SettleTests.rotterdam))
        for browser in [own, thief] {
            _ = try await browser.get("/auth/sign-in")
            _ = try await browser.signIn("ada@example.com")
            try await SettleTests.settle(house)
        }
        return (house, id, own, thief, try await house.linkToken(to: "ada@example.com", "/auth/not-me/"))
    }

    @Test(
        "RC-12: opening either link changes nothing; one POST makes the account safe and mails a link that sets another password",
        arguments: StoreUnderTest.allCases)
    func secures(engine: StoreUnderTest) async throws {
        let (house, id, own, thief, link) = try await scene(engine)
        // What somebody with the password could do.
        let old = try await house.addPhone(to: id, named: "Ada’s", confirmedAt: .now() - .seconds(86_400))
        _ = old
        _ = try await house.addPhone(to: id, named: "Thief’s")
        let stolen = try #require(EmailAddress("thief@example.com"))
        _ = try await house.store.write { (transaction) throws(StoreError) in try transaction.restoreEmail(of: id, to: stolen) }
        let anywhere = TestBrowser(house, peer: "9.9.9.9")
        for _ in 0..<3 {
            _ = try await anywhere.get("/auth/not-me/\(link)")
            let page = try await anywhere.get("/auth/not-me")
            #expect(page.status == .ok && page.text.contains("lock my account") && page.text.contains("Rotterdam"))
        }
        for browser in [thief, own] { #expect(try await browser.get("/auth/account").status == .ok) }
        let form = ["form_token": TestBrowser.formToken(try await anywhere.get("/auth/not-me").text)]
        let done = try await anywhere.post("/auth/not-me", form)
        #expect(done.status == .seeOther && done.headers[.location] == "/auth/not-me")
        let told = try await anywhere.get("/auth/not-me").text
        for words in [
            "2 sessions were ended", "ada@example.com again", "Authenticator apps added since then were removed: 1",
            "opens nothing any more",
        ] {
            #expect(told.contains(words), "\(words)")
        }
        for browser in [thief, own] { #expect(try await browser.get("/auth/account").status == .seeOther) }
        #expect(try await house.account("thief@example.com") == nil)
        let names = try await house.store.read { (transaction) throws(StoreError) in try transaction.authenticators(of: id).map(\.name) }
        #expect(names == ["Ada’s"])
        // The password opens nothing, wherever it is typed.
        #expect(
            try await house.json(.post, "/auth/v1/sign-in", #"{"email":"ada@example.com","password":"\#(TestHouse.password)"}"#).reason
                == "wrong-credentials")
        // A second answer does nothing more.
        #expect(try await anywhere.post("/auth/not-me", form).status == .seeOther)
        #expect(try await house.number("SELECT COUNT(*) AS number FROM sign_in_case") == 1)
        // The stolen password can't be chosen again; another can.
        let reset = try await house.linkToken(to: "ada@example.com", "/auth/reset-password/")
        _ = try await anywhere.get("/auth/reset-password/\(reset)")
        #expect(try await anywhere.submit("/auth/reset-password", ["password": TestHouse.password]).status == .unprocessableContent)
        #expect(try await anywhere.submit("/auth/reset-password", ["password": "a wholly different phrase"]).status == .seeOther)
        let again = try await house.json(
            .post, "/auth/v1/sign-in", #"{"email":"ada@example.com","password":"a wholly different phrase"}"#)
        #expect(again.field("next") == "second_factor")
        await house.close()
    }

    @Test("a link answers once; who said that it was them may still say that it wasn’t; after ten days it is over")
    func once() async throws {
        let (house, _, own, _, link) = try await scene(.sqlite)
        let anywhere = TestBrowser(house, peer: "9.9.9.9")
        _ = try await anywhere.get("/auth/was-me/\(link)")
        #expect(try await anywhere.submit("/auth/was-me", [:]).status == .seeOther)
        #expect(try await own.get("/auth/account").status == .ok)
        #expect(try await anywhere.get("/auth/was-me").text.contains("known from now on"))
        #expect(try await anywhere.submit("/auth/not-me", [:]).status == .seeOther)
        #expect(try await own.get("/auth/account").status == .seeOther)
        let answer = AnswerSignIn(
            store: house.store, desk: house.server.desk, notices: house.notices,
            mails: NotMeMail(publicURL: house.server.settings.publicURL, layout: house.server.settings.mailLayout),
            links: house.server.passwords.links(house.notices), random: .system)
        let token = try #require(Token(text: link.utf8))
        let client = Client(address: .unknown, browser: "")
        #expect(try await answer.wasMe(token, client: client, now: .now()) == .answered)
        #expect(try await answer.notMe(token, client: client, now: .now() + .seconds(10 * 86_400)) == .linkInvalid)
        let other = Token(random: [UInt8](repeating: 9, count: 32))
        #expect(try await answer.notMe(other, client: client, now: .now()) == .linkInvalid)
        await house.close()
    }

    @Test("200 at once: one makes it safe, one case, one mail", arguments: StoreUnderTest.allCases)
    func race(engine: StoreUnderTest) async throws {
        let (house, id, _, _, link) = try await scene(engine)
        let answer = AnswerSignIn(
            store: house.store, desk: house.server.desk, notices: house.notices,
            mails: NotMeMail(publicURL: house.server.settings.publicURL, layout: house.server.settings.mailLayout),
            links: house.server.passwords.links(house.notices), random: .system)
        let token = try #require(Token(text: link.utf8))
        let outcomes = try await withThrowingTaskGroup(of: AnswerSignIn.Outcome.self) { group in
            for _ in 0..<200 {
                group.addTask { try await answer.notMe(token, client: Client(address: .unknown, browser: ""), now: .now()) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.filter { if case .secured = $0 { true } else { false } }.count == 1)
        #expect(outcomes.filter { $0 == .answered }.count == 199)
        #expect(try await house.number("SELECT COUNT(*) AS number FROM sign_in_case") == 1)
        #expect(try await house.mail().filter { $0.kind == .passwordReset }.count == 1)
        let attempt = try await house.store.read { (transaction) throws(StoreError) in try transaction.attempts(of: id, limit: 1)[0] }
        #expect(attempt.outcome == .signedIn)
        await house.close()
    }

    private func answers(_ house: TestHouse) -> AnswerSignIn {
        AnswerSignIn(
            store: house.store, desk: house.server.desk, notices: house.notices,
            mails: NotMeMail(publicURL: house.server.settings.publicURL, layout: house.server.settings.mailLayout),
            links: house.server.passwords.links(house.notices), random: .system)
    }

    private func setEmail(_ house: TestHouse, _ id: Account.ID, _ email: String) async throws {
        let address = try #require(EmailAddress(email))
        let setAt = try #require(try await house.account("ada@example.com")?.passwordSetAt)
        let isDone = try await house.store.write { (transaction) throws(StoreError) in
            try transaction.changeEmail(of: id, passwordSetAt: setAt, to: address, now: .now())
        }
        #expect(isDone)
    }

    @Test("a thief who changed the address gets nothing by a link of their own: neither before the owner’s, nor after")
    func thiefsOwnLink() async throws {
        for isFirst in [true, false] {
            let (house, id, _, _, owners) = try await scene(.sqlite)
            try await setEmail(house, id, "thief@example.com")
            let again = TestBrowser(house, peer: SettleTests.brasil)
            _ = try await again.get("/auth/sign-in")
            _ = try await again.signIn("thief@example.com")
            try await SettleTests.settle(house)
            let thiefs = try await house.linkToken(to: "thief@example.com", "/auth/not-me/")
            let (answer, client) = (answers(house), Client(address: .unknown, browser: ""))
            let tokens = [try #require(Token(text: thiefs.utf8)), try #require(Token(text: owners.utf8))]
            if isFirst { _ = try await answer.notMe(tokens[0], client: client, now: .now()) }
            _ = try await answer.notMe(tokens[1], client: client, now: .now())
            #expect(try await answer.notMe(tokens[0], client: client, now: .now()) == .linkInvalid)
            #expect(try await house.account("ada@example.com")?.id == id)
            // The link that counts went to the owner.
            let resets = try await house.mail().filter { $0.kind == .passwordReset }
            #expect(resets.first?.to == "ada@example.com")
            await house.close()
        }
    }

    @Test("a change of password that is under way when the account is made safe changes nothing")
    func changeInFlight() async throws {
        let (house, id, _, _, link) = try await scene(.sqlite)
        let before = try #require(try await house.account("ada@example.com")?.passwordSetAt)
        _ = try await answers(house).notMe(
            try #require(Token(text: link.utf8)), client: Client(address: .unknown, browser: ""), now: .now())
        let isChanged = try await house.store.write { (transaction) throws(StoreError) in
            try transaction.replacePassword(of: id, setAt: before, with: "thief’s", keeping: nil, history: 0, now: .now())
        }
        #expect(!isChanged)
        #expect(try await house.number("SELECT COUNT(*) AS number FROM password_reset") == 1)
        await house.close()
    }

    @Test("a session alone takes no second factor away; neither does a link after “this was me”")
    func keepsFactors() async throws {
        let (house, id, own, _, link) = try await scene(.sqlite)
        let number = try await house.store.read { (transaction) throws(StoreError) in
            try transaction.attempts(of: id, limit: 9).last?.number.value
        }
        _ = try await house.addPhone(to: id, named: "Ada’s")
        try await house.age(id, by: 3_600)
        _ = try await own.submit("/auth/account/history/not-me", from: "/auth/account/history", ["number": "\(number ?? 0)"])
        let (answer, client, token) = (answers(house), Client(address: .unknown, browser: ""), try #require(Token(text: link.utf8)))
        func apps() async throws -> Int {
            try await house.store.read { (transaction) throws(StoreError) in try transaction.authenticators(of: id).count }
        }
        #expect(try await apps() == 1)
        _ = try await answer.wasMe(token, client: client, now: .now())
        _ = try await answer.notMe(token, client: client, now: .now())
        #expect(try await apps() == 1)
        await house.close()
    }

    @Test("where the old address is somebody else’s by now, nobody is mailed a link")
    func addressIsTaken() async throws {
        let (house, id, _, _, link) = try await scene(.sqlite)
        try await setEmail(house, id, "thief@example.com")
        try await house.makeAccount("ada@example.com")
        let outcome = try await answers(house).notMe(
            try #require(Token(text: link.utf8)), client: Client(address: .unknown, browser: ""), now: .now())
        guard case .secured(let done) = outcome else { return #expect(Bool(false), "it was not made safe") }
        #expect(done.contains { $0.contains("an administrator must help") })
        #expect(try await house.mail().allSatisfy { $0.kind != .passwordReset && $0.kind != .signInNotMe })
        await house.close()
    }

    @Test("from the history page too: for one’s own sign-ins alone")
    func fromHistory() async throws {
        let (house, id, own, thief, _) = try await scene(.sqlite)
        let bob = try await house.makeAccount("bob@example.com")
        let stranger = TestBrowser(house, peer: SettleTests.lisbon)
        _ = try await stranger.signIn("bob@example.com")
        let number = try await house.store.read { (transaction) throws(StoreError) in
            try transaction.attempts(of: id, limit: 1)[0].number.value
        }
        let page = try await own.get("/auth/account/history")
        #expect(page.text.contains("New browser") && page.text.contains("value=\"\(number)\""))
        #expect(
            try await stranger.submit("/auth/account/history/not-me", from: "/auth/account/history", ["number": "\(number)"]).status
                == .notFound)
        let locked = try await own.submit("/auth/account/history/not-me", from: "/auth/account/history", ["number": "\(number)"])
        #expect(locked.headers[.location] == "/auth/sign-in?done=locked")
        #expect(try await thief.get("/auth/account").status == .seeOther)
        #expect(try await stranger.get("/auth/account").status == .ok)
        _ = bob
        await house.close()
    }
}
