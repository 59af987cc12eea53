/// A well-formed e-mail address (RFC 5321 §4.1.2, without quoted local parts and address literals), ASCII only.
///
/// Non-ASCII letters are refused, not folded: a look-alike must never get another person's mail (RC-10). Domains in other scripts have
/// an ASCII form (`xn--…`) that is taken.
struct EmailAddress: Hashable, Sendable, CustomStringConvertible {
    /// As typed, with the domain in lower case. Mail goes here.
    let address: String

    init?(_ text: String) {
        // Bytes first: a long text of combining marks costs seconds to walk by character.
        guard text.utf8.count <= 300, text.utf8.allSatisfy({ $0 < 128 }) else { return nil }
        let text = trimmed(text)
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, text.utf8.count <= 254, Self.isLocalPart(parts[0]), Self.isDomain(parts[1]) else { return nil }
        address = parts[0] + "@" + parts[1].lowercased()
    }

    /// What the account is found by: all spellings in letter case are one account (LG-08).
    var key: String { address.lowercased() }
    var localPart: Substring { address.prefix { $0 != "@" } }
    var domain: Substring { address.drop { $0 != "@" }.dropFirst() }
    var description: String { address }

    /// `atext` and the dot (RFC 5321 §4.1.2).
    private static let inLocalPart = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~.".utf8)

    private static func isLocalPart(_ text: Substring) -> Bool {
        (1...64).contains(text.utf8.count) && text.utf8.allSatisfy(Self.inLocalPart.contains) && text.first != "." && text.last != "."
            && !text.contains("..")
    }

    private static func isDomain(_ text: Substring) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        return labels.count >= 2 && text.utf8.count <= 253
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                    && label.utf8.allSatisfy { (97...122).contains($0 | 0x20) || (48...57).contains($0) || $0 == 45 }
            }
    }
}
