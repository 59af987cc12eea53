import DeliveryRouting
import Mustache
import Storage

/// What an experiment shows.
struct ExperimentPage {
    let result: ExperimentResult
    let experiment: DeliverySettings.Experiment?
    let currency: String
    let now: Timestamp
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        let all = result.places.first
        return pages.admin(
            Self.template, title: result.name, at: .delivery, for: reader,
            [
                "state": state, "verdict": verdict.words, "isKnown": verdict.isKnown, "arms": (all?.arms ?? []).map(arm),
                "plots": (all?.arms.dropFirst() ?? []).enumerated().map { index, arm in
                    [
                        "arm": arm.provider, "base": all?.arms.first?.provider ?? "", "svg": plot(index + 1), "rows": rows(index + 1),
                    ] as [String: Any]
                },
            ])
    }

    private var state: String {
        guard let experiment else { return "It is no longer in the settings; its figures are kept." }
        let countries = experiment.countries.map(CountryNames.english).sorted().joined(separator: ", ")
        let channel = experiment.channel == .sms ? "Texts" : "Calls"
        if now < experiment.start { return "\(channel) to \(countries). It begins on \(ISOTime.day(experiment.start))." }
        if let end = experiment.end, end <= now { return "\(channel) to \(countries). It ended on \(ISOTime.day(end))." }
        return
            "\(channel) to \(countries), since \(ISOTime.day(experiment.start)). Each new code begins with one arm by chance; “send again” goes to the other."
    }

    /// Of all countries together, the last arm that differs from the first.
    private var verdict: (words: String, isKnown: Bool) {
        guard let arms = result.places.first?.arms, let base = arms.first else { return ("There are no codes yet.", false) }
        for arm in arms.dropFirst() {
            guard let difference = arm.conversion, difference.isKnown else { continue }
            let (better, worse) = difference.value > 0 ? (arm.provider, base.provider) : (base.provider, arm.provider)
            return (
                "\(better) brings more people in than \(worse): \(arm.provider) less \(base.provider) is \(difference.points), 95 % interval.",
                true
            )
        }
        return ("Which arm is better isn’t known yet: the 95 % interval of the difference holds zero.", false)
    }

    private func arm(_ arm: ExperimentResult.Arm) -> [String: Any] {
        let figures = arm.figures
        return [
            "provider": arm.provider, "sent": Figure.count(figures.first.trials), "used": Figure.percent(figures.first.share),
            "half": figures.times.quantile(0.5).map(Figure.seconds) ?? "-", "nine": figures.times.quantile(0.9).map(Figure.seconds) ?? "-",
            "resent": Figure.percent(figures.resent.share), "cost": SpendAlarm.words(figures.costEach, currency),
            "weight": experiment?.arms.first { $0.provider == arm.provider }.map { "\($0.weight)" } ?? "-",
        ]
    }

    private func plot(_ index: Int) -> String {
        let spans = result.places.compactMap { place -> Plot.Span? in
            guard place.arms.indices.contains(index), let difference = place.arms[index].conversion else { return nil }
            let words = Figure.signed(difference.value * 100)
            return Plot.Span(
                label: place.country.isEmpty ? "All countries" : CountryNames.english(place.country),
                words: difference.isKnown ? words : words + ", not yet known", value: difference.value, low: difference.interval.lowerBound,
                high: difference.interval.upperBound, isKnown: difference.isKnown)
        }
        let widest = max(0.05, min(0.5, spans.map { max(abs($0.low), abs($0.high)) }.max() ?? 0.1))
        return Plot.spans(
            spans,
            label: "Difference in used codes, in points, with 95 % intervals. "
                + spans.map { "\($0.label): \($0.words)" }.joined(separator: ". "),
            widest: widest
        ) { Figure.signed($0 * 100) }
    }

    private func rows(_ index: Int) -> [[String: Any]] {
        result.places.compactMap { place in
            guard place.arms.indices.contains(index), let base = place.arms.first else { return nil }
            let arm = place.arms[index]
            func share(_ figures: DeliveryFigures) -> String {
                "\(Figure.percent(figures.first.share)) of \(Figure.count(figures.first.trials))"
            }
            let better =
                arm.conversion.map { $0.isKnown ? ($0.value > 0 ? arm.provider : base.provider) : "not yet known" } ?? "not yet known"
            return [
                "country": place.country.isEmpty ? "All countries" : CountryNames.english(place.country), "base": share(base.figures),
                "arm": share(arm.figures), "conversion": arm.conversion?.points ?? "-", "resends": arm.resends?.points ?? "-",
                "median": arm.median?.seconds ?? "-", "better": better,
            ]
        }
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><p class="meta"><a href="/auth/admin/delivery">Delivery</a></p><h1>{{title}}</h1><p>{{state}}</p></div></div>
        <div class="stack"><div class="notice {{#isKnown}}ok{{/isKnown}}{{^isKnown}}warn{{/isKnown}}">{{#isKnown}}<svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="m3.5 8.5 3 3 6-7"/></svg>{{/isKnown}}{{^isKnown}}<svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg>{{/isKnown}}<div><p>{{verdict}}</p></div></div>
        <section class="card" aria-labelledby="arms"><header><div><h2 id="arms">The arms</h2><p>Of the codes that sign-ins began with. What was sent again isn’t counted: it was not chosen by chance.</p></div></header><div class="table-scroll" tabindex="0" role="region" aria-label="Figures of the arms"><table class="table wide"><thead><tr><th scope="col">Arm</th><th scope="col" class="num">Weight</th><th scope="col" class="num">Codes</th><th scope="col" class="num">Used</th><th scope="col" class="num">Half</th><th scope="col" class="num">9 in 10</th><th scope="col" class="num">Sent again</th><th scope="col" class="num">Cost each</th></tr></thead><tbody>{{#arms}}<tr><th scope="row">{{provider}}</th><td class="num">{{weight}}</td><td class="num">{{sent}}</td><td class="num">{{used}}</td><td class="num">{{half}}</td><td class="num">{{nine}}</td><td class="num">{{resent}}</td><td class="num">{{cost}}</td></tr>{{/arms}}</tbody></table></div></section>
        {{#plots}}<section class="card"><div class="body"><figure class="plot"><figcaption><b>{{arm}} less {{base}}</b><span>Difference in used codes, in points: right of the line {{arm}} is better. Bars are 95 % intervals (Newcombe).</span></figcaption>{{{svg}}}
        <details class="more" open><summary>The figures as a table</summary><div class="table-scroll" tabindex="0" role="region" aria-label="{{arm}} less {{base}} by country"><table class="table wider"><thead><tr><th scope="col">Country</th><th scope="col">Better</th><th scope="col" class="num">{{base}}</th><th scope="col" class="num">{{arm}}</th><th scope="col" class="num">Used</th><th scope="col" class="num">Sent again</th><th scope="col" class="num">Half in</th></tr></thead><tbody>{{#rows}}<tr><th scope="row" class="nowrap">{{country}}</th><td class="nowrap">{{better}}</td><td class="num">{{base}}</td><td class="num">{{arm}}</td><td class="num">{{conversion}}</td><td class="num">{{resends}}</td><td class="num">{{median}}</td></tr>{{/rows}}</tbody></table></div></details></figure></div></section>{{/plots}}</div>
        """)
}
