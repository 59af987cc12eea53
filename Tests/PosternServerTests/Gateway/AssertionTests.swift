import Crypto
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

@Suite struct AssertionTests {
    private func session(_ assurance: Assurance = .aal1) -> LiveSession {
        LiveSession(
            id: Session.ID(high: 1, low: 2), account: Account.ID(high: 3, low: 4), role: .member, expiresAt: .now() + .seconds(600),
            idle: nil,
            readAt: .now(), assurance: assurance, username: "ada-1", email: "ada@example.org", name: "Ada", groups: ["staff"])
    }

    @Test("an assertion is a token that the published key verifies, for one app, for a minute, kept for as long as it is good")
    func assertion() throws {
        let key = try #require(KeyRing.Key(id: [1, 2, 3, 4], bytes: Array(0..<32)))
        let ring = try #require(KeyRing(keys: [key]))
        let assertions = Assertions(
            signer: TokenSigner(ring, purpose: Assertions.purpose), issuer: try #require(PublicURL("https://id.example.org")))
        let app = App(name: "shop", origin: try #require(PublicURL("https://shop.example")))
        let now = Timestamp(secondsSinceEpoch: 1_800_000_000)
        func make(_ assurance: Assurance = .aal1, _ groups: String = "a,staff", at time: Timestamp) -> String {
            assertions.assertion(for: session(assurance), app: app, user: "ada-1", groups: groups, now: time)
        }
        let text = make(at: now)
        let parts = text.split(separator: ".")
        #expect(parts.count == 3)
        let claims = try JSONValue(parsing: try #require(Base64URL.decode(parts[1].utf8)))
        guard case .object(let fields) = claims else { return #expect(Bool(false)) }
        #expect(fields["iss"] == .string("https://id.example.org") && fields["aud"] == .string("shop.example"))
        #expect(fields["acr"] == .string("aal1") && fields["groups"] == .array([.string("a"), .string("staff")]))
        #expect(String(decoding: try #require(Base64URL.decode(parts[1].utf8)), as: UTF8.self).contains(#""exp":1800000060"#))
        // The published key, and the signature over the text before it.
        let x = try #require(assertions.keySet.firstMatch(of: /"x":"([^"]+)"/)?.1)
        let y = try #require(assertions.keySet.firstMatch(of: /"y":"([^"]+)"/)?.1)
        let point = try [4] + #require(Base64URL.decode(x.utf8)) + #require(Base64URL.decode(y.utf8))
        let published = try P256.Signing.PublicKey(x963Representation: point)
        let signature = try P256.Signing.ECDSASignature(rawRepresentation: try #require(Base64URL.decode(parts[2].utf8)))
        #expect(published.isValidSignature(signature, for: Array("\(parts[0]).\(parts[1])".utf8)))
        let id = try #require(assertions.keySet.firstMatch(of: /"kid":"([^"]+)"/)?.1)
        #expect(String(decoding: try #require(Base64URL.decode(parts[0].utf8)), as: UTF8.self).contains("\"kid\":\"\(id)\""))
        // Kept while at least 20 seconds are left, and not for anything else.
        #expect(make(at: now + .seconds(40)) == text)
        #expect(make(at: now + .seconds(41)) != text)
        let fresh = make(at: now + .seconds(41))
        #expect(make(.aal2, at: now + .seconds(42)) != fresh)
        #expect(make(.aal1, "a", at: now + .seconds(43)) != fresh)
        // Every node with this ring signs with the same key.
        #expect(TokenSigner(ring, purpose: Assertions.purpose).keySet == assertions.keySet)
    }

    @Test("an allowing answer stays under 4 KB of headers, at the longest of everything")
    func size() throws {
        let key = try #require(KeyRing.Key(id: [1, 2, 3, 4], bytes: Array(0..<32)))
        let ring = try #require(KeyRing(keys: [key]))
        let portal = try #require(PublicURL("https://" + String(repeating: "a", count: 60) + ".example.org"))
        let assertions = Assertions(signer: TokenSigner(ring, purpose: Assertions.purpose), issuer: portal)
        var app = App(name: "shop", origin: portal)
        app.identity = .email
        app.letters = .utf8
        let email = String(repeating: "e", count: 64) + "@" + String(repeating: "d", count: 60) + ".example.org"
        let groups = String(repeating: "g", count: 39) + String(repeating: "," + String(repeating: "g", count: 37), count: 20)
        #expect(groups.utf8.count <= App.mostGroupBytes)
        let live = LiveSession(
            id: Session.ID(high: 1, low: 2), account: Account.ID(high: 3, low: 4), role: .member, expiresAt: .now() + .seconds(600),
            idle: nil,
            readAt: .now(), assurance: .aal2, username: "u", email: email, name: String(repeating: "é", count: 100),
            groups: groups.split(separator: ",").map(String.init))
        let assertion = assertions.assertion(for: live, app: app, user: email, groups: groups, now: .now())
        let identity = Identity(live, user: email, groups: groups, letters: .utf8, assertion: assertion)
        let bytes = zip(Gateway.identityHeaders, identity.values).reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + 4 }
        #expect(bytes < 4_096 - 200, "\(bytes)")
    }
}
