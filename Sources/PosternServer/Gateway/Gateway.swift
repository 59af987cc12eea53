/// What a proxy asks: may this request pass, and as whom? Values in, verdict out; no framework, no database.
struct Gateway: Sendable {
    /// The request that the proxy holds, as it describes it.
    struct Original: Sendable, Equatable {
        let method: String
        /// With scheme and host; nil where the proxy said nothing, or something that is no http URL.
        let url: String?
        /// A person's browser is going to show the answer, so it can be led to the sign-in page.
        let isNavigation: Bool
    }

    enum Verdict {
        case allow(LiveSession)
        /// Nobody is signed in. A path on this server, for browsers that can be led there.
        case signIn(location: String?)
        /// The request carries a header that only the gateway may set.
        case headerAlias
    }

    let publicURL: PublicURL
    let appHosts: [String]

    func verdict(_ session: LiveSession?, _ original: @autoclosure () -> Original, carriesIdentity: Bool) -> Verdict {
        if carriesIdentity { return .headerAlias }
        if let session { return .allow(session) }
        let original = original()
        return .signIn(location: original.isNavigation ? signInLocation(original) : nil)
    }

    /// Back to where the person was going, if that was a page: a form that was posted can't be sent again.
    private func signInLocation(_ original: Original) -> String {
        let canReturn = original.method == "GET" || original.method == "HEAD"
        guard canReturn, let back = original.url.flatMap({ ReturnTo($0, publicURL: publicURL, appHosts: appHosts) }) else {
            return "/auth/sign-in"
        }
        let location = "/auth/sign-in?return_to=" + percentEncoded(back.location)
        // Encoded it may be longer than a target may be: better to come back elsewhere than not to get in.
        return location.utf8.count <= Shell.longestURI ? location : "/auth/sign-in"
    }

    /// Headers that say who somebody is. They are ours alone.
    static let identityHeaders = [
        "Remote-User", "Remote-Account", "Remote-Email", "Remote-Name", "Remote-Groups", "Remote-Organization", "Remote-Key",
        "Remote-Scopes", "Remote-Assurance", "Remote-Assertion",
    ]

    /// The same with every sign that is no letter or digit a hyphen: `Remote_User`, `remote.user`, `remote~user` are one name to some app
    /// behind some proxy.
    private static let canonicalIdentity = Set(identityHeaders.map { $0.lowercased() })

    /// - Parameter name: a request header's name, in lower case.
    static func isIdentity(header name: String) -> Bool {
        guard name.utf8.first == UInt8(ascii: "r"), name.utf8.count >= 10 else { return false }
        if canonicalIdentity.contains(name) { return true }
        let canonical = name.utf8.map { (97...122).contains($0) || (48...57).contains($0) ? $0 : UInt8(ascii: "-") }
        return canonicalIdentity.contains(String(decoding: canonical, as: UTF8.self))
    }

    /// Printable ASCII as it is, everything else as `?`: apps read header values in encodings of their own.
    static func headerValue(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 >= 32 && $0 < 127 }) { return text }
        return String(text.unicodeScalars.map { $0.value >= 32 && $0.value < 127 ? Character($0) : "?" })
    }
}
