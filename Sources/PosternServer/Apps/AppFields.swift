/// An app as somebody wrote it down, in the settings file or on the command line. Nothing of it is believed before ``app(portal:)``.
struct AppFields: Sendable {
    struct Problem: Error, Equatable {
        /// The setting's key within the app.
        let key: String
        let found: String
        let allowed: String
    }

    var name: String
    var host: String
    var identity: String?
    var emailDomains: [String] = []
    var separator: String?
    var letters: String?
    var groups: [String] = []
    var rules: [String] = []
    var cookieDomain: String?
    var keys: [String] = []
    var keyScopes: [String] = []
    var keyHeader: String?

    init(name: String, host: String) {
        self.name = name
        self.host = host
    }

    /// - Parameter portal: the public URL: a cookie domain must reach from there to the app.
    func app(portal: PublicURL) throws(Problem) -> App {
        guard let name = GroupName(name)?.text else {
            throw Problem(key: "name", found: name, allowed: "a name of a-z, 0-9 and -, up to 40")
        }
        guard !Username.reserved.contains(name) else {
            throw Problem(key: "name", found: name, allowed: "another name: people would take this one for more than an app")
        }
        var app = App(name: name, origin: try origin())
        if let identity {
            guard let known = App.Identity(rawValue: identity) else {
                throw Problem(key: "identity", found: identity, allowed: Self.names(App.Identity.self))
            }
            app.identity = known
        }
        app.emailDomains = emailDomains.map { $0.lowercased() }
        for domain in app.emailDomains where EmailAddress("a@\(domain)") == nil {
            throw Problem(key: "email-domains", found: domain, allowed: "e-mail domains such as example.org")
        }
        guard app.identity != .localPart || app.emailDomains.count == 1 else {
            throw Problem(
                key: "identity", found: "local-part",
                allowed: "local-part only with exactly one of email-domains: ann@a.org and ann@b.org would be one person to the app")
        }
        if let letters {
            guard let known = App.Letters(rawValue: letters) else {
                throw Problem(key: "letters", found: letters, allowed: Self.names(App.Letters.self))
            }
            app.letters = known
        }
        try readGroups(into: &app)
        try readRules(into: &app)
        try readCookieDomain(into: &app, portal: portal)
        try readKeys(into: &app)
        return app
    }

    private static func names<Choice: CaseIterable & RawRepresentable>(_: Choice.Type) -> String where Choice.RawValue == String {
        Choice.allCases.map(\.rawValue).joined(separator: ", ")
    }

    private func origin() throws(Problem) -> PublicURL {
        let problem = Problem(
            key: "host", found: host, allowed: "a host name such as app.example.org, with :PORT unless it is 443; http:// only on loopback")
        guard let url = PublicURL(host.contains("://") ? host : "https://" + host), !url.host.contains("[") else { throw problem }
        guard url.isHTTPS || url.isLoopback else { throw problem }
        return url
    }

    private func readGroups(into app: inout App) throws(Problem) {
        if let separator {
            let mayStand = separator.utf8.count == 1 && separator.utf8.allSatisfy { Array(",;| ".utf8).contains($0) }
            guard mayStand else { throw Problem(key: "groups-separator", found: separator, allowed: "one of , ; | or a space") }
            app.separator = separator
        }
        guard !groups.isEmpty else { return }
        app.groups = try groups.map { text throws(Problem) in
            guard let name = GroupName.orRole(text) else {
                throw Problem(
                    key: "groups", found: text, allowed: "names of a-z, 0-9 and -, up to 40; acme:owner or *:owner for organizations")
            }
            return name
        }
        let bytes = groups.reduce(0) { $0 + $1.utf8.count + 1 } - 1
        guard bytes <= App.mostGroupBytes else {
            throw Problem(
                key: "groups", found: "\(bytes) characters of names", allowed: "\(App.mostGroupBytes) at most: they must fit into a header")
        }
    }

    private func readRules(into app: inout App) throws(Problem) {
        app.rules = try rules.map { text throws(Problem) in
            guard let rule = AccessRule(text) else { throw Problem(key: "rules", found: text, allowed: AccessRule.allowed) }
            return rule
        }
    }

    private func readCookieDomain(into app: inout App, portal: PublicURL) throws(Problem) {
        guard let text = cookieDomain else { return }
        let domain = text.lowercased()
        let isName = EmailAddress("a@\(domain)") != nil
        guard isName, !isPublicSuffix(domain) else {
            throw Problem(
                key: "cookie-domain", found: text, allowed: "a domain of your own such as example.org; not one that strangers share")
        }
        for url in [app.origin, portal] where url.host != domain && !url.host.hasSuffix("." + domain) {
            throw Problem(
                key: "cookie-domain", found: text,
                allowed: "a domain that both the app's host and the public URL's are under: \(url.host) is not")
        }
        guard app.origin.isHTTPS, portal.isHTTPS else {
            throw Problem(key: "cookie-domain", found: text, allowed: "only with https: such a cookie is Secure")
        }
        app.cookieDomain = domain
    }

    private func readKeys(into app: inout App) throws(Problem) {
        app.keyKinds = Set(
            try keys.map { text throws(Problem) in
                guard let kind = APIKey.Kind(rawValue: text) else {
                    throw Problem(key: "keys", found: text, allowed: Self.names(APIKey.Kind.self))
                }
                return kind
            })
        guard let scopes = KeyScopes(names: keyScopes), !scopes.isAll, app.takesKeys || keyScopes.isEmpty else {
            throw Problem(
                key: "key-scopes", found: keyScopes.joined(separator: ", "), allowed: "\(KeyScopes.allowed); only together with keys")
        }
        app.keyScopes = scopes
        guard let keyHeader else { return }
        let letters = keyHeader.utf8.allSatisfy { (97...122).contains($0 | 0x20) || (48...57).contains($0) || $0 == 45 }
        guard letters, (1...40).contains(keyHeader.utf8.count), !Gateway.isIdentity(header: keyHeader.lowercased()),
            !Self.takenHeaders.contains(keyHeader.lowercased()), app.takesKeys
        else {
            throw Problem(key: "key-header", found: keyHeader, allowed: "a header's name of your own such as X-Api-Key, together with keys")
        }
        app.keyHeader = keyHeader
    }

    /// What means something else already; a proxy that strips one of these breaks the app.
    private static let takenHeaders: Set<String> = [
        "authorization", "cookie", "host", "connection", "upgrade", "content-type", "content-length", "transfer-encoding", "accept",
        "origin",
        "referer", "user-agent", "te", "trailer", "expect",
    ]
}
