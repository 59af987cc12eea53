import HTTPTypes
import Secrets

/// The names and attributes of our cookies, and how they are read.
struct Cookies: Sendable {
    let session: String
    let browser: String
    let link: String
    private let attributes: String

    /// - Parameter needTLS: false only where the public URL is plain-HTTP loopback; then without prefix, so that every browser keeps them.
    init(needTLS: Bool) {
        let prefix = needTLS ? "__Host-" : ""
        session = prefix + "postern"
        browser = prefix + "postern-browser"
        link = prefix + "postern-link"
        attributes = "; Path=/; HttpOnly; SameSite=Lax" + (needTLS ? "; Secure" : "")
    }

    /// - Parameter maxAge: seconds; nil for a cookie that ends with the browser.
    func set(_ name: String, _ value: Secret<String>, maxAge: Int64?) -> String {
        "\(name)=\(value.exposed)\(attributes)" + (maxAge.map { "; Max-Age=\($0)" } ?? "")
    }

    func clear(_ name: String) -> String { "\(name)=\(attributes); Max-Age=0" }

    /// The value of a cookie. One that stands twice is read as none: we set it once, so the other came from elsewhere.
    static func value(_ name: String, in headers: HTTPFields) -> Substring? {
        var found: Substring?
        for line in headers[values: .cookie] {
            for pair in line.split(separator: ";") {
                let pair = pair.drop { $0 == " " }
                guard pair.utf8.count > name.utf8.count, pair.hasPrefix(name) else { continue }
                let rest = pair.dropFirst(name.count)
                guard rest.first == "=" else { continue }
                guard found == nil else { return nil }
                found = rest.dropFirst()
            }
        }
        return found
    }
}
