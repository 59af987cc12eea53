import NetworkAddress
import Throttle

extension Settings {
    mutating func readThrottling(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        try readSignInLimits(raw)
        for name in raw.names(under: "throttling.rules") { throttleRules.append(try Self.rule(name, raw)) }
    }

    private mutating func readSignInLimits(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        let prefix = "throttling.sign-in."
        signInLimits.perAddress = try raw.rate(prefix + "per-address") ?? signInLimits.perAddress
        if let rate = try raw.rate(prefix + "wait-after") {
            guard (3...100).contains(rate.limit), rate.period <= 86_400 else {
                throw raw.problem(
                    prefix + "wait-after", found: raw.text(prefix + "wait-after") ?? "",
                    allowed: "3 to 100 in at most a day, such as 10/15m")
            }
            signInLimits.pair.waitFrom = Int64(rate.limit)
            signInLimits.pair.window = Int64(rate.period)
        }
        if let count = try raw.number(prefix + "block-after", in: 3...100) { signInLimits.pair.lockAt = Int64(count) }
        guard signInLimits.pair.lockAt >= signInLimits.pair.waitFrom else {
            throw raw.problem(
                prefix + "block-after", found: "\(signInLimits.pair.lockAt)",
                allowed: "at least what wait-after says, \(signInLimits.pair.waitFrom)")
        }
        // NIST SP 800-63B-4 §3.2.2: no more than 100.
        if let count = try raw.number(prefix + "lock-after", in: 10...100) {
            signInLimits.account.lockAt = Int64(count)
            signInLimits.account.waitFrom = Int64(count)
        }
        if let time = try raw.duration(prefix + "lock-for") {
            // PCI DSS 4.0.1, 8.3.4.
            guard time >= .seconds(1_800) else {
                throw raw.problem(
                    prefix + "lock-for", found: raw.text(prefix + "lock-for") ?? "",
                    allowed: "30m or more; leave it out and a lock stays until it is released")
            }
            signInLimits.pair.lockFor = time.components.seconds
            signInLimits.account.lockFor = time.components.seconds
        }
        if let rate = try raw.rate(prefix + "stuffing") {
            guard (3...10_000).contains(rate.limit), rate.period <= 30 * 86_400 else {
                throw raw.problem(
                    prefix + "stuffing", found: raw.text(prefix + "stuffing") ?? "",
                    allowed: "3 to 10000 accounts in at most 30 days, such as 15/3h")
            }
            signInLimits.stuffing = (Int64(rate.limit), .seconds(Int64(rate.period)))
        }
        signInLimits.stuffingBlock = try raw.duration(prefix + "stuffing-block") ?? signInLimits.stuffingBlock
    }

    private static func rule(_ name: String, _ raw: SettingsReader) throws(SettingsFile.Problem) -> ThrottleRule {
        let key = "throttling.rules.\(name)"
        guard GroupName(name) != nil else { throw raw.problem(key, found: name, allowed: "names of a-z, 0-9 and -, up to 40") }
        guard let kind: ThrottleRule.Kind = try raw.choice(key + ".kind") else {
            throw raw.problem(key + ".kind", found: "nothing", allowed: ThrottleRule.Kind.allCases.map(\.rawValue).joined(separator: ", "))
        }
        var rule = ThrottleRule(name: name, kind: kind)
        rule.mode = try raw.choice(key + ".mode") ?? .enforce
        rule.event = try raw.choice(key + ".event")
        rule.apps = raw.list(key + ".apps")
        rule.methods = raw.list(key + ".methods").map { $0.uppercased() }
        rule.userAgents = raw.list(key + ".user-agents")
        rule.isShared = try raw.yesNo(key + ".shared") ?? false
        rule.answer = raw.text(key + ".answer")
        rule.paths = try raw.list(key + ".paths").map { text throws(SettingsFile.Problem) in
            guard let pattern = PathPattern(text) else {
                throw raw.problem(key + ".paths", found: text, allowed: "paths such as /login or /admin/*, without a query")
            }
            return pattern
        }
        rule.addresses = try raw.list(key + ".addresses").map { text throws(SettingsFile.Problem) in
            guard let range = AddressRange(text) else {
                throw raw.problem(key + ".addresses", found: text, allowed: "addresses and networks such as 192.0.2.7 or 2001:db8::/32")
            }
            return range
        }
        let parts = raw.list(key + ".key")
        if !parts.isEmpty {
            rule.key = try parts.map { text throws(SettingsFile.Problem) in
                guard let part = ThrottleRule.KeyPart(text) else {
                    throw raw.problem(key + ".key", found: text, allowed: "address, account, user-agent or header:NAME")
                }
                return part
            }
        }
        try check(&rule, key, raw)
        return rule
    }

    private static func check(_ rule: inout ThrottleRule, _ key: String, _ raw: SettingsReader) throws(SettingsFile.Problem) {
        let counts = rule.kind == .throttle || rule.kind == .watch
        let window: Rate.Window? = try raw.choice(key + ".window")
        rule.rate = try raw.rate(key + ".limit", window: window ?? .fixed)
        if counts, rule.rate == nil {
            throw raw.problem(key + ".limit", found: "nothing", allowed: "how often in how long, such as 100/1m")
        }
        if !counts {
            for part in [".limit", ".key", ".window", ".shared"] where raw.isSet(key + part) {
                throw raw.problem(
                    key + part, found: raw.text(key + part) ?? "",
                    allowed: "only for a throttle or a watch: a \(rule.kind.rawValue) counts nothing")
            }
            // One that holds everything would open, or close, the whole server.
            guard !rule.addresses.isEmpty || !rule.paths.isEmpty || !rule.userAgents.isEmpty else {
                throw raw.problem(key, found: "no condition", allowed: "addresses, paths or user-agents for a \(rule.kind.rawValue)")
            }
        }
        try checkKey(rule, key, raw)
        if rule.isShared || rule.event != nil, rule.rate?.window != .fixed {
            throw raw.problem(key + ".window", found: window?.rawValue ?? "", allowed: "fixed, because all nodes count together")
        }
    }

    /// A rule that could never count anything is a mistake.
    private static func checkKey(_ rule: ThrottleRule, _ key: String, _ raw: SettingsReader) throws(SettingsFile.Problem) {
        if rule.event != nil {
            guard rule.kind == .throttle || rule.kind == .watch else {
                throw raw.problem(key + ".event", found: raw.text(key + ".event") ?? "", allowed: "only for a throttle or a watch")
            }
            for part in [".apps", ".paths", ".methods", ".addresses", ".user-agents", ".shared"] where raw.isSet(key + part) {
                throw raw.problem(
                    key + part, found: raw.list(key + part).joined(separator: ", "), allowed: "only without event: it is for requests")
            }
        }
        for part in rule.key {
            if case .header(let name) = part,
                rule.event != nil || !name.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 45 })
            {
                throw raw.problem(key + ".key", found: part.text, allowed: "a header's name of a-z, 0-9 and -, and only for requests")
            }
            if part == .account, rule.apps.isEmpty, rule.event == nil {
                throw raw.problem(
                    key + ".key", found: part.text,
                    allowed: "account only for apps or an event: Postern's own pages aren't counted by account")
            }
        }
    }
}

extension SettingsReader {
    /// `20/1m`: how often in how long.
    func rate(_ key: String, window: Rate.Window = .fixed) throws(SettingsFile.Problem) -> Rate? {
        guard let text = text(key) else { return nil }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard parts.count == 2, let limit = Int(parts[0]), let unit = parts[1].last.flatMap({ units[$0] }),
            let count = Int(parts[1].dropLast()), count <= 31_622_400, let rate = Rate(limit: limit, period: count * unit, window: window)
        else {
            throw problem(key, found: text, allowed: "how often in how long, such as 20/1m: at most 1000000 in at most 366 days")
        }
        return rate
    }
}
