import Storage

/// Who tried to get into one's account: newest first, a day under the other.
struct HistoryPage {
    let attempts: [ShownAttempt]
    let days: [HistoryDay]
    let filter: HistoryFilter
    /// The session that looks; its sign-in is marked.
    let current: Session.ID
    /// Where older ones are; nil after the last.
    let older: String?
    var isFirst = true
    let now: Timestamp
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        var groups: [(day: Int64, attempts: [ShownAttempt])] = []
        for attempt in attempts {
            if groups.last?.day == attempt.attempt.at.day {
                groups[groups.count - 1].attempts.append(attempt)
            } else {
                groups.append((attempt.attempt.at.day, [attempt]))
            }
        }
        var values: [String: Any] = [
            "groups": groups.map { ["day": dayWords($0.day), "attempts": $0.attempts.map(row)] as [String: Any] },
            "none": attempts.isEmpty, "isAll": filter == .all,
            "filters": HistoryFilter.allCases.map {
                ["value": $0.rawValue, "words": $0.words, "isCurrent": $0 == filter] as [String: Any]
            },
        ]
        values["older"] = older
        if isFirst {
            values["plot"] = HistoryPlot(days: days).svg
            values["finding"] = HistoryPlot(days: days).words
            values["days"] = days.reversed().filter { $0.signedIn + $0.refused > 0 }.map {
                ["day": Self.dayName($0.day), "signedIn": $0.signedIn, "refused": $0.refused] as [String: Any]
            }
        }
        return pages.account(Self.template, title: "Sign-in history", at: .history, for: reader, values)
    }

    private func dayWords(_ day: Int64) -> String {
        switch now.day - day {
        case 0: "Today, \(Self.dayName(day))"
        case 1: "Yesterday, \(Self.dayName(day))"
        default: Self.dayName(day)
        }
    }

    static func dayName(_ day: Int64) -> String {
        String(ISOTime.words(Timestamp(secondsSinceEpoch: day * 86_400)).prefix { $0 != "," })
    }

    private func row(_ shown: ShownAttempt) -> [String: Any] {
        let attempt = shown.attempt
        let unusual = shown.findings.filter { $0.confidence >= 50 }
        let familiar =
            attempt.session == current
            ? "this session" : attempt.isKnownBrowser ? "known" : attempt.account != nil ? "not known before" : ""
        return [
            "badge": HistoryWords.badge(attempt), "what": HistoryWords.outcome(attempt), "time": clock(attempt.at),
            "timeISO": ISOTime.text(attempt.at), "last": attempt.times > 1 ? clock(attempt.lastAt) : "",
            "lastISO": ISOTime.text(attempt.lastAt), "isCounted": clock(attempt.lastAt) != clock(attempt.at),
            "program": attempt.program.words, "familiar": familiar, "means": HistoryWords.means(attempt),
            "place": HistoryWords.place(shown.place), "network": shown.place.network, "hasNetwork": !shown.place.network.isEmpty,
            "address": attempt.addressText ?? "many addresses", "isUnusual": !unusual.isEmpty,
            "flag": unusual.map { FindingWords.name(of: $0.kind) }.joined(separator: ", "),
            "reasons": shown.findings.map { "\($0.sentence) Confidence: \($0.confidence) of 100." },
            "number": "\(attempt.number.value)",
            "mayBeNotMe": attempt.outcome != .refused && attempt.session != current,
        ]
    }

    private func clock(_ time: Timestamp) -> String { String(ISOTime.text(time).dropFirst(11).prefix(5)) }

    private static let template = Pages.template(
        """
        <script src="/auth/assets/history.js" defer></script>
        <div class="page-head"><div><h1>Sign-in history</h1><p>Everyone who tried to get into your account, and whether they did. <span data-zone>Times are in UTC.</span></p></div></div>
        {{#plot}}<section class="card" aria-labelledby="month"><div class="body"><figure class="plot">
        <figcaption><b id="month">{{finding}}</b><span>The last 30 days. Failures of one source within an hour are one line below, with their number.</span></figcaption>
        {{{plot}}}
        <details class="more"><summary>The figures as a table</summary><div class="table-scroll" tabindex="0" role="region" aria-label="Days with attempts"><table class="table"><caption>Days with attempts</caption><thead><tr><th scope="col">Day</th><th scope="col" class="num">Signed in</th><th scope="col" class="num">Failed</th></tr></thead><tbody>
        {{#days}}<tr><th scope="row">{{day}}</th><td class="num">{{signedIn}}</td><td class="num">{{refused}}</td></tr>{{/days}}
        </tbody></table></div></details></figure></div></section>{{/plot}}
        <form class="form-inline filters" action="/auth/account/history" method="get"><div class="field"><label for="show">Show</label><select class="input" id="show" name="show">{{#filters}}<option value="{{value}}"{{#isCurrent}} selected{{/isCurrent}}>{{words}}</option>{{/filters}}</select></div><button class="button">Show</button></form>
        {{#none}}<section class="card filters" aria-labelledby="none"><div class="empty"><h2 id="none">Nothing</h2><p>{{#isAll}}Nobody tried to sign in to your account yet.{{/isAll}}{{^isAll}}Nothing of that kind is kept.{{/isAll}}</p></div></section>{{/none}}
        <div data-days>{{#groups}}<h2 class="day">{{day}}</h2>
        <ul class="card attempts">
        {{#attempts}}<li{{#isUnusual}} class="unusual"{{/isUnusual}}><p class="what"><span class="badge {{badge}}">{{what}}</span></p><p class="when"><time datetime="{{timeISO}}">{{time}}</time>{{#isCounted}} to <time datetime="{{lastISO}}">{{last}}</time>{{/isCounted}}</p><div class="detail"><b>{{program}}</b>{{#familiar}}, {{familiar}}{{/familiar}}. {{place}}.{{#means}}<br>{{means}}{{/means}}<details class="more"><summary>More<span class="visually-hidden"> about {{time}}, {{program}}</span></summary><dl class="facts"><dt>Address</dt><dd><code>{{address}}</code></dd>{{#hasNetwork}}<dt>Network</dt><dd>{{network}}</dd>{{/hasNetwork}}{{#isUnusual}}<dt>Unusual</dt><dd>{{#reasons}}{{.}} {{/reasons}}</dd>{{/isUnusual}}</dl></details></div>{{#isUnusual}}<p class="flag"><span class="badge warn">{{flag}}</span></p>{{/isUnusual}}{{#mayBeNotMe}}<div class="act"><details class="confirm"><summary class="button small{{#isUnusual}} danger{{/isUnusual}}{{^isUnusual}} quiet{{/isUnusual}}">This wasn’t me<span class="visually-hidden">: {{time}}, {{program}}</span></summary><form class="sure" action="/auth/account/history/not-me" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><input type="hidden" name="number" value="{{number}}"><p>Every session ends, this one too. Your password opens nothing any more, what was added since then is taken away, and we mail you a link to choose another password.</p><button class="button danger solid">Lock my account</button></form></details></div>{{/mayBeNotMe}}</li>
        {{/attempts}}</ul>{{/groups}}</div>
        <nav class="pager" aria-label="Pages">{{#older}}<a class="button" href="{{older}}">Older</a>{{/older}}<span class="actions"><a class="button quiet small" href="/auth/account/history/export?format=csv" download>Download as CSV</a><a class="button quiet small" href="/auth/account/history/export?format=json" download>JSON</a></span></nav>
        """)
}
