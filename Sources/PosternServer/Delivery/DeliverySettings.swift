import DeliveryRouting
import PhoneNumbers
import Secrets
import Storage
import Throttle

/// How codes by SMS and voice are brought. Read again while the server runs, when the settings file changes.
struct DeliverySettings: Sendable {
    struct Arm: Equatable, Sendable {
        let provider: String
        let weight: UInt32
    }

    struct Provider: Sendable {
        enum Kind: String, CaseIterable, Sendable { case twilio, vonage, sns, kannel, http, development }

        let name: String
        let kind: Kind
        var url = ""
        var account = ""
        var secret: Secret<String>?
        var signatureSecret: Secret<String>?
        var from = ""
        var region = ""
        /// Of a message, in millionths; by country where it is another.
        var price: Int64 = 0
        var prices: [String: Int64] = [:]
        /// Without a word about its arrival after so long, another way is tried; nil for never.
        var receiptWithin: Duration?
        var template: TemplateProvider.Template?
        var channels: Set<Delivery.Channel> = [.sms]

        func cost(to country: String) -> Int64 { prices[country] ?? price }
    }

    struct Route: Sendable {
        let name: String
        let channel: Delivery.Channel
        /// None for all that no other route names.
        let countries: Set<String>
        let arms: [Arm]
    }

    struct Experiment: Sendable {
        let name: String
        let channel: Delivery.Channel
        let countries: Set<String>
        let arms: [Arm]
        let start: Timestamp
        let end: Timestamp?

        func runs(at now: Timestamp) -> Bool { start <= now && end.map { now < $0 } ?? true }
    }

    struct Guard: Equatable, Sendable {
        enum Mode: String, CaseIterable, Sendable {
            case recordOnly = "record-only"
            case enforce
        }

        /// Of what could be a busy day as well as fraud. What is never right is always refused.
        var mode = Mode.recordOnly
        /// Messages to a country and day that are always allowed.
        var countryFloor: Int64 = 50
        /// Different numbers of one block of a thousand.
        var burst = (count: Int64(10), within: Duration.seconds(3_600))
        /// Millionths of the currency's unit; nil for no limit.
        var spendPerDay: Int64?

        static func == (left: Guard, right: Guard) -> Bool {
            left.mode == right.mode && left.countryFloor == right.countryFloor && left.burst == right.burst
                && left.spendPerDay == right.spendPerDay
        }
    }

    /// Where numbers may be; empty for nowhere.
    var countries: Set<String> = []
    var providers: [String: Provider] = [:]
    var routes: [Route] = []
    var experiments: [Experiment] = []
    var guardRules = Guard()
    /// ISO 4217.
    var currency = "EUR"
    /// Whether arms are chosen by what was learnt instead of by weight.
    var learns = false
    /// Before another code may be asked for.
    var resendAfter = Duration.seconds(30)

    var isOn: Bool { !routes.isEmpty }

    func allows(_ country: String) -> Bool { countries.contains(country) }

    /// The route of a country, or the one for all others.
    func route(_ channel: Delivery.Channel, to country: String) -> Route? {
        let fitting = routes.filter { $0.channel == channel }
        return fitting.first { $0.countries.contains(country) } ?? fitting.first { $0.countries.isEmpty }
    }

    func experiment(_ channel: Delivery.Channel, to country: String, now: Timestamp) -> Experiment? {
        experiments.first { $0.channel == channel && $0.countries.contains(country) && $0.runs(at: now) }
    }

    /// Channels on which somebody there can be reached.
    func channels(to country: String) -> [Delivery.Channel] {
        allows(country) ? Delivery.Channel.allCases.filter { route($0, to: country) != nil } : []
    }
}

extension Settings {
    mutating func readDelivery(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        for name in raw.names(under: "delivery.providers") {
            let provider = try Self.deliveryProvider(name, raw)
            guard provider.kind != .development || showsDevelopmentMailbox else {
                throw raw.problem(
                    "delivery.providers.\(name).kind", found: "development",
                    allowed: "another kind: the mailbox is there only on loopback and without mail.smtp")
            }
            delivery.providers[name] = provider
        }
        try readDeliveryPlaces(raw)
        for name in raw.names(under: "delivery.routes") { delivery.routes.append(try deliveryRoute(name, raw)) }
        for name in raw.names(under: "delivery.experiments") { delivery.experiments.append(try deliveryExperiment(name, raw)) }
        try readDeliveryGuard(raw)
        if let code = raw.text("delivery.currency") {
            guard code.utf8.count == 3, code.utf8.allSatisfy({ (65...90).contains($0) }) else {
                throw raw.problem("delivery.currency", found: code, allowed: "a code of three capitals, such as EUR")
            }
            delivery.currency = code
        }
        delivery.learns = try raw.yesNo("delivery.auto") ?? false
        if let wait = try raw.duration("delivery.resend-after") {
            guard wait >= .seconds(10), wait <= .seconds(300) else {
                throw raw.problem("delivery.resend-after", found: raw.text("delivery.resend-after") ?? "", allowed: "10s to 5m")
            }
            delivery.resendAfter = wait
        }
        if delivery.providers.isEmpty, showsDevelopmentMailbox { tryOutDelivery() }
    }

    /// While a server is tried out, texts and calls land in its mailbox.
    private mutating func tryOutDelivery() {
        let name = "development"
        delivery.providers[name] = DeliverySettings.Provider(name: name, kind: .development, channels: Set(Delivery.Channel.allCases))
        delivery.countries = PhoneNumber.countries
        delivery.routes = Delivery.Channel.allCases.map {
            DeliverySettings.Route(name: name, channel: $0, countries: [], arms: [DeliverySettings.Arm(provider: name, weight: 1)])
        }
    }

    private mutating func readDeliveryPlaces(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        delivery.countries = try Self.countries("delivery.countries", raw)
        if !delivery.providers.isEmpty, delivery.countries.isEmpty {
            throw raw.problem(
                "delivery.countries", found: "nothing",
                allowed: "the countries that your people live in, such as [PT, BR]: others get no messages")
        }
    }

    private static func countries(_ key: String, _ raw: SettingsReader) throws(SettingsFile.Problem) -> Set<String> {
        for code in raw.list(key) where !PhoneNumber.countries.contains(code) {
            throw raw.problem(key, found: code, allowed: "ISO 3166-1 codes of countries, such as PT or BR (write \"NO\" in quotes)")
        }
        return Set(raw.list(key))
    }

    private func arms(
        _ key: String, _ channel: Delivery.Channel, _ raw: SettingsReader
    ) throws(SettingsFile.Problem) -> [DeliverySettings.Arm] {
        var arms: [DeliverySettings.Arm] = []
        for text in raw.list(key) {
            let parts = text.split(separator: " ")
            guard let name = parts.first.map(String.init), parts.count <= 2, let weight = parts.count == 2 ? UInt32(parts[1]) : 1,
                weight <= 1_000_000
            else { throw raw.problem(key, found: text, allowed: "a provider and its weight, such as \"north 50\"") }
            guard let provider = delivery.providers[name], provider.channels.contains(channel),
                !arms.contains(where: { $0.provider == name })
            else {
                let known = delivery.providers.values.filter { $0.channels.contains(channel) }.map(\.name).sorted()
                throw raw.problem(
                    key, found: name, allowed: "each once, of the providers for \(channel.rawValue): \(known.joined(separator: ", "))")
            }
            arms.append(DeliverySettings.Arm(provider: name, weight: weight))
        }
        guard !arms.isEmpty else { throw raw.problem(key, found: "nothing", allowed: "at least one provider") }
        return arms
    }

    private static func channel(_ key: String, _ raw: SettingsReader) throws(SettingsFile.Problem) -> Delivery.Channel {
        guard let channel: Delivery.Channel = try raw.choice(key) else { throw raw.problem(key, found: "nothing", allowed: "sms or voice") }
        return channel
    }

    private func deliveryRoute(_ name: String, _ raw: SettingsReader) throws(SettingsFile.Problem) -> DeliverySettings.Route {
        let key = "delivery.routes.\(name)"
        let channel = try Self.channel(key + ".channel", raw)
        let countries = try Self.countries(key + ".countries", raw)
        for other in delivery.routes where other.channel == channel {
            guard other.countries.isDisjoint(with: countries), !(other.countries.isEmpty && countries.isEmpty) else {
                throw raw.problem(key, found: channel.rawValue, allowed: "each country in one route of a channel: \(other.name) has it too")
            }
        }
        return DeliverySettings.Route(name: name, channel: channel, countries: countries, arms: try arms(key + ".arms", channel, raw))
    }

    private func deliveryExperiment(_ name: String, _ raw: SettingsReader) throws(SettingsFile.Problem) -> DeliverySettings.Experiment {
        let key = "delivery.experiments.\(name)"
        guard GroupName(name) != nil else { throw raw.problem(key, found: name, allowed: "names of a-z, 0-9 and -, up to 40") }
        let channel = try Self.channel(key + ".channel", raw)
        let countries = try Self.countries(key + ".countries", raw)
        guard !countries.isEmpty else { throw raw.problem(key + ".countries", found: "nothing", allowed: "the countries that take part") }
        guard let start = try raw.day(key + ".start") else {
            throw raw.problem(key + ".start", found: "nothing", allowed: "a day such as 2026-11-14")
        }
        let experiment = DeliverySettings.Experiment(
            name: name, channel: channel, countries: countries, arms: try arms(key + ".arms", channel, raw), start: start,
            end: try raw.day(key + ".end"))
        guard experiment.arms.count >= 2 else { throw raw.problem(key + ".arms", found: "one", allowed: "at least two, to compare") }
        for other in delivery.experiments where other.channel == channel && !other.countries.isDisjoint(with: countries) {
            guard other.end.map({ $0 <= start }) == true || experiment.end.map({ $0 <= other.start }) == true else {
                throw raw.problem(key, found: channel.rawValue, allowed: "one experiment at a time for a country: \(other.name) has it too")
            }
        }
        return experiment
    }

    private mutating func readDeliveryGuard(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        delivery.guardRules.mode = try raw.choice("delivery.guard.mode") ?? .recordOnly
        if let floor = try raw.number("delivery.guard.country-floor", in: 1...1_000_000) { delivery.guardRules.countryFloor = Int64(floor) }
        if let rate = try raw.rate("delivery.guard.burst") {
            guard (2...1_000).contains(rate.limit), rate.period <= 86_400 else {
                throw raw.problem(
                    "delivery.guard.burst", found: raw.text("delivery.guard.burst") ?? "",
                    allowed: "2 to 1000 numbers in at most a day, such as 10/1h")
            }
            delivery.guardRules.burst = (Int64(rate.limit), .seconds(Int64(rate.period)))
        }
        delivery.guardRules.spendPerDay = try raw.amount("delivery.guard.spend-per-day")
    }
}
