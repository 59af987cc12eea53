import Storage
import Support
import Testing

@testable import PosternServer

@Suite struct AppsTests {
    private func fields(_ change: (inout AppFields) -> Void = { _ in }) -> AppFields {
        var fields = AppFields(name: "shop", host: "shop.example.org")
        change(&fields)
        return fields
    }

    private func portal(_ url: String = "https://id.example.org") throws -> PublicURL { try #require(PublicURL(url)) }

    @Test(
        "HT-15: what two programs may read in two ways is no normal path",
        arguments: [
            "//a", "/a//b", "/a/./b", "/a/../b", "/a/..", "/.", "/a;x", "/a;x/b", "/a\\b", "/a%2fb", "/a%2Fb", "/%2e%2e/a", "/a%2E",
            "/a%5cb",
            "/a%3bx", "/a%25b", "/a%252fb", "/a%00", "/a%0a", "/a%09", "/%61dmin", "/a%7e", "/a%", "/a%2", "/a%zz", "a", "", "*",
            "http://x/a",
            "/ä", "/%ff", "/%c0%ae", "/a b", "/a\u{7f}", "/a#b", "/a%2D", "/a%5F", "/a/%2e", "/a/..%2fb", "/a%3fb", "/...", "/a./b",
            "/a%20/b", "/a.", "/..%20/a",
            "/%20/a",
        ])
    func notNormal(target: String) { #expect(!RequestPath(target: target).isNormal) }

    @Test(
        "a plain path is read once, without its query",
        arguments: [
            ("/", "/"), ("/a/b", "/a/b"), ("/a/b/", "/a/b/"), ("/a?x=//..;", "/a"), ("/caf%C3%A9", "/café"), ("/a%20b", "/a b"),
            ("/a:b@c,d", "/a:b@c,d"),
            ("/..a", "/..a"), ("/a.b", "/a.b"), ("/%40a", "/@a"), ("/a?", "/a"), ("/.well-known/x", "/.well-known/x"),
        ])
    func normal(target: String, text: String) {
        let path = RequestPath(target: target)
        #expect(path.isNormal)
        #expect(path.text == text)
    }

    @Test("the first rule that fits counts; the rest asks for a sign-in; an odd path must meet them all and is never open")
    func rules() throws {
        let app = try fields {
            $0.rules = [
                "/ bypass", "/public/* bypass", "/public/secret aal2", "/admin/* group:staff", "/admin/keys/* aal2", "/Open bypass",
            ]
        }.app(portal: portal())
        func needs(_ target: String) -> Requirements { app.requirements(for: RequestPath(target: target)) }
        #expect(needs("/") == Requirements(.bypass))
        #expect(needs("/public") == Requirements(.bypass))
        #expect(needs("/public/a/b?x") == Requirements(.bypass))
        #expect(needs("/public/secret") == Requirements(.bypass))
        #expect(needs("/publicity") == Requirements(.signedIn))
        #expect(needs("/admin/keys/1") == Requirements(.group(try #require(GroupName("staff")))))
        // What guards goes by any case, what opens by exact letters.
        #expect(needs("/ADMIN/x") == needs("/admin/x"))
        #expect(needs("/open") == Requirements(.signedIn) && needs("/Open") == Requirements(.bypass))
        // A mark that joins the slash before it makes no other path (U+0301, U+200D, U+FE0F).
        for mark in ["%CC%81", "%E2%80%8D", "%EF%B8%8F"] {
            #expect(needs("/admin/\(mark)x") == needs("/admin/x"))
            #expect(needs("/public/\(mark)x") == Requirements(.bypass))
            #expect(needs("/publi%63\(mark)/x").signedIn)
        }
        let strictest = needs("/public/%2e%2e/admin")
        #expect(strictest.signedIn && strictest.aal2 && strictest.groups.map(\.text) == ["staff"])
        #expect(try fields { $0.rules = ["/* bypass"] }.app(portal: portal()).requirements(for: RequestPath(target: "/a//b")).signedIn)
    }

    @Test("what an app can't be is refused with key and what is allowed")
    func refused() throws {
        let portal = try portal()
        func expect(_ key: String, _ change: (inout AppFields) -> Void) {
            #expect { try fields(change).app(portal: portal) } throws: { ($0 as? AppFields.Problem)?.key == key }
        }
        for name in ["Shop!", "admin", "", "a b"] { expect("name") { $0.name = name } }
        for host in ["", "http://shop.example.org", "shop.example.org/path", "a@b.org", "shop.example.org:0"] {
            expect("host") { $0.host = host }
        }
        for identity in ["nickname", "local-part"] { expect("identity") { $0.identity = identity } }
        expect("identity") { ($0.identity, $0.emailDomains) = ("local-part", ["a.org", "b.org"]) }
        expect("email-domains") { $0.emailDomains = ["nodot"] }
        expect("groups") { $0.groups = ["Staff"] }
        expect("groups") { $0.groups = (0..<100).map { "a-group-with-a-long-name-\($0)" } }
        expect("groups-separator") { $0.separator = "||" }
        expect("letters") { $0.letters = "latin1" }
        for rule in ["/a", "a bypass", "/a* bypass", "/a/*/b bypass", "/a//b bypass", "/a open", "/a group:A", "/a%2fb bypass"] {
            expect("rules") { $0.rules = [rule] }
        }
        for domain in ["org", "github.io", "other.org"] { expect("cookie-domain") { $0.cookieDomain = domain } }
        expect("cookie-domain") { ($0.host, $0.cookieDomain) = ("a.co.uk", "co.uk") }
        expect("key-header") { $0.keyHeader = "X-Key" }
        expect("key-header") { ($0.keys, $0.keyHeader) = (["personal"], "Remote-User") }
        expect("key-header") { ($0.keys, $0.keyHeader) = (["personal"], "Cookie") }
        expect("keys") { $0.keys = ["yes"] }
        expect("key-scopes") { ($0.keys, $0.keyScopes) = (["guest"], ["*"]) }
        expect("key-scopes") { $0.keyScopes = ["orders:read"] }
    }

    @Test("a cookie domain reaches from the portal to the app, and is nobody else's")
    func cookieDomain() throws {
        let app = try fields { $0.cookieDomain = "Example.org" }.app(portal: portal())
        #expect(app.cookieDomain == "example.org")
        #expect(isPublicSuffix("co.uk") && isPublicSuffix("github.io") && isPublicSuffix("org") && !isPublicSuffix("example.org"))
    }

    @Test("an app is told of a person in the form it takes, and a stranger to its domain stays outside")
    func identity() throws {
        func user(_ identity: String, _ domains: [String] = [], _ email: String = "Ada@a.org") throws -> String? {
            try fields {
                $0.identity = identity; $0.emailDomains = domains
            }.app(portal: portal()).user(id: "1", username: "ada-1", email: email)
        }
        #expect(try user("username") == "ada-1")
        #expect(try user("email") == "Ada@a.org")
        #expect(try user("id") == "1")
        #expect(try user("local-part", ["a.org"]) == "ada")
        #expect(try user("local-part", ["a.org"], "ada@b.org") == nil)
        #expect(try user("username", ["b.org"]) == nil)
        let app = try fields {
            $0.groups = ["staff", "a-team"]; $0.separator = "|"
        }.app(portal: portal())
        #expect(app.groups(of: "a-team,secret,staff") == "a-team|staff")
        #expect(App(name: "x", origin: try portal()).groups(of: String(repeating: "a", count: 801)) == nil)
    }

    @Test("what an app's row holds comes back as it was", arguments: StoreUnderTest.allCases)
    func stored(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let app = try fields {
            $0.identity = "local-part"; $0.emailDomains = ["a.org"]; $0.groups = ["staff"]; $0.separator = ";"; $0.letters = "utf-8"
            $0.rules = ["/x bypass", "/y/* group:staff"]; $0.cookieDomain = "example.org"; $0.keys = ["guest", "personal"];
            $0.keyScopes = ["b:write", "a:read"]; $0.keyHeader = "X-Key"
        }.app(portal: portal())
        let plain = try AppFields(name: "wiki", host: "wiki.test:8443").app(portal: portal())
        try await house.store.write { (transaction) throws(StoreError) in
            #expect(try transaction.addApp(app, now: .now()))
            #expect(try transaction.addApp(plain, now: .now()))
            #expect(try !transaction.addApp(app, now: .now()))
            #expect(try transaction.apps() == [app, plain])
            #expect(try transaction.removeApp("wiki"))
            #expect(try !transaction.removeApp("wiki"))
        }
        let listing = try await house.server.directory.load()
        #expect(listing.app(at: "SHOP.example.org:443")?.app == app)
        #expect(listing.app(at: "wiki.test:8443") == nil)
        await house.close()
    }

    @Test("LG-22: a username is plain, nobody else's, no reserved name, no app's, and looks like none of them")
    func usernames() throws {
        for bad in [
            "", "Ada", "a@b", "1ada", "-ada", "ada-", "a--b", "admin", "adm1n", "r00t", "r-oot", "sh0p", String(repeating: "a", count: 41),
            "аda",
        ] {
            #expect(Username(choosing: bad, appNames: ["shop"]) == nil, "\(bad)")
        }
        #expect(Username(choosing: "ada", appNames: ["shop"])?.text == "ada")
        #expect(Username.folded("modern-1vv0") == Username.folded("modem-lwo"))
    }

    @Test("AZ-08: a username that somebody had, or one like it, is never another's", arguments: StoreUnderTest.allCases)
    func reuse(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let (ada, bob) = (try await house.makeAccount("ada@example.com"), try await house.makeAccount("bob@example.com"))
        let administer = house.administer
        func change(_ id: Account.ID, _ name: String) async throws -> AdministerAccount.Outcome {
            let username = try #require(Username(choosing: name, appNames: []))
            return try await administer.perform(.changeUsername(username), on: id, by: .commandLine, now: .now())
        }
        #expect(try await change(ada, "lovelace") == .done)
        #expect(try await change(bob, "lovelace") == .usernameTaken)
        #expect(try await change(bob, "1ovelace".replacing("1", with: "i")) == .usernameTaken)
        #expect(try await change(ada, "countess") == .done)
        #expect(try await change(bob, "lovelace") == .usernameTaken)
        #expect(try await change(ada, "lovelace") == .done)
        #expect(try await administer.perform(.delete, on: ada, by: .commandLine, now: .now()) == .done)
        #expect(try await change(bob, "countess") == .usernameTaken)
        await house.close()
    }
}
