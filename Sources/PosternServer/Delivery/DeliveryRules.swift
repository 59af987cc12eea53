import DeliveryRouting
import Secrets
package import Storage
import Synchronization

/// The ways to deliver that are in force now, and how each of them does.
package final class DeliveryRules: Sendable {
    struct InForce: Sendable {
        let settings: DeliverySettings
        let providers: [String: any MessageProvider]
    }

    /// How the first way was chosen, and the order of all.
    package struct Plan: Equatable, Sendable {
        let providers: [String]
        let experiment: String
        /// In words.
        let choice: String
    }

    private let make: @Sendable (DeliverySettings.Provider) -> any MessageProvider
    private let rules: Mutex<InForce>
    private let circuits = Mutex<[String: Circuit]>([:])
    private let learnt = Mutex<[String: Proportion]>([:])
    private let outages = Mutex<[Outage]>([])

    init(_ settings: DeliverySettings, make: @escaping @Sendable (DeliverySettings.Provider) -> any MessageProvider) {
        self.make = make
        rules = Mutex(InForce(settings: settings, providers: settings.providers.mapValues(make)))
    }

    var inForce: InForce { rules.withLock { $0 } }
    var settings: DeliverySettings { inForce.settings }

    /// Weights, routes, experiments, and providers with their credentials.
    func replace(_ settings: DeliverySettings) {
        let new = InForce(settings: settings, providers: settings.providers.mapValues(make))
        rules.withLock { $0 = new }
    }

    // MARK: Choosing

    /// - Parameter tried: what this wish was sent by before, the latest last: a resend goes another way where there is one.
    package func plan(
        _ channel: Delivery.Channel, to country: String, tried: [String], now: Timestamp, random: Randomness
    ) -> Plan? {
        let settings = settings
        guard settings.allows(country), let route = settings.route(channel, to: country) else { return nil }
        let experiment = settings.experiment(channel, to: country, now: now)
        let arms = experiment?.arms ?? route.arms
        let all = arms.map(\.provider) + route.arms.map(\.provider).filter { name in !arms.contains { $0.provider == name } }
        if let last = tried.last {
            // Those that were not tried come first, then those tried longest ago; the last one again only where there is no other.
            let fresh = all.filter { !tried.contains($0) }
            let old = tried.reversed().reduce(into: [String]()) { if !$0.contains($1), all.contains($1) { $0.append($1) } }.reversed()
            let order = usableFirst(fresh + old, channel, now: now)
            return Plan(
                providers: order, experiment: experiment?.name ?? "",
                choice: order.first == last ? "the only way" : "another way than before")
        }
        var generator = SystemChance(random: random)
        let (chosen, words) = choose(arms, channel, country, settings.learns, using: &generator)
        let first = arms[chosen].provider
        let order = usableFirst([first] + all.filter { $0 != first }, channel, now: now)
        let isShut = order.first != first
        return Plan(
            // What a shut circuit moved elsewhere is no choice of the experiment.
            providers: order, experiment: isShut ? "" : experiment?.name ?? "", choice: isShut ? "\(words), but its circuit is open" : words
        )
    }

    private func choose(
        _ arms: [DeliverySettings.Arm], _ channel: Delivery.Channel, _ country: String, _ learns: Bool,
        using generator: inout SystemChance
    ) -> (Int, String) {
        guard arms.count > 1 else { return (0, "the only arm") }
        if learns {
            let seen = learnt.withLock { learnt in
                arms.map { learnt[Self.key(channel, country, $0.provider)] ?? Proportion(0, of: 0) }
            }
            if let choice = ArmChoice.byLearning(seen, using: &generator) {
                let proportion = seen[choice.arm]
                return (
                    choice.arm,
                    choice.isFloor ? "learning: the floor of 5 %" : "learning: \(proportion.successes) of \(proportion.trials) led in"
                )
            }
        }
        let arm = ArmChoice.byWeight(arms.map(\.weight), using: &generator) ?? 0
        let total = arms.reduce(UInt64(0)) { $0 + UInt64($1.weight) }
        return (arm, "weight \(arms[arm].weight) of \(total)")
    }

    /// Those whose circuit is shut wait at the end.
    private func usableFirst(_ names: [String], _ channel: Delivery.Channel, now: Timestamp) -> [String] {
        circuits.withLock { circuits in
            let usable = names.filter { circuits[Self.key(channel, "", $0)]?.isUsable(at: now.microseconds) ?? true }
            return usable + names.filter { !usable.contains($0) }
        }
    }

    private static func key(_ channel: Delivery.Channel, _ country: String, _ provider: String) -> String {
        "\(channel.rawValue) \(country) \(provider)"
    }

    func learn(_ figures: [ArmFigures]) {
        var new: [String: Proportion] = [:]
        for line in figures {
            guard let channel = Delivery.Channel(rawValue: line.channel) else { continue }
            new[Self.key(channel, line.country, line.provider)] = Proportion(Int(line.used), of: Int(line.asked))
        }
        learnt.withLock { [new] in $0 = new }
    }

    // MARK: Circuits

    /// Whether one may be sent this way now.
    func admits(_ provider: String, _ channel: Delivery.Channel, now: Timestamp) -> Bool {
        circuits.withLock { $0[Self.key(channel, "", provider), default: Circuit()].admit(at: now.microseconds) }
    }

    /// - Returns: the new state, if it changed.
    func note(failed: Bool, _ provider: String, _ channel: Delivery.Channel, now: Timestamp) -> Circuit.State? {
        circuits.withLock { circuits in
            let key = Self.key(channel, "", provider)
            return circuits[key, default: Circuit()].note(failed: failed, at: now.microseconds) ? circuits[key]?.state : nil
        }
    }

    func circuit(_ provider: String, _ channel: Delivery.Channel) -> Circuit.State {
        circuits.withLock { $0[Self.key(channel, "", provider)]?.state ?? .closed }
    }

    // MARK: What people see

    func see(_ found: [Outage]) { outages.withLock { $0 = found } }

    /// Whether a channel to a country is known not to work well: said by hand, or all its ways are shut.
    func isDelayed(_ channel: Delivery.Channel, to country: String, now: Timestamp) -> Bool {
        let settings = settings
        let open = outages.withLock { $0.filter { $0.channel == channel && $0.until > now } }
        if open.contains(where: { $0.provider.isEmpty && ($0.country.isEmpty || $0.country == country) }) { return true }
        guard let route = settings.route(channel, to: country) else { return false }
        return route.arms.allSatisfy { arm in
            open.contains { $0.provider == arm.provider }
                || circuits.withLock { !($0[Self.key(channel, "", arm.provider)]?.isUsable(at: now.microseconds) ?? true) }
        }
    }
}

/// A channel that doesn't work well for the moment.
struct Outage: Equatable, Sendable {
    let channel: Delivery.Channel
    /// Empty for all.
    let country: String
    /// Whose circuit opened; empty where an administrator says so.
    let provider: String
    let since: Timestamp
    let until: Timestamp

    /// As long as an administrator's word holds.
    static let byHandLasts = Duration.seconds(30 * 86_400)
}

/// The system's generator as the standard library asks for one.
struct SystemChance: RandomNumberGenerator {
    let random: Randomness

    mutating func next() -> UInt64 { random.bytes(8).reduce(0) { $0 << 8 | UInt64($1) } }
}
