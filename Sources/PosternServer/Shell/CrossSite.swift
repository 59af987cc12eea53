import HTTPTypes
import Secrets

/// The browser's own random value. Forms sent before a sign-in are bound to it, so that nobody can be signed in by another site (WF-03).
struct BrowserCookie: Sendable {
    let token: Token
    /// Made in this very answer: the browser doesn't hold it yet.
    let isNew: Bool
}

/// Whether an unsafe request came from a page of ours: where the browser says it started, and a token that only our pages hold.
struct CrossSite: Sendable {
    enum Verdict: Equatable, Sendable {
        case ours
        case otherSite
        /// The right site, but no token, an old one, or no cookie to hold it against.
        case tokenMissing
    }

    private let ofSessions: KeyRing.Authenticator
    private let ofBrowsers: KeyRing.Authenticator

    init(keys: KeyRing) {
        ofSessions = keys.authenticator(for: "form of a session")
        ofBrowsers = keys.authenticator(for: "form of a browser")
    }

    /// `Sec-Fetch-Site` where the browser sends it, else `Origin`. A request with neither is not from a browser's form.
    /// - Parameter place: scheme and host that our page stands on.
    static func isSameOrigin(_ headers: HTTPFields, as place: PublicURL) -> Bool {
        if let site = headers[.secFetchSite] { return site == "same-origin" }
        guard let origin = headers[.origin], let url = PublicURL(origin) else { return false }
        return url.isHTTPS == place.isHTTPS && place.isNamed(by: url.authority)
    }

    func verdict(_ headers: HTTPFields, token: String?, bound: Bound?, at place: PublicURL) -> Verdict {
        guard Self.isSameOrigin(headers, as: place) else { return .otherSite }
        guard let bound, let token, isEqualInConstantTime(Array(token.utf8), Array(self.token(for: bound).utf8)) else {
            return .tokenMissing
        }
        return .ours
    }

    /// What a form's token is bound to.
    enum Bound: Sendable {
        case session([UInt8])
        case browser([UInt8])
    }

    func token(for bound: Bound) -> String {
        switch bound {
        case .session(let hash): Base64URL.encode(ofSessions.code(for: hash))
        case .browser(let hash): Base64URL.encode(ofBrowsers.code(for: hash))
        }
    }
}

extension HTTPField.Name {
    /// A name that is written in our own source.
    static func named(_ name: StaticString) -> Self {
        guard let name = Self("\(name)") else { preconditionFailure("\(name) is no header name (RFC 9110 §5.1).") }
        return name
    }

    static let secFetchSite = named("Sec-Fetch-Site")
    static let secFetchMode = named("Sec-Fetch-Mode")
    static let csrfToken = named("X-CSRF-Token")
    static let posternBrowser = named("Postern-Browser")
    static let xForwardedFor = named("X-Forwarded-For")
    static let xForwardedHost = named("X-Forwarded-Host")
    static let xForwardedProto = named("X-Forwarded-Proto")
    static let xForwardedURI = named("X-Forwarded-Uri")
    static let xForwardedMethod = named("X-Forwarded-Method")
    static let xOriginalURL = named("X-Original-URL")
    static let xOriginalMethod = named("X-Original-Method")
    static let forwarded = named("Forwarded")
    static let requestID = named("X-Request-ID")
    static let referrerPolicy = named("Referrer-Policy")
}
