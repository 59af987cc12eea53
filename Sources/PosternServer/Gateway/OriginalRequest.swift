/// The request that a proxy holds, as it describes it.
struct OriginalRequest: Sendable, Equatable {
    struct Place: Sendable, Equatable {
        let isHTTPS: Bool
        /// Host, and port where there is one.
        let authority: String
        /// Path and query, as sent.
        let target: String

        /// - Parameter url: `http://` or `https://`, a host, and what stood in the request line. Nil for anything else.
        init?(url: String) {
            guard let scheme = ["https://", "http://"].first(where: url.hasPrefix) else { return nil }
            let rest = url.utf8.dropFirst(scheme.utf8.count)
            let authority = rest.prefix { ![UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#")].contains($0) }
            self.init(
                isHTTPS: scheme == "https://", authority: String(decoding: authority, as: UTF8.self),
                target: String(decoding: rest.dropFirst(authority.count), as: UTF8.self))
        }

        /// From its parts, each by itself: put together and read again, a host could bring a path along.
        /// - Returns: nil for an authority that holds anything but a host and a port (RFC 3986 §3.2).
        init?(isHTTPS: Bool, authority: String, target: String) {
            let isPlain = authority.utf8.allSatisfy { byte in
                (97...122).contains(byte | 0x20) || (48...57).contains(byte) || Array("-._:[]".utf8).contains(byte)
            }
            guard !authority.isEmpty, isPlain else { return nil }
            self.isHTTPS = isHTTPS
            self.authority = authority
            self.target = target.isEmpty ? "/" : target
        }
    }

    let method: String
    /// Nil where the proxy said nothing that can be believed or read.
    let place: Place?
    /// A person's browser is going to show the answer, so it can be led to the sign-in page.
    let isNavigation: Bool

    var isSafe: Bool { method == "GET" || method == "HEAD" }

    /// Where to come back to on the app's host. Only a page is such a place: a form can't be sent again, and a program's call is nothing
    /// to look at.
    var returnTo: String {
        guard isSafe, isNavigation, let place else { return "/" }
        return ReturnTo(onApp: place.target)?.location ?? "/"
    }
}
