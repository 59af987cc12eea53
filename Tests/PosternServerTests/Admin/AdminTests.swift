import HTTPTypes
import Storage
import Support
import Testing

@testable import PosternServer

@Suite struct AdminTests {
    @Test("an administrator finds a person, closes the account and opens it again", arguments: StoreUnderTest.allCases)
    func closing(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await house.makeAccount("admin@example.com", role: .administrator)
        let id = try await house.makeAccount("ada_x@example.com")
        try await house.makeAccount("adaxx@example.com")
        let token = try await house.signIn("ada_x@example.com")
        let admin = TestBrowser(house)
        _ = try await admin.signIn("admin@example.com")
        #expect(try await admin.get("/auth/admin").text.contains("Open accounts"))
        // An underscore is a letter to search for, no wildcard.
        let found = try await admin.get("/auth/admin/people?q=ADA_")
        #expect(found.text.contains("ada_x@example.com") && !found.text.contains("adaxx@example.com"))
        let page = "/auth/admin/people/\(id)"
        #expect(try await admin.get(page).text.contains("In good standing"))
        #expect(try await admin.submit(page + "/disable", from: page, [:]).headers[.location] == page)
        #expect(try await house.send(.get, "/auth/request", headers: [.cookie: "postern=\(token)"]).status == .unauthorized)
        #expect(try await house.signIn("ada_x@example.com").isEmpty)
        #expect(try await admin.get(page).text.contains("Closed"))
        _ = try await admin.submit(page + "/enable", from: page, [:])
        #expect(try await !house.signIn("ada_x@example.com").isEmpty)
        #expect(try await admin.get(page).text.contains("account.disabled"))
        _ = try await admin.submit(page + "/join", from: page, ["group": "staff"])
        #expect(try await admin.get(page).text.contains("<code>staff</code>"))
        #expect(try await admin.submit(page + "/join", from: page, ["group": "No Spaces"]).status == .unprocessableContent)
        _ = try await admin.submit(page + "/delete", from: page, [:])
        #expect(try await admin.get(page).status == .notFound)
        await house.close()
    }

    @Test("an account that never confirmed its address stays unconfirmed when it is opened again", arguments: StoreUnderTest.allCases)
    func unconfirmed(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com", state: .unconfirmed)
        let administer = house.administer
        #expect(try await administer.perform(.disable, on: id, by: .commandLine, now: .now()) == .done)
        #expect(try await administer.perform(.disable, on: id, by: .commandLine, now: .now()) == .unchanged)
        #expect(try await administer.perform(.enable, on: id, by: .commandLine, now: .now()) == .done)
        #expect(try await house.signIn("ada@example.com").isEmpty)
        await house.close()
    }

    @Test("AZ-06: administrators don't act on owners and give no roles", arguments: StoreUnderTest.allCases)
    func rank(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let owner = try await house.makeAccount("owner@example.com", role: .owner)
        let admin = try await house.makeAccount("admin@example.com", role: .administrator)
        let member = try await house.makeAccount("ada@example.com")
        let administer = house.administer
        let staff = try #require(GroupName("staff"))
        let acts: [AdministerAccount.Act] = [
            .disable, .enable, .delete, .endSessions, .changeRole(.owner), .changeRole(.member), .join(staff), .leave(staff),
        ]
        let client = Client(address: .unknown, browser: "")
        let other = try await house.makeAccount("other@example.com")
        for (actor, isAdministrator) in [(admin, true), (other, false)] {
            for act in acts {
                let by = AdministerAccount.Actor.account(actor, in: try await house.openSession(for: actor), client)
                #expect(try await administer.perform(act, on: owner, by: by, now: .now()) == .notAllowed)
                if case .changeRole = act { #expect(try await administer.perform(act, on: member, by: by, now: .now()) == .notAllowed) }
                if !isAdministrator { #expect(try await administer.perform(act, on: member, by: by, now: .now()) == .notAllowed) }
            }
        }
        // A role counts as it is when the act is done, not as it was when the session was read.
        #expect(try await administer.perform(.disable, on: admin, by: .commandLine, now: .now()) == .done)
        #expect(
            try await administer.perform(
                .enable, on: admin, by: .account(admin, in: try await house.openSession(for: admin), client), now: .now()) == .notAllowed)
        #expect(try await administer.perform(.enable, on: admin, by: .commandLine, now: .now()) == .done)
        let browser = TestBrowser(house)
        _ = try await browser.signIn("admin@example.com")
        let page = "/auth/admin/people/\(owner)"
        #expect(try await browser.submit(page + "/disable", from: "/auth/admin", [:]).status == .forbidden)
        await house.close()
    }

    @Test("AZ-04: of two owners that take each other's role away, one remains, round after round", arguments: StoreUnderTest.allCases)
    func lastOwner(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let pair = [
            try await house.makeAccount("one@example.com", role: .owner), try await house.makeAccount("two@example.com", role: .owner),
        ]
        let administer = house.administer
        for round in 0..<rounds(1_000) {
            let act: AdministerAccount.Act = round % 2 == 0 ? .changeRole(.member) : .disable
            let outcomes = try await withThrowingTaskGroup(of: AdministerAccount.Outcome.self) { group in
                for (actor, target) in [(pair[0], pair[1]), (pair[1], pair[0])] {
                    let session = try await house.openSession(for: actor)
                    group.addTask {
                        try await administer.perform(
                            act, on: target, by: .account(actor, in: session, Client(address: .unknown, browser: "")), now: .now())
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(
                outcomes.filter { $0 == .done }.count == 1 && outcomes.filter { $0 == .lastOwner || $0 == .notAllowed }.count == 1,
                "round \(round): \(outcomes)"
            )
            for id in pair {
                _ = try await administer.perform(.enable, on: id, by: .commandLine, now: .now())
                _ = try await administer.perform(.changeRole(.owner), on: id, by: .commandLine, now: .now())
            }
        }
        let other = try await administer.perform(.delete, on: pair[0], by: .commandLine, now: .now())
        #expect(other == .done)
        for act in [AdministerAccount.Act.delete, .disable, .changeRole(.administrator)] {
            #expect(try await administer.perform(act, on: pair[1], by: .commandLine, now: .now()) == .lastOwner)
        }
        // What was refused changed nothing: the last owner is still signed in.
        let token = try await house.signIn("two@example.com")
        #expect(try await administer.perform(.delete, on: pair[1], by: .commandLine, now: .now()) == .lastOwner)
        #expect(try await house.send(.get, "/auth/request", headers: [.cookie: "postern=\(token)"]).status == .ok)
        await house.close()
    }

    @Test("WF-07: what people type is shown as text")
    func escaping() async throws {
        let house = try await TestHouse(.sqlite)
        let id = try await house.makeAccount("owner@example.com", role: .owner)
        let browser = TestBrowser(house)
        _ = try await browser.signIn("owner@example.com")
        for name in ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "{{{email}}}", "</textarea>'\"&"] {
            #expect(try await browser.submit("/auth/account/name", from: "/auth/account", ["name": name]).status == .seeOther)
            for page in ["/auth/account", "/auth/admin/people", "/auth/admin/people/\(id)", "/auth/admin/people?q=\(percentEncoded(name))"]
            {
                let text = try await browser.get(page).text
                #expect(!text.contains("<script>") && !text.contains("<img src=x") && !text.contains("{{{owner"))
            }
        }
        await house.close()
    }

    @Test("AZ-03: a role that was taken away is gone on the next request")
    func roleTakenAway() async throws {
        let house = try await TestHouse(.sqlite)
        try await house.makeAccount("owner@example.com", role: .owner)
        let id = try await house.makeAccount("admin@example.com", role: .administrator)
        let browser = TestBrowser(house)
        _ = try await browser.signIn("admin@example.com")
        #expect(try await browser.get("/auth/admin").status == .ok)
        let administer = house.administer
        #expect(try await administer.perform(.changeRole(.member), on: id, by: .commandLine, now: .now()) == .done)
        #expect(try await browser.get("/auth/admin").status == .forbidden)
        await house.close()
    }
}
