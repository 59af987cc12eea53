/// The short name that apps see: lower case, `[a-z0-9-]`, unique for ever. Not accepted for signing in.
struct Username: Hashable, Sendable {
    let text: String

    /// Never derived: a person by this name would be taken for more than they are.
    static let reserved: Set<String> = [
        "admin", "administrator", "root", "system", "support", "help", "info", "postmaster", "webmaster", "hostmaster", "abuse",
        "security", "owner", "operator", "service", "anonymous", "guest", "nobody", "postern",
    ]

    /// A name that an administrator chose.
    /// - Parameter appNames: names that would be taken for an app.
    /// - Returns: nil for anything but 1 to 40 of a-z, 0-9 and single hyphens with a letter first; for a reserved name, or one that looks
    ///   like it (LG-22). Without an at sign and with a letter it is no address and no number.
    init?(choosing text: String, appNames: [String]) {
        guard let name = GroupName(text)?.text, let first = name.utf8.first, (97...122).contains(first), !name.hasSuffix("-"),
            !name.contains("--")
        else { return nil }
        let shape = Self.folded(name)
        guard !Self.reserved.contains(where: { Self.folded($0) == shape }), !appNames.contains(where: { Self.folded($0) == shape }) else {
            return nil
        }
        self.text = name
    }

    /// What the eye makes of a name: two that fold alike are one name to people. In the order that the migration does it too.
    static func folded(_ text: String) -> String {
        let steps = [("-", ""), ("0", "o"), ("1", "l"), ("i", "l"), ("rn", "m"), ("vv", "w")]
        return steps.reduce(text) { $0.replacing($1.0, with: $1.1) }
    }

    var folded: String { Self.folded(text) }

    /// The letters and digits of the local part, and random digits: `ada.lovelace@…` may become `ada-lovelace-4711`.
    /// - Parameters:
    ///   - digits: 1…18.
    ///   - random: 8 bytes.
    init(derivedFrom email: EmailAddress, digits: Int, random: [UInt8]) {
        let letters = email.localPart.lowercased().utf8.map { byte -> Character in
            (97...122).contains(byte) || (48...57).contains(byte) ? Character(Unicode.Scalar(byte)) : "-"
        }
        let words = String(letters).split(separator: "-").joined(separator: "-").prefix(24)
        let stem = words.isEmpty || Self.reserved.contains(String(words)) ? "person" : String(words)
        let range = (0..<digits).reduce(UInt64(1)) { power, _ in power * 10 }
        let number = random.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } % range
        text = stem + "-" + String(range + number).dropFirst()
    }
}
