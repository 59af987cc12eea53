import Foundation
import Testing

@testable import PosternServer

@Suite struct SnippetTests {
    private func snippet() throws -> Snippet {
        let app = App(name: "app", origin: try #require(PublicURL("https://app.example.org")))
        let cookies = Cookies(needTLS: true)
        return Snippet(app: app, postern: "127.0.0.1:8080", upstream: "127.0.0.1:3000", cookies: [cookies.appSession, cookies.state])
    }

    @Test(
        "the examples in docs/ are what the command prints",
        arguments: [("nginx.conf.example", Snippet.Proxy.nginx), ("Caddyfile.example", .caddy)])
    func examples(file: String, proxy: Snippet.Proxy) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        #expect(try String(contentsOf: root.appending(path: "docs/\(file)"), encoding: .utf8) == snippet().text(for: proxy))
    }

    @Test("every snippet hands on all that the gateway says, and asks in the app's own name", arguments: Snippet.Proxy.allCases)
    func complete(proxy: Snippet.Proxy) throws {
        let text = try snippet().text(for: proxy).lowercased() + (proxy == .haproxy ? Snippet.lua : "")
        for name in Gateway.identityHeaders + ["Authorization"] { #expect(text.contains(name.lowercased()), "\(proxy) has no \(name)") }
        #expect(text.contains("app.example.org"))
        #expect(!text.contains("$http_host"))
    }

    @Test("HAProxy's Lua action has at most 40 lines")
    func lua() { #expect(Snippet.lua.split(separator: "\n").count <= 40) }
}
