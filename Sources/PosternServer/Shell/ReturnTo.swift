/// A place to come back to after signing in: a path here, or a page on the host of a configured app (WF-06).
///
/// There is no way to make one from a text that leads elsewhere.
struct ReturnTo: Equatable, Sendable {
    let location: String
    /// The app that it leads to, at once or by way of a ticket.
    let app: PublicURL?

    /// Where the portal gives tickets to apps' hosts.
    static let ticketPath = "/auth/ticket"

    /// - Returns: nil for anything else: `//host`, `/\host`, user-info, control characters, another scheme, another host.
    init?(_ text: String, publicURL: PublicURL, apps: [AppHost]) {
        guard (1...2_048).contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != 92 }) else { return nil }
        if text.hasPrefix("/") {
            guard Self.isPlainPath(text), !Self.leadsToSignIn(text) else { return nil }
            location = text
            app = Self.app(ofTicket: text, apps)
            return
        }
        guard let scheme = ["https://", "http://"].first(where: text.hasPrefix) else { return nil }
        let rest = text.dropFirst(scheme.count)
        let authority = String(rest.prefix { !"/?#".contains($0) })
        let path = rest.dropFirst(authority.count)
        guard !authority.contains("@"), !authority.isEmpty, path.isEmpty || (path.hasPrefix("/") && Self.isPlainPath(path)) else {
            return nil
        }
        if publicURL.isHTTPS == (scheme == "https://"), publicURL.isNamed(by: authority) {
            // Our own host, whatever its spelling: only the path matters, and stays on the host the browser is on.
            guard !Self.leadsToSignIn(path) else { return nil }
            location = path.isEmpty ? "/" : String(path)
            app = Self.app(ofTicket: location, apps)
            return
        }
        let origin = scheme + authority.lowercased()
        guard let found = apps.first(where: { $0.origin.description == origin }) else { return nil }
        location = text
        app = found.origin
    }

    /// A path on an app's own host.
    init?(onApp text: String) {
        guard (1...2_048).contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != 92 }), text.hasPrefix("/"),
            Self.isPlainPath(text), !Self.leadsToSignIn(text)
        else { return nil }
        location = text
        app = nil
    }

    private static func app(ofTicket path: String, _ apps: [AppHost]) -> PublicURL? {
        guard path.hasPrefix(ticketPath + "?"), let query = try? FormFields(path.utf8.dropFirst(ticketPath.utf8.count + 1)) else {
            return nil
        }
        return apps.first { $0.name == query["app"] }?.origin
    }

    /// A path that no browser can take for a host: one slash, not followed by another, encoded or not.
    private static func isPlainPath(_ path: some StringProtocol) -> Bool {
        let head = path.prefix { !"?#".contains($0) }.lowercased()
        return !head.hasPrefix("//") && !head.hasPrefix("/%2f") && !head.hasPrefix("/%5c") && !head.hasPrefix("/%09")
            && !head.hasPrefix("/.//")
    }

    /// Coming back to the gate itself would be a loop, or would sign out at once.
    private static func leadsToSignIn(_ path: some StringProtocol) -> Bool {
        [
            "/auth/sign-in", "/auth/sign-out", "/auth/sign-up", "/auth/request", "/auth/forward", "/auth/envoy", "/auth/begin",
            "/auth/enter",
        ].contains { path.hasPrefix($0) }
    }
}
