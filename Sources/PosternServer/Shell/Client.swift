import NetworkAddress

/// Who is at the other end of a request, as far as the network tells.
struct Client: Equatable, Sendable {
    let address: IPAddress
    /// `User-Agent`, cut to 200 characters. Shown to people, never decided on.
    let browser: String

    init(address: IPAddress, browser: String) {
        self.address = address
        self.browser = String(browser.unicodeScalars.prefix(200).filter { $0.value >= 32 && $0.value != 127 }.map(Character.init))
    }
}
