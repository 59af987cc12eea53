import HTTPTypes
import Secrets
import Storage
import Support
import Testing
import Throttle

@testable import PosternServer

/// People in organizations, and guests.
@Suite struct OrganizationsTests {
    /// Somebody who is signed in, in an organization.
    private func join(
        _ email: String, as role: Organization.Role, _ id: Organization.ID, _ house: TestHouse
    ) async throws -> LiveSession {
        let account = try await house.makeAccount(email)
        _ = try await house.store.write { (transaction) throws(StoreError) in
            try transaction.addMember(account, to: id, as: role, now: .now())
        }
        return try await session(email, house)
    }

    private func session(_ email: String, _ house: TestHouse) async throws -> LiveSession {
        let token = try await house.signIn(email)
        let session = try #require(SessionToken(text: Array(token.utf8)))
        return try #require(try await house.server.desk.session(of: session, now: .now()))
    }

    private func members(_ house: TestHouse) -> ManageMembers {
        ManageMembers(
            store: house.store, desk: house.server.desk, notices: house.notices,
            mails: OrganizationMail(publicURL: house.server.settings.publicURL, layout: house.server.settings.mailLayout), random: .system)
    }

    private static let client = Client(address: .unknown, browser: "")

    @Test("AZ-04: two owners who demote or remove each other, over and over: one is always left", arguments: StoreUnderTest.allCases)
    func lastOwner(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let shop = try await KeysTests.Shop(house)
        let id = try #require(Organization.ID(shop.organization))
        let first = try await session("ada@example.com", house)
        let second = try await join("bob@example.com", as: .owner, id, house)
        let manage = members(house)
        for round in 0..<rounds(1_000) {
            async let one = manage.setRole(
                of: second.account, to: .developer, in: id, by: first, client: Self.client, now: .now())
            async let other =
                round % 2 == 0
                ? manage.setRole(of: first.account, to: .developer, in: id, by: second, client: Self.client, now: .now())
                : manage.remove(first.account, from: id, by: second, client: Self.client, now: .now())
            _ = try await (one, other)
            let owners = try await house.store.read { (transaction) throws(StoreError) in
                try transaction.members(of: id, limit: 10).filter { $0.role == .owner }.count
            }
            guard owners >= 1 else {
                Issue.record("no owner is left in round \(round)")
                break
            }
            // As it was.
            try await house.store.write { (transaction) throws(StoreError) in
                for account in [first.account, second.account] {
                    if try !transaction.addMember(account, to: id, as: .owner, now: .now()) {
                        _ = try transaction.setRole(of: account, in: id, to: .owner)
                    }
                }
            }
        }
        // Alone, none goes: by themselves, by leaving the site, or by an administrator.
        #expect(try await manage.remove(second.account, from: id, by: first, client: Self.client, now: .now()) == .done)
        #expect(try await manage.remove(first.account, from: id, by: first, client: Self.client, now: .now()) == .lastOwner)
        #expect(
            try await manage.setRole(of: first.account, to: .support, in: id, by: first, client: Self.client, now: .now()) == .lastOwner)
        let leaving = try await house.json(.post, "/auth/v1/account/leave", #"{"password":"\#(TestHouse.password)"}"#, bearer: shop.session)
        #expect(leaving.reason == "last-owner" && leaving.field("detail").contains("Acme"), "\(leaving.text)")
        #expect(try await house.administer.perform(.delete, on: first.account, by: .commandLine, now: .now()) == .lastOwner)
        await house.close()
    }

    @Test("AZ-06: nobody gives, takes or touches a role above their own", arguments: Organization.Role.allCases)
    func ladder(role: Organization.Role) async throws {
        let house = try await TestHouse(.sqlite)
        let shop = try await KeysTests.Shop(house)
        let id = try #require(Organization.ID(shop.organization))
        let actor = try await join("actor@example.com", as: role, id, house)
        let manage = members(house)
        for held in Organization.Role.allCases {
            let other = try await join("\(held.rawValue)@example.com", as: held, id, house)
            for wanted in Organization.Role.allCases {
                let may = role.mayManageMembers && held <= role && wanted <= role
                let outcome = try await manage.setRole(of: other.account, to: wanted, in: id, by: actor, client: Self.client, now: .now())
                #expect((outcome == .done) == may, "\(role) makes a \(held) a \(wanted): \(outcome)")
                _ = try await house.store.write { (transaction) throws(StoreError) in
                    try transaction.setRole(of: other.account, in: id, to: held)
                }
            }
            let invited = try await manage.invite(
                try #require(EmailAddress("x-\(held.rawValue)@example.com")), as: held, to: id, by: actor, client: Self.client, now: .now())
            #expect((invited == .done) == (role.mayManageMembers && held <= role), "\(role) invites a \(held)")
            let removed = try await manage.remove(other.account, from: id, by: actor, client: Self.client, now: .now())
            #expect((removed == .done) == (role.mayManageMembers && held <= role), "\(role) removes a \(held)")
        }
        await house.close()
    }

    @Test(
        "RC-18: an invitation is over by its time, its sender's end, or when it is taken back, on every path",
        arguments: StoreUnderTest.allCases)
    func invitations(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let shop = try await KeysTests.Shop(house)
        let id = try #require(Organization.ID(shop.organization))
        let owner = try await session("ada@example.com", house)
        let manager = try await join("may@example.com", as: .manager, id, house)
        try await house.makeAccount("new@example.com")
        let new = try await session("new@example.com", house)
        let manage = members(house)
        let email = try #require(EmailAddress("new@example.com"))
        func invite(by session: LiveSession, _ role: Organization.Role = .developer) async throws -> OrganizationInvitation.ID {
            #expect(try await manage.invite(email, as: role, to: id, by: session, client: Self.client, now: .now()) == .done)
            let waiting = try await house.store.read { (transaction) throws(StoreError) in
                try transaction.invitations(of: email.key, now: .now())
            }
            return try #require(waiting.first?.invitation.id)
        }
        let first = try await invite(by: owner)
        #expect(try await house.mail().first?.text.contains("/auth/account/organizations") == true)
        // Another's, and too late.
        #expect(try await manage.accept(first, by: manager, client: Self.client, now: .now()) == .notFound)
        let late = Timestamp.now() + OrganizationInvitation.lifetime
        #expect(try await manage.accept(first, by: new, client: Self.client, now: late) == .notFound)
        let shown = try await house.store.read { (transaction) throws(StoreError) in
            (try transaction.invitations(of: email.key, now: late).count, try transaction.invitations(to: id, now: late).count)
        }
        #expect(shown == (0, 0))
        // Taken back; replaced; and of somebody who may invite no more.
        #expect(try await manage.withdraw(first, to: id, by: manager, client: Self.client, now: .now()) == .done)
        #expect(try await manage.accept(first, by: new, client: Self.client, now: .now()) == .notFound)
        let second = try await invite(by: manager)
        let third = try await invite(by: manager, .support)
        #expect(try await manage.accept(second, by: new, client: Self.client, now: .now()) == .notFound)
        #expect(try await manage.setRole(of: manager.account, to: .developer, in: id, by: owner, client: Self.client, now: .now()) == .done)
        #expect(try await manage.accept(third, by: new, client: Self.client, now: .now()) == .notFound)
        // And one that holds: twenty at once make one member.
        let good = try await invite(by: owner)
        let outcomes = try await withThrowingTaskGroup(of: ManageMembers.Outcome.self) { group in
            for _ in 0..<20 { group.addTask { try await manage.accept(good, by: new, client: Self.client, now: .now()) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.filter { $0 == .done }.count == 1)
        let told = try await house.send(
            .get, "/auth/request", headers: [.authorization: "Bearer \(try await house.signIn("new@example.com"))"])
        #expect(told.headers[.remoteOrganization] == "acme" && told.headers[.remoteGroups] == "acme:developer")
        await house.close()
    }

    @Test(
        "a guest needs no sign-in, has its key in one call, and is over when it is told or after a day", arguments: StoreUnderTest.allCases)
    func guests(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine) {
            $0.organizations.guestsPerHour = .perHour(60_000); $0.organizations.mostGuests = 5
        }
        func guest() async throws -> TestResponse { try await house.json(.post, "/auth/v1/organizations", #"{"guest":true}"#) }
        let made = try await guest()
        let (id, key) = (made.field("organization", "id"), made.field("api_key", "key"))
        #expect(made.status == .created && key.hasPrefix("pst_test_") && made.text.contains(#""guest":true"#))
        let other = try await guest()
        let wrong = try await house.send(
            .delete, "/auth/v1/organizations/\(other.field("organization", "id"))", headers: [.authorization: "Bearer \(key)"])
        #expect(wrong.status == .notFound)
        // In a day it is over, with its key.
        let client = Self.client
        let desk = house.server.apiKeys.desk
        let tomorrow = Timestamp.now() + OrganizationSettings.guestLifetime
        #expect(try await desk.find(key.utf8, from: client, now: tomorrow).refused?.reason == .apiKeyExpired)
        // Claimed, it stays.
        try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        let claimed = try await house.json(
            .post, "/auth/v1/organizations/claim", #"{"key":"\#(other.field("api_key", "key"))"}"#, bearer: token)
        #expect(claimed.status == .ok && claimed.field("role") == "owner", "\(claimed.text)")
        #expect(try await desk.find(other.field("api_key", "key").utf8, from: client, now: tomorrow).refused == nil)
        let again = try await house.json(
            .post, "/auth/v1/organizations/claim", #"{"key":"\#(other.field("api_key", "key"))"}"#, bearer: token)
        #expect(again.status == .notFound)
        // A key ends no organization that is somebody's.
        let kept = try await house.send(
            .delete, "/auth/v1/organizations/\(other.field("organization", "id"))",
            headers: [.authorization: "Bearer \(other.field("api_key", "key"))"])
        #expect(kept.status == .forbidden)
        // Told so, it is over at once.
        let ended = try await house.send(.delete, "/auth/v1/organizations/\(id)", headers: [.authorization: "Bearer \(key)"])
        #expect(ended.status == .noContent)
        let refused = try await house.send(.get, "/auth/v1/session", headers: [.authorization: "Bearer \(key)"])
        #expect(refused.status == .unauthorized && refused.reason == "api-key-revoked")
        // Only so many live at once.
        for _ in 0..<5 { #expect(try await guest().status == .created) }
        #expect(try await guest().reason == "too-many-guests")
        await house.close()
    }

    @Test("guests are off where strangers could come, and ten an hour come from one address")
    func guestLimits() async throws {
        let off = try await TestHouse(.sqlite) { $0.organizations.guests = false }
        #expect(try await off.json(.post, "/auth/v1/organizations", #"{"guest":true}"#).reason == "guests-off")
        await off.close()
        let house = try await TestHouse(.sqlite) {
            $0.organizations.guestsPerHour = Rate(limit: 10, period: Int(Rate.longestPeriod)) ?? .perHour(10)
        }
        for number in 0..<11 {
            let answer = try await house.json(.post, "/auth/v1/organizations", #"{"guest":true}"#)
            #expect(answer.status == (number < 10 ? .created : .tooManyRequests))
        }
        #expect(try await house.json(.post, "/auth/v1/organizations", #"{"guest":true}"#, peer: "192.0.2.99").status == .created)
        #expect(try await house.json(.post, "/auth/v1/organizations", #"{"name":"Mine"}"#).status == .unauthorized)
        await house.close()
    }

    @Test("AZ-03: a role that is taken away is gone at the next request, at the gateway too")
    func nextRequest() async throws {
        let house = try await TestHouse(.sqlite)
        let shop = try await KeysTests.Shop(house)
        let id = try #require(Organization.ID(shop.organization))
        let owner = try await session("ada@example.com", house)
        let bob = try await join("bob@example.com", as: .manager, id, house)
        let token = try await house.signIn("bob@example.com")
        func groups() async throws -> String? {
            try await house.send(.get, "/auth/request", headers: [.authorization: "Bearer \(token)"]).headers[.remoteGroups]
        }
        #expect(try await groups() == "acme:manager")
        let manage = members(house)
        #expect(try await manage.setRole(of: bob.account, to: .support, in: id, by: owner, client: Self.client, now: .now()) == .done)
        #expect(try await groups() == "acme:support")
        #expect(try await manage.remove(bob.account, from: id, by: owner, client: Self.client, now: .now()) == .done)
        #expect(try await groups() == "")
        await house.close()
    }
}
