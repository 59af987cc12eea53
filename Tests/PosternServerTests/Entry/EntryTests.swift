import HTTPTypes
import NetworkAddress
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

/// Apps on hosts of their own: the way in, and what is good where.
@Suite struct EntryTests {
    private static let portal = "https://id.example.org"

    private func house(_ engine: StoreUnderTest = .sqlite, rules: [String] = []) async throws -> TestHouse {
        let house = try await TestHouse(engine) {
            $0.publicURL = PublicURL(Self.portal) ?? $0.publicURL
            $0.trustedProxies = ["127.0.0.1"].compactMap { AddressRange($0) }
            for (name, host) in [("shop", "shop.example"), ("wiki", "wiki.test")] {
                var fields = AppFields(name: name, host: host)
                fields.rules = rules
                if let app = try? fields.app(portal: $0.publicURL) { $0.apps.append(app) }
            }
        }
        try await house.makeAccount("ada@example.com")
        return house
    }

    private func ask(
        _ house: TestHouse, _ host: String, _ path: String, _ headers: [String: String] = [:], method: HTTPRequest.Method = .get,
        peer: String = "127.0.0.1"
    ) async throws -> TestResponse {
        var fields: HTTPFields = [:]
        for (name, value) in headers { fields.append(HTTPField(name: try #require(HTTPField.Name(name)), value: value)) }
        return try await house.send(method, path, headers: fields, peer: peer, host: host)
    }

    private func gate(_ house: TestHouse, _ url: String, _ headers: [String: String] = [:]) async throws -> TestResponse {
        try await ask(house, "127.0.0.1:8080", "/auth/request", headers.merging(["X-Original-URL": url]) { $1 })
    }

    private func cookie(_ answer: TestResponse, _ name: String) -> String {
        answer.headers[values: .setCookie].first { $0.hasPrefix(name + "=") }?.split(separator: ";").first.map {
            String($0.dropFirst(name.count + 1))
        } ?? ""
    }

    /// As if the first way round had begun this second: on a busy machine three of them take longer than ten.
    private func fresh(_ cookie: String) -> String {
        var parts = cookie.split(separator: ".").map(String.init)
        if parts.count == 4 { parts[1] = "\(Timestamp.now().secondsSinceEpoch)" }
        return parts.joined(separator: ".")
    }

    /// Walks from an app's host to the portal and back; gives the app's session and what the ticket's link was.
    private func enter(
        _ house: TestHouse, _ host: String, portalSession: String, to path: String = "/page?x=1"
    ) async throws -> (session: String, link: String, state: String) {
        let begin = try await ask(house, host, "/auth/begin?return_to=\(percentEncoded(path))", ["Sec-Fetch-Mode": "navigate"])
        #expect(begin.status == .found)
        let state = cookie(begin, "__Host-postern-begin")
        let ticketURL = try #require(begin.headers[.location])
        #expect(ticketURL.hasPrefix(Self.portal + "/auth/ticket?app="))
        let ticket = try await ask(
            house, "id.example.org", String(ticketURL.dropFirst(Self.portal.count)), ["Cookie": "__Host-postern=\(portalSession)"])
        let link = try #require(ticket.headers[.location])
        #expect(link.hasPrefix("https://\(host)/auth/enter?ticket="))
        #expect(ticket.headers[.cacheControl] == "no-store" && ticket.headers[.referrerPolicy] == "no-referrer")
        let local = String(link.dropFirst("https://\(host)".count))
        let entered = try await ask(house, host, local, ["Cookie": "__Host-postern-begin=\(state)"])
        #expect(entered.headers[.location] == path)
        #expect(entered.headers[.cacheControl] == "no-store" && entered.headers[.referrerPolicy] == "no-referrer")
        return (cookie(entered, "__Host-postern-app"), local, state)
    }

    @Test(
        "one sign-in opens two unrelated hosts, each with a session of its own that is good nowhere else; signing out ends all",
        arguments: StoreUnderTest.allCases)
    func walk(engine: StoreUnderTest) async throws {
        let house = try await house(engine)
        let token = try await house.signIn("ada@example.com")
        let shop = try await enter(house, "shop.example", portalSession: token).session
        let wiki = try await enter(house, "wiki.test", portalSession: token).session
        #expect(!shop.isEmpty && !wiki.isEmpty)
        for (host, good, other) in [("shop.example", shop, wiki), ("wiki.test", wiki, shop)] {
            let allowed = try await gate(house, "https://\(host)/x", ["Cookie": "__Host-postern-app=\(good)"])
            #expect(allowed.status == .ok && allowed.headers[.remoteUser]?.hasPrefix("ada-") == true)
            #expect(try await gate(house, "https://\(host)/x", ["Cookie": "__Host-postern-app=\(other)"]).status == .unauthorized)
            #expect(try await gate(house, "https://\(host)/x", ["Cookie": "__Host-postern=\(token)"]).status == .unauthorized)
            #expect(try await gate(house, "https://\(host)/x", ["Authorization": "Bearer \(good)"]).status == .unauthorized)
        }
        #expect(
            try await gate(house, "https://other.example/x", ["Authorization": "Bearer \(token)"]).headers[.posternReason] == "unknown-app")
        let dump = try await house.dump()
        for secret in [shop, wiki, token] { #expect(!dump.contains(secret)) }
        // Signing out on one app's host.
        let page = try await ask(house, "shop.example", "/auth/sign-out", ["Cookie": "__Host-postern-app=\(shop)"])
        let form = try #require(page.text.firstMatch(of: /name="form_token" value="([^"]+)"/)?.1)
        let out = try await house.send(
            .post, "/auth/sign-out",
            headers: [
                .cookie: "__Host-postern-app=\(shop)", .contentType: "application/x-www-form-urlencoded", .secFetchSite: "same-origin",
            ], body: Array("form_token=\(form)".utf8), peer: "127.0.0.1", host: "shop.example")
        #expect(out.status == .seeOther)
        #expect(try await gate(house, "https://shop.example/x", ["Cookie": "__Host-postern-app=\(shop)"]).status == .unauthorized)
        #expect(try await gate(house, "https://wiki.test/x", ["Cookie": "__Host-postern-app=\(wiki)"]).status == .unauthorized)
        #expect(try await house.send(.get, "/auth/v1/session", headers: [.authorization: "Bearer \(token)"]).status == .unauthorized)
        await house.close()
    }

    @Test("a ticket is used once of many at once, on its host, in its browser, within 30 seconds", arguments: StoreUnderTest.allCases)
    func tickets(engine: StoreUnderTest) async throws {
        let house = try await house(engine)
        let account = try await house.makeAccount("bob@example.com")
        let session = try await house.openSession(for: account)
        let listing = try await house.server.directory.current()
        let (shop, wiki) = (try #require(listing.app(named: "shop")), try #require(listing.app(named: "wiki")))
        let flow = EnterApp(store: house.store, random: .system)
        let live = LiveSession(
            id: session, account: account, role: .member, expiresAt: .now() + .seconds(60), idle: nil, readAt: .now(), assurance: .aal1,
            username: "", email: "", name: "", groups: [])
        let client = Client(address: .unknown, browser: "")
        let state = Token(random: Randomness.system.bytes(32))
        let now = Timestamp.now()
        func issue() async throws -> Token {
            try await flow.issue(
                for: live, to: shop, stateHash: state.hash(for: NewTicket.statePurpose), returnTo: "/x", now: now)
        }
        func isEntered(_ ticket: Token, _ app: ServedApp, _ state: Token?, _ time: Timestamp) async throws -> Bool {
            if case .entered = try await flow.redeem(ticket, at: app, state: state, client: client, now: time) { true } else { false }
        }
        let ticket = try await issue()
        #expect(try await !isEntered(ticket, wiki, state, now))
        #expect(try await !isEntered(ticket, shop, nil, now))
        #expect(try await !isEntered(ticket, shop, Token(random: Randomness.system.bytes(32)), now))
        #expect(try await !isEntered(ticket, shop, state, now + .seconds(30)))
        #expect(try await isEntered(ticket, shop, state, now + .seconds(29)))
        #expect(try await !isEntered(ticket, shop, state, now))
        let raced = try await issue()
        let wins = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<200 { group.addTask { try await isEntered(raced, shop, state, now) } }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(wins == 1)
        let orphan = try await issue()
        try await house.store.write { (transaction) throws(StoreError) in _ = try transaction.endSession(session, of: account, now: now) }
        #expect(try await !isEntered(orphan, shop, state, now))
        await house.close()
    }

    @Test("on an app's host nothing answers but the way in and out: pages lead to the portal, calls are refused, with whatever session")
    func doors() async throws {
        let house = try await house()
        let token = try await house.signIn("ada@example.com")
        let session = try await enter(house, "shop.example", portalSession: token).session
        for route in house.server.routes where route.surface != .plain {
            for cookie in ["__Host-postern-app=\(session)", "__Host-postern=\(token)", "__Host-postern=\(session)"] {
                let path = route.path.replacing(/\{\w+\}/) { _ in "x" }
                let answer = try await ask(house, "shop.example", path, ["Cookie": cookie, "Accept": "text/html"], method: route.method)
                let name = "\(route.method) \(route.path)"
                if route.place == .apps {
                    #expect(["/auth/begin", "/auth/enter", "/auth/sign-out"].contains(route.path), "\(name)")
                } else if route.surface == .page, !route.isUnsafe {
                    let location = answer.headers[.location] ?? ""
                    #expect(answer.status == .seeOther, "\(name)")
                    #expect(location.hasPrefix(Self.portal + "/auth") || location == Self.portal + path || path == "/", "\(name)")
                } else {
                    #expect(answer.status == .misdirectedRequest, "\(name)")
                }
            }
            // On the portal an app's session is nobody's.
            if route.access != .anyone, !route.isUnsafe {
                let path = route.path.replacing(/\{\w+\}/) { _ in "x" }
                for headers in [
                    ["Cookie": "__Host-postern=\(session)"], ["Cookie": "__Host-postern-app=\(session)"],
                    ["Authorization": "Bearer \(session)"],
                ] {
                    let answer = try await ask(house, "id.example.org", path, headers)
                    #expect([.seeOther, .unauthorized].contains(answer.status), "\(route.path)")
                    if answer.status == .seeOther { #expect(answer.headers[.location]?.hasPrefix("/auth/sign-in") == true) }
                }
            }
        }
        await house.close()
    }

    @Test("rules: bypass opens a plain path to all, with every header empty; aal2 asks for a second factor; a group for its people")
    func rules() async throws {
        let house = try await house(rules: ["/open/* bypass", "/vault/* aal2", "/staff/* group:staff"])
        let token = try await house.signIn("ada@example.com")
        let bearer = ["Authorization": "Bearer \(token)"]
        let open = try await gate(house, "https://shop.example/open/x")
        #expect(open.status == .ok)
        for name in Gateway.identityHeaders { #expect(open.headers[try #require(HTTPField.Name(name))] == "", "\(name)") }
        #expect(try await gate(house, "https://shop.example/open/x", ["Remote_User": "x"]).headers[.posternReason] == "header-alias")
        for odd in ["/open//x", "/open/%2e%2e/x", "/open/;x", "/open/a\\b", "/open/%2Fx", "/open/%252e", "/open/../vault/x"] {
            #expect(try await gate(house, "https://shop.example\(odd)").status == .unauthorized, "\(odd)")
            // Signed in, it must meet every rule of the app.
            #expect(try await gate(house, "https://shop.example\(odd)", bearer).status == .forbidden, "\(odd)")
        }
        let allowed = try await gate(house, "https://shop.example/x", bearer)
        #expect(allowed.status == .ok && allowed.headers[.authorization] == "")
        #expect(try await gate(house, "https://shop.example/vault/x", bearer).headers[.posternReason] == "second-factor-required")
        #expect(try await gate(house, "https://shop.example/staff/x", bearer).headers[.posternReason] == "not-allowed")
        let foreign = try await gate(house, "https://shop.example/open/x", ["Authorization": "Basic YTpi"])
        #expect(foreign.headers[.authorization] == "Basic YTpi")
        let vault = try await gate(house, "https://shop.example/vault/x", ["Sec-Fetch-Mode": "navigate"])
        #expect(vault.headers[.posternSignIn] == "https://shop.example/auth/begin?return_to=%2Fvault%2Fx")
        await house.close()
    }

    @Test("Envoy's contract: any method, any path behind ours")
    func envoy() async throws {
        let house = try await house(rules: ["/open/* bypass"])
        let token = try await house.signIn("ada@example.com")
        for method in [HTTPRequest.Method.get, .post, .put, .delete, .options, .patch] {
            #expect(
                try await ask(house, "shop.example", "/auth/envoy/a?b", ["Authorization": "Bearer \(token)"], method: method).status == .ok)
            #expect(try await ask(house, "shop.example", "/auth/envoy/open/a", method: method).status == .ok)
            let refused = try await ask(house, "shop.example", "/auth/envoy/open//a", method: method)
            #expect(refused.status == .unauthorized && refused.field("sign_in_url").hasPrefix("https://shop.example/auth/begin"))
        }
        let led = try await ask(house, "shop.example", "/auth/envoy/a?b=1", ["Sec-Fetch-Mode": "navigate"], method: .post)
        #expect(led.status == .seeOther && led.headers[.location] == "https://shop.example/auth/begin?return_to=%2F")
        #expect(try await ask(house, "shop.example", "/auth/envoy/open/a", peer: "192.0.2.9").status == .forbidden)
        await house.close()
    }

    @Test("what is sent to break in: no request ends the process, opens a tunnel, or is judged as the front page")
    func breakingIn() async throws {
        let house = try await house(rules: ["/ bypass"])
        let mark = String(repeating: "A", count: 43)
        for cookie in ["a=1;=", "=", ";", "=;=;=", "", " = ", "a"] {
            for name in ["\(mark).1", "\(mark).1.pass", "\(mark)..", "..", "\(mark).9999999999999999999", "\(mark).-1"] {
                #expect(try await gate(house, "https://shop.example/x", ["Postern-Check": name, "Cookie": cookie]).status == .unauthorized)
            }
        }
        let forwarded = ["X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example"]
        #expect(try await ask(house, "postern", "/auth/forward", forwarded.merging(["X-Forwarded-Uri": "/"]) { $1 }).status == .ok)
        #expect(try await ask(house, "postern", "/auth/forward", forwarded).status == .unauthorized)
        let tunnel = forwarded.merging(["X-Forwarded-Uri": "/", "X-Forwarded-Method": "CONNECT"]) { $1 }
        #expect(try await ask(house, "postern", "/auth/forward", tunnel).status == .forbidden)
        #expect(try await gate(house, "https://shop.example/", ["Upgrade": "h2c"]).status == .forbidden)
        #expect(try await gate(house, "https://shop.example/", ["Upgrade": "WebSocket"]).status == .ok)
        for host in [
            "shop.example/public", "shop.example?", "a@shop.example", "shop.example, wiki.test", "shop.example#",
            "shop.example\\",
        ] {
            let asked = ["X-Forwarded-Host": host, "X-Forwarded-Uri": "/"]
            #expect(try await ask(house, "postern", "/auth/forward", asked).status == .forbidden, "\(host)")
        }
        await house.close()
    }

    @Test("removing the last app opens nothing", arguments: StoreUnderTest.allCases)
    func lastApp(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine) { $0.trustedProxies = ["127.0.0.1"].compactMap { AddressRange($0) } }
        try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        let bearer = ["Authorization": "Bearer \(token)"]
        #expect(try await gate(house, "http://127.0.0.1:8080/x", bearer).status == .ok)
        #expect(try await gate(house, "http://127.0.0.1:9090/x", bearer).status == .forbidden)
        var fields = AppFields(name: "own", host: "http://127.0.0.1:8080")
        fields.rules = ["/* group:staff"]
        let app = try fields.app(portal: house.server.settings.publicURL)
        try await house.store.write { (transaction) throws(StoreError) in _ = try transaction.addApp(app, now: .now()) }
        try await house.server.directory.load()
        #expect(try await gate(house, "http://127.0.0.1:8080/x", bearer).headers[.posternReason] == "not-allowed")
        try await house.store.write { (transaction) throws(StoreError) in _ = try transaction.removeApp("own") }
        try await house.server.directory.load()
        #expect(try await gate(house, "http://127.0.0.1:8080/x", bearer).headers[.posternReason] == "unknown-app")
        await house.close()
    }

    @Test("a domain's cookie is no session of the host that has the domain's name")
    func domainAndHost() throws {
        let portal = try #require(PublicURL(Self.portal))
        let apex = try AppFields(name: "apex", host: "example.org").app(portal: portal)
        var fields = AppFields(name: "wiki", host: "wiki.example.org")
        fields.cookieDomain = "example.org"
        let wiki = try fields.app(portal: portal)
        #expect(apex.sessionPlace != wiki.sessionPlace)
        let text = Array(Token(random: Array(0..<32)).text.exposed.utf8)
        let tokens = [apex, wiki].map { SessionToken(text: text, app: ServedApp($0, isConfigured: false).sessionPurpose) }
        #expect(try #require(tokens[0]).hash != #require(tokens[1]).hash)
    }

    @Test("the third way round within ten seconds stops, and says why; other pages don't count")
    func loops() async throws {
        let house = try await house()
        var cookie = ""
        for round in 1...3 {
            let answer = try await ask(
                house, "shop.example", "/auth/begin?return_to=%2Fa",
                ["Sec-Fetch-Mode": "navigate", "Cookie": "__Host-postern-begin=\(cookie)"])
            #expect(answer.status == (round < 3 ? .found : .forbidden))
            if round == 3 { #expect(answer.text.contains("goes round in circles") && answer.text.contains("postern check")) }
            if round < 3 { cookie = fresh(self.cookie(answer, "__Host-postern-begin")) }
        }
        #expect(
            try await ask(
                house, "shop.example", "/auth/begin?return_to=%2Fb",
                ["Sec-Fetch-Mode": "navigate", "Cookie": "__Host-postern-begin=\(cookie)"]
            ).status == .found)
        // Also where the way in finds nothing wrong, and only the proxy's own question does.
        let token = try await house.signIn("ada@example.com")
        for round in 1...3 {
            let answer = try await ask(
                house, "shop.example", "/auth/begin?return_to=%2Fc",
                ["Sec-Fetch-Mode": "navigate", "Authorization": "Bearer \(token)", "Cookie": "__Host-postern-begin=\(cookie)"])
            #expect(answer.status == (round < 3 ? .seeOther : .forbidden))
            if round < 3 { cookie = fresh(self.cookie(answer, "__Host-postern-begin")) }
        }
        let gone = try await ask(house, "shop.example", "/auth/enter?ticket=" + String(repeating: "A", count: 43), ["Accept": "text/html"])
        #expect(gone.status == .forbidden && gone.text.contains("didn’t come back"))
        let wrong = try await ask(house, "elsewhere.example", "/auth/sign-in", ["Accept": "text/html"])
        #expect(
            wrong.text.contains("elsewhere.example") && wrong.text.contains("https://id.example.org") && wrong.text.contains("public-url"))
        let lost = try await ask(
            house, "shop.example", "/auth/begin?tls=1&return_to=%2F", ["Sec-Fetch-Mode": "navigate", "X-Forwarded-Proto": "http"])
        #expect(lost.text.contains("X-Forwarded-Proto"))
        await house.close()
    }

    @Test("a state cookie is read strictly")
    func state() {
        let token = Token(random: Array(repeating: 7, count: 32))
        let text = token.text.exposed
        #expect(EntryState(text: Array("\(text).1.1.a".utf8)) != nil)
        for bad in [
            "", text, "\(text).1.1", "\(text).x.1.a", "\(text).1.-1.a", "\(text).1.10.a", "A.1.1.a", "\(text).1.1.a.b",
            "\(text).99999999999999999999.1.a",
        ] {
            #expect(EntryState(text: Array(bad.utf8)) == nil, "\(bad)")
        }
    }

    @Test("an app of a shared domain gets a cookie of that domain from the portal, good for its gateway alone")
    func cookieDomain() async throws {
        let house = try await TestHouse(.sqlite) {
            $0.publicURL = PublicURL(Self.portal) ?? $0.publicURL
            $0.trustedProxies = ["127.0.0.1"].compactMap { AddressRange($0) }
            var fields = AppFields(name: "old", host: "old.example.org")
            fields.cookieDomain = "example.org"
            if let app = try? fields.app(portal: $0.publicURL) { $0.apps = [app] }
        }
        try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        let led = try await gate(house, "https://old.example.org/x", ["Sec-Fetch-Mode": "navigate"])
        let link = try #require(led.headers[.posternSignIn])
        #expect(link.hasPrefix("https://id.example.org/auth/ticket?app=old&"))
        let given = try await ask(house, "id.example.org", String(link.dropFirst(Self.portal.count)), ["Cookie": "__Host-postern=\(token)"])
        #expect(given.headers[.location] == "https://old.example.org/x")
        let line = try #require(given.headers[values: .setCookie].first { $0.hasPrefix("__Secure-postern-app=") })
        #expect(line.contains("Domain=example.org") && line.contains("Secure") && line.contains("HttpOnly"))
        let session = cookie(given, "__Secure-postern-app")
        #expect(try await gate(house, "https://old.example.org/x", ["Cookie": "__Secure-postern-app=\(session)"]).status == .ok)
        #expect(try await ask(house, "id.example.org", "/auth/account", ["Cookie": "__Host-postern=\(session)"]).status == .seeOther)
        await house.close()
    }
}
