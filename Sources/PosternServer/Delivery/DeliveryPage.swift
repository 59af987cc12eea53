import DeliveryRouting
import Mustache
import Storage

/// How codes are brought: figures, plots, and what people are told.
struct DeliveryPage {
    struct View: Sendable {
        let byProvider: DeliveryReport
        /// The way with the most codes first: each has its colour in every plot.
        let ways: [DeliveryReport.Line]
        let byDay: DeliveryReport
        let byCountry: DeliveryReport
        let outages: [Outage]
        let decisions: [GuardDecision]
        let experiments: [String]
        /// By provider and channel: closed, open, or tried again.
        let circuits: [String: String]
    }

    let view: View
    let settings: DeliverySettings
    let days: Int64
    var done: String?
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        let report = view.byProvider
        return pages.admin(
            Self.template, title: "Delivery", at: .delivery, for: reader,
            [
                "days": "\(days)", "isDay": days == 1, "isWeek": days == 7, "isMonth": days == 30, "done": done ?? "",
                "isDone": done != nil,
                "isOff": !settings.isOn, "hasFigures": !report.lines.isEmpty,
                "rows": report.lines.map(row), "hasCost": report.all.cost > 0, "currency": settings.currency,
                "curves": curves, "hasCurves": !report.all.times.isEmpty, "quantiles": view.ways.map(quantiles),
                "daily": daily, "hasDaily": view.byDay.lines.count > 1, "dailyRows": view.byDay.lines.map(dayRow), "countries": countries,
                "outages": view.outages.map(outage), "hasOutages": !view.outages.isEmpty,
                "choices": settings.countries.count > 60
                    ? [] : settings.countries.sorted().map { ["code": $0, "name": CountryNames.english($0)] },
                "experiments": view.experiments.map { ["name": $0] }, "hasExperiments": !view.experiments.isEmpty,
                "enforces": settings.guardRules.mode == .enforce, "decisions": view.decisions.map(decision),
                "hasDecisions": !view.decisions.isEmpty,
            ])
    }

    private func row(_ line: DeliveryReport.Line) -> [String: Any] {
        let figures = line.figures
        let circuit = view.circuits[line.values.joined(separator: " ")] ?? "closed"
        return [
            "provider": line.values[0], "channel": line.values[1] == "sms" ? "Text" : "Call", "asked": Figure.count(figures.asked),
            "delivered": Figure.count(figures.delivered), "failed": Figure.count(figures.failures),
            "reasons": figures.reasons.prefix(3).map { "\($0.reason): \($0.number)" }.joined(separator: ", "),
            "used": Figure.percent(figures.used.share), "half": figures.times.quantile(0.5).map(Figure.seconds) ?? "-",
            "resends": Figure.decimals(figures.resendsEach, 2), "cost": SpendAlarm.words(figures.costEach, settings.currency),
            "circuit": circuit, "isShut": circuit != "closed",
        ]
    }

    private func quantiles(_ line: DeliveryReport.Line) -> [String: Any] {
        func seconds(_ share: Double) -> String { line.figures.times.quantile(share).map(Figure.seconds) ?? "-" }
        return ["arm": line.values.joined(separator: ", "), "half": seconds(0.5), "nine": seconds(0.9), "ninetyNine": seconds(0.99)]
    }

    /// Share signed in, by time since the code was made, of up to three ways.
    private var curves: String {
        let longest = min(600_000, max(10_000, view.byProvider.all.times.quantile(0.99) ?? 60_000))
        let curves = view.ways.prefix(Plot.mostCurves).map { line in
            Plot.Curve(
                name: line.values[0],
                points: (0...40).map { step in
                    let part = Double(step) / 40
                    return (x: part, y: line.figures.times.share(withinMilliseconds: Int64(part * longest)))
                })
        }
        return Plot.curves(
            curves, label: "Share of used codes by seconds after the code was made.", lines: [(0.5, "50 %"), (0.9, "90 %")],
            ticks: [(0, "0 s"), (0.5, Figure.seconds(longest / 2)), (1, Figure.seconds(longest))])
            + Self.legend(curves.map(\.name))
    }

    private static func legend(_ names: [String]) -> String {
        "<p class=\"legend\">"
            + names.enumerated().map { "<span><i class=\"b\($0 + 1)\"></i>\(markupEscaped($1))</span>" }.joined(separator: " ") + "</p>"
    }

    /// Share of codes used, day by day.
    private var daily: String {
        let days = Set(view.byDay.lines.map { $0.values[0] }).sorted()
        guard days.count > 1 else { return "" }
        let curves = view.ways.prefix(Plot.mostCurves).map(\.values[0]).map { name in
            Plot.Curve(
                name: name,
                points: view.byDay.lines.filter { $0.values[1] == name }.compactMap { line in
                    days.firstIndex(of: line.values[0]).map {
                        (x: Double($0) / Double(days.count - 1), y: line.figures.used.share)
                    }
                })
        }
        return Plot.curves(
            curves, label: "Share of codes that were used, by day.", lines: [(0.5, "50 %"), (0.9, "90 %")],
            ticks: [(0, days[0]), (1, days[days.count - 1])]) + Self.legend(curves.map(\.name))
    }

    private func dayRow(_ line: DeliveryReport.Line) -> [String: Any] {
        [
            "day": line.values[0], "provider": line.values[1], "used": Figure.percent(line.figures.used.share),
            "asked": Figure.count(line.figures.asked),
        ]
    }

    /// The best way to each country: the one with the largest share of used codes, where two can be told apart.
    private var countries: [[String: Any]] {
        let byCountry = Dictionary(grouping: view.byCountry.lines, by: { $0.values[0] })
        return byCountry.sorted { $0.key < $1.key }.map { country, lines in
            let order = lines.sorted { $0.figures.used.share > $1.figures.used.share }
            let best = order[0]
            var words = "the only one"
            if order.count > 1 {
                let difference = Difference.of(order[1].figures.used, best.figures.used)
                words = difference.flatMap { $0.isKnown ? $0.points : nil } ?? "not yet known"
            }
            return [
                "country": CountryNames.english(country), "best": best.values[1], "used": Figure.percent(best.figures.used.share),
                "asked": Figure.count(lines.reduce(0) { $0 + $1.figures.asked }), "words": words,
            ]
        }
    }

    private func outage(_ outage: Outage) -> [String: Any] {
        [
            "words": "\(outage.channel.words) to \(CountryNames.english(outage.country))", "isByHand": outage.provider.isEmpty,
            "provider": outage.provider, "channel": outage.channel.rawValue, "country": outage.country,
            "until": ISOTime.words(outage.until),
        ]
    }

    private func decision(_ decision: GuardDecision) -> [String: Any] {
        [
            "when": ISOTime.words(decision.at), "whenISO": ISOTime.text(decision.at), "rule": decision.rule, "detail": decision.detail,
            "range": decision.range, "times": decision.number > 1 ? ", \(decision.number) times" : "", "isRefused": decision.isRefused,
        ]
    }
}
