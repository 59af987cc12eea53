import NetworkAddress
import PhoneNumbers
import Secrets
import Storage

extension Settings {
    static func deliveryProvider(_ name: String, _ raw: SettingsReader) throws(SettingsFile.Problem) -> DeliverySettings.Provider {
        let key = "delivery.providers.\(name)"
        guard GroupName(name) != nil else { throw raw.problem(key, found: name, allowed: "names of a-z, 0-9 and -, up to 40") }
        guard let kind: DeliverySettings.Provider.Kind = try raw.choice(key + ".kind") else {
            throw raw.problem(
                key + ".kind", found: "nothing", allowed: DeliverySettings.Provider.Kind.allCases.map(\.rawValue).joined(separator: ", "))
        }
        var provider = DeliverySettings.Provider(name: name, kind: kind)
        provider.secret = raw.text(key + ".secret").map { Secret($0) }
        provider.signatureSecret = raw.text(key + ".signature-secret").map { Secret($0) }
        for field in ["secret", "signature-secret"] where !isPlainLine(raw.text("\(key).\(field)") ?? "") {
            throw raw.problem("\(key).\(field)", found: "more than a line", allowed: "one line of plain text")
        }
        for (field, path) in [("account", \DeliverySettings.Provider.account), ("from", \.from), ("region", \.region)] {
            let text = raw.text("\(key).\(field)") ?? ""
            guard isPlainLine(text) else {
                throw raw.problem("\(key).\(field)", found: "more than a line", allowed: "plain text on one line")
            }
            provider[keyPath: path] = text
        }
        provider.price = try raw.amount(key + ".price") ?? 0
        for text in raw.list(key + ".prices") {
            let parts = text.split(separator: " ")
            guard parts.count == 2, PhoneNumber.countries.contains(String(parts[0])), let price = SettingsReader.amount(String(parts[1]))
            else {
                throw raw.problem(key + ".prices", found: text, allowed: "a country and its price, such as \"PT 0.031\"")
            }
            provider.prices[String(parts[0])] = price
        }
        if let wait = try raw.duration(key + ".receipt-within") {
            guard wait >= .seconds(5), wait <= .seconds(300) else {
                throw raw.problem(key + ".receipt-within", found: raw.text(key + ".receipt-within") ?? "", allowed: "5s to 5m")
            }
            provider.receiptWithin = wait
        }
        provider.channels = try channels(kind, key, raw)
        provider.url = try serviceURL(kind, provider.region, key, raw)
        if kind == .http { provider.template = try template(key, provider.url, raw) }
        try demand(provider, key, raw)
        return provider
    }

    private static func channels(
        _ kind: DeliverySettings.Provider.Kind, _ key: String, _ raw: SettingsReader
    ) throws(SettingsFile.Problem) -> Set<Delivery.Channel> {
        switch kind {
        case .twilio, .development: return [.sms, .voice]
        case .vonage, .sns, .kannel: return [.sms]
        case .http: break
        }
        var channels: Set<Delivery.Channel> = []
        for text in raw.list(key + ".channels") {
            guard let channel = Delivery.Channel(rawValue: text) else {
                throw raw.problem(key + ".channels", found: text, allowed: "sms, voice")
            }
            channels.insert(channel)
        }
        return channels.isEmpty ? [.sms] : channels
    }

    /// Where the service is. Codes and passwords go there: in the clear only to this machine, or to a gateway of one's own.
    private static func serviceURL(
        _ kind: DeliverySettings.Provider.Kind, _ region: String, _ key: String, _ raw: SettingsReader
    ) throws(SettingsFile.Problem) -> String {
        let standard: String? =
            switch kind {
            case .twilio: "https://api.twilio.com"
            case .vonage: "https://api.nexmo.com"
            case .sns: "https://sns.\(region).amazonaws.com"
            case .kannel, .http: nil
            case .development: ""
            }
        guard let text = raw.text(key + ".url") ?? standard else {
            throw raw.problem(key + ".url", found: "nothing", allowed: "the URL of the service")
        }
        if text.isEmpty { return text }
        let rest = text.hasPrefix("https://") ? text.dropFirst(8) : text.hasPrefix("http://") ? text.dropFirst(7) : ""
        let host = PublicURL.split(String(rest.prefix { !["/", "?", "#"].contains($0) }))?.host ?? ""
        let isClear = text.hasPrefix("http://")
        guard !host.isEmpty, !host.contains("@"), text.utf8.allSatisfy({ $0 > 32 && $0 < 127 }),
            !isClear || kind == .kannel || PublicURL.isLoopback(host: host)
        else {
            throw raw.problem(
                key + ".url", found: text, allowed: "https://HOST/PATH; http:// only to this machine, or for kind kannel")
        }
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    private static func template(
        _ key: String, _ url: String, _ raw: SettingsReader
    ) throws(SettingsFile.Problem) -> TemplateProvider.Template {
        var template = TemplateProvider.Template(url: url, body: raw.text(key + ".body") ?? "")
        template.content = try raw.choice(key + ".content") ?? .json
        template.headers = try raw.list(key + ".headers").map { (text) throws(SettingsFile.Problem) in
            guard let colon = text.firstIndex(of: ":"), isPlainLine(text), colon != text.startIndex else {
                throw raw.problem(key + ".headers", found: text, allowed: "lines such as \"Authorization: Bearer {secret}\"")
            }
            return (String(text[..<colon]), trimmed(String(text[text.index(after: colon)...])))
        }
        template.reference = raw.text(key + ".id") ?? ""
        template.error = raw.text(key + ".error") ?? ""
        template.optedOut = Set(raw.list(key + ".opted-out"))
        template.permanent = Set(raw.list(key + ".permanent"))
        template.status = raw.text(key + ".status") ?? ""
        template.delivered = Set(raw.list(key + ".delivered"))
        template.failed = Set(raw.list(key + ".failed"))
        guard !template.body.isEmpty else {
            throw raw.problem(key + ".body", found: "nothing", allowed: "what is sent, such as {\"to\":\"{to}\",\"text\":\"{text}\"}")
        }
        return template
    }

    /// What a kind can't do without.
    private static func demand(_ provider: DeliverySettings.Provider, _ key: String, _ raw: SettingsReader) throws(SettingsFile.Problem) {
        let needed: [(String, Bool)] =
            switch provider.kind {
            case .twilio, .vonage, .kannel:
                [("account", provider.account.isEmpty), ("secret", provider.secret == nil), ("from", provider.from.isEmpty)]
            case .sns: [("account", provider.account.isEmpty), ("secret", provider.secret == nil), ("region", provider.region.isEmpty)]
            case .http, .development: []
            }
        for (field, isMissing) in needed where isMissing {
            let variable =
                "POSTERN_"
                + "delivery.providers.\(provider.name).secret".uppercased().map { $0.isLetter || $0.isNumber ? String($0) : "_" }.joined()
            throw raw.problem(
                "\(key).\(field)", found: "nothing",
                allowed: field == "secret"
                    ? "a secret, best from the environment: \(variable) or \(variable)_FILE"
                    : "a value: \(provider.kind.rawValue) needs one")
        }
        if provider.receiptWithin != nil, provider.kind == .sns || (provider.kind == .vonage && provider.signatureSecret == nil) {
            throw raw.problem(
                key + ".receipt-within", found: "a time",
                allowed: "only where the provider tells of arrival: sns doesn't, and vonage only with signature-secret")
        }
    }
}

extension SettingsReader {
    /// An amount of money in millionths.
    func amount(_ key: String) throws(SettingsFile.Problem) -> Int64? {
        guard let text = text(key) else { return nil }
        guard let amount = Self.amount(text) else {
            throw problem(key, found: text, allowed: "an amount such as 0.041 or 100, with up to six decimals")
        }
        return amount
    }

    static func amount(_ text: String) -> Int64? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let whole = Int64(parts[0]), (0...1_000_000_000).contains(whole), !parts[0].hasPrefix("+")
        else { return nil }
        let decimals = parts.count == 2 ? String(parts[1]) : "0"
        guard (1...6).contains(decimals.utf8.count), decimals.utf8.allSatisfy({ (48...57).contains($0) }),
            let millionths = Int64(decimals + String(repeating: "0", count: 6 - decimals.utf8.count))
        else { return nil }
        return whole * 1_000_000 + millionths
    }

    /// The beginning of a day, UTC.
    func day(_ key: String) throws(SettingsFile.Problem) -> Timestamp? {
        guard let text = text(key) else { return nil }
        guard let day = ISOTime.day(text) else { throw problem(key, found: text, allowed: "a day such as 2026-11-14") }
        return day
    }
}
