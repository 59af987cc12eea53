import HTTPTypes
import Hummingbird
import Secrets

/// An API key as a request brings it: in a header, never in a URL (AK-07).
enum PresentedKey {
    /// In `Authorization`: as a bearer token (RFC 6750 §2.1), or as the user name or the password of Basic (RFC 7617), which never carries
    /// a person's password.
    /// - Returns: nil where nothing in it looks like a key.
    static func inAuthorization(_ header: String) -> [UInt8]? {
        let parts = header.utf8.split(separator: 32, maxSplits: 1)
        guard parts.count == 2 else { return nil }
        let rest = parts[1].drop { $0 == 32 }
        switch parts[0].map({ $0 | 0x20 }) {
        case Array("bearer".utf8): return looksLikeKey(rest) ? Array(rest) : nil
        case Array("basic".utf8):
            guard let pair = base64(rest) else { return nil }
            let halves = pair.split(separator: 58, maxSplits: 1, omittingEmptySubsequences: false)
            return halves.first(where: looksLikeKey).map(Array.init)
        default: return nil
        }
    }

    static func looksLikeKey(_ text: some Sequence<UInt8>) -> Bool { text.starts(with: KeyText.prefix.utf8) }

    /// RFC 4648 §4, with or without its padding.
    private static func base64(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count <= 1_024 else { return nil }
        var text = Array(text)
        while text.last == 61 { text.removeLast() }
        return Base64URL.decode(text.map { $0 == 43 ? 45 : $0 == 47 ? 95 : $0 })
    }
}
