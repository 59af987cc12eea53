import HTTPTypes
import NetworkAddress
import Storage
import Support
import Testing

@testable import PosternServer

@Suite struct GatewayTests {
    private func house(_ engine: StoreUnderTest = .sqlite) async throws -> (TestHouse, String) {
        let house = try await TestHouse(engine) { $0.trustedProxies = ["127.0.0.1"].compactMap { AddressRange($0) } }
        try await house.makeAccount("ada@example.com")
        return (house, try await house.signIn("ada@example.com"))
    }

    private func ask(
        _ house: TestHouse, _ path: String, _ headers: [String: String], method: HTTPRequest.Method = .get
    ) async throws -> TestResponse {
        var fields = HTTPFields()
        for (name, value) in headers { fields.append(HTTPField(name: try #require(HTTPField.Name(name)), value: value)) }
        return try await house.send(method, path, headers: fields, peer: "127.0.0.1", host: "127.0.0.1:8080")
    }

    @Test(
        "an allowed request carries every identity header, empty where there is nothing, and sets no cookie",
        arguments: StoreUnderTest.allCases)
    func headers(engine: StoreUnderTest) async throws {
        let (house, token) = try await house(engine)
        for path in ["/auth/request", "/auth/forward"] {
            for method in [HTTPRequest.Method.get, .head] {
                let answer = try await ask(house, path, ["Cookie": "postern=\(token)"], method: method)
                #expect(answer.status == .ok)
                for name in Gateway.identityHeaders { #expect(answer.headers[try #require(HTTPField.Name(name))] != nil, "\(name)") }
                #expect(answer.headers[.remoteUser] == "ada@example.com")
                #expect(answer.headers[.remoteAssurance] == "aal1")
                #expect(answer.headers[.setCookie] == nil)
                #expect(answer.body.isEmpty)
            }
        }
        #expect(try await ask(house, "/auth/request", ["Authorization": "Bearer \(token)"]).status == .ok)
        await house.close()
    }

    @Test(
        "a request that claims an identity is refused, however the name is spelled",
        arguments: [
            "Remote-User", "remote-user", "REMOTE-USER", "Remote_User", "remote.user", "Remote-Email", "remote_groups", "Remote~User",
            "Remote!User", "Remote|User", "Remote'User", "Remote-Assertion",
            "Remote_Key",
        ])
    func spoofing(name: String) async throws {
        let (house, token) = try await house()
        for path in ["/auth/request", "/auth/forward"] {
            for cookie in ["postern=\(token)", "x=y"] {
                let answer = try await ask(house, path, ["Cookie": cookie, name: "root"])
                #expect(answer.status == (cookie == "x=y" ? .unauthorized : .forbidden))
                #expect(answer.headers[.remoteUser] == nil)
            }
        }
        await house.close()
    }

    @Test("a header that only looks alike passes", arguments: ["Remote-Users", "X-Remote-User", "Remote-Addr", "Remoteuser"])
    func lookAlikes(name: String) async throws {
        let (house, token) = try await house()
        #expect(try await ask(house, "/auth/request", ["Cookie": "postern=\(token)", name: "x"]).status == .ok)
        await house.close()
    }

    @Test(
        "FA-01: a cookie or token that is malformed, cut or doubled is nobody's",
        arguments: [
            "", "postern", "postern=", "postern=x", "postern=%00", "postern =T", "posternx=T", "postern=T; postern=T", "postern=\"T\"",
            "postern=TA", "a=b; ;; =;postern=-",
        ])
    func malformedCookies(cookie: String) async throws {
        let (house, token) = try await house()
        let answer = try await ask(house, "/auth/request", ["Cookie": cookie.replacing("T", with: token)])
        #expect(answer.status == .unauthorized)
        for length in [1, 20, 42] {
            #expect(try await ask(house, "/auth/request", ["Authorization": "Bearer \(token.prefix(length))"]).status == .unauthorized)
        }
        await house.close()
    }

    @Test(
        "nginx's contract: 200, 401 or 403 and nothing else, whatever the URI",
        arguments: [
            "http://127.0.0.1:8080//x", "http://127.0.0.1:8080/%2e%2e/x", "http://127.0.0.1:8080/a;b",
            "http://127.0.0.1:8080/?q=" + String(repeating: "x", count: 2_000),
            "", "garbage", "http://", "http://127.0.0.1:8080/\u{FFFD}", "ftp://127.0.0.1/", "http://evil.example/",
            "http://127.0.0.1:8080/\\evil",
        ])
    func oddURIs(url: String) async throws {
        let (house, token) = try await house()
        let open = try await ask(house, "/auth/request", ["Cookie": "postern=\(token)", "X-Original-URL": url])
        // Before any app is named, nothing but the public URL's host is answered for.
        #expect(open.status == (url.contains("evil.example/") ? .forbidden : .ok))
        let closed = try await ask(house, "/auth/request", ["X-Original-URL": url, "Sec-Fetch-Mode": "navigate"])
        #expect(closed.status == (url.contains("evil.example/") ? .forbidden : .unauthorized))
        guard closed.status == .unauthorized else { return await house.close() }
        let location = try #require(closed.headers[.posternSignIn])
        #expect(location.hasPrefix("/auth/sign-in"))
        #expect(!location.contains("evil"))
        for method in [HTTPRequest.Method.post, .put, .delete, .options] {
            #expect(try await ask(house, "/auth/request", ["Cookie": "postern=\(token)"], method: method).status == .forbidden)
        }
        await house.close()
    }

    @Test("a page leads to the sign-in and back; a program is told 401; a posted form leads to the sign-in alone")
    func leading() async throws {
        let (house, _) = try await house()
        let url = "http://127.0.0.1:8080/shop?a=1&b=c d#".replacing(" ", with: "%20").replacing("#", with: "")
        let page = try await ask(house, "/auth/request", ["X-Original-URL": url, "Sec-Fetch-Mode": "navigate"])
        #expect(page.headers[.posternSignIn] == "/auth/sign-in?return_to=%2Fshop%3Fa%3D1%26b%3Dc%2520d")
        #expect(try await ask(house, "/auth/request", ["X-Original-URL": url, "Sec-Fetch-Mode": "cors"]).headers[.posternSignIn] == "")
        let posted = try await ask(
            house, "/auth/request", ["X-Original-URL": url, "X-Original-Method": "POST", "Sec-Fetch-Mode": "navigate"])
        #expect(posted.headers[.posternSignIn] == "/auth/sign-in")
        let forwarded = [
            "X-Forwarded-Proto": "http", "X-Forwarded-Host": "127.0.0.1:8080", "X-Forwarded-Uri": "/shop", "Sec-Fetch-Mode": "navigate",
        ]
        let led = try await ask(house, "/auth/forward", forwarded)
        #expect(led.status == .found)
        #expect(led.headers[.location] == "http://127.0.0.1:8080/auth/sign-in?return_to=%2Fshop")
        let form = try await ask(house, "/auth/forward", forwarded.merging(["X-Forwarded-Method": "POST"]) { $1 })
        #expect(form.status == .seeOther)
        let program = try await ask(house, "/auth/forward", ["X-Forwarded-Uri": "/shop", "Accept": "application/json"])
        #expect(program.status == .unauthorized)
        #expect(program.reason == "sign-in-needed")
        await house.close()
    }

    @Test("HT-01: a peer that is no trusted proxy can't say where to come back to")
    func untrusted() async throws {
        let house = try await TestHouse(.sqlite)
        let answer = try await ask(house, "/auth/request", ["X-Original-URL": "http://127.0.0.1:8080/shop", "Sec-Fetch-Mode": "navigate"])
        #expect(answer.headers[.posternSignIn] == "/auth/sign-in")
        await house.close()
    }

    @Test("names and groups are shown to apps; what is no ASCII is no header")
    func names() async throws {
        let (house, token) = try await house()
        let renamed = try await house.json(.patch, "/auth/v1/account", #"{"name":"Ada Ångström"}"#, bearer: token)
        #expect(renamed.field("name") == "Ada Ångström")
        let account = try #require(Account.ID(renamed.field("id")))
        let administer = house.administer
        for name in ["staff", "a-team"].compactMap(GroupName.init) {
            #expect(try await administer.perform(.join(name), on: account, by: .commandLine, now: .now()) == .done)
        }
        let answer = try await ask(house, "/auth/request", ["Cookie": "postern=\(token)"])
        #expect(answer.headers[.remoteName] == "Ada ?ngstr?m")
        #expect(answer.headers[.remoteGroups] == "a-team,staff")
        for bad in ["a\nb", "a\u{202E}b", String(repeating: "x", count: 101), "\u{0}"] {
            let escaped = bad.unicodeScalars.map {
                $0.value < 32 ? "\\u00" + ($0.value < 16 ? "0" : "") + String($0.value, radix: 16) : String($0)
            }.joined()
            #expect(try await house.json(.patch, "/auth/v1/account", #"{"name":"\#(escaped)"}"#, bearer: token).reason == "name-invalid")
        }
        await house.close()
    }
}
