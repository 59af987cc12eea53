import Storage

/// One key: who uses it, and what can be done with it.
struct KeyPage {
    let detail: ReadKeys.Detail
    let now: Timestamp
    /// Whoever looks has proved who they are in the last minutes: then there are forms.
    let isFresh: Bool
    var done: String?
    var problem: String?
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        let key = detail.key
        let manages = detail.access == .manages && isFresh
        let standing = key.standing(at: now)
        let isMasked = detail.access == .looksOn(masked: true)
        // While it changes over, who has used it since then is what counts.
        let since = standing.word == "ending" ? key.rotatedAt : nil
        let live = detail.sources.compactMap { one in
            one.passedAt.flatMap { $0 >= since ?? $0 ? source(one, isMasked, one.passed, at: $0) : nil }
        }
        let late = detail.sources.compactMap { one in one.refusedAt.map { source(one, isMasked, one.refused, at: $0) } }
        var values: [String: Any] = [
            "id": key.id.description, "name": key.terms.name, "mode": key.modeText, "isTest": key.isTest,
            "last": isMasked ? "••••" : key.lastFour, "state": KeyWords.state(standing), "opens": standing.opens,
            "isEnding": standing.word == "ending", "manages": manages, "mustProve": detail.access == .manages && !isFresh && standing.opens,
            "isLast": detail.isLast,
            "mayRotate": standing == .live && manages, "mayRevoke": standing.opens && manages,
            "scopes": KeyWords.scopes(key.terms.scopes), "scopesText": key.terms.scopes.text,
            "expires": key.terms.expiresAt.map(ISOTime.words) ?? "Never",
            "addresses": isMasked ? "hidden" : key.terms.addressText,
            "hasAddresses": !key.terms.addresses.isEmpty, "rate": Self.rate(key), "made": ISOTime.words(key.madeAt),
            "maker": isMasked ? "" : detail.maker ?? "", "hasMaker": detail.maker != nil && !isMasked, "live": live,
            "hasLive": !live.isEmpty,
            "late": late, "hasLate": !late.isEmpty && !standing.opens, "limit": key.terms.rateText?.limit ?? "",
            "period": key.terms.rateText?.period ?? "1m", "plot": plot.svg, "plotWords": plot.words,
            "days": detail.days.map {
                ["day": HistoryPage.dayName($0.day), "passed": Figure.grouped($0.passed), "refused": Figure.grouped($0.refused)]
            }, "hasDays": !detail.days.isEmpty, "back": place,
        ]
        values["organization"] = detail.organization?.name
        values["organizationID"] = detail.organization?.id.description
        values["successor"] = key.successor?.description
        values["successorLast"] = isMasked ? "••••" : key.successorLastFour
        values["unusedDays"] = key.unusedDays.map { $0 == 1 ? "a day" : "\($0) days" }
        values["exposed"] = key.exposedAt.map(ISOTime.words)
        values["done"] = done
        values["problem"] = problem
        return pages.account(
            Self.template, title: key.terms.name, at: detail.organization == nil ? .keys : .organizations, for: reader, values)
    }

    private var place: String { detail.organization.map { "/auth/account/organizations/\($0.id)/keys" } ?? "/auth/account/keys" }

    private func source(_ source: KeySource, _ isMasked: Bool, _ number: Int64, at time: Timestamp) -> [String: Any] {
        [
            "address": source.address.isEmpty ? "many more" : isMasked ? maskedAddress(source.address) : source.address,
            "agent": source.agent.isEmpty ? "without a name" : source.agent, "number": Figure.grouped(number),
            "at": ISOTime.words(time), "atISO": ISOTime.text(time),
        ]
    }

    private static func rate(_ key: APIKey) -> String {
        key.terms.rateText.map { "\($0.limit) in \($0.period)" } ?? "no limit of its own"
    }

    private var plot: DayBars {
        let known = Dictionary(detail.days.map { ($0.day, $0) }, uniquingKeysWith: { first, _ in first })
        let days = (now.day - ReadKeys.days + 1...now.day).map { day in
            (day: day, upper: known[day]?.passed ?? 0, lower: known[day]?.refused ?? 0)
        }
        let (passed, refused) = days.reduce((0 as Int64, 0 as Int64)) { ($0.0 + $1.upper, $0.1 + $1.lower) }
        let words =
            passed + refused == 0
            ? "Nobody used it" : "Used \(Figure.grouped(passed)) times\(refused > 0 ? ", refused \(Figure.grouped(refused)) times" : "")"
        return DayBars(days: days, title: "Calls a day", words: words, upper: "Passed", lower: "Refused")
    }

    private static let sourceTable = """
        <table class="table fold" role="table"><thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">Address</th><th scope="col" role="columnheader">Program</th><th scope="col" role="columnheader" class="num">Calls</th><th scope="col" role="columnheader">Last call</th></tr></thead><tbody role="rowgroup">
        """
    private static let sourceRow = """
        <tr role="row"><th scope="row" role="rowheader"><code>{{address}}</code></th><td role="cell" data-label="Program">{{agent}}</td><td role="cell" class="num" data-label="Calls">{{number}}</td><td role="cell" data-label="Last call"><time datetime="{{atISO}}">{{at}}</time></td></tr>
        """
    private static let token = "<input type=\"hidden\" name=\"form_token\" value=\"{{formToken}}\">"
    private static let warning =
        "<svg class=\"icon\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05\"/></svg>"
    private static let tick =
        "<svg class=\"icon\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"m3 8.5 3.2 3.2L13 5\"/></svg>"

    private static let template = Pages.template(
        """
        <div class="page-head"><div><p class="meta"><a href="{{back}}">API keys{{#organization}} of {{organization}}{{/organization}}</a></p><h1>{{name}}</h1><p><span class="tag{{#isTest}} test{{/isTest}}">{{mode}}</span> <code>…{{last}}</code> {{state}}.{{#successor}} Followed by <a href="/auth/account/keys/{{successor}}">…{{successorLast}}</a>.{{/successor}}</p></div></div>
        <div class="stack">
        {{#done}}<div class="notice good" role="status">\(tick)<div><p>{{done}}</p></div></div>{{/done}}
        {{#problem}}<div class="notice bad" role="alert">\(warning)<div><p>{{problem}}</p></div></div>{{/problem}}
        {{#exposed}}<div class="notice warn">\(warning)<div><p>It came over plain HTTP on {{exposed}}: whoever was on the way can have read it. Let the program call by https, and rotate the key.</p></div></div>{{/exposed}}
        {{#isEnding}}<section class="card" aria-labelledby="over"><header><div><h2 id="over">Changing over</h2><p>Both keys work. This one {{state}}{{#unusedDays}}, or until nobody has used it for {{unusedDays}}{{/unusedDays}}.</p></div></header><div class="body stack-tight">
        <h3>This key is still used from</h3>
        {{#hasLive}}\(sourceTable){{#live}}\(sourceRow){{/live}}</tbody></table>{{/hasLive}}{{^hasLive}}<p class="muted">Nobody, in the last 30 days.</p>{{/hasLive}}
        {{#manages}}<form class="actions fill" action="/auth/account/keys/{{id}}/overlap" method="post">\(token)<button class="button danger" name="do" value="cut">Cut it now</button><button class="button" name="do" value="unused">Cut when unused for 2 days</button><button class="button quiet" name="do" value="extend">Give it 7 more days</button></form>{{/manages}}
        </div></section>{{/isEnding}}
        {{#hasLate}}<section class="card" aria-labelledby="late"><header><div><h2 id="late">Still brought by</h2><p>They are refused. Give them the new key.</p></div></header>\(sourceTable){{#late}}\(sourceRow){{/late}}</tbody></table></section>{{/hasLate}}
        <section class="card" aria-labelledby="use"><header class="tight"><div><h2 id="use">Use</h2></div></header><div class="body"><figure class="plot"><figcaption>{{plotWords}} in 30 days</figcaption>
        {{{plot}}}
        {{#hasDays}}<details class="more"><summary>The figures as a table</summary><div class="table-scroll" tabindex="0" role="region" aria-label="Days with calls"><table class="table"><caption>Days with calls (UTC)</caption><thead><tr><th scope="col">Day</th><th scope="col" class="num">Passed</th><th scope="col" class="num">Refused</th></tr></thead><tbody>{{#days}}<tr><th scope="row">{{day}}</th><td class="num">{{passed}}</td><td class="num">{{refused}}</td></tr>{{/days}}</tbody></table></div></details>{{/hasDays}}</figure></div>
        {{^isEnding}}{{#hasLive}}\(sourceTable){{#live}}\(sourceRow){{/live}}</tbody></table>{{/hasLive}}{{/isEnding}}</section>
        {{#mustProve}}<section class="card" aria-labelledby="prove"><header><div><h2 id="prove">Change, rotate, revoke</h2><p>Confirm that it’s you first.</p></div><a class="button" href="/auth/account/step-up?return_to=%2Fauth%2Faccount%2Fkeys%2F{{id}}">Confirm it’s you</a></header></section>{{/mustProve}}
        {{#mayRotate}}<section class="card" aria-labelledby="rotate"><header><div><h2 id="rotate">Rotate</h2><p>Makes a new key with the same settings. This one goes on working for the time you choose, and this page says who still uses it.</p></div></header><form class="body form form-inline" action="/auth/account/keys/{{id}}/rotate" method="post">\(token)<div class="field"><label for="overlap">The old one works for</label><select class="input" id="overlap" name="overlap"><option value="0h">no longer</option><option value="1h">1 hour</option><option value="24h" selected>24 hours</option><option value="7d">7 days</option><option value="30d">30 days</option></select></div><div class="actions"><button class="button primary">Make the new key</button></div></form></section>{{/mayRotate}}
        <section class="card" aria-labelledby="about"><header class="tight"><div><h2 id="about">About it</h2></div></header><div class="body"><dl class="facts"><dt>May</dt><dd>{{scopes}}</dd><dt>Expires</dt><dd>{{expires}}</dd><dt>From</dt><dd>{{#hasAddresses}}{{addresses}}{{/hasAddresses}}{{^hasAddresses}}any address{{/hasAddresses}}</dd><dt>How often</dt><dd>{{rate}}</dd><dt>Made</dt><dd>{{made}}{{#hasMaker}} by {{maker}}{{/hasMaker}}</dd></dl>
        {{#mayRevoke}}<details class="more"><summary>Change it</summary><form class="form" action="/auth/account/keys/{{id}}" method="post">\(token)<div class="field"><label for="name">Name</label><input class="input" id="name" name="name" value="{{name}}" maxlength="60" required></div><div class="field"><label for="scopes">May</label><span class="hint" id="scopes-hint">Scopes that your apps name, with spaces between; * for all.</span><input class="input" id="scopes" name="scopes" value="{{scopesText}}" aria-describedby="scopes-hint"></div><div class="field"><label for="addresses">From</label><span class="hint" id="addresses-hint">Addresses or networks, with commas between; empty for any.</span><input class="input" id="addresses" name="addresses" value="{{addresses}}" aria-describedby="addresses-hint"></div><div><p class="hint" id="limit-hint">How many calls in what time; empty for no limit.</p><div class="form-inline"><div class="field"><label for="limit">Calls</label><input class="input" id="limit" name="limit" inputmode="numeric" value="{{limit}}" aria-describedby="limit-hint"></div><div class="field"><label for="period">in</label><input class="input" id="period" name="period" value="{{period}}"></div></div></div><div class="actions"><button class="button">Save</button></div></form></details>{{/mayRevoke}}</div></section>
        {{#mayRevoke}}<section class="card" aria-labelledby="revoke"><header><div><h2 id="revoke">Revoke</h2><p>{{#isLast}}It is the last key that works: every program of {{#organization}}{{organization}}{{/organization}}{{^organization}}yours{{/organization}} is refused then. You can make another here at any time.{{/isLast}}{{^isLast}}Whatever uses it is refused from the next second.{{/isLast}}</p></div><details class="confirm"><summary class="button danger">Revoke</summary><form class="sure" action="/auth/account/keys/{{id}}/revoke" method="post">\(token)<p>Programs get 401 <code>api-key-revoked</code>. It can’t be taken back.</p><button class="button danger solid">Revoke it now</button></form></details></header></section>{{/mayRevoke}}
        </div>
        """)
}

/// Asks what a new key is to be.
struct NewKeyPage {
    let organization: Organization?
    var fields: [String: String] = [:]
    var problem: String?
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        let place = organization.map { "/auth/account/organizations/\($0.id)/keys" } ?? "/auth/account/keys"
        var values: [String: Any] = [
            "place": place, "name": fields["name"] ?? "", "scopes": fields["scopes"] ?? "", "addresses": fields["addresses"] ?? "",
            "lives": [("", "Never"), ("30d", "In 30 days"), ("90d", "In 90 days"), ("365d", "In a year")].map {
                ["value": $0.0, "words": $0.1, "isCurrent": $0.0 == fields["expires"] ?? ""] as [String: Any]
            },
            "limit": fields["limit"] ?? "", "period": fields["period"] ?? "1m", "isTest": fields["mode"] == "test",
        ]
        values["organization"] = organization?.name
        values["problem"] = problem
        return pages.account(
            Self.template, title: "Make a key", at: organization == nil ? .keys : .organizations, for: reader, values)
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><p class="meta"><a href="{{place}}">API keys{{#organization}} of {{organization}}{{/organization}}</a></p><h1>Make a key</h1></div></div>
        <div class="stack">{{#problem}}<div class="notice bad" role="alert"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><div><p>{{problem}}</p></div></div>{{/problem}}
        <form class="card" action="{{place}}/new" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><div class="body form">
        <div class="field"><label for="name">Name</label><span class="hint" id="name-hint">What uses it, such as Checkout server.</span><input class="input" id="name" name="name" value="{{name}}" maxlength="60" required autofocus aria-describedby="name-hint"></div>
        <fieldset class="form"><legend>For</legend><label class="choice"><input type="radio" name="mode" value="live"{{^isTest}} checked{{/isTest}}><span>The real thing<span class="hint">It begins with pst_live_.</span></span></label><label class="choice"><input type="radio" name="mode" value="test"{{#isTest}} checked{{/isTest}}><span>Trying things out<span class="hint">It begins with pst_test_, and makes no live keys.</span></span></label></fieldset>
        <div class="field"><label for="scopes">May</label><span class="hint" id="scopes-hint">Scopes that your apps name, with spaces between, such as orders:read. Postern’s own: keys:read, keys:write, keys:verify, organization:write. * is all of them.</span><input class="input" id="scopes" name="scopes" value="{{scopes}}" aria-describedby="scopes-hint"></div>
        <div class="field"><label for="expires">Expires</label><select class="input" id="expires" name="expires">{{#lives}}<option value="{{value}}"{{#isCurrent}} selected{{/isCurrent}}>{{words}}</option>{{/lives}}</select></div>
        <div class="field"><label for="addresses">From</label><span class="hint" id="addresses-hint">Addresses or networks that it works from, with commas between; empty for any.</span><input class="input" id="addresses" name="addresses" value="{{addresses}}" aria-describedby="addresses-hint"></div>
        <div><p class="hint" id="limit-hint">How many calls in what time, such as 600 in 1m; empty for no limit.</p><div class="form-inline"><div class="field"><label for="limit">Calls</label><input class="input" id="limit" name="limit" inputmode="numeric" value="{{limit}}" aria-describedby="limit-hint"></div><div class="field"><label for="period">in</label><input class="input" id="period" name="period" value="{{period}}"></div></div></div>
        <div class="actions fill"><button class="button primary">Make the key</button><a class="button quiet" href="{{place}}">Cancel</a></div>
        </div></form></div>
        """)
}

/// Shows new keys, once.
struct MadeKeysPage {
    let keys: [(key: APIKey, text: String)]
    /// Where to go on to.
    let back: String
    let isRotation: Bool
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        pages.account(
            Self.template, title: keys.count == 1 ? "The new key" : "The new keys", at: .keys, for: reader,
            [
                "keys": keys.map { ["name": $0.key.terms.name, "text": $0.text, "id": $0.key.id.description] }, "back": back,
                "many": keys.count > 1, "isRotation": isRotation,
            ])
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><h1>{{title}}</h1><p>{{#many}}Copy them now. They aren’t stored, so they{{/many}}{{^many}}Copy it now. It isn’t stored, so it{{/many}} can’t be shown again.{{#isRotation}} The old {{#many}}ones go{{/many}}{{^many}}one goes{{/many}} on working for the time you chose.{{/isRotation}}</p></div></div>
        <div class="stack">{{#keys}}<section class="card" aria-label="{{name}}"><header class="tight"><div><h2>{{name}}</h2></div><button class="button small" type="button" data-copy="{{text}}" hidden>Copy<span class="visually-hidden"> the key {{name}}</span></button></header><div class="body"><code class="secret" id="key-{{id}}">{{text}}</code></div></section>{{/keys}}
        <div class="actions fill"><a class="button primary" href="{{back}}">I have stored {{#many}}them{{/many}}{{^many}}it{{/many}}</a></div></div>
        """)
}
