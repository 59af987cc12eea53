import HTTPTypes
import NetworkAddress
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

/// What somebody with a key would try.
@Suite struct KeyAttackTests {
    private static let bound = #"{"name":"bound","scopes":["*"],"addresses":["192.0.2.0/24"],"expires_at":"2030-01-01T00:00:00Z"}"#

    @Test(
        "a bound key frees neither what it made nor what is free, whatever it changes, rotates or ends", arguments: StoreUnderTest.allCases)
    func bounds(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let shop = try await KeysTests.Shop(house)
        let bound = try await shop.make(Self.bound, by: shop.key).field("api_key", "key")
        let child = try await shop.make(#"{"name":"child"}"#, by: bound).field("api_key", "id")
        for fields in [
            #"{"expires_at":null,"addresses":[]}"#, #"{"expires_at":null}"#, #"{"addresses":[]}"#,
            #"{"expires_at":"2031-01-01T00:00:00Z"}"#,
        ] {
            #expect(
                try await house.json(.patch, "\(shop.place)/\(child)", fields, bearer: bound).reason == "beyond-own-scopes", "\(fields)")
        }
        let free = "\(shop.place)/\(shop.keyID)"
        #expect(try await house.json(.post, "\(free)/rotate", "{}", bearer: bound).reason == "beyond-own-scopes")
        #expect(try await house.json(.delete, free, #"{"confirm":true}"#, bearer: bound).reason == "beyond-own-scopes")
        let tester = try await shop.make(#"{"name":"tester","mode":"test","scopes":["keys:write"]}"#, by: shop.key).field("api_key", "key")
        #expect(try await house.json(.delete, free, #"{"confirm":true}"#, bearer: tester).reason == "beyond-own-scopes")
        // Its own successor lives no longer than itself.
        let own = try await house.send(.get, "/auth/v1/session", headers: [.authorization: "Bearer \(bound)"]).field("api_key", "id")
        let next = try await house.json(.post, "\(shop.place)/\(own)/rotate", "{}", bearer: bound)
        #expect(next.status == .created && next.field("api_key", "expires_at") == "2030-01-01T00:00:00Z")
        #expect(try await shop.whoAmI(shop.key).status == .ok)
        await house.close()
    }

    @Test(
        "AK-05: a key that was revoked or narrowed elsewhere makes, changes and ends nothing, also while memory knows it",
        arguments: StoreUnderTest.allCases)
    func stale(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let node = TestHouse(sharing: house, try house.secondNode())
        let shop = try await KeysTests.Shop(house)
        let other = try await shop.make(#"{"name":"other","scopes":["*"]}"#, by: shop.key)
        let (key, id) = (other.field("api_key", "key"), other.field("api_key", "id"))
        #expect(try await node.send(.get, "/auth/v1/session", headers: [.authorization: "Bearer \(key)"]).status == .ok)
        #expect(try await house.json(.delete, "\(shop.place)/\(id)", "{}", bearer: shop.key).status == .ok)
        // The other node hasn't heard of it: it isn't running.
        #expect(try await node.send(.get, "/auth/v1/session", headers: [.authorization: "Bearer \(key)"]).status == .ok)
        #expect(try await node.json(.post, shop.place, #"{"name":"x"}"#, bearer: key).status == .notFound)
        #expect(try await node.json(.post, "\(shop.place)/\(shop.keyID)/rotate", "{}", bearer: key).status == .notFound)
        #expect(try await node.json(.delete, "\(shop.place)/\(shop.keyID)", #"{"confirm":true}"#, bearer: key).status == .notFound)
        // A guest that was claimed meanwhile is not ended by its old key.
        let guest = try await house.json(.post, "/auth/v1/organizations", #"{"guest":true}"#)
        let (guestKey, guestID) = (guest.field("api_key", "key"), guest.field("organization", "id"))
        #expect(try await node.send(.get, "/auth/v1/session", headers: [.authorization: "Bearer \(guestKey)"]).status == .ok)
        let claimed = try await house.json(.post, "/auth/v1/organizations/claim", #"{"key":"\#(guestKey)"}"#, bearer: shop.session)
        #expect(claimed.status == .ok)
        let ended = try await node.send(
            .delete, "/auth/v1/organizations/\(guestID)", headers: [.authorization: "Bearer \(guestKey)"])
        #expect(ended.status == .forbidden)
        node.server.hasher.stop()
        await house.close()
    }

    @Test("a key that is over comes back by nothing; what a found key made ends with it", arguments: StoreUnderTest.allCases)
    func over(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let shop = try await KeysTests.Shop(house)
        let stolen = try await shop.make(#"{"name":"stolen","scopes":["*"]}"#, by: shop.key)
        let child = try await shop.make(#"{"name":"child","scopes":["*"]}"#, by: stolen.field("api_key", "key"))
        let grandchild = try await shop.make(#"{"name":"grandchild"}"#, by: child.field("api_key", "key"))
        _ = try await house.json(.post, "/auth/v1/api-keys/leaked", #"{"key":"\#(stolen.field("api_key", "key"))"}"#)
        for made in [stolen, child, grandchild] {
            #expect(try await shop.whoAmI(made.field("api_key", "key")).reason == "api-key-revoked")
            let place = "\(shop.place)/\(made.field("api_key", "id"))"
            for fields in [#"{"overlap":"720h"}"#, #"{"expires_at":null}"#, #"{"cut_when_unused_days":30}"#, #"{"name":"again"}"#] {
                #expect(try await house.json(.patch, place, fields, bearer: shop.key).reason == "key-not-rotatable", "\(fields)")
            }
        }
        #expect(try await shop.whoAmI(shop.key).status == .ok)
        // Nor by time: rotated, cut by itself after days without use.
        let rotated = try await house.json(.post, "\(shop.place)/\(shop.keyID)/rotate", "{}", bearer: shop.session)
        let new = rotated.field("api_key", "key")
        _ = try await house.json(.patch, "\(shop.place)/\(shop.keyID)", #"{"cut_when_unused_days":1}"#, bearer: new)
        let id = try #require(APIKey.ID(shop.keyID))
        let manage = house.server.apiKeys.manage
        let later = Timestamp.now() + .seconds(3 * 86_400)
        let outcome = try await manage.setOverlap(of: id, .until(later + .seconds(86_400)), by: .commandLine, client: nil, now: later)
        guard case .isOver = outcome else {
            Issue.record("it came back: \(outcome)")
            return
        }
        await house.close()
    }

    @Test("who is removed from a claimed guest leaves its first key in the list")
    func claimed() async throws {
        let house = try await TestHouse(.sqlite)
        let guest = try await house.json(.post, "/auth/v1/organizations", #"{"guest":true}"#)
        let id = try #require(Organization.ID(guest.field("organization", "id")))
        let ada = try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        #expect(
            try await house.json(.post, "/auth/v1/organizations/claim", #"{"key":"\#(guest.field("api_key", "key"))"}"#, bearer: token)
                .status == .ok)
        let known = try await house.store.read { (transaction) throws(StoreError) in
            try transaction.keysKnown(to: ada, of: .organization(id), now: .now()).map(\.id.description)
        }
        #expect(known == [guest.field("api_key", "id")])
        await house.close()
    }

    @Test("a slug stays used after its organization's end; a role is never read as two groups")
    func names() async throws {
        let house = try await TestHouse(.sqlite)
        let shop = try await KeysTests.Shop(house)
        #expect(
            try await house.send(
                .delete, "/auth/v1/organizations/\(shop.organization)", headers: [.authorization: "Bearer \(shop.session)"]
            ).status == .noContent)
        try await house.store.write { (transaction) throws(StoreError) in
            try transaction.pruneOrganizations(endedBefore: .now() + .seconds(3_600), now: .now())
        }
        let again = try await house.json(.post, "/auth/v1/organizations", #"{"name":"Acme"}"#, bearer: shop.session)
        #expect(again.status == .created && again.field("organization", "slug") != "acme")
        var app = App(name: "x", origin: try #require(PublicURL("https://x.example.org")))
        app.separator = ":"
        #expect(app.groups(of: "acme:owner,staff") == "staff")
        await house.close()
    }

    @Test("beside a key in a header of its own, a session's token in Authorization isn't handed on")
    func beside() async throws {
        let header = try #require(HTTPField.Name("X-Api-Key"))
        var fields = AppFields(name: "shop", host: "http://127.0.0.2:8090")
        (fields.keys, fields.keyHeader) = (["organization"], "X-Api-Key")
        let complete = fields
        let house = try await TestHouse(.sqlite) {
            $0.trustedProxies = ["127.0.0.1"].compactMap { AddressRange($0) }
            if let app = try? complete.app(portal: $0.publicURL) { $0.apps = [app] }
        }
        let shop = try await KeysTests.Shop(house)
        let answer = try await house.send(
            .get, "/auth/request",
            headers: [
                .xOriginalURL: "http://127.0.0.2:8090/", .xForwardedFor: "203.0.113.9", header: shop.key,
                .authorization: "Bearer \(shop.session)",
            ], peer: "127.0.0.1")
        #expect(answer.status == .ok && answer.headers[.remoteOrganization] == "acme" && answer.headers[.authorization] == "")
        let basic = try await house.send(
            .get, "/auth/request",
            headers: [
                .xOriginalURL: "http://127.0.0.2:8090/", .xForwardedFor: "203.0.113.9", header: shop.key, .authorization: "Basic eDp5",
            ],
            peer: "127.0.0.1")
        #expect(basic.headers[.authorization] == "Basic eDp5")
        await house.close()
    }

    @Test("whoever joins while an organization ends is in it before, or not at all", arguments: StoreUnderTest.allCases)
    func joinAndEnd(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await house.makeAccount("bob@example.com")
        let bob = try await house.signIn("bob@example.com")
        let shop = try await KeysTests.Shop(house)
        for round in 0..<rounds(50) {
            let made = try await house.json(.post, "/auth/v1/organizations", #"{"name":"Short \#(round)"}"#, bearer: shop.session)
            guard made.status == .created else { break }
            let place = "/auth/v1/organizations/\(made.field("organization", "id"))"
            _ = try await house.json(.post, place + "/invitations", #"{"email":"bob@example.com","role":"manager"}"#, bearer: shop.session)
            let waiting = try await house.send(.get, "/auth/v1/account/invitations", headers: [.authorization: "Bearer \(bob)"])
            guard let id = waiting.text.firstMatch(of: /"id":"([^"]+)"/).map({ String($0.1) }) else { break }
            async let joined = house.json(.post, "/auth/v1/account/invitations/\(id)/accept", "{}", bearer: bob)
            async let ended = house.send(.delete, place, headers: [.authorization: "Bearer \(shop.session)"])
            _ = try await (joined, ended)
            let groups = try await house.send(.get, "/auth/request", headers: [.authorization: "Bearer \(bob)"]).headers[.remoteGroups]
            #expect(groups == "", "round \(round)")
        }
        await house.close()
    }
}
