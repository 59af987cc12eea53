import Secrets
import Support
import Testing

@testable import PosternServer

@Suite struct ReturnToTests {
    private func app() throws -> AppHost {
        AppHost(
            name: "app", origin: try #require(PublicURL("https://app.example.org")), sessionPurpose: Token.Purpose(label: "app session"),
            isOfDomain: false)
    }

    private func location(_ text: String, _ publicURL: String = "https://shop.example") throws -> String? {
        ReturnTo(text, publicURL: try #require(PublicURL(publicURL)), apps: [try app()])?.location
    }

    @Test(
        "WF-06: a path here, or a page of a configured app",
        arguments: [
            ("/", "/"), ("/shop", "/shop"), ("/shop?a=1&b=//x#y", "/shop?a=1&b=//x#y"), ("https://shop.example/x?y", "/x?y"),
            ("https://SHOP.example:443/x", nil),
            ("https://shop.example", "/"), ("https://app.example.org/page?x", "https://app.example.org/page?x"),
            ("/auth/account", "/auth/account"),
        ])
    func allowed(text: String, expected: String?) throws {
        #expect(try location(text) == expected)
    }

    /// Every way known to lead elsewhere: other hosts, in many disguises.
    static let corpus: [String] = {
        let hosts = [
            "evil.example", "evil.example:443", "shop.example.evil.example", "evil.example/shop.example", "127.0.0.1", "[::1]",
            "evil%2eexample",
        ]
        let prefixes = [
            "//", "///", "////", "/\\", "\\\\", "\\/", "http://", "https://", "https:///", "https:", "http:", "HTTPS://", "ftp://",
            "javascript:", "data:", "/%2f", "/%5c",
            "/%2F/", "/%09/", "/\t/", "/\n/", "\t//", " //", "https://shop.example@", "https://shop.example:443@", "https://user:pw@",
            "https:\\\\", "//shop.example@", "/.//",
            "https://shop.example.", "https://shop.example:8443@", "vbscript:", "//%0d%0a", "https://\u{0}", "blob:",
            "view-source:https://", "@",
        ]
        return prefixes.flatMap { prefix in hosts.map { prefix + $0 } }
            + [
                "", " ", ".", "..", "./x", "x", "shop", "?x", "#x", "https://", "http://shop.example/", "https://shop.example:8443/",
                "https://shop.example\\@evil.example/",
                "https://shop.example\t/", "/a b", "/ä", "/\r\nSet-Cookie: x=y", "/x\u{0}", "https://app.example.org.evil.example/",
                "http://app.example.org/",
                "https://app.example.org:8443/", "https://app.example.org@evil.example/", "/auth/sign-in", "/auth/sign-in?return_to=/x",
                "/auth/sign-out",
                "https://shop.example/auth/sign-in", "/auth/request", "https://app.example.org//", "https://app.example.org\\",
                "/" + String(repeating: "x", count: 2_048),
            ]
    }()

    @Test("WF-06: nowhere else", arguments: corpus)
    func refused(text: String) throws {
        let found = try location(text)
        // A path that merely holds a host's name stays here; anything a browser could take for another host is nil.
        #expect(found == nil, "\(text) leads to \(found ?? "")")
    }

    @Test("the corpus is a corpus") func size() { #expect(Self.corpus.count >= 280) }
}

@Suite struct PublicURLTests {
    @Test(
        "a public URL has one spelling",
        arguments: [
            ("https://Shop.Example/", "https://shop.example"), ("https://shop.example:443", "https://shop.example"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:80", "http://[::1]"), ("https://shop.example:8443", "https://shop.example:8443"),
        ])
    func spelling(text: String, expected: String) { #expect(PublicURL(text)?.description == expected) }

    @Test(
        "what is none is refused",
        arguments: [
            "", "shop.example", "ftp://x", "https://", "https://x/y", "https://x?y", "https://user@x", "https://x:0", "https://x:99999",
            "https://x y", "https://x#", "https://x\\y", "https://é",
        ])
    func malformed(text: String) { #expect(PublicURL(text) == nil) }

    @Test(
        "HT-03: a host names this place or it doesn't",
        arguments: [
            ("https://shop.example", "shop.example", true), ("https://shop.example", "SHOP.example", true),
            ("https://shop.example", "shop.example:443", false),
            ("https://shop.example", "evil.example", false), ("https://shop.example", "localhost", false),
            ("http://127.0.0.1:8080", "localhost:8080", true),
            ("http://127.0.0.1:8080", "[::1]:8080", true), ("http://127.0.0.1:8080", "localhost", false),
            ("http://127.0.0.1:8080", "evil.example:8080", false),
            ("http://127.0.0.1:8080", "127.0.0.1.evil.example:8080", false), ("http://127.0.0.1:8080", "", false),
        ])
    func naming(url: String, host: String, expected: Bool) throws { #expect(try #require(PublicURL(url)).isNamed(by: host) == expected) }
}
