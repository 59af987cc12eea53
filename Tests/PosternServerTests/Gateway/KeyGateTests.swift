import HTTPTypes
import NetworkAddress
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

/// Keys at the gateway: which apps they pass to, and what the app is told.
@Suite struct KeyGateTests {
    private func house(_ adjust: (inout AppFields) -> Void) async throws -> TestHouse {
        var fields = AppFields(name: "shop", host: "http://127.0.0.2:8090")
        fields.rules = ["/open/* bypass", "/vault/* aal2", "/staff/* group:staff"]
        adjust(&fields)
        let complete = fields
        return try await TestHouse(.sqlite) {
            $0.trustedProxies = ["127.0.0.1"].compactMap { AddressRange($0) }
            if let app = try? complete.app(portal: $0.publicURL) { $0.apps = [app] }
        }
    }

    private func ask(
        _ house: TestHouse, _ key: String, _ path: String = "/orders", _ more: HTTPFields = [:], from address: String = "203.0.113.9",
        scheme: String = "http", dialect: String = "/auth/request"
    ) async throws -> TestResponse {
        var headers: HTTPFields = [
            .xOriginalURL: "\(scheme)://127.0.0.2:8090\(path)", .xForwardedFor: address, .xForwardedProto: scheme, .xForwardedURI: path,
            .xForwardedHost: "127.0.0.2:8090", .userAgent: "robot/1.0",
        ]
        if !key.isEmpty { headers[.authorization] = "Bearer \(key)" }
        for field in more { headers[field.name] = field.value }
        return try await house.send(.get, dialect, headers: headers, peer: "127.0.0.1")
    }

    @Test(
        "no key passes to an app that doesn't say so; what is open to all stays open",
        arguments: [[String](), ["personal"], ["guest"], ["organization"]])
    func kinds(kinds: [String]) async throws {
        let house = try await house { $0.keys = kinds }
        let shop = try await KeysTests.Shop(house)
        let guest = try await house.json(.post, "/auth/v1/organizations", #"{"guest":true}"#).field("api_key", "key")
        let own = try await house.json(.post, "/auth/v1/account/api-keys", #"{"name":"mine"}"#, bearer: shop.session).field(
            "api_key", "key")
        for (kind, key) in [("personal", own), ("organization", shop.key), ("guest", guest)] {
            let answer = try await ask(house, key)
            #expect((answer.status == .ok) == kinds.contains(kind), "\(kind) to \(kinds): \(answer.status)")
            if answer.status != .ok { #expect(answer.headers[.posternReason] == "api-key-not-accepted") }
            // Never with a second factor's right, nor a group's.
            for path in ["/vault/gold", "/staff/list"] {
                #expect(try await ask(house, key, path).status == .forbidden, "\(path)")
            }
            let open = try await ask(house, key, "/open/page")
            #expect(kinds.isEmpty ? open.status == .ok : true)
            // However it came there, the app doesn't see the key.
            #expect(open.headers[.authorization] == nil || open.headers[.authorization] == "")
        }
        await house.close()
    }

    @Test("an app is told the organization, the key and its scopes, and nobody's name")
    func identity() async throws {
        let house = try await house {
            $0.keys = ["organization"]; $0.keyScopes = ["orders:read"]; $0.keyHeader = "X-Api-Key"
        }
        let shop = try await KeysTests.Shop(house)
        let made = try await shop.make(#"{"name":"robot","scopes":["orders:read","orders:write"]}"#, by: shop.key)
        let (key, id) = (made.field("api_key", "key"), made.field("api_key", "id"))
        let answer = try await ask(house, key)
        #expect(answer.status == .ok && answer.headers[.remoteOrganization] == "acme" && answer.headers[.remoteKey] == id)
        #expect(answer.headers[.remoteScopes] == "orders:read orders:write" && answer.headers[.authorization] == "")
        for name in ["Remote-User", "Remote-Account", "Remote-Email", "Remote-Name", "Remote-Groups", "Remote-Assurance"] {
            #expect(answer.headers[try #require(HTTPField.Name(name))] == "", "\(name)")
        }
        // The signed word says the same, and names no person.
        let parts = (answer.headers[.remoteAssertion] ?? "").split(separator: ".")
        let claims = String(decoding: try #require(parts.count == 3 ? Base64URL.decode(parts[1].utf8) : nil), as: UTF8.self)
        #expect(
            claims.contains("\"organization\":\"acme\"") && claims.contains("\"sub\":\"\(id)\"") && !claims.contains("preferred_username"))
        #expect(!claims.contains("acr") && claims.contains("\"scope\":\"orders:read orders:write\""))
        // In the header of its own, too; and a session's cookie beside it doesn't help a bad one.
        let header = try #require(HTTPField.Name("X-Api-Key"))
        #expect(try await ask(house, "", "/orders", [header: key]).headers[.remoteKey] == id)
        let bad = try await ask(house, "", "/orders", [header: "pst_live_nothing", .cookie: "postern=\(shop.session)"])
        #expect(bad.status == .unauthorized && bad.headers[.posternReason] == "api-key-invalid")
        let narrow = try await shop.make(#"{"name":"narrow","scopes":["orders:write"]}"#, by: shop.key).field("api_key", "key")
        #expect(try await ask(house, narrow).headers[.posternReason] == "scope-missing")
        // A claimed identity is refused as ever.
        #expect(try await ask(house, key, "/orders", [.remoteUser: "root"]).headers[.posternReason] == "header-alias")
        // In a URL it is nothing.
        #expect(try await ask(house, "", "/orders?api_key=\(key)").status == .unauthorized)
        await house.close()
    }

    @Test("a revoked key is told why, by the header that nginx hands on")
    func refused() async throws {
        let house = try await house { $0.keys = ["organization"] }
        let shop = try await KeysTests.Shop(house)
        let new = try await house.json(.post, "\(shop.place)/\(shop.keyID)/rotate", #"{"overlap":"0h"}"#, bearer: shop.session).field(
            "api_key", "key")
        for dialect in ["/auth/request", "/auth/forward"] {
            let answer = try await ask(house, shop.key, dialect: dialect)
            let challenge = answer.headers[.wwwAuthenticate] ?? ""
            #expect(answer.status == .unauthorized, "\(dialect)")
            #expect(
                challenge.contains("reason=\"api-key-revoked\"") && challenge.contains("successor=\"\(new.suffix(4))\""), "\(challenge)")
            if dialect == "/auth/forward" {
                #expect(answer.reason == "api-key-revoked" && answer.field("successor") == String(new.suffix(4)))
            }
        }
        // Programs that ask first are asked for a name and a password; browsers are not.
        #expect(try await ask(house, "").headers[.wwwAuthenticate]?.hasPrefix("Basic ") == true)
        #expect(try await ask(house, "", "/orders", [.secFetchMode: "cors"]).headers[.wwwAuthenticate] == nil)
        await house.close()
    }

    @Test("a key that comes over plain HTTP is flagged and its owner told; on loopback it is not")
    func exposed() async throws {
        let house = try await TestHouse(.sqlite) {
            $0.trustedProxies = ["127.0.0.1"].compactMap { AddressRange($0) }
            var fields = AppFields(name: "shop", host: "shop.example.org")
            fields.keys = ["organization"]
            if let app = try? fields.app(portal: $0.publicURL) { $0.apps = [app] }
        }
        let shop = try await KeysTests.Shop(house)
        func ask(_ scheme: String) async throws -> TestResponse {
            try await house.send(
                .get, "/auth/request",
                headers: [
                    .xOriginalURL: "\(scheme)://shop.example.org/orders", .xForwardedFor: "203.0.113.9",
                    .authorization: "Bearer \(shop.key)",
                ], peer: "127.0.0.1")
        }
        #expect(try await ask("https").status == .ok)
        try await house.server.apiKeys.desk.writeUses(now: .now())
        #expect(try await house.mail().filter { $0.kind == .apiKeyExposed }.isEmpty)
        #expect(try await ask("http").status == .ok)
        #expect(try await ask("http").status == .ok)
        try await house.server.apiKeys.desk.writeUses(now: .now())
        #expect(try await house.mail().filter { $0.kind == .apiKeyExposed }.count == 1)
        let shown = try await house.send(.get, "\(shop.place)/\(shop.keyID)", headers: [.authorization: "Bearer \(shop.key)"])
        #expect(!shown.field("seen_over_http_at").isEmpty && shown.field("state") == "live")
        await house.close()
    }
}
