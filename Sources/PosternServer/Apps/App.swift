/// What the gateway protects, named by its host.
struct App: Equatable, Sendable {
    /// What the app takes as a person's name in `Remote-User`.
    enum Identity: String, CaseIterable, Sendable {
        case username, email
        /// The part before the at sign, of the one domain that the app lists.
        case localPart = "local-part"
        case id
    }

    /// How names with other letters than ASCII's are sent.
    enum Letters: String, CaseIterable, Sendable {
        /// Other letters become `?`: apps read header bytes in encodings of their own.
        case ascii
        case utf8 = "utf-8"
    }

    /// `[a-z0-9-]`, up to 40.
    let name: String
    let origin: PublicURL
    var identity = Identity.username
    /// Whose addresses may come in at all; empty for everybody's.
    var emailDomains: [String] = []
    /// Between the names in `Remote-Groups`.
    var separator = ","
    var letters = Letters.ascii
    /// The groups it is told of; nil for all.
    var groups: [GroupName]?
    var rules: [AccessRule] = []
    /// For an app that can't hand `/auth/` on to Postern: its session is a cookie of this whole domain.
    var cookieDomain: String?
    /// Whose API keys pass; none unless it says so.
    var keyKinds: Set<APIKey.Kind> = []
    /// What such a key must be good for.
    var keyScopes = KeyScopes()
    /// A header in which a key may come, besides `Authorization`.
    var keyHeader: String?

    /// More names of groups than this would hardly fit into the headers' 4 KB.
    static let mostGroupBytes = 800

    init(name: String, origin: PublicURL) {
        self.name = name
        self.origin = origin
    }

    /// Where its sessions are good: its host, or all of a domain, which no host's name can be mistaken for.
    var sessionPlace: String { cookieDomain.map { "." + $0 } ?? origin.authority }

    var takesKeys: Bool { !keyKinds.isEmpty }

    /// In a line for people.
    var keyWords: String {
        guard takesKeys else { return "don't pass" }
        let whose = keyKinds.map(\.rawValue).sorted().joined(separator: ", ")
        return keyScopes.names.isEmpty ? whose : "\(whose); with \(keyScopes.text)"
    }

    /// The first rule that fits; a path that isn't in normal form must meet all of them, and is never open.
    func requirements(for path: RequestPath) -> Requirements {
        guard path.isNormal else { return .strictest(of: rules) }
        return Requirements(rules.first { $0.matches(path.text) }?.requirement ?? .signedIn)
    }

    /// What `Remote-User` says of a person; nil for somebody who may not come in: an address of another domain.
    func user(id: String, username: String, email: String) -> String? {
        let at = email.utf8.lastIndex(of: UInt8(ascii: "@")) ?? email.endIndex
        if !emailDomains.isEmpty, !emailDomains.contains(email[at...].dropFirst().lowercased()) { return nil }
        return switch identity {
        case .username: username
        case .email: email
        case .localPart: email[..<at].lowercased()
        case .id: id
        }
    }

    /// What `Remote-Groups` says: those of the person's groups that the app may see; nil where they don't fit into a header.
    /// - Parameter all: separated by commas.
    func groups(of all: String) -> String? {
        if groups == nil, separator == "," { return all.utf8.count <= Self.mostGroupBytes ? all : nil }
        // A name that holds the separator would be read as two.
        let seen = all.split(separator: ",").filter { name in
            !name.contains(separator) && (groups?.contains { $0.covers(name) } ?? true)
        }
        let text = seen.joined(separator: separator)
        return text.utf8.count <= Self.mostGroupBytes ? text : nil
    }
}
