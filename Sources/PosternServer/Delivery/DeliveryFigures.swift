import DeliveryRouting
import Storage

/// Deliveries that are alike in everything the report tells apart.
struct DeliveryCount: Sendable {
    let day: Int64
    let provider, channel, country, experiment: String
    let isFirst: Bool
    let state, reason: String
    /// How long after its code was made it was used, as ``Times`` counts; -1 for not used.
    let bucket: Int
    let number: Int
    /// Sent again after these, in all, and after how many of them.
    let resends: Int
    let resent: Int
    /// Millionths.
    let cost: Int64
}

/// What a part of all deliveries brought.
struct DeliveryFigures: Sendable {
    private(set) var asked = 0
    private(set) var accepted = 0
    private(set) var delivered = 0
    private(set) var failed: [String: Int] = [:]
    /// Codes that were used, of all that were sent.
    private(set) var used = Proportion(0, of: 0)
    /// Those that somebody's codes began with: of them, which were used, and after which another was asked for.
    private(set) var first = Proportion(0, of: 0)
    private(set) var resent = Proportion(0, of: 0)
    private(set) var resends = 0
    private(set) var times = Times()
    private(set) var cost: Int64 = 0

    mutating func add(_ count: DeliveryCount) {
        let isUsed = count.bucket >= 0
        asked += count.number
        switch Delivery.State(rawValue: count.state) {
        case .accepted?: accepted += count.number
        case .delivered?:
            accepted += count.number
            delivered += count.number
        case .failed?: failed[count.reason, default: 0] += count.number
        case .waiting?, .sending?, nil: break
        }
        used = Proportion(used.successes + (isUsed ? count.number : 0), of: used.trials + count.number)
        if isUsed { times.add(bucket: count.bucket, count.number) }
        cost += count.cost
        guard count.isFirst else { return }
        first = Proportion(first.successes + (isUsed ? count.number : 0), of: first.trials + count.number)
        resent = Proportion(resent.successes + count.resent, of: resent.trials + count.number)
        resends += count.resends
    }

    var failures: Int { failed.values.reduce(0, +) }
    /// The commonest first.
    var reasons: [(reason: String, number: Int)] {
        failed.map { (reason: $0.key, number: $0.value) }.sorted { ($1.number, $0.reason) < ($0.number, $1.reason) }
    }
    var resendsEach: Double { first.trials == 0 ? 0 : Double(resends) / Double(first.trials) }
    /// Millionths for each code that was used, to a ten-thousandth of the unit.
    var costEach: Int64 { used.successes == 0 ? 0 : (cost / Int64(used.successes) + 50) / 100 * 100 }
}

/// By what a report tells deliveries apart.
enum DeliveryDimension: String, CaseIterable, Sendable {
    case provider, channel, country, day

    func value(_ count: DeliveryCount) -> String {
        switch self {
        case .provider: count.provider
        case .channel: count.channel
        case .country: count.country
        case .day: ISOTime.day(Timestamp(secondsSinceEpoch: count.day * 86_400))
        }
    }
}

struct DeliveryReport: Sendable {
    struct Line: Sendable {
        let values: [String]
        var figures = DeliveryFigures()
    }

    let by: [DeliveryDimension]
    let lines: [Line]
    var all = DeliveryFigures()

    init(_ counts: [DeliveryCount], by dimensions: [DeliveryDimension]) {
        by = dimensions
        var found: [[String]: Line] = [:]
        for count in counts {
            let values = dimensions.map { $0.value(count) }
            found[values, default: Line(values: values)].figures.add(count)
            all.add(count)
        }
        lines = found.values.sorted { $0.values.lexicographicallyPrecedes($1.values) }
    }
}

/// What an experiment shows: each arm beside the first, in all countries and in each.
struct ExperimentResult: Sendable {
    struct Arm: Sendable {
        let provider: String
        let figures: DeliveryFigures
        /// What it is more than the first arm; nil for the first itself, and where there is too little to tell.
        let conversion: Difference?
        let resends: Difference?
        /// Milliseconds.
        let median: Difference?
    }

    struct Place: Sendable {
        /// ISO 3166-1; empty for all together.
        let country: String
        let arms: [Arm]
    }

    let name: String
    /// All together first, then the countries with the most codes.
    let places: [Place]

    /// - Parameter arms: in the order of the settings; those that were in it before come after them.
    init(_ name: String, arms: [String], _ counts: [DeliveryCount], using generator: inout some RandomNumberGenerator) {
        self.name = name
        let counted = counts.filter { $0.experiment == name && $0.isFirst }
        let all = arms + Set(counted.map(\.provider)).subtracting(arms).sorted()
        let byCountry = Dictionary(grouping: counted, by: \.country).sorted {
            ($1.value.reduce(0) { $0 + $1.number }, $0.key) < ($0.value.reduce(0) { $0 + $1.number }, $1.key)
        }
        places = ([("", counted)] + byCountry.map { ($0.key, $0.value) }).map { country, counts in
            Place(country: country, arms: Self.compare(all, counts, using: &generator))
        }
    }

    private static func compare(_ arms: [String], _ counts: [DeliveryCount], using generator: inout some RandomNumberGenerator) -> [Arm] {
        var figures: [String: DeliveryFigures] = [:]
        for count in counts { figures[count.provider, default: DeliveryFigures()].add(count) }
        let base = figures[arms.first ?? ""] ?? DeliveryFigures()
        return arms.enumerated().map { index, name in
            let own = figures[name] ?? DeliveryFigures()
            return Arm(
                provider: name, figures: own, conversion: index == 0 ? nil : Difference.of(base.first, own.first),
                resends: index == 0 ? nil : Difference.of(base.resent, own.resent),
                median: index == 0 ? nil : Times.differenceOfMedians(base.times, own.times, using: &generator))
        }
    }
}

extension Difference {
    /// In points of a share.
    var points: String { words("points") { Figure.signed($0 * 100) } }
    /// Of milliseconds.
    var seconds: String { words("s") { Figure.signed($0 / 1_000) } }

    private func words(_ unit: String, _ figure: (Double) -> String) -> String {
        "\(figure(value)) \(unit) (\(figure(interval.lowerBound)) to \(figure(interval.upperBound)))"
    }
}
