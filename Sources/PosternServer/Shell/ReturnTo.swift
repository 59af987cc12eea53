/// A place to come back to after signing in: a path here, or a page on the host of a configured app (WF-06).
///
/// There is no way to make one from a text that leads elsewhere.
struct ReturnTo: Equatable, Sendable {
    let location: String

    /// - Returns: nil for anything else: `//host`, `/\host`, user-info, control characters, another scheme, another host.
    init?(_ text: String, publicURL: PublicURL, appHosts: [String]) {
        guard (1...2_048).contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != 92 }) else { return nil }
        if text.hasPrefix("/") {
            guard Self.isPlainPath(text), !Self.leadsToSignIn(text) else { return nil }
            location = text
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
            return
        }
        guard scheme == "https://", appHosts.contains(authority.lowercased()) else { return nil }
        location = text
    }

    /// A path that no browser can take for a host: one slash, not followed by another, encoded or not.
    private static func isPlainPath(_ path: some StringProtocol) -> Bool {
        let head = path.prefix { !"?#".contains($0) }.lowercased()
        return !head.hasPrefix("//") && !head.hasPrefix("/%2f") && !head.hasPrefix("/%5c") && !head.hasPrefix("/%09")
            && !head.hasPrefix("/.//")
    }

    /// Coming back to the gate itself would be a loop, or would sign out at once.
    private static func leadsToSignIn(_ path: some StringProtocol) -> Bool {
        ["/auth/sign-in", "/auth/sign-out", "/auth/sign-up", "/auth/request", "/auth/forward"].contains { path.hasPrefix($0) }
    }
}
