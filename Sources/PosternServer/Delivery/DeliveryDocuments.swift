import DeliveryRouting
import Storage

/// Figures for programs. Times are milliseconds, money millionths.
struct FiguresDocument: Encodable {
    let by: [String: String]
    let asked, accepted, delivered, used: Int
    let failed: [String: Int]
    let conversion, resends_per_sign_in: Double
    let p50_ms, p90_ms, p99_ms: Double?
    let cost_millionths: Int64

    init(_ line: DeliveryReport.Line, _ dimensions: [DeliveryDimension]) {
        let figures = line.figures
        by = Dictionary(uniqueKeysWithValues: zip(dimensions.map(\.rawValue), line.values))
        (asked, accepted, delivered, used) = (figures.asked, figures.accepted, figures.delivered, figures.used.successes)
        failed = figures.failed
        (conversion, resends_per_sign_in) = (figures.used.share, figures.resendsEach)
        (p50_ms, p90_ms, p99_ms) = (figures.times.quantile(0.5), figures.times.quantile(0.9), figures.times.quantile(0.99))
        cost_millionths = figures.cost
    }
}

struct PlaceDocument: Encodable {
    struct Span: Encodable {
        let value, low, high: Double
        let known: Bool

        init?(_ difference: Difference?) {
            guard let difference else { return nil }
            (value, low, high) = (difference.value, difference.interval.lowerBound, difference.interval.upperBound)
            known = difference.isKnown
        }
    }

    struct Arm: Encodable {
        let provider: String
        let sent, used, resent: Int
        let median_ms: Double?
        let conversion, resends, median: Span?
    }

    /// Empty for all.
    let country: String
    let arms: [Arm]

    init(_ place: ExperimentResult.Place) {
        country = place.country
        arms = place.arms.map {
            Arm(
                provider: $0.provider, sent: $0.figures.first.trials, used: $0.figures.first.successes, resent: $0.figures.resent.successes,
                median_ms: $0.figures.times.quantile(0.5), conversion: Span($0.conversion), resends: Span($0.resends),
                median: Span($0.median))
        }
    }
}

struct OutageDocument: Encodable {
    let channel, country, provider, since, until: String

    init(_ outage: Outage) {
        (channel, country, provider) = (outage.channel.rawValue, outage.country, outage.provider)
        (since, until) = (ISOTime.text(outage.since), ISOTime.text(outage.until))
    }
}

struct DecisionDocument: Encodable {
    let at, channel, country, range, rule, detail: String
    let refused: Bool
    let number: Int64

    init(_ decision: GuardDecision) {
        at = ISOTime.text(decision.at)
        (channel, country, range) = (decision.channel.rawValue, decision.country, decision.range)
        (rule, detail, refused) = (decision.rule, decision.detail, decision.isRefused)
        number = decision.number
    }
}
