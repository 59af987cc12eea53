import Storage

/// What other limits would have made of the sign-ins that were recorded.
struct SimulationPage {
    var fields: LimitFields
    var days: Int64 = 7
    var isInvalid = false
    /// Under today's limits, and under those that are tried.
    var reports: (today: Simulate.Report, tried: Simulate.Report)?
    var isCut = false
    let shadows: [ShadowLine]
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        var values: [String: Any] = [
            "perAddress": fields.perAddress, "waitAfter": fields.waitAfter, "blockAfter": fields.blockAfter, "lockAfter": fields.lockAfter,
            "stuffing": fields.stuffing, "isInvalid": isInvalid,
            "spans": [(1, "1 day"), (7, "7 days"), (30, "30 days")].map {
                ["value": $0.0, "label": $0.1, "isChosen": Int64($0.0) == days] as [String: Any]
            },
            "shadows": shadows.map {
                [
                    "rule": $0.rule, "mode": $0.mode == "shadow" ? "would be refused" : "over the limit", "number": $0.number,
                    "keys": $0.keys,
                ]
                    as [String: Any]
            }, "hasShadows": !shadows.isEmpty, "hasReport": reports != nil, "isCut": isCut,
        ]
        if let (today, tried) = reports {
            values["attempts"] = tried.attempts
            values["right"] = tried.right
            values["until"] = ISOTime.words(tried.until)
            values["rules"] = PolicyReplay.Rule.allCases.map { row($0, today, tried) }
            let examples = PolicyReplay.Rule.allCases.flatMap { rule in
                (tried.findings[rule]?.examples ?? []).map { example -> [String: Any] in
                    let (person, network) = Masked.of(example, tried.people, isWhole: false)
                    return [
                        "rule": rule.rawValue, "person": person, "network": network, "at": ISOTime.words(example.at),
                        "atISO": ISOTime.text(example.at),
                    ]
                }
            }
            values["examples"] = examples
            values["hasExamples"] = !examples.isEmpty
        }
        return pages.admin(Self.template, title: "Simulation", at: .blocks, for: reader, values)
    }

    private func row(_ rule: PolicyReplay.Rule, _ today: Simulate.Report, _ tried: Simulate.Report) -> [String: Any] {
        let (now, then) = (today.findings[rule] ?? PolicyReplay.Finding(), tried.findings[rule] ?? PolicyReplay.Finding())
        return [
            "rule": rule.rawValue, "refusedNow": now.refused, "refused": then.refused, "ownersNow": now.lockedOut.count,
            "owners": then.lockedOut.count, "attackersNow": now.attackers.count, "attackers": then.attackers.count,
        ]
    }

    private static func number(_ name: String, _ label: String, _ value: String, _ range: ClosedRange<Int>) -> String {
        """
        <div class="field"><label for="\(name)">\(label)</label><input class="input" id="\(name)" name="\(name)" type="number" inputmode="numeric" min="\(range.lowerBound)" max="\(range.upperBound)" required value="{{\(value)}}"></div>
        """
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><p class="meta"><a href="/auth/admin/blocks">Blocks</a></p><h1>Simulation</h1><p>Try other limits on what happened, before they stand in the settings. Nothing is changed.</p></div></div>
        <div class="stack">
        <section class="card" aria-labelledby="limits"><header><div><h2 id="limits">Limits to try</h2><p>Filled in with today’s.</p></div></header>
        <form class="body form" action="/auth/admin/simulation" method="get">
        {{#isInvalid}}\(FieldError.html(id: "limits-error", "These can’t stand in the settings: wait after 3 to 100, block after at least that and at most 100, lock after 10 to 100, accounts 3 to 10,000.")){{/isInvalid}}
        \(number("per-address", "Tries of one address in a minute", "perAddress", 0...1_000_000))
        \(number("wait-after", "Wrong ones of one address for one account, then it waits", "waitAfter", 3...100))
        \(number("block-after", "… then it is blocked", "blockAfter", 3...100))
        \(number("lock-after", "Wrong ones in a row for one account, then only known browsers", "lockAfter", 10...100))
        \(number("stuffing", "Accounts that one address fails at, then it is blocked", "stuffing", 3...10_000))
        <div class="field"><label for="days">Sign-ins of the last</label><select class="input" id="days" name="days">{{#spans}}<option value="{{value}}"{{#isChosen}} selected{{/isChosen}}>{{label}}</option>{{/spans}}</select></div>
        <div class="actions fill"><button class="button primary">Try them</button></div></form></section>
        {{#hasReport}}<section class="card" aria-labelledby="found"><header><div><h2 id="found">What they would have done</h2><p>{{attempts}} attempts, {{right}} with the right password. {{#isCut}}More than a page can try: those until {{until}}. <code>postern simulate</code> tries all.{{/isCut}}</p></div></header>
        <table class="table fold" role="table"><thead><tr role="row"><th scope="col" role="columnheader">Rule</th><th scope="col" role="columnheader">Refused</th><th scope="col" role="columnheader">Owners locked out</th><th scope="col" role="columnheader">Attackers caught</th></tr></thead><tbody>
        {{#rules}}<tr role="row"><td role="cell" data-label="Rule"><code>{{rule}}</code></td><td role="cell" data-label="Refused" class="num">{{refused}} <span class="meta">today {{refusedNow}}</span></td><td role="cell" data-label="Owners locked out" class="num">{{owners}} <span class="meta">today {{ownersNow}}</span></td><td role="cell" data-label="Attackers caught" class="num">{{attackers}} <span class="meta">today {{attackersNow}}</span></td></tr>{{/rules}}
        </tbody></table>
        {{#hasExamples}}<ul class="rows">{{#examples}}<li><div><p class="title">{{person}} from <code>{{network}}</code></p><p class="meta">Kept out by <code>{{rule}}</code> with the right password, <time datetime="{{atISO}}">{{at}}</time>.</p></div></li>{{/examples}}</ul>{{/hasExamples}}</section>{{/hasReport}}
        <section class="card" aria-labelledby="shadows"><header><div><h2 id="shadows">Rules in shadow</h2><p>What they really met in the last 30 days.</p></div></header>
        {{#hasShadows}}<table class="table fold" role="table"><thead><tr role="row"><th scope="col" role="columnheader">Rule</th><th scope="col" role="columnheader">Times</th><th scope="col" role="columnheader">Different ones</th></tr></thead><tbody>{{#shadows}}<tr role="row"><td role="cell" data-label="Rule"><code>{{rule}}</code> <span class="badge warn">{{mode}}</span></td><td role="cell" data-label="Times" class="num">{{number}}</td><td role="cell" data-label="Different ones" class="num">{{keys}}</td></tr>{{/shadows}}</tbody></table>{{/hasShadows}}
        {{^hasShadows}}<div class="empty"><h3>None</h3><p>Give a rule <code>mode: shadow</code> in the settings, and look here later.</p></div>{{/hasShadows}}</section>
        </div>
        """)
}
