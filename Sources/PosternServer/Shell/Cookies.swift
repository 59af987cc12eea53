import HTTPTypes
import Secrets

/// The names and attributes of our cookies, and how they are read.
struct Cookies: Sendable {
    let session: String
    /// On an app's host.
    let appSession: String
    /// On an app's host: the way to the portal and back belongs to one browser.
    let state: String
    /// For apps that share a domain and can't hand `/auth/` on.
    static let domainSession = "__Secure-postern-app"
    let browser: String
    let link: String
    /// A sign-in that waits for its second step.
    let attempt: String
    /// Says that this browser needn't be asked for a second factor.
    let trust: String
    private let attributes: String

    /// - Parameter needTLS: false only where the public URL is plain-HTTP loopback; then without prefix, so that every browser keeps them.
    init(needTLS: Bool) {
        let prefix = needTLS ? "__Host-" : ""
        session = prefix + "postern"
        appSession = prefix + "postern-app"
        state = prefix + "postern-begin"
        browser = prefix + "postern-browser"
        link = prefix + "postern-link"
        attempt = prefix + "postern-attempt"
        trust = prefix + "postern-trust"
        attributes = "; Path=/; HttpOnly; SameSite=Lax" + (needTLS ? "; Secure" : "")
    }

    /// - Parameter maxAge: seconds; nil for a cookie that ends with the browser.
    func set(_ name: String, _ value: Secret<String>, maxAge: Int64?) -> String {
        "\(name)=\(value.exposed)\(attributes)" + (maxAge.map { "; Max-Age=\($0)" } ?? "")
    }

    /// A cookie for a whole domain, which only TLS carries.
    static func set(domainSession value: Secret<String>, domain: String, maxAge: Int64?) -> String {
        "\(domainSession)=\(value.exposed); Path=/; Domain=\(domain); HttpOnly; SameSite=Lax; Secure"
            + (maxAge.map { "; Max-Age=\($0)" } ?? "")
    }

    /// Those that a browser sends to an app's host, and that the app has no business with. Cookies know no ports.
    func names(on app: PublicURL, ofDomain: Bool, portal: PublicURL) -> [String] {
        let own = [ofDomain ? Self.domainSession : appSession, state]
        return app.host == portal.host ? own + [session, browser, link, attempt, trust] : own
    }

    func clear(_ name: String) -> String { "\(name)=\(attributes); Max-Age=0" }

    /// The value of a cookie. One that stands twice is read as none: we set it once, so the other came from elsewhere.
    ///
    /// On bytes, because every check of the gateway comes through here.
    static func value(_ name: String, in headers: HTTPFields) -> [UInt8]? {
        var found: [UInt8]?
        for field in headers where field.name == .cookie {
            var line = field.value
            let isDoubled = line.withUTF8 { bytes in
                for pair in bytes.split(separator: UInt8(ascii: ";")) {
                    let pair = pair.drop { $0 == UInt8(ascii: " ") }
                    guard pair.count > name.utf8.count, pair.starts(with: name.utf8) else { continue }
                    let rest = pair.dropFirst(name.utf8.count)
                    guard rest.first == UInt8(ascii: "=") else { continue }
                    if found != nil { return true }
                    found = Array(rest.dropFirst())
                }
                return false
            }
            if isDoubled { return nil }
        }
        return found
    }
}
