import PasswordStrength

extension Settings {
    private static let lengths = 8...128
    private static let scores = 0...4
    /// At least 128 code points of four bytes each must fit (PW-02).
    private static let bytes = 512...Password.mostBytes

    mutating func readPasswords(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        passwords.strength = StrengthPolicy(
            fewestCodePoints: try raw.number("password.minimum-length", in: Self.lengths) ?? passwords.strength.fewestCodePoints,
            lowestScore: try raw.number("password.minimum-score", in: Self.scores) ?? passwords.strength.lowestScore,
            mostBytes: try raw.number("password.maximum-bytes", in: Self.bytes) ?? passwords.strength.mostBytes)
        passwords.words = raw.list("password.words")
        guard passwords.words.count <= 50, !passwords.words.contains(where: { $0.unicodeScalars.contains { $0.value < 32 } }) else {
            throw raw.problem("password.words", found: "\(passwords.words.count) words", allowed: "at most 50 words on one line each")
        }
        passwords.lists = raw.list("password.lists")
        for name in raw.names(under: "groups") {
            let length = try raw.number("groups.\(name).password.minimum-length", in: Self.lengths)
            let score = try raw.number("groups.\(name).password.minimum-score", in: Self.scores)
            guard length != nil || score != nil else { continue }
            passwords.ofGroups[name] = StrengthPolicy(
                fewestCodePoints: length ?? passwords.strength.fewestCodePoints, lowestScore: score ?? passwords.strength.lowestScore,
                mostBytes: passwords.strength.mostBytes)
        }
        try readBreached(raw)
    }

    private mutating func readBreached(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        passwords.breached.filter = raw.text("password.breached.filter")
        passwords.breached.url = raw.text("password.breached.url")
        if let url = passwords.breached.url {
            let host = PublicURL(url.split(separator: "/", omittingEmptySubsequences: false).prefix(3).joined(separator: "/"))
            guard let host, host.isHTTPS || host.isLoopback, url.hasSuffix("/"), !url.contains("?"), !url.contains("#"), isPlainLine(url)
            else {
                throw raw.problem(
                    "password.breached.url", found: url,
                    allowed: "an https:// URL with a slash at its end, such as https://api.pwnedpasswords.com/range/")
            }
        }
        passwords.breached.onFailure = try raw.choice("password.breached.on-failure") ?? .allow
        passwords.breached.atSignIn = try raw.choice("password.breached.at-sign-in") ?? .off
        guard passwords.breached.atSignIn == .off || passwords.breached.filter != nil || passwords.breached.url != nil else {
            throw raw.problem(
                "password.breached.at-sign-in", found: passwords.breached.atSignIn.rawValue,
                allowed: "off, unless password.breached.filter or password.breached.url is set")
        }
    }
}
