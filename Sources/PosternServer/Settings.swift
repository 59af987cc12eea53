import NetworkAddress
import PasswordHashing
import Secrets

/// Everything that can be configured, typed and checked. docs/settings.md lists each key with its default and its reason.
package struct Settings: Sendable {
    enum SignUpMode: String, CaseIterable, Sendable { case open, domains, invited, closed }

    struct Site: Sendable {
        var name = "Postern"
        /// URL of a picture on this host, or nil for the built-in mark.
        var logo: String?
        /// `#rrggbb` for buttons and links in the light scheme.
        var accent: String?
        /// Where people find help: an https or mailto URL.
        var help: String?
    }

    struct SMTP: Sendable {
        var url: String
        var password: Secret<String>?
        /// Certificates to trust besides the system's, as a PEM file.
        var caFile: String?
    }

    struct Hashing: Sendable {
        var parameters = Argon2id.Parameters.standard
        var threads: Int
        /// How many may wait for a thread; past it the answer is 503.
        var queue: Int
    }

    struct Source: Sendable {
        let file: String?
        /// May hold secrets.
        let environment: Secret<[String: String]>
        let overrides: Overrides
        let cores: Int
    }

    enum Database: Sendable {
        case sqlite(path: String)
        case postgres(url: Secret<String>)
    }

    var publicURL: PublicURL
    var listen: ListenAddress
    var dataDirectory: String
    var database: Database
    var keyRingFile: String
    var trustedProxies: [AddressRange] = []
    var signUp: SignUpMode
    var signUpDomains: [String] = []
    var organizations = OrganizationSettings()
    var session = SessionPolicy.standard
    var groupSessions: [String: SessionPolicy] = [:]
    var secondFactors = SecondFactorPolicy()
    var passwords = PasswordPolicy()
    /// Where these come from, to be read again; nil for those that were made by hand.
    var source: Source?
    var signInLimits = SignInLimits()
    var throttleRules: [ThrottleRule] = []
    var delivery = DeliverySettings()
    var places = PlaceSettings()
    var unusual = UnusualPolicy()
    /// How long sign-ins are kept.
    var historyKept = Duration.seconds(400 * 86_400)
    /// How long what was refused is kept: at most as long.
    var refusalsKept = Duration.seconds(90 * 86_400)
    var apps: [App] = []
    var hashing: Hashing
    var smtp: SMTP?
    var mailFrom: String
    /// The look and the words of mails.
    var mailLayout = MailLayout(siteName: "Postern")
    /// Places that hear of what happens to accounts.
    var siteChannels: [SiteChannel] = []
    var siteChannelsMayBePrivate = false
    var site = Site()
    var logLevel = "info"

    /// Mail is shown at /auth/dev/mailbox only where nobody but this machine can look.
    var showsDevelopmentMailbox: Bool { smtp == nil && publicURL.isLoopback && listen.isLoopback }

    /// The kinds of jobs that a server with these settings does.
    var doneJobs: Set<Job.Kind> {
        var kinds: Set<Job.Kind> = [.findExpiring, .deleteLeavers, .pruneHistory]
        if smtp != nil || showsDevelopmentMailbox { kinds.formUnion([.sendMail, .remind]) }
        if passwords.breached.filter != nil || passwords.breached.url != nil { kinds.insert(.checkPassword) }
        if delivery.isOn { kinds.insert(.sendText) }
        if !places.sources.isEmpty { kinds.insert(.updatePlaces) }
        return kinds.union(siteChannels.map(\.jobKind))
    }

    /// Without the `__Host-` prefix only for trying on one's own machine: there the prefix needs TLS that nobody has.
    var cookiesNeedTLS: Bool { publicURL.isHTTPS || !publicURL.isLoopback }
}

/// `host:port` to listen on.
struct ListenAddress: Equatable, Sendable, CustomStringConvertible {
    let host: String
    let port: Int

    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
        let host = text[..<colon].filter { $0 != "[" && $0 != "]" }
        guard host == "localhost" || IPAddress(host) != nil else { return nil }
        self.host = host
        self.port = Int(port)
    }

    var isLoopback: Bool { host == "localhost" || IPAddress(host)?.isLoopback == true }
    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Scheme, host and port that people's browsers open: the only source of links and of the origin that forms must come from.
struct PublicURL: Equatable, Sendable, CustomStringConvertible {
    let isHTTPS: Bool
    /// Lower case, with the port unless it is the scheme's own.
    let authority: String

    init?(_ text: String) {
        let text = text.hasSuffix("/") ? String(text.dropLast()) : text
        let lower = text.lowercased()
        isHTTPS = lower.hasPrefix("https://")
        guard isHTTPS || lower.hasPrefix("http://") else { return nil }
        let rest = String(lower.dropFirst(isHTTPS ? 8 : 7))
        let allowed = rest.utf8.allSatisfy {
            (97...122).contains($0) || (48...58).contains($0) || [45, 46, 91, 93].contains($0)
        }
        guard !rest.isEmpty, allowed, let parts = Self.split(rest), !parts.host.isEmpty else { return nil }
        let ownPort = isHTTPS ? 443 : 80
        authority = parts.port == nil || parts.port == ownPort ? parts.host : "\(parts.host):\(parts.port ?? ownPort)"
    }

    /// Splits `host:port` or `[v6]:port`; nil for a port that is none.
    static func split(_ authority: String) -> (host: String, port: Int?)? {
        let hostEnd = authority.lastIndex(of: "]").map { authority.index(after: $0) } ?? authority.lastIndex(of: ":") ?? authority.endIndex
        guard hostEnd < authority.endIndex else { return (authority, nil) }
        guard authority[hostEnd] == ":", let port = UInt16(authority[authority.index(after: hostEnd)...]), port > 0 else { return nil }
        return (String(authority[..<hostEnd]), Int(port))
    }

    var description: String { (isHTTPS ? "https://" : "http://") + authority }
    var host: String { Self.split(authority)?.host ?? authority }
    var port: Int { Self.split(authority)?.port ?? (isHTTPS ? 443 : 80) }
    var isLoopback: Bool { Self.isLoopback(host: host) }

    static func isLoopback(host: String) -> Bool {
        host == "localhost" || IPAddress(host.filter { $0 != "[" && $0 != "]" })?.isLoopback == true
    }

    /// Whether a request's Host names this place. On loopback every spelling of loopback does: `localhost` is `127.0.0.1`.
    func isNamed(by host: String) -> Bool {
        let host = host.lowercased()
        if host == authority { return true }
        guard isLoopback, let other = Self.split(host) else { return false }
        return Self.isLoopback(host: other.host) && (other.port ?? (isHTTPS ? 443 : 80)) == port
    }
}
