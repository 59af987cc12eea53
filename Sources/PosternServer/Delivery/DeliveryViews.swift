import DeliveryRouting
import Storage

/// What the administration's pages show of delivery.
struct DeliveryViews: Sendable {
    let store: any Store
    let rules: DeliveryRules
    let random: Randomness

    /// Lines of the guard's list.
    private static let mostDecisions: Int64 = 20

    @Sendable func view(_ days: Int64, now: Timestamp) async throws(StoreError) -> DeliveryPage.View {
        let day = now.day - days + 1
        let (counts, outages, decisions, names) = try await store.read { (transaction) throws(StoreError) in
            (
                try transaction.deliveryFigures(sinceDay: day), try transaction.outages(now: now),
                try transaction.guardDecisions(limit: Self.mostDecisions), try transaction.experimentNames(sinceDay: now.day - 30)
            )
        }
        let byProvider = DeliveryReport(counts, by: [.provider, .channel])
        var circuits: [String: String] = [:]
        for line in byProvider.lines {
            guard let channel = Delivery.Channel(rawValue: line.values[1]) else { continue }
            switch rules.circuit(line.values[0], channel) {
            case .closed: break
            case .open: circuits[line.values.joined(separator: " ")] = "open"
            case .halfOpen: circuits[line.values.joined(separator: " ")] = "tried again"
            }
        }
        let configured = rules.settings.experiments.map(\.name)
        return DeliveryPage.View(
            byProvider: byProvider,
            ways: DeliveryReport(counts, by: [.provider]).lines.sorted { $0.figures.asked > $1.figures.asked },
            byDay: DeliveryReport(counts, by: [.day, .provider]),
            byCountry: DeliveryReport(counts, by: [.country, .provider]), outages: outages, decisions: decisions,
            experiments: Set(names + configured).sorted(), circuits: circuits)
    }

    /// Nil for a name that nobody knows.
    @Sendable func experiment(_ name: String, now: Timestamp) async throws(StoreError) -> ExperimentResult? {
        let known = rules.settings.experiments.first { $0.name == name }
        let day = known?.start.day ?? now.day - 400
        let counts = try await store.read { (transaction) throws(StoreError) in
            try transaction.deliveryFigures(sinceDay: day, experiment: name)
        }
        guard known != nil || !counts.isEmpty else { return nil }
        var generator = SystemChance(random: random)
        return ExperimentResult(name, arms: known?.arms.map(\.provider) ?? [], counts, using: &generator)
    }
}
