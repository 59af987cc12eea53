import Storage

/// May this request pass, and as whom? Values in, verdict out; no framework, no database.
struct Gateway: Sendable {
    enum Verdict {
        /// - Parameter session: nil for somebody unknown on a path that is open to all.
        case allow(LiveSession?, user: String, groups: String)
        /// A program, with nobody's name.
        case allowKey(LiveKey)
        /// An API key was brought, and opens nothing.
        case keyRefused(Refused)
        /// Nobody is signed in, or not well enough; a sign-in or a second factor helps.
        case signIn(Need)
        /// Nothing that the person could do helps.
        case refused(Reason)
    }

    enum Need: Equatable, Sendable {
        /// - Parameter strong: one that a second factor is proved in.
        case session(strong: Bool)
        case secondFactor

        /// In a link to the portal.
        var word: String { self == .session(strong: false) ? "session" : Self.strongWord }
        static let strongWord = "aal2"

        var reason: Reason { self == .secondFactor ? .secondFactorRequired : .signInNeeded }
    }

    /// - Parameters:
    ///   - path: nil where the proxy didn't say: then all rules of the app hold.
    ///   - carriesIdentity: the request brings a header, or an alias of one, that only the gateway may set.
    static func verdict(_ session: LiveSession?, for app: App, path: RequestPath?, carriesIdentity: Bool) -> Verdict {
        let requirements = path.map(app.requirements) ?? .strictest(of: app.rules)
        guard let session else {
            if requirements.signedIn { return .signIn(.session(strong: requirements.aal2)) }
            return carriesIdentity ? .refused(.headerAlias) : .allow(nil, user: "", groups: "")
        }
        if carriesIdentity { return .refused(.headerAlias) }
        if session.isHeld { return requirements.signedIn ? .signIn(.secondFactor) : .allow(nil, user: "", groups: "") }
        let all = session.groups
        for group in requirements.groups where !all.split(separator: ",").contains(where: { group.covers($0) }) {
            return .refused(.notAllowed)
        }
        let email = session.email
        guard let user = app.user(id: session.account.description, username: session.username, email: email) else {
            // A stranger to the app may still see what everybody may.
            return requirements.signedIn ? .refused(.notAllowed) : .allow(nil, user: "", groups: "")
        }
        if requirements.aal2, session.assurance == .aal1 { return .signIn(.secondFactor) }
        guard let groups = app.groups(of: all) else { return .refused(.headersTooLong) }
        return .allow(session, user: user, groups: groups)
    }

    /// A key passes where the app's settings say so: it is no person, so it has neither groups nor a second factor.
    static func verdict(_ key: LiveKey, for app: App, path: RequestPath?, carriesIdentity: Bool) -> Verdict {
        let requirements = path.map(app.requirements) ?? .strictest(of: app.rules)
        if carriesIdentity { return .refused(.headerAlias) }
        guard app.keyKinds.contains(key.kind), !requirements.aal2, requirements.groups.isEmpty else { return .refused(.apiKeyNotAccepted) }
        return key.scopes.covers(app.keyScopes) ? .allowKey(key) : .refused(.scopeMissing)
    }

    /// An app that takes no keys: what it shows to everybody it shows to their holders too.
    static func verdictWithoutKeys(for app: App, path: RequestPath?, carriesIdentity: Bool) -> Verdict {
        let requirements = path.map(app.requirements) ?? .strictest(of: app.rules)
        if carriesIdentity { return .refused(.headerAlias) }
        return requirements.signedIn ? .refused(.apiKeyNotAccepted) : .allow(nil, user: "", groups: "")
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
}

extension Gateway.Verdict {
    /// `allow`, or the reason code.
    var word: String {
        switch self {
        case .allow, .allowKey: "allow"
        case .keyRefused(let refused): refused.reason.rawValue
        case .signIn(let need): need.reason.rawValue
        case .refused(let reason): reason.rawValue
        }
    }
}

/// Who somebody is, as an app is told: every header, empty where there is nothing.
struct Identity: Sendable, Equatable {
    var user = ""
    var account = ""
    var email = ""
    var name = ""
    var groups = ""
    var organization = ""
    var key = ""
    var scopes = ""
    var assurance = ""
    var assertion = ""

    init() {}

    init(_ session: LiveSession, user: String, groups: String, letters: App.Letters, assertion: String) {
        self.user = user
        account = session.account.description
        email = session.email
        name = Self.headerValue(session.name, letters)
        self.groups = groups
        organization = Self.organizations(in: session.groups)
        assurance = session.assurance.rawValue
        self.assertion = assertion
    }

    init(_ key: LiveKey, assertion: String) {
        organization = key.organization?.slug ?? ""
        self.key = key.id.description
        scopes = key.scopes.text
        self.assertion = assertion
    }

    /// The organizations that somebody is in, from what they are there.
    private static func organizations(in groups: String) -> String {
        guard groups.utf8.contains(58) else { return "" }
        return groups.split(separator: ",").filter { $0.utf8.contains(58) }.map { $0.prefix { $0 != ":" } }
            .joined(separator: ",")
    }

    /// In the order of ``Gateway/identityHeaders``.
    var values: [String] { [user, account, email, name, groups, organization, key, scopes, assurance, assertion] }

    /// What stands on one line of a header: letters of other scripts as they are, or as `?`.
    static func headerValue(_ text: String, _ letters: App.Letters) -> String {
        if text.utf8.allSatisfy({ $0 >= 32 && $0 < 127 }) { return text }
        return String(
            text.unicodeScalars.map { scalar in
                let mayStand =
                    letters == .utf8 ? scalar.value >= 160 || (32..<127).contains(scalar.value) : (32..<127).contains(scalar.value)
                return mayStand ? Character(scalar) : "?"
            })
    }
}
