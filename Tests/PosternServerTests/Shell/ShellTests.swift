import HTTPTypes
import NetworkAddress
import Support
import Testing

@testable import PosternServer

@Suite struct ShellTests {
    @Test(
        "WF-01, WF-03: a form counts only from a page of ours with its token",
        arguments: [
            ("cross-site", nil, true, false), ("same-site", nil, true, false), ("none", nil, true, false), ("same-origin", nil, true, true),
            ("same-origin", nil, false, false),
            (nil, "http://127.0.0.1:8080", true, true), (nil, "http://localhost:8080", true, true),
            (nil, "http://evil.example", true, false), (nil, "null", true, false),
            (nil, "https://127.0.0.1:8080", true, false), (nil, nil, true, false), ("cross-site", "http://127.0.0.1:8080", true, false),
        ] as [(String?, String?, Bool, Bool)])
    func crossSite(site: String?, origin: String?, hasToken: Bool, isAccepted: Bool) async throws {
        let house = try await TestHouse(.sqlite)
        try await house.makeAccount("ada@example.com")
        let browser = TestBrowser(house)
        let token = TestBrowser.formToken(try await browser.get("/auth/sign-in").text)
        var headers: HTTPFields = [
            .contentType: "application/x-www-form-urlencoded", .cookie: "postern-browser=\(browser.cookies["postern-browser"] ?? "")",
        ]
        headers[.secFetchSite] = site
        headers[.origin] = origin
        let body = "email=ada%40example.com&password=correct+horse+battery" + (hasToken ? "&form_token=\(token)" : "")
        let answer = try await house.send(.post, "/auth/sign-in", headers: headers, body: Array(body.utf8))
        #expect(answer.status == (isAccepted ? .seeOther : .forbidden))
        #expect(answer.headers[values: .setCookie].contains { $0.hasPrefix("postern=") } == isAccepted)
        await house.close()
    }

    @Test("a form's token is no token of another browser or session")
    func tokenBinding() async throws {
        let house = try await TestHouse(.sqlite)
        try await house.makeAccount("ada@example.com")
        let (mine, theirs) = (TestBrowser(house), TestBrowser(house))
        let foreign = TestBrowser.formToken(try await theirs.get("/auth/sign-in").text)
        _ = try await mine.get("/auth/sign-in")
        let answer = try await mine.post(
            "/auth/sign-in", ["email": "ada@example.com", "password": TestHouse.password, "form_token": foreign])
        #expect(answer.status == .forbidden)
        await house.close()
    }

    @Test("the JSON calls: content type, cookie with token, bearer without")
    func json() async throws {
        let house = try await TestHouse(.sqlite)
        try await house.makeAccount("ada@example.com")
        let body = Array(#"{"email":"ada@example.com","password":"correct horse battery"}"#.utf8)
        for type in [nil, "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "multipart/form-data"] {
            var headers = HTTPFields()
            headers[.contentType] = type
            #expect(try await house.send(.post, "/auth/v1/sign-in", headers: headers, body: body).status == .unsupportedMediaType)
        }
        let signedIn = try await house.send(
            .post, "/auth/v1/sign-in", headers: [.contentType: "application/json; charset=utf-8"], body: body)
        #expect(signedIn.field("next") == "done")
        #expect(signedIn.headers[.setCookie] == nil)
        #expect(signedIn.headers[.accessControlAllowOrigin] == nil)
        let token = signedIn.field("session", "token")
        let cookie = "postern=\(token)"
        let rename = #"{"name":"Ada"}"#
        func patch(_ extra: HTTPFields) async throws -> HTTPResponse.Status {
            var headers: HTTPFields = [.contentType: "application/json"]
            for field in extra { headers[field.name] = field.value }
            return try await house.send(.patch, "/auth/v1/account", headers: headers, body: Array(rename.utf8)).status
        }
        #expect(try await patch([.authorization: "Bearer \(token)"]) == .ok)
        #expect(try await patch([.cookie: cookie]) == .forbidden)
        #expect(try await patch([.cookie: cookie, .secFetchSite: "same-origin"]) == .forbidden)
        let csrf = try await house.send(.get, "/auth/v1/session", headers: [.cookie: cookie]).field("csrf_token")
        #expect(try await patch([.cookie: cookie, .secFetchSite: "same-origin", .csrfToken: csrf]) == .ok)
        #expect(try await patch([.cookie: cookie, .secFetchSite: "cross-site", .csrfToken: csrf]) == .forbidden)
        // A bearer token that is none hides the cookie: the call is not quietly another's.
        #expect(
            try await patch([.authorization: "Bearer x", .cookie: cookie, .secFetchSite: "same-origin", .csrfToken: csrf]) == .unauthorized)
        await house.close()
    }

    @Test(
        "WF-04, WF-05: every kind of answer carries the security headers",
        arguments: [
            "/auth/sign-in", "/auth/nothing", "/auth/v1/session", "/auth/health", "/auth/assets/postern.css", "/auth/account",
            "/auth/confirm", "/",
        ])
    func securityHeaders(path: String) async throws {
        let house = try await TestHouse(.sqlite)
        let answer = try await TestBrowser(house).get(path)
        let policy = try #require(answer.headers[.contentSecurityPolicy])
        for directive in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"] {
            #expect(policy.contains(directive))
        }
        #expect(!policy.contains("unsafe"))
        #expect(answer.headers[.named("X-Content-Type-Options")] == "nosniff")
        #expect(answer.headers[.named("X-Frame-Options")] == "DENY")
        #expect(["same-origin", "no-referrer"].contains(answer.headers[.named("Referrer-Policy")]))
        #expect(answer.headers[.named("Cross-Origin-Opener-Policy")] == "same-origin")
        if answer.headers[.contentType]?.hasPrefix("text/html") == true {
            let text = answer.text.replacing(#"<script src="/auth/assets/postern.js" defer></script>"#, with: "")
            #expect(!text.contains("style=") && !text.contains("<script") && !text.contains("http://") && !text.contains("https://"))
            #expect(answer.headers[.cacheControl] == "no-store")
        }
        await house.close()
    }

    @Test("HT-06: limits of body and URI", arguments: [(65_536, 401), (65_537, 413)])
    func bodyLimit(size: Int, status: Int) async throws {
        let house = try await TestHouse(.sqlite)
        let head = #"{"email":"ada@example.com","password":"x"}"#
        let body = head + String(repeating: " ", count: size - head.utf8.count)
        #expect(try await house.json(.post, "/auth/v1/sign-in", body).status.code == status)
        await house.close()
    }

    @Test("HT-06: a target of 4,096 bytes is read, one more is not")
    func uriLimit() async throws {
        let house = try await TestHouse(.sqlite)
        let path = "/auth/sign-in?x="
        #expect(try await house.send(.get, path + String(repeating: "a", count: 4_096 - path.count)).status == .ok)
        #expect(try await house.send(.get, path + String(repeating: "a", count: 4_097 - path.count)).status == .uriTooLong)
        await house.close()
    }

    @Test(
        "HT-15: another spelling of a path is another path",
        arguments: [
            "//auth/sign-in", "/auth//sign-in", "/auth/sign-in/", "/auth/./sign-in", "/auth/../auth/sign-in", "/auth/%73ign-in",
            "/auth/sign-in;x", "/auth/sign-in%00", "/AUTH/sign-in", "/auth/sign-in\\",
            "auth/sign-in", "", "*", "http://127.0.0.1:8080/auth/sign-in", "/auth/sign%2din", "/auth/sign-in%20", "/auth/\u{FFFD}",
        ])
    func paths(path: String) async throws {
        let house = try await TestHouse(.sqlite)
        #expect(try await house.send(.get, path).status == .notFound)
        await house.close()
    }

    @Test(
        "HT-09: a method that a path doesn't know is 405 and says which it knows",
        arguments: [
            (HTTPRequest.Method.put, "/auth/sign-in", "GET, HEAD, POST"), (.delete, "/auth/sign-in", "GET, HEAD, POST"),
            (.trace, "/auth/sign-in", "GET, HEAD, POST"),
            (.put, "/auth/sign-out", "GET, HEAD, POST"), (.get, "/auth/v1/sign-in", "POST"), (.post, "/auth/health", "GET, HEAD"),
            (.options, "/auth/v1/session", "DELETE, GET, HEAD"),
        ])
    func methods(method: HTTPRequest.Method, path: String, allow: String) async throws {
        let house = try await TestHouse(.sqlite)
        let answer = try await house.send(method, path)
        #expect(answer.status == .methodNotAllowed)
        #expect(answer.headers[.allow] == allow)
        await house.close()
    }

    @Test("HT-03: a host that isn't this place is told which is", arguments: ["evil.example", "127.0.0.1", "127.0.0.1:8081", ""])
    func host(host: String) async throws {
        let house = try await TestHouse(.sqlite)
        let answer = try await house.send(.get, "/auth/sign-in", headers: [.accept: "text/html"], host: host)
        #expect(answer.status == .misdirectedRequest)
        #expect(answer.text.contains("http://127.0.0.1:8080"))
        await house.close()
    }

    @Test("HT-02: a trusted proxy's address that is none is refused")
    func forwardedFor() async throws {
        let house = try await TestHouse(.sqlite) { $0.trustedProxies = ["192.0.2.0/24"].compactMap { AddressRange($0) } }
        #expect(try await house.send(.get, "/auth/sign-in", headers: [.xForwardedFor: "garbage"]).status == .badRequest)
        #expect(try await house.send(.get, "/auth/sign-in", headers: [.xForwardedFor: "garbage, 198.51.100.7"]).status == .ok)
        await house.close()
    }

    @Test("SE-03: cookies behind TLS are __Host-, Secure, HttpOnly and Lax; on plain loopback without prefix")
    func cookieAttributes() async throws {
        let secure = try await TestHouse(.sqlite) { $0.publicURL = PublicURL("https://shop.example") ?? $0.publicURL }
        try await secure.makeAccount("ada@example.com")
        let browser = TestBrowser(secure)
        let answer = try await browser.signIn("ada@example.com")
        for cookie in try await answer.headers[values: .setCookie]
            + browser.get("/auth/confirm/\(String(repeating: "A", count: 43))").headers[values: .setCookie]
        {
            #expect(cookie.hasPrefix("__Host-"))
            for part in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] { #expect(cookie.contains(part)) }
            #expect(!cookie.contains("Domain"))
        }
        #expect(browser.cookies["__Host-postern"] != nil)
        await secure.close()
    }

    @Test(
        "RC-11: links come from the public URL, whatever the request claims",
        arguments: [
            ["X-Forwarded-Host": "evil.example"], ["X-Forwarded-Proto": "gopher"], ["Forwarded": "host=evil.example;proto=http"],
            ["X-Original-URL": "https://evil.example/"],
        ])
    func links(claims: [String: String]) async throws {
        let house = try await TestHouse(.sqlite)
        var headers: HTTPFields = [.contentType: "application/json"]
        for (name, value) in claims { headers[try #require(HTTPField.Name(name))] = value }
        _ = try await house.send(
            .post, "/auth/v1/accounts", headers: headers,
            body: Array(#"{"email":"ada@example.com","password":"correct horse battery"}"#.utf8))
        let mail = try #require(try await house.mail().first)
        #expect(mail.text.contains("http://127.0.0.1:8080/auth/confirm/"))
        #expect(!(mail.text + mail.html).contains("evil"))
        await house.close()
    }

    @Test("the development mailbox is for this machine alone")
    func mailbox() async throws {
        let house = try await TestHouse(.sqlite)
        func status(_ peer: String, _ host: String?, _ headers: HTTPFields) async throws -> HTTPResponse.Status {
            try await house.send(.get, "/auth/dev/mailbox", headers: headers, peer: peer, host: host).status
        }
        #expect(try await status("127.0.0.1", nil, [:]) == .ok)
        #expect(try await status("::1", "localhost:8080", [.accept: "application/json"]) == .ok)
        #expect(try await status("192.0.2.1", nil, [:]) == .notFound)
        for name in [HTTPField.Name.xForwardedFor, .xForwardedHost, .xForwardedProto, .forwarded] {
            #expect(try await status("127.0.0.1", nil, [name: "127.0.0.1"]) == .notFound)
        }
        await house.close()
        let listening = try await TestHouse(.sqlite) { $0.listen = ListenAddress("0.0.0.0:8080") ?? $0.listen }
        #expect(try await listening.send(.get, "/auth/dev/mailbox", peer: "127.0.0.1").status == .notFound)
        await listening.close()
    }

    @Test(
        "WF-02: reading pages changes nothing",
        arguments: [
            "/auth/sign-in", "/auth/sign-up", "/auth/account", "/auth/account/sessions", "/auth/admin", "/auth/admin/people",
            "/auth/v1/session", "/auth/v1/sessions",
        ])
    func readingChangesNothing(path: String) async throws {
        let house = try await TestHouse(.sqlite)
        try await house.makeAccount("owner@example.com", role: .owner)
        let browser = TestBrowser(house)
        _ = try await browser.signIn("owner@example.com")
        let before = try await house.dump()
        _ = try await browser.get(path)
        #expect(try await house.dump() == before)
        await house.close()
    }
}
