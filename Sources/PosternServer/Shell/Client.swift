package import NetworkAddress
import Secrets

/// Who is at the other end of a request, as far as the network tells.
package struct Client: Equatable, Sendable {
    let address: IPAddress
    /// `User-Agent`, cut to 200 characters. Shown to people, never decided on.
    let browser: String
    /// What tells a browser from any other, where it brought something of the kind.
    var mark: BrowserMark?

    package init(address: IPAddress, browser: String) {
        self.address = address
        // Nearly always it is short and plain: then there is nothing to make anew.
        if browser.utf8.count <= 200, browser.utf8.allSatisfy({ $0 >= 32 && $0 < 127 }) {
            self.browser = browser
            return
        }
        self.browser = String(browser.unicodeScalars.prefix(200).filter { $0.value >= 32 && $0.value != 127 }.map(Character.init))
    }
}

/// A browser's own random value, hashed: what it is good for stands in a row for each account (OWASP's device cookie).
struct BrowserMark: Equatable, Sendable {
    static let purpose = Token.Purpose(label: "known browser")

    let hash: [UInt8]

    init(_ token: Token) { hash = token.hash(for: Self.purpose) }
    /// As it was stored.
    init(hash: [UInt8]) { self.hash = hash }
}
