import HTTPTypes
import NetworkAddress
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

/// Keys by the API: made, listed, rotated, revoked, and never beyond their owner.
@Suite struct KeysTests {
    /// A house with somebody who owns an organization, with its first key.
    struct Shop {
        let house: TestHouse
        let session: String
        let organization: String
        let key: String
        let keyID: String

        init(_ house: TestHouse, _ email: String = "ada@example.com", name: String = "Acme") async throws {
            self.house = house
            try await house.makeAccount(email)
            session = try await house.signIn(email)
            let made = try await house.json(.post, "/auth/v1/organizations", #"{"name":"\#(name)"}"#, bearer: session)
            (organization, key, keyID) = (made.field("organization", "id"), made.field("api_key", "key"), made.field("api_key", "id"))
            #expect(made.status == .created, "\(made.text)")
        }

        var place: String { "/auth/v1/organizations/\(organization)/api-keys" }

        func make(_ fields: String, by bearer: String) async throws -> TestResponse {
            try await house.json(.post, place, fields, bearer: bearer)
        }

        func whoAmI(_ key: String) async throws -> TestResponse {
            try await house.send(.get, "/auth/v1/session", headers: [.authorization: "Bearer \(key)"])
        }
    }

    @Test("an organization comes with its first key, whose text is nowhere (AK-02)", arguments: StoreUnderTest.allCases)
    func first(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let shop = try await Shop(house)
        #expect(KeyText(text: shop.key.utf8)?.mode == .live)
        let told = try await shop.whoAmI(shop.key)
        #expect(told.status == .ok && told.field("organization", "slug") == "acme" && told.field("api_key", "id") == shop.keyID)
        #expect(told.text.contains(#""scopes":["*"]"#) && !told.text.contains(shop.key))
        let listed = try await house.send(.get, shop.place, headers: [.authorization: "Bearer \(shop.key)"])
        #expect(listed.status == .ok && listed.text.contains(String(shop.key.suffix(4))) && !listed.text.contains(shop.key))
        #expect(try await !house.dump().contains(String(shop.key.dropFirst(9).prefix(20))))
        // Other doors stay shut, whatever a key may do.
        for route in house.server.routes where route.surface == .api && route.access != .anyone && route.keyScope == nil {
            let path = route.path.replacing(/\{\w+\}/) { _ in shop.organization }
            let answer = try await house.json(route.method, path, "{}", bearer: shop.key)
            #expect(answer.status == .forbidden && answer.reason == "not-allowed", "\(route.method) \(route.path): \(answer.status)")
        }
        for route in house.server.routes where route.surface == .page && route.access != .anyone && !route.isUnsafe {
            let path = route.path.replacing(/\{\w+\}/) { _ in shop.organization }
            let answer = try await house.send(route.method, path, headers: [.authorization: "Bearer \(shop.key)", .accept: "text/html"])
            #expect(answer.status == .seeOther, "\(route.path)")
        }
        await house.close()
    }

    @Test("a key comes as bearer token, as Basic's user name or its password; anything else is none", arguments: [StoreUnderTest.sqlite])
    func presented(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let shop = try await Shop(house)
        func basic(_ text: String) -> String {
            "Basic " + Base64URL.encode(Array(text.utf8)).replacing("-", with: "+").replacing("_", with: "/")
        }
        for header in ["Bearer \(shop.key)", "bearer \(shop.key)", basic("\(shop.key):"), basic("git:\(shop.key)")] {
            let answer = try await house.send(.get, "/auth/v1/session", headers: [.authorization: header])
            #expect(answer.status == .ok, "\(header.prefix(7))")
        }
        let wrong = shop.key.dropLast() + (shop.key.hasSuffix("0") ? "1" : "0")
        for header in ["Bearer \(wrong)", basic("\(wrong):"), "Bearer \(shop.key)0", "Bearer \(shop.key.lowercased())"] {
            let answer = try await house.send(.get, "/auth/v1/session", headers: [.authorization: header])
            #expect(answer.status == .unauthorized && answer.reason == "api-key-invalid", "\(header.prefix(20)): \(answer.reason)")
            #expect(answer.headers[.wwwAuthenticate]?.contains(#"reason="api-key-invalid""#) == true)
        }
        // A person's own name and password open nothing.
        let person = try await house.send(
            .get, "/auth/v1/session", headers: [.authorization: basic("ada@example.com:\(TestHouse.password)")])
        #expect(person.status == .unauthorized && person.reason == "sign-in-needed")
        await house.close()
    }

    @Test("AK-04: a key gives no more than it has", arguments: StoreUnderTest.allCases)
    func escalation(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let shop = try await Shop(house)
        func key(_ fields: String) async throws -> String { try await shop.make(fields, by: shop.key).field("api_key", "key") }
        let maker = try await key(#"{"name":"maker","scopes":["keys:write","orders:read"]}"#)
        let reader = try await key(#"{"name":"reader","scopes":["keys:read"]}"#)
        let nothing = try await key(#"{"name":"nothing"}"#)
        let tester = try await key(#"{"name":"tester","mode":"test","scopes":["keys:write"]}"#)
        let bound = try await key(
            #"{"name":"bound","scopes":["keys:write"],"addresses":["192.0.2.0/24"],"expires_at":"2030-01-01T00:00:00Z"}"#)
        for (who, fields, field) in [
            (maker, #"{"name":"x","scopes":["orders:write"]}"#, "scopes"), (maker, #"{"name":"x","scopes":["*"]}"#, "scopes"),
            (maker, #"{"name":"x","scopes":["orders:read","keys:read"]}"#, "scopes"), (tester, #"{"name":"x","mode":"live"}"#, "mode"),
            (tester, #"{"name":"x"}"#, "mode"), (bound, #"{"name":"x","addresses":["10.0.0.0/8"]}"#, "addresses"),
            (bound, #"{"name":"x","expires_at":"2031-01-01T00:00:00Z"}"#, "expires_at"),
        ] {
            let answer = try await shop.make(fields, by: who)
            #expect(answer.status == .forbidden && answer.reason == "beyond-own-scopes" && answer.field("field") == field, "\(fields)")
        }
        #expect(try await shop.make(#"{"name":"x","scopes":["orders:read"]}"#, by: maker).status == .created)
        let inherited = try await shop.make(#"{"name":"x"}"#, by: bound)
        #expect(inherited.text.contains("192.0.2.0/24") && inherited.field("api_key", "expires_at") == "2030-01-01T00:00:00Z")
        for who in [reader, nothing] {
            #expect(try await shop.make(#"{"name":"x"}"#, by: who).reason == "scope-missing")
        }
        #expect(try await house.send(.get, shop.place, headers: [.authorization: "Bearer \(reader)"]).status == .ok)
        #expect(try await house.send(.get, shop.place, headers: [.authorization: "Bearer \(nothing)"]).status == .notFound)
        // Nor by rotating or changing one that may more, nor by changing itself.
        let rotated = try await house.json(.post, "\(shop.place)/\(shop.keyID)/rotate", "{}", bearer: maker)
        #expect(rotated.reason == "beyond-own-scopes")
        for fields in [#"{"scopes":["orders:read"]}"#, #"{"name":"renamed"}"#] {
            #expect(try await house.json(.patch, "\(shop.place)/\(shop.keyID)", fields, bearer: maker).reason == "beyond-own-scopes")
        }
        let own = try await house.send(.get, "/auth/v1/session", headers: [.authorization: "Bearer \(bound)"]).field("api_key", "id")
        for fields in [
            #"{"scopes":["*"]}"#, #"{"expires_at":null}"#, #"{"addresses":[]}"#, #"{"addresses":["0.0.0.0/0"]}"#,
        ] {
            let answer = try await house.json(.patch, "\(shop.place)/\(own)", fields, bearer: bound)
            #expect(answer.reason == "beyond-own-scopes", "\(fields): \(answer.text)")
        }
        #expect(try await house.json(.patch, "\(shop.place)/\(own)", #"{"name":"mine"}"#, bearer: bound).status == .ok)
        await house.close()
    }

    @Test(
        "AZ-02: nothing of another organization can be read or written, and the owner is never the body's",
        arguments: StoreUnderTest.allCases)
    func tenants(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let mine = try await Shop(house)
        let theirs = try await Shop(house, "eve@example.com", name: "Evil")
        let before = try await house.dump()
        for bearer in [theirs.session, theirs.key] {
            for route in house.server.routes where route.surface == .api && route.path.contains("organizations/{id}") {
                // The very organization, and one's own with the other's key.
                for organization in [mine.organization, theirs.organization] {
                    let path = route.path.replacing("{id}", with: organization).replacing("{key}", with: mine.keyID)
                        .replacing(/\{\w+\}/) { _ in mine.organization }
                    if organization == theirs.organization, !route.path.contains("{key}") { continue }
                    let answer = try await house.json(
                        route.method, path, route.method == .delete ? #"{"confirm":true}"# : Self.body(of: route.path), bearer: bearer)
                    let isRefused = answer.status == .notFound || (answer.status == .forbidden && bearer == theirs.key)
                    #expect(isRefused, "\(route.method) \(path): \(answer.status) \(answer.text)")
                    #expect(!answer.text.contains("Acme") && !answer.text.contains("acme"), "\(path)")
                }
            }
        }
        // What was counted of keys is allowed to differ: nothing else.
        let after = try await house.dump()
        #expect(after.contains(mine.keyID) == before.contains(mine.keyID))
        #expect(try await mine.whoAmI(mine.key).status == .ok)
        let stranger = try await house.json(.post, mine.place, #"{"name":"x"}"#)
        #expect(stranger.status == .unauthorized)
        for field in ["organization", "account", "owner", "user_id"] {
            let answer = try await house.json(.post, theirs.place, #"{"name":"x","\#(field)":"\#(mine.organization)"}"#, bearer: theirs.key)
            #expect(answer.status == .badRequest, "\(field)")
        }
        await house.close()
    }

    private static func body(of path: String) -> String {
        if path.hasSuffix("/rotate") { return #"{"overlap":"1h"}"# }
        if path.hasSuffix("api-keys") { return #"{"name":"x"}"# }
        if path.hasSuffix("invitations") { return #"{"email":"x@example.com","role":"owner"}"# }
        if path.contains("/members/") { return #"{"role":"owner"}"# }
        if path.contains("/api-keys/{key}") { return #"{"name":"x"}"# }
        return #"{"name":"x"}"#
    }

    @Test("rotated, the old key works for the overlap, and is then told of its successor", arguments: StoreUnderTest.allCases)
    func rotation(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let shop = try await Shop(house)
        let made = try await house.json(.post, "\(shop.place)/\(shop.keyID)/rotate", #"{"overlap":"24h"}"#, bearer: shop.session)
        let (new, newID) = (made.field("api_key", "key"), made.field("api_key", "id"))
        #expect(made.status == .created && new != shop.key)
        for key in [shop.key, new] { #expect(try await shop.whoAmI(key).status == .ok) }
        #expect(try await house.json(.post, "\(shop.place)/\(shop.keyID)/rotate", "{}", bearer: new).reason == "key-not-rotatable")
        let shown = try await house.send(.get, "\(shop.place)/\(shop.keyID)", headers: [.authorization: "Bearer \(new)"])
        #expect(shown.field("state") == "ending" && shown.field("successor") == newID)
        // Who still uses the old one.
        let uses = try await house.send(.get, "\(shop.place)/\(shop.keyID)/uses", headers: [.authorization: "Bearer \(new)"])
        #expect(uses.text.contains(#""address":"192.0.2.10""#) && uses.text.contains(#""passed":"#), "\(uses.text)")
        // Cut now.
        #expect(try await house.json(.patch, "\(shop.place)/\(shop.keyID)", #"{"overlap":"0h"}"#, bearer: new).field("state") == "revoked")
        let refused = try await shop.whoAmI(shop.key)
        #expect(refused.status == .unauthorized && refused.reason == "api-key-revoked")
        #expect(refused.field("successor") == String(new.suffix(4)) && !refused.field("at").isEmpty)
        #expect(refused.headers[.wwwAuthenticate]?.contains("successor=\"\(new.suffix(4))\"") == true)
        #expect(try await shop.whoAmI(new).status == .ok)
        // Whoever still brings it needs a new one.
        let late = try await house.send(
            .get, "/auth/v1/organizations/\(shop.organization)/late-callers", headers: [.authorization: "Bearer \(new)"])
        #expect(late.text.contains(shop.keyID) && late.text.contains(#""refused":1"#), "\(late.text)")
        await house.close()
    }

    @Test("of 50 rotations at once one makes a successor", arguments: StoreUnderTest.allCases)
    func race(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let shop = try await Shop(house)
        let place = "\(shop.place)/\(shop.keyID)/rotate"
        let statuses = try await withThrowingTaskGroup(of: HTTPResponse.Status.self) { group in
            for _ in 0..<50 {
                group.addTask { try await house.json(.post, place, "{}", bearer: shop.key).status }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.filter { $0 == .created }.count == 1 && statuses.filter { $0 == .conflict }.count == 49)
        await house.close()
    }

    @Test("a key ends by its time, when unused for long enough, and with its owner (AK-06)", arguments: StoreUnderTest.allCases)
    func ends(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let shop = try await Shop(house)
        guard let id = APIKey.ID(shop.keyID) else { throw StoreError.unavailable(reason: "no id") }
        let now = Timestamp.now()
        let desk = house.server.apiKeys.desk
        let client = Client(address: IPAddress("192.0.2.9") ?? .unknown, browser: "test")
        func reason(_ key: String, at time: Timestamp) async throws -> String {
            try await desk.find(key.utf8, from: client, now: time).refused?.reason.rawValue ?? "live"
        }
        let expiring = try await shop.make(#"{"name":"short","expires_at":"2029-01-01T00:00:00Z"}"#, by: shop.key)
        let end = ISOTime.moment("2029-01-01T00:00:00Z") ?? now
        #expect(try await reason(expiring.field("api_key", "key"), at: end - .microseconds(1)) == "live")
        #expect(try await reason(expiring.field("api_key", "key"), at: end) == "api-key-expired")
        // Rotated, and cut when unused for two days.
        let rotated = try await house.json(.post, "\(shop.place)/\(shop.keyID)/rotate", "{}", bearer: shop.session)
        let new = rotated.field("api_key", "key")
        let cut = try await house.json(.patch, "\(shop.place)/\(shop.keyID)", #"{"cut_when_unused_days":2}"#, bearer: new)
        #expect(cut.status == .ok, "\(cut.text)")
        #expect(try await reason(shop.key, at: now + .seconds(86_400)) == "live")
        try await desk.writeUses(now: now)
        desk.forget(.organization(Organization.ID(shop.organization) ?? Organization.ID(high: 0, low: 0)))
        #expect(try await reason(shop.key, at: now + .seconds(86_400 * 28 / 10)) == "live")
        try await desk.writeUses(now: now)
        desk.forget(.organization(Organization.ID(shop.organization) ?? Organization.ID(high: 0, low: 0)))
        #expect(try await reason(shop.key, at: now + .seconds(5 * 86_400)) == "api-key-revoked")
        let key = try await house.store.read { (transaction) throws(StoreError) in try transaction.key(id) }
        #expect(key?.successor != nil)
        // A personal key goes with its person.
        let own = try await house.json(.post, "/auth/v1/account/api-keys", #"{"name":"mine"}"#, bearer: shop.session)
        #expect(own.status == .created && own.field("api_key", "key").hasPrefix("pst_live_"))
        #expect(try await reason(own.field("api_key", "key"), at: .now()) == "live")
        let account = try #require(try await house.account("ada@example.com"))
        #expect(try await house.administer.perform(.disable, on: account.id, by: .commandLine, now: .now()) == .done)
        desk.forget(.account(account.id))
        #expect(try await reason(own.field("api_key", "key"), at: .now()) == "api-key-revoked")
        #expect(try await reason(new, at: .now()) == "live")
        await house.close()
    }

    @Test("who presents a found key ends it, and is told nothing", arguments: StoreUnderTest.allCases)
    func leaked(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let shop = try await Shop(house)
        let other = KeyText(mode: .live, random: Randomness.system.bytes(KeyText.byteCount)).text.exposed
        let answers = try await [shop.key, shop.key, other, "pst_live_nonsense"].asyncMap {
            try await house.json(.post, "/auth/v1/api-keys/leaked", #"{"key":"\#($0)"}"#)
        }
        #expect(answers.allSatisfy { $0.status == .accepted && $0.body.isEmpty })
        let refused = try await shop.whoAmI(shop.key)
        #expect(refused.reason == "api-key-revoked" && refused.field("at").isEmpty && refused.field("successor").isEmpty)
        let mails = try await house.mail().filter { $0.kind == .apiKeyLeaked }
        #expect(mails.count == 1 && mails.first?.to == "ada@example.com")
        #expect(try await !house.dump().contains(String(shop.key.dropFirst(9).prefix(20))))
        await house.close()
    }

    @Test("AK-09: the last key and one's own are revoked only when that was said twice; the page stays open")
    func last() async throws {
        let house = try await TestHouse(.sqlite)
        let shop = try await Shop(house)
        let place = "\(shop.place)/\(shop.keyID)"
        for bearer in [shop.key, shop.session] {
            let answer = try await house.send(.delete, place, headers: [.authorization: "Bearer \(bearer)"])
            #expect(answer.status == .conflict && answer.reason == "last-key")
        }
        #expect(try await house.json(.delete, place, #"{"confirm":true}"#, bearer: shop.session).field("state") == "revoked")
        #expect(try await shop.whoAmI(shop.key).reason == "api-key-revoked")
        #expect(try await shop.make(#"{"name":"again"}"#, by: shop.session).status == .created)
        await house.close()
    }

    @Test("a key's own rate and addresses hold, and verify says how much is left")
    func limits() async throws {
        let house = try await TestHouse(.sqlite)
        let shop = try await Shop(house)
        let made = try await shop.make(
            #"{"name":"few","scopes":["orders:read"],"addresses":["203.0.113.0/24"],"rate":{"limit":3,"period":"1d"}}"#, by: shop.key)
        let key = made.field("api_key", "key")
        func verify(_ more: String = "") async throws -> TestResponse {
            try await house.json(
                .post, "/auth/v1/api-keys/verify", #"{"key":"\#(key)"\#(more)}"#, bearer: shop.key)
        }
        #expect(try await verify().field("reason") == "api-key-address")
        let good = try await verify(#","scope":"orders:read","address":"203.0.113.5""#)
        #expect(
            good.text.contains(#""valid":true"#) && good.text.contains(#""remaining":2"#) && good.field("organization", "slug") == "acme")
        #expect(try await verify(#","scope":"orders:write","address":"203.0.113.5""#).field("reason") == "scope-missing")
        _ = try await verify(#","address":"203.0.113.5""#)
        #expect(try await verify(#","address":"203.0.113.5""#).field("reason") == "throttled")
        #expect(try await house.json(.post, "/auth/v1/api-keys/verify", #"{"key":"\#(key)"}"#, bearer: shop.session).status == .forbidden)
        await house.close()
    }

    @Test("support looks on, masked; who is removed leaves keys that are listed")
    func roles() async throws {
        let house = try await TestHouse(.sqlite)
        let shop = try await Shop(house)
        for (email, role) in [("sue@example.com", "support"), ("dev@example.com", "developer")] {
            try await house.makeAccount(email)
            let invited = try await house.json(
                .post, "/auth/v1/organizations/\(shop.organization)/invitations", #"{"email":"\#(email)","role":"\#(role)"}"#,
                bearer: shop.session)
            #expect(invited.status == .accepted, "\(invited.text)")
            let token = try await house.signIn(email)
            let waiting = try await house.send(.get, "/auth/v1/account/invitations", headers: [.authorization: "Bearer \(token)"])
            let id = waiting.text.firstMatch(of: /"id":"([^"]+)"/).map { String($0.1) } ?? ""
            #expect(try await house.json(.post, "/auth/v1/account/invitations/\(id)/accept", "{}", bearer: token).status == .noContent)
        }
        let sue = try await house.signIn("sue@example.com")
        let dev = try await house.signIn("dev@example.com")
        _ = try await shop.whoAmI(shop.key)
        let seen = try await house.send(.get, shop.place, headers: [.authorization: "Bearer \(sue)"])
        #expect(seen.status == .ok && !seen.text.contains(String(shop.key.suffix(4))) && !seen.text.contains("192.0.2.10"), "\(seen.text)")
        let people = try await house.send(
            .get, "/auth/v1/organizations/\(shop.organization)/members", headers: [.authorization: "Bearer \(sue)"])
        #expect(people.text.contains("a•••@example.com") && !people.text.contains("ada@example.com"))
        #expect(try await shop.make(#"{"name":"x"}"#, by: sue).status == .forbidden)
        // The developer makes a key, and that key makes another: both are known to them.
        let made = try await shop.make(#"{"name":"devs","scopes":["keys:write"]}"#, by: dev)
        _ = try await shop.make(#"{"name":"of devs"}"#, by: made.field("api_key", "key"))
        #expect(
            try await house.json(
                .post, "/auth/v1/organizations/\(shop.organization)/invitations", #"{"email":"x@example.com","role":"support"}"#,
                bearer: dev
            ).status == .forbidden)
        let account = try #require(try await house.account("dev@example.com"))
        let gone = try await house.send(
            .delete, "/auth/v1/organizations/\(shop.organization)/members/\(account.id)",
            headers: [.authorization: "Bearer \(shop.session)"])
        #expect(gone.status == .noContent)
        #expect(try await house.send(.get, shop.place, headers: [.authorization: "Bearer \(dev)"]).status == .notFound)
        let browser = TestBrowser(house)
        _ = try await browser.signIn("ada@example.com")
        let place = "/auth/account/organizations/\(shop.organization)/known/\(account.id)"
        let known = try await browser.get(place)
        #expect(known.text.contains("Rotate all 2") && known.text.contains("of devs") && !known.text.contains("First key"), "\(known.text)")
        let rotated = try await browser.submit(place, ["overlap": "0h"])
        #expect(rotated.text.matches(of: /pst_live_[0-9A-Za-z]{39}/).count >= 2)
        #expect(try await shop.whoAmI(made.field("api_key", "key")).reason == "api-key-revoked")
        await house.close()
    }
}

extension Sequence {
    fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async throws -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await transform(element)) }
        return values
    }
}
