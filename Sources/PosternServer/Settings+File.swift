import Foundation
import NetworkAddress
import PasswordHashing
import Secrets

extension Settings {
    /// Every key there is. RoomsTests hold this list and docs/settings.md to each other.
    static let keys: [SettingKey] = [
        SettingKey(pattern: "public-url"), SettingKey(pattern: "listen"), SettingKey(pattern: "data-directory"),
        SettingKey(pattern: "database", isSecret: true), SettingKey(pattern: "key-ring-file"),
        SettingKey(pattern: "trusted-proxies", isList: true), SettingKey(pattern: "log-level"),
        SettingKey(pattern: "organizations.guests"), SettingKey(pattern: "organizations.guests-per-hour"),
        SettingKey(pattern: "sign-up"), SettingKey(pattern: "sign-up-domains", isList: true),
        SettingKey(pattern: "session.idle"), SettingKey(pattern: "session.absolute"), SettingKey(pattern: "session.keep"),
        SettingKey(pattern: "groups.*.session.idle"), SettingKey(pattern: "groups.*.session.absolute"),
        SettingKey(pattern: "groups.*.session.keep"), SettingKey(pattern: "groups.*.second-factor.required"),
        SettingKey(pattern: "groups.*.second-factor.grace"), SettingKey(pattern: "second-factor.window"),
        SettingKey(pattern: "second-factor.trusted-browsers"), SettingKey(pattern: "second-factor.administration"),
        SettingKey(pattern: "password.preset"), SettingKey(pattern: "password.letters-and-digits"),
        SettingKey(pattern: "password.expires-after"), SettingKey(pattern: "password.expiry-spares-second-factor"),
        SettingKey(pattern: "password.history"), SettingKey(pattern: "password.minimum-age"),
        SettingKey(pattern: "password.reminders", isList: true), SettingKey(pattern: "password.spread"),
        SettingKey(pattern: "groups.*.password.preset"), SettingKey(pattern: "groups.*.password.letters-and-digits"),
        SettingKey(pattern: "groups.*.password.expires-after"),
        SettingKey(pattern: "groups.*.password.expiry-spares-second-factor"), SettingKey(pattern: "groups.*.password.history"),
        SettingKey(pattern: "groups.*.password.minimum-age"),
        SettingKey(pattern: "password.minimum-length"), SettingKey(pattern: "password.minimum-score"),
        SettingKey(pattern: "password.maximum-bytes"), SettingKey(pattern: "password.words", isList: true),
        SettingKey(pattern: "password.lists", isList: true), SettingKey(pattern: "password.breached.filter"),
        SettingKey(pattern: "password.breached.url"), SettingKey(pattern: "password.breached.on-failure"),
        SettingKey(pattern: "password.breached.at-sign-in"),
        SettingKey(pattern: "groups.*.password.minimum-length"), SettingKey(pattern: "groups.*.password.minimum-score"),
        SettingKey(pattern: "apps.*.host"), SettingKey(pattern: "apps.*.identity"),
        SettingKey(pattern: "apps.*.email-domains", isList: true),
        SettingKey(pattern: "apps.*.groups", isList: true), SettingKey(pattern: "apps.*.groups-separator"),
        SettingKey(pattern: "apps.*.letters"), SettingKey(pattern: "apps.*.rules", isList: true),
        SettingKey(pattern: "apps.*.cookie-domain"), SettingKey(pattern: "apps.*.keys", isList: true),
        SettingKey(pattern: "apps.*.key-scopes", isList: true), SettingKey(pattern: "apps.*.key-header"),
        SettingKey(pattern: "hashing.memory-kib"), SettingKey(pattern: "hashing.passes"), SettingKey(pattern: "hashing.lanes"),
        SettingKey(pattern: "hashing.threads"), SettingKey(pattern: "hashing.queue"),
        SettingKey(pattern: "mail.smtp"), SettingKey(pattern: "mail.smtp-password", isSecret: true),
        SettingKey(pattern: "mail.ca-file"), SettingKey(pattern: "mail.from"), SettingKey(pattern: "mail.templates"),
        SettingKey(pattern: "notifications.webhook.url"), SettingKey(pattern: "notifications.webhook.secret", isSecret: true),
        SettingKey(pattern: "notifications.webhook.kinds", isList: true),
        SettingKey(pattern: "notifications.slack.url", isSecret: true), SettingKey(pattern: "notifications.slack.kinds", isList: true),
        SettingKey(pattern: "notifications.allow-private"),
        SettingKey(pattern: "site.name"), SettingKey(pattern: "site.logo"), SettingKey(pattern: "site.accent"),
        SettingKey(pattern: "site.help"),
        SettingKey(pattern: "throttling.sign-in.per-address"), SettingKey(pattern: "throttling.sign-in.wait-after"),
        SettingKey(pattern: "throttling.sign-in.block-after"), SettingKey(pattern: "throttling.sign-in.lock-after"),
        SettingKey(pattern: "throttling.sign-in.lock-for"), SettingKey(pattern: "throttling.sign-in.stuffing"),
        SettingKey(pattern: "throttling.sign-in.stuffing-block"),
        SettingKey(pattern: "throttling.rules.*.kind"), SettingKey(pattern: "throttling.rules.*.mode"),
        SettingKey(pattern: "throttling.rules.*.event"),
        SettingKey(pattern: "throttling.rules.*.apps", isList: true), SettingKey(pattern: "throttling.rules.*.paths", isList: true),
        SettingKey(pattern: "throttling.rules.*.methods", isList: true),
        SettingKey(pattern: "throttling.rules.*.addresses", isList: true),
        SettingKey(pattern: "throttling.rules.*.user-agents", isList: true),
        SettingKey(pattern: "throttling.rules.*.key", isList: true), SettingKey(pattern: "throttling.rules.*.limit"),
        SettingKey(pattern: "throttling.rules.*.window"), SettingKey(pattern: "throttling.rules.*.shared"),
        SettingKey(pattern: "throttling.rules.*.answer"),
        SettingKey(pattern: "delivery.countries", isList: true),
        SettingKey(pattern: "delivery.currency"),
        SettingKey(pattern: "delivery.auto"),
        SettingKey(pattern: "delivery.resend-after"),
        SettingKey(pattern: "delivery.guard.mode"),
        SettingKey(pattern: "delivery.guard.country-floor"),
        SettingKey(pattern: "delivery.guard.burst"),
        SettingKey(pattern: "delivery.guard.spend-per-day"),
        SettingKey(pattern: "delivery.providers.*.kind"),
        SettingKey(pattern: "delivery.providers.*.url"),
        SettingKey(pattern: "delivery.providers.*.account"),
        SettingKey(pattern: "delivery.providers.*.secret", isSecret: true),
        SettingKey(pattern: "delivery.providers.*.signature-secret", isSecret: true),
        SettingKey(pattern: "delivery.providers.*.from"),
        SettingKey(pattern: "delivery.providers.*.region"),
        SettingKey(pattern: "delivery.providers.*.price"),
        SettingKey(pattern: "delivery.providers.*.prices", isList: true),
        SettingKey(pattern: "delivery.providers.*.receipt-within"),
        SettingKey(pattern: "delivery.providers.*.channels", isList: true),
        SettingKey(pattern: "delivery.providers.*.headers", isList: true),
        SettingKey(pattern: "delivery.providers.*.body"),
        SettingKey(pattern: "delivery.providers.*.content"),
        SettingKey(pattern: "delivery.providers.*.id"),
        SettingKey(pattern: "delivery.providers.*.error"),
        SettingKey(pattern: "delivery.providers.*.opted-out", isList: true),
        SettingKey(pattern: "delivery.providers.*.permanent", isList: true),
        SettingKey(pattern: "delivery.providers.*.status"),
        SettingKey(pattern: "delivery.providers.*.delivered", isList: true),
        SettingKey(pattern: "delivery.providers.*.failed", isList: true),
        SettingKey(pattern: "delivery.routes.*.channel"),
        SettingKey(pattern: "delivery.routes.*.countries", isList: true),
        SettingKey(pattern: "delivery.routes.*.arms", isList: true),
        SettingKey(pattern: "delivery.experiments.*.channel"),
        SettingKey(pattern: "delivery.experiments.*.countries", isList: true),
        SettingKey(pattern: "delivery.experiments.*.arms", isList: true),
        SettingKey(pattern: "delivery.experiments.*.start"),
        SettingKey(pattern: "delivery.experiments.*.end"),
        SettingKey(pattern: "second-factor.phone-cool-off"),
        SettingKey(pattern: "groups.*.second-factor.phone"),
        SettingKey(pattern: "sign-in-history.kept"), SettingKey(pattern: "sign-in-history.refusals-kept"),
        SettingKey(pattern: "places.files", isList: true), SettingKey(pattern: "places.sources.*.url"),
        SettingKey(pattern: "places.sources.*.checksum"), SettingKey(pattern: "places.sources.*.account"),
        SettingKey(pattern: "places.sources.*.licence-key", isSecret: true),
        SettingKey(pattern: "unusual.new-browser"),
        SettingKey(pattern: "unusual.failures-before"),
        SettingKey(pattern: "unusual.half-way"),
        SettingKey(pattern: "unusual.new-country"),
        SettingKey(pattern: "unusual.new-network"),
        SettingKey(pattern: "unusual.travel"),
        SettingKey(pattern: "unusual.mode"),
        SettingKey(pattern: "unusual.confidence"),
        SettingKey(pattern: "unusual.travel-speed"),
        SettingKey(pattern: "groups.*.unusual.new-browser"),
        SettingKey(pattern: "groups.*.unusual.failures-before"),
        SettingKey(pattern: "groups.*.unusual.half-way"),
        SettingKey(pattern: "groups.*.unusual.new-country"),
        SettingKey(pattern: "groups.*.unusual.new-network"),
        SettingKey(pattern: "groups.*.unusual.travel"),
        SettingKey(pattern: "groups.*.unusual.mode"),
        SettingKey(pattern: "groups.*.unusual.confidence"),
        SettingKey(pattern: "groups.*.unusual.travel-speed"),
    ]

    /// What the command line sets; it wins over environment and file.
    package struct Overrides: Sendable {
        package init(dataDirectory: String? = nil, listen: String? = nil, database: String? = nil) {
            self.dataDirectory = dataDirectory
            self.listen = listen
            self.database = database
        }

        var dataDirectory: String?
        var listen: String?
        var database: String?
    }

    /// Reads file and environment. Throws one sentence with place, key, what was found and what is allowed.
    package static func load(
        file: String?, environment: [String: String], overrides: Overrides = Overrides(), cores: Int
    ) throws(SettingsFile.Problem) -> Settings {
        if let url = overrides.database, url.drop(while: { $0 != ":" }).dropFirst().prefix(while: { $0 != "@" }).contains(":"),
            url.contains("@")
        {
            throw SettingsFile.Problem(
                description:
                    "--database holds a password, and arguments can be read by everybody on the machine. Put the URL into POSTERN_DATABASE_FILE or POSTERN_DATABASE."
            )
        }
        let raw = SettingsReader(try SettingsFile(path: file, environment: environment, keys: keys))
        let listenText = overrides.listen ?? raw.text("listen") ?? "127.0.0.1:8080"
        guard let listen = ListenAddress(listenText) else {
            throw raw.problem("listen", found: listenText, allowed: "an address and a port, such as 127.0.0.1:8080 or [::]:443")
        }
        let publicText = raw.text("public-url") ?? "http://\(listen.isLoopback ? listen.description : "127.0.0.1:\(listen.port)")"
        guard let publicURL = PublicURL(publicText) else {
            throw raw.problem("public-url", found: publicText, allowed: "https://HOST or https://HOST:PORT, without a path")
        }
        let directory = overrides.dataDirectory ?? raw.text("data-directory") ?? "./postern-data"
        var settings = Settings(
            publicURL: publicURL, listen: listen, dataDirectory: directory,
            database: try database(overrides.database ?? raw.text("database"), directory: directory, raw),
            keyRingFile: raw.text("key-ring-file") ?? directory + "/key-ring.json",
            signUp: try raw.choice("sign-up") ?? (publicURL.isLoopback ? .open : .invited),
            hashing: try hashing(raw, cores: cores),
            mailFrom: raw.text("mail.from")
                ?? "postern@\(publicURL.host.contains(".") && !publicURL.isLoopback ? publicURL.host : "localhost")")
        settings.trustedProxies = try raw.list("trusted-proxies").map { text throws(SettingsFile.Problem) in
            guard let range = AddressRange(text) else {
                throw raw.problem("trusted-proxies", found: text, allowed: "addresses and networks such as 127.0.0.1 or 10.0.0.0/8")
            }
            return range
        }
        try settings.readSessions(raw)
        try settings.readSecondFactors(raw)
        try settings.readPasswords(raw)
        try settings.readSignUp(raw)
        try settings.readOrganizations(raw)
        try settings.readApps(raw)
        try settings.readThrottling(raw)
        try settings.readSite(raw)
        try settings.readMail(raw)
        try settings.readNotifications(raw)
        try settings.readDelivery(raw)
        try settings.readPlaces(raw)
        try settings.readUnusual(raw)
        settings.source = Source(file: file, environment: Secret(environment), overrides: overrides, cores: cores)
        settings.logLevel = try raw.choice("log-level", among: ["debug", "info", "notice", "warning", "error"]) ?? "info"
        try settings.refuseInsecureCombinations(raw)
        return settings
    }

    private static func database(_ text: String?, directory: String, _ raw: SettingsReader) throws(SettingsFile.Problem) -> Database {
        guard let text else { return .sqlite(path: directory + "/postern.sqlite") }
        if text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") { return .postgres(url: Secret(text)) }
        if text.hasPrefix("sqlite:") { return .sqlite(path: String(text.dropFirst(7))) }
        // Not shown: what was found may hold a password.
        throw raw.problem("database", found: "something else", allowed: "postgres://USER:PASSWORD@HOST/NAME or sqlite:PATH")
    }

    private static func hashing(_ raw: SettingsReader, cores: Int) throws(SettingsFile.Problem) -> Hashing {
        let standard = Argon2id.Parameters.standard
        let memory = try raw.number("hashing.memory-kib", in: Int(standard.memoryKiB)...1_048_576) ?? Int(standard.memoryKiB)
        let passes = try raw.number("hashing.passes", in: 1...64) ?? Int(standard.passes)
        let lanes = try raw.number("hashing.lanes", in: 1...16) ?? Int(standard.lanes)
        // ASVS 5.0 appendix C: one pass is enough from 46 MiB up.
        if passes == 1, memory < 47_104 {
            throw raw.problem("hashing.passes", found: "1", allowed: "2 or more, or hashing.memory-kib of at least 47104")
        }
        guard let parameters = Argon2id.Parameters(memoryKiB: UInt32(memory), passes: UInt32(passes), lanes: UInt32(lanes)) else {
            throw raw.problem("hashing.memory-kib", found: "\(memory)", allowed: "at least 8 KiB for each lane")
        }
        let threads = try raw.number("hashing.threads", in: 1...256) ?? cores
        return Hashing(
            parameters: parameters, threads: threads, queue: try raw.number("hashing.queue", in: 0...100_000) ?? 10 * threads)
    }

    private mutating func readSessions(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        session.idle = try raw.duration("session.idle") ?? session.idle
        let shortest = Duration.seconds(120)
        guard session.idle >= shortest else {
            throw raw.problem(
                "session.idle", found: raw.text("session.idle") ?? "", allowed: "2m or more: uses are written down every half minute")
        }
        session.absolute = try raw.duration("session.absolute") ?? session.absolute
        session.keep = try raw.duration("session.keep") ?? session.keep
        for name in raw.names(under: "groups") {
            guard GroupName.orRole(name) != nil, !name.hasPrefix("*") else {
                throw raw.problem("groups.\(name)", found: name, allowed: "names of a-z, 0-9 and -, up to 40, or acme:owner")
            }
            groupSessions[name] = SessionPolicy(
                idle: try raw.duration("groups.\(name).session.idle") ?? session.idle,
                absolute: try raw.duration("groups.\(name).session.absolute") ?? session.absolute,
                keep: try raw.duration("groups.\(name).session.keep") ?? session.keep)
            guard let idle = groupSessions[name]?.idle, idle >= shortest else {
                throw raw.problem(
                    "groups.\(name).session.idle", found: raw.text("groups.\(name).session.idle") ?? "", allowed: "2m or more")
            }
        }
    }

    private mutating func readSecondFactors(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        if let window = try raw.number("second-factor.window", in: 0...1) { secondFactors.reach = Int64(window) }
        if let trust = try raw.duration("second-factor.trusted-browsers") {
            guard trust >= .seconds(3_600), trust <= .seconds(90 * 86_400) else {
                throw raw.problem(
                    "second-factor.trusted-browsers", found: raw.text("second-factor.trusted-browsers") ?? "",
                    allowed: "1h to 90d; leave it out and no browser is trusted")
            }
            secondFactors.trust = trust
        }
        secondFactors.isNeededForAdministration =
            try raw.choice("second-factor.administration", among: ["required", "optional"]) != "optional"
        if let time = try raw.duration("second-factor.phone-cool-off") {
            guard time <= .seconds(30 * 86_400) else {
                throw raw.problem(
                    "second-factor.phone-cool-off", found: raw.text("second-factor.phone-cool-off") ?? "", allowed: "1s to 30d")
            }
            secondFactors.phoneCoolOff = time
        }
        for name in raw.names(under: "groups") {
            if try raw.yesNo("groups.\(name).second-factor.phone") == false { secondFactors.phoneForbidden.insert(name) }
            let grace = try raw.duration("groups.\(name).second-factor.grace")
            guard try raw.yesNo("groups.\(name).second-factor.required") ?? false else {
                guard grace == nil else {
                    throw raw.problem(
                        "groups.\(name).second-factor.grace", found: raw.text("groups.\(name).second-factor.grace") ?? "",
                        allowed: "only together with groups.\(name).second-factor.required: yes")
                }
                continue
            }
            secondFactors.required[name] = SecondFactorPolicy.Requirement(grace: grace ?? .zero)
        }
    }

    private mutating func readSignUp(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        signUpDomains = raw.list("sign-up-domains").map { $0.lowercased() }
        if signUp == .domains, signUpDomains.isEmpty {
            throw raw.problem("sign-up-domains", found: "nothing", allowed: "at least one e-mail domain, because sign-up is 'domains'")
        }
    }

    private mutating func readApps(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        for name in raw.names(under: "apps") {
            var fields = AppFields(name: name, host: raw.text("apps.\(name).host") ?? "")
            fields.identity = raw.text("apps.\(name).identity")
            fields.emailDomains = raw.list("apps.\(name).email-domains")
            fields.groups = raw.list("apps.\(name).groups")
            fields.separator = raw.text("apps.\(name).groups-separator")
            fields.letters = raw.text("apps.\(name).letters")
            fields.rules = raw.list("apps.\(name).rules")
            fields.cookieDomain = raw.text("apps.\(name).cookie-domain")
            fields.keys = raw.list("apps.\(name).keys")
            fields.keyScopes = raw.list("apps.\(name).key-scopes")
            fields.keyHeader = raw.text("apps.\(name).key-header")
            let app: App
            do throws(AppFields.Problem) { app = try fields.app(portal: publicURL) } catch {
                throw raw.problem("apps.\(name).\(error.key)", found: error.found, allowed: error.allowed)
            }
            if let other = apps.first(where: { $0.origin.authority == app.origin.authority }) {
                throw raw.problem(
                    "apps.\(name).host", found: fields.host, allowed: "a host that no other app has: '\(other.name)' has this one")
            }
            apps.append(app)
        }
    }

    private mutating func readMail(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        try readMailLayout(raw)
        if let url = raw.text("mail.smtp") {
            guard url.hasPrefix("smtp://") || url.hasPrefix("smtps://"), url.allSatisfy({ !$0.isWhitespace }) else {
                throw raw.problem("mail.smtp", found: url, allowed: "smtp://[USER@]HOST:587 (STARTTLS) or smtps://[USER@]HOST:465 (TLS)")
            }
            guard !(url.split(separator: "@").dropLast().joined().dropFirst(8).contains(":")) else {
                throw raw.problem(
                    "mail.smtp", found: "a password in the URL", allowed: "the password in POSTERN_MAIL_SMTP_PASSWORD or …_FILE")
            }
            smtp = SMTP(url: url, password: raw.text("mail.smtp-password").map(Secret.init), caFile: raw.text("mail.ca-file"))
        }
        // The default on one's own machine has no domain.
        guard EmailAddress(mailFrom) != nil || (raw.text("mail.from") == nil && publicURL.isLoopback) else {
            throw raw.problem("mail.from", found: mailFrom, allowed: "an e-mail address such as accounts@example.org")
        }
    }

    private mutating func readSite(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        site.name = raw.text("site.name") ?? site.name
        guard (1...60).contains(site.name.count), site.name.utf8.count <= 240,
            !site.name.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 })
        else {
            throw raw.problem("site.name", found: site.name, allowed: "1 to 60 characters in at most 240 bytes on one line")
        }
        site.logo = raw.text("site.logo")
        if let logo = site.logo, !(logo.hasPrefix("/") && !logo.hasPrefix("//")) {
            throw raw.problem(
                "site.logo", found: logo, allowed: "a path on this host such as /logo.svg: nothing is loaded from other hosts")
        }
        site.accent = raw.text("site.accent")
        if let accent = site.accent, accent.wholeMatch(of: /#[0-9a-fA-F]{6}/) == nil {
            throw raw.problem("site.accent", found: accent, allowed: "a colour such as #0c5872")
        }
        site.help = raw.text("site.help")
        if let help = site.help, !(help.hasPrefix("https://") || help.hasPrefix("mailto:")) {
            throw raw.problem("site.help", found: help, allowed: "an https:// or mailto: address")
        }
    }

    private func refuseInsecureCombinations(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        if !publicURL.isHTTPS, !publicURL.isLoopback {
            throw raw.problem(
                "public-url", found: publicURL.description,
                allowed: "https:// for every host but loopback: passwords and sessions would cross the network in the clear")
        }
        if trustedProxies.contains(where: { $0.description == "0.0.0.0/0" || $0.description == "::/0" }) {
            throw raw.problem(
                "trusted-proxies", found: "every address", allowed: "only the proxies' own: whoever is trusted can claim any address")
        }
    }
}
