import Foundation
import HTTPTypes
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

@Suite struct LeavingTests {
    private func leave(_ house: TestHouse, _ token: String, _ password: String = TestHouse.password) async throws -> TestResponse {
        try await house.json(.post, "/auth/v1/account/leave", #"{"password":"\#(password)"}"#, bearer: token)
    }

    private func run(_ house: TestHouse, after days: Int64) async throws -> Int {
        try await DeleteLeavers(
            store: house.store, desk: house.server.desk, notices: house.notices,
            mails: LeavingMail(publicURL: house.server.settings.publicURL, layout: MailLayout(siteName: "Shop"))
        ).run(now: .now() + .seconds(days * 86_400))
    }

    @Test(
        "an account goes seven days after its owner says so, with all its sessions, and is told twice", arguments: StoreUnderTest.allCases)
    func goes(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        _ = try await house.makeAccount("ada@example.org")
        let token = try await house.signIn("ada@example.org")
        #expect(try await leave(house, token, "another password altogether").reason == "wrong-credentials")
        #expect(try await leave(house, token).field("leaves_at") != "")
        #expect(try await run(house, after: 6) == 0)
        #expect(try await house.json(.get, "/auth/v1/session", "", bearer: token).status == .ok)
        #expect(try await run(house, after: 8) == 1)
        #expect(try await house.json(.get, "/auth/v1/session", "", bearer: token).status == .unauthorized)
        #expect(try await house.account("ada@example.org") == nil)
        let told = try await house.store.read { (transaction) throws(StoreError) in
            try transaction.notices(of: nil, state: nil, before: nil, limit: 10).map(\.kind)
        }
        // The first went with the account; the mail was sent before.
        #expect(told == ["account-gone"])
        #expect(try await house.mail().map(\.kind) == [.accountLeaving])
        await house.close()
    }

    @Test("whoever thinks better of it stays", arguments: StoreUnderTest.allCases)
    func stays(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        _ = try await house.makeAccount("ada@example.org")
        let token = try await house.signIn("ada@example.org")
        _ = try await leave(house, token)
        #expect(try await house.json(.delete, "/auth/v1/account/leave", "", bearer: token).status == .noContent)
        #expect(try await run(house, after: 8) == 0)
        #expect(try await house.account("ada@example.org") != nil)
        await house.close()
    }

    @Test("AZ-04: the last owner can't leave, not even by becoming it meanwhile", arguments: StoreUnderTest.allCases)
    func lastOwner(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        _ = try await house.makeAccount("ada@example.org", role: .owner)
        let token = try await house.signIn("ada@example.org")
        #expect(try await leave(house, token).reason == "last-owner")
        let other = try await house.makeAccount("bob@example.org", role: .owner)
        #expect(try await leave(house, token).status == .ok)
        _ = try await house.administer.perform(.delete, on: other, by: .commandLine, now: .now())
        #expect(try await run(house, after: 8) == 0)
        #expect(try await house.account("ada@example.org") != nil)
        await house.close()
    }

    @Test("AZ-04: two owners who leave at once never both go", arguments: StoreUnderTest.allCases)
    func twoOwners(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        for round in 1...rounds(50) {
            for name in ["ada", "bob"] { _ = try await house.makeAccount("\(name)-\(round)@example.org", role: .owner) }
            for name in ["ada", "bob"] {
                let token = try await house.signIn("\(name)-\(round)@example.org")
                #expect(try await leave(house, token).status == .ok)
            }
            async let one = run(house, after: 8)
            async let two = run(house, after: 8)
            _ = try await (one, two)
            let owners = try await house.store.read { (transaction) throws(StoreError) in
                try transaction.run("SELECT COUNT(*) AS number FROM account WHERE role = 'owner' AND state = 'active'")[0].integer("number")
            }
            #expect(owners == 1)
        }
        await house.close()
    }

    @Test("another password by a mailed link keeps an account that somebody wanted deleted", arguments: StoreUnderTest.allCases)
    func reset(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        _ = try await house.makeAccount("ada@example.org")
        _ = try await leave(house, try await house.signIn("ada@example.org"))
        _ = try await house.json(.post, "/auth/v1/forgot-password", #"{"email":"ada@example.org"}"#)
        let token = try await house.linkToken(to: "ada@example.org", "/auth/reset-password/")
        let next = "purple monkey dishwasher 9"
        _ = try await house.json(.post, "/auth/v1/reset-password", #"{"token":"\#(token)","password":"\#(next)"}"#)
        #expect(try await run(house, after: 8) == 0)
        await house.close()
    }

    @Test("an export has everything that is kept of somebody, and no secret", arguments: StoreUnderTest.allCases)
    func export(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        _ = try await house.makeAccount("ada@example.org")
        _ = try await house.makeAccount("bob@example.org")
        let token = try await house.signIn("ada@example.org")
        _ = try await house.signIn("bob@example.org")
        let answer = try await house.json(.get, "/auth/v1/account/export", "", bearer: token)
        #expect(answer.status == .ok && answer.field("account", "email") == "ada@example.org")
        #expect(!answer.text.contains("bob@") && !answer.text.contains("$argon2id") && !answer.text.contains(token))
        #expect(answer.text.contains("sign-in.succeeded"))
        await house.close()
    }
}
