import Foundation
import HTTPTypes
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

@Suite struct ChangeEmailTests {
    private func house(_ engine: StoreUnderTest) async throws -> (TestHouse, token: String) {
        let house = try await TestHouse(engine)
        _ = try await house.makeAccount("ada@example.org")
        return (house, try await house.signIn("ada@example.org"))
    }

    private func ask(_ house: TestHouse, _ token: String, _ email: String) async throws -> TestResponse {
        try await house.json(.post, "/auth/v1/account/email", #"{"email":"\#(email)"}"#, bearer: token)
    }

    private func confirm(_ house: TestHouse, _ link: String, _ password: String = TestHouse.password) async throws -> TestResponse {
        try await house.json(.post, "/auth/v1/account/email/confirm", #"{"token":"\#(link)","password":"\#(password)"}"#)
    }

    private func subjects(_ house: TestHouse, to email: String) async throws -> [String] {
        try await house.mail().filter { $0.to == email }.map { $0.kind.rawValue }.sorted()
    }

    @Test(
        "RC-16: an address changes once its reader says so, once; the old one is told before and after", arguments: StoreUnderTest.allCases)
    func change(engine: StoreUnderTest) async throws {
        let (house, token) = try await house(engine)
        #expect(try await ask(house, token, "ada@example.net").status == .accepted)
        #expect(try await house.account("ada@example.net") == nil, "nothing is changed by asking")
        let link = try await house.linkToken(to: "ada@example.net", "/auth/new-email/")
        #expect(
            try await confirm(house, link, "another password").reason == "wrong-credentials", "the link alone gives nobody's address away")
        #expect(try await confirm(house, link).status == .noContent)
        #expect(try await confirm(house, link).reason == "link-invalid")
        #expect(try await house.account("ada@example.org") == nil)
        #expect(try await subjects(house, to: "ada@example.org") == ["email-change-asked", "email-changed"])
        #expect(try await house.json(.get, "/auth/v1/session", "", bearer: token).field("email") == "ada@example.net")
        _ = try await house.signIn("ada@example.net")
        await house.close()
    }

    @Test("RC-16: of two changes at once each link brings its own address or nothing", arguments: StoreUnderTest.allCases)
    func two(engine: StoreUnderTest) async throws {
        let (house, token) = try await house(engine)
        for round in 1...rounds(20) {
            let (first, second) = ("first-\(round)@example.net", "second-\(round)@example.net")
            async let one = ask(house, token, first)
            async let other = ask(house, token, second)
            _ = try await (one, other)
            let links = [
                first: try await house.linkToken(to: first, "/auth/new-email/"),
                second: try await house.linkToken(to: second, "/auth/new-email/"),
            ]
            var changed: [String] = []
            for (email, link) in links where try await confirm(house, link).status == .noContent { changed.append(email) }
            #expect(changed.count == 1, "one of them is the later one")
            #expect(try await house.account(changed.first ?? "") != nil)
        }
        await house.close()
    }

    @Test("an address that has an account is never given twice, whoever is faster", arguments: StoreUnderTest.allCases)
    func race(engine: StoreUnderTest) async throws {
        let (house, token) = try await house(engine)
        _ = try await house.makeAccount("bob@example.org")
        let other = try await house.signIn("bob@example.org")
        #expect(try await ask(house, token, "bob@example.org").status == .accepted, "whether it has one is not told")
        #expect(try await subjects(house, to: "bob@example.org") == ["account-exists"])
        // Both ask for the same free one, and both links are opened at once.
        _ = try await ask(house, token, "new@example.net")
        let first = try await house.linkToken(to: "new@example.net", "/auth/new-email/")
        _ = try await ask(house, other, "new@example.net")
        let second = try await house.linkToken(to: "new@example.net", "/auth/new-email/")
        #expect(first != second)
        async let one = confirm(house, first)
        async let two = confirm(house, second)
        let statuses = [try await one.status, try await two.status]
        #expect(statuses.filter { $0 == .noContent }.count == 1 && statuses.filter { $0 == .gone }.count == 1)
        await house.close()
    }

    @Test(
        "another password makes the link worthless, and a link to choose one dies with the old address", arguments: StoreUnderTest.allCases)
    func password(engine: StoreUnderTest) async throws {
        let (house, token) = try await house(engine)
        _ = try await ask(house, token, "thief@example.net")
        let link = try await house.linkToken(to: "thief@example.net", "/auth/new-email/")
        let next = "purple monkey dishwasher 9"
        _ = try await house.json(
            .post, "/auth/v1/account/password", #"{"current":"\#(TestHouse.password)","password":"\#(next)"}"#, bearer: token)
        #expect(try await confirm(house, link, next).reason == "link-invalid")

        _ = try await house.json(.post, "/auth/v1/forgot-password", #"{"email":"ada@example.org"}"#)
        let reset = try await house.linkToken(to: "ada@example.org", "/auth/reset-password/")
        _ = try await ask(house, token, "ada@example.net")
        let changed = try await confirm(house, try await house.linkToken(to: "ada@example.net", "/auth/new-email/"), next)
        #expect(changed.status == .noContent)
        let answer = try await house.json(.post, "/auth/v1/reset-password", #"{"token":"\#(reset)","password":"\#(next) more"}"#)
        #expect(answer.reason == "link-invalid")
        await house.close()
    }

    @Test(
        "RC-16: whatever an administrator does for an owner in trouble ends a change of address that a thief asked for",
        arguments: StoreUnderTest.allCases)
    func rescue(engine: StoreUnderTest) async throws {
        let (house, _) = try await house(engine)
        let id = try #require(try await house.account("ada@example.org")).id
        for act: AdministerAccount.Act in [.disable, .endSessions, .startPasswordReset, .requirePasswordChange] {
            let token = try await house.signIn("ada@example.org")
            #expect(try await ask(house, token, "thief@example.net").status == .accepted)
            let link = try await house.linkToken(to: "thief@example.net", "/auth/new-email/")
            #expect(try await house.administer.perform(act, on: id, by: .commandLine, now: .now()) == .done)
            _ = try await house.administer.perform(.enable, on: id, by: .commandLine, now: .now())
            #expect(try await confirm(house, link).reason == "link-invalid", "\(act)")
        }
        await house.close()
    }

    @Test("LG-03: one's own lists don't tell whether an address has an account", arguments: StoreUnderTest.allCases)
    func lists(engine: StoreUnderTest) async throws {
        let (house, token) = try await house(engine)
        _ = try await house.makeAccount("bob@example.org")
        var lists: [[String]] = []
        for email in ["bob@example.org", "free@example.org"] {
            _ = try await ask(house, token, email)
            let id = try #require(try await house.account("ada@example.org")).id
            lists.append(
                try await house.store.read { (transaction) throws(StoreError) in
                    try transaction.notices(of: id, state: nil, before: nil, limit: 1).map(\.kind)
                })
        }
        #expect(lists == [["email-change-asked"], ["email-change-asked"]])
        await house.close()
    }

    @Test("a sign-up that nobody confirmed keeps no address from its reader", arguments: StoreUnderTest.allCases)
    func squatted(engine: StoreUnderTest) async throws {
        let (house, token) = try await house(engine)
        _ = try await house.makeAccount("mine@example.net", state: .unconfirmed)
        _ = try await ask(house, token, "mine@example.net")
        let link = try await house.linkToken(to: "mine@example.net", "/auth/new-email/")
        #expect(try await confirm(house, link).status == .noContent)
        #expect(try await house.account("mine@example.net")?.state == .active)
        await house.close()
    }

    @Test("RC-14: 50 requests send at most five mails to a stranger's address")
    func limit() async throws {
        let (house, token) = try await house(.sqlite)
        for _ in 1...50 { #expect(try await ask(house, token, "stranger@example.net").status == .accepted) }
        #expect(try await subjects(house, to: "stranger@example.net").count == 5)
        await house.close()
    }
}
