import PasswordStrength

extension Settings {
    private static let lengths = 8...128
    private static let scores = 0...4
    /// At least 128 code points of four bytes each must fit (PW-02).
    private static let bytes = 512...Password.mostBytes
    private static let ages = Duration.seconds(86_400)...(.seconds(3_650 * 86_400))
    /// A reminder further ahead than its row is kept would come twice.
    private static let days = 1...90

    /// After the second factors: what they require counts here.
    mutating func readPasswords(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        let preset: PasswordPreset = try raw.choice("password.preset") ?? .modern
        passwords.rules = try Self.rules(raw, "password", from: preset.rules)
        passwords.rules.strength.mostBytes = try raw.number("password.maximum-bytes", in: Self.bytes) ?? passwords.rules.strength.mostBytes
        for name in raw.names(under: "groups") where raw.hasKeys(under: "groups.\(name).password") {
            let preset: PasswordPreset? = try raw.choice("groups.\(name).password.preset")
            passwords.ofGroups[name] = try Self.rules(raw, "groups.\(name).password", from: preset?.rules ?? passwords.rules)
        }
        passwords.groupsWithFactor = Set(secondFactors.required.keys)
        if let spread = try raw.duration("password.spread") {
            guard spread <= .seconds(90 * 86_400) else {
                throw raw.problem("password.spread", found: raw.text("password.spread") ?? "", allowed: "at most 90d")
            }
            passwords.spread = spread
        }
        try readReminders(raw)
        passwords.words = raw.list("password.words")
        guard passwords.words.count <= 50, !passwords.words.contains(where: { $0.unicodeScalars.contains { $0.value < 32 } }) else {
            throw raw.problem("password.words", found: "\(passwords.words.count) words", allowed: "at most 50 words on one line each")
        }
        passwords.lists = raw.list("password.lists")
        try readBreached(raw)
    }

    /// Everybody's or a group's.
    private static func rules(
        _ raw: SettingsReader, _ place: String, from preset: PasswordRules
    ) throws(SettingsFile.Problem) -> PasswordRules {
        var rules = preset
        if let length = try raw.number("\(place).minimum-length", in: lengths) {
            (rules.strength.fewestCodePoints, rules.fewestWithFactor) = (length, nil)
        }
        rules.strength.lowestScore = try raw.number("\(place).minimum-score", in: scores) ?? rules.strength.lowestScore
        rules.mixesLettersAndDigits = try raw.yesNo("\(place).letters-and-digits") ?? rules.mixesLettersAndDigits
        rules.sparesSecondFactor = try raw.yesNo("\(place).expiry-spares-second-factor") ?? rules.sparesSecondFactor
        rules.history = try raw.number("\(place).history", in: 1...24).map(Int64.init) ?? rules.history
        if let text = raw.text("\(place).expires-after") {
            // What is no duration is told with what is allowed here.
            let age = (try? raw.duration("\(place).expires-after")) ?? nil
            guard text == "never" || age.map(ages.contains) == true else {
                throw raw.problem("\(place).expires-after", found: text, allowed: "never, or 1d to 3650d")
            }
            rules.expiresAfter = text == "never" ? nil : age
        }
        if let age = try raw.duration("\(place).minimum-age") {
            guard age <= .seconds(30 * 86_400), age < rules.expiresAfter ?? ages.upperBound else {
                throw raw.problem(
                    "\(place).minimum-age", found: raw.text("\(place).minimum-age") ?? "",
                    allowed: "at most 30d, and less than \(place).expires-after")
            }
            rules.minimumAge = age
        }
        return rules
    }

    private mutating func readReminders(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        guard raw.isSet("password.reminders") else { return }
        passwords.reminders = try raw.list("password.reminders").map { text throws(SettingsFile.Problem) in
            guard let days = Int(text), Self.days.contains(days) else {
                throw raw.problem("password.reminders", found: text, allowed: "days from 1 to 90, such as [15, 7, 1]")
            }
            return days
        }
        .sorted(by: >)
        guard passwords.reminders.count <= 10, Set(passwords.reminders).count == passwords.reminders.count else {
            throw raw.problem(
                "password.reminders", found: raw.list("password.reminders").joined(separator: ", "), allowed: "at most 10, each once")
        }
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
