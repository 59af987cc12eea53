/// The short name that apps see: lower case, `[a-z0-9-]`, unique for ever. Not accepted for signing in.
struct Username: Hashable, Sendable {
    let text: String

    /// Never derived: a person by this name would be taken for more than they are.
    static let reserved: Set<String> = [
        "admin", "administrator", "root", "system", "support", "help", "info", "postmaster", "webmaster", "hostmaster", "abuse",
        "security", "owner", "operator", "service", "anonymous", "guest", "nobody", "postern",
    ]

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
