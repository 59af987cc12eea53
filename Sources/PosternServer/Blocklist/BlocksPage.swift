import Storage

/// Who is blocked and why, what was refused, and what a rule that is tried out would have refused.
struct BlocksPage {
    enum Problem {
        case network, exists, you
        case proxy(String)
    }

    let listing: BlocklistWeb.Listing
    var showsAll = false
    var network = ""
    var why = ""
    var hours = "1"
    var problem: Problem?
    var done: String?
    let now: Timestamp
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        let shown = listing.blocks.prefix(BlocklistWeb.mostShown)
        var values: [String: Any] = [
            "blocks": shown.map(row), "hasBlocks": !shown.isEmpty, "showsAll": showsAll, "network": network, "why": why,
            "spans": [("1", "1 hour"), ("24", "1 day"), ("168", "7 days"), ("", "until it is released")].map {
                ["value": $0.0, "label": $0.1, "isChosen": $0.0 == hours] as [String: Any]
            }, "done": done ?? "",
            "isDone": done != nil,
            "refusals": listing.refusals.map(Self.row), "hasRefusals": !listing.refusals.isEmpty,
            "version": listing.rules.first?.number ?? 0, "versionAt": listing.rules.first.map { ISOTime.words($0.at) } ?? "",
            "rules": rules,
            "next": listing.blocks.count > BlocklistWeb.mostShown ? shown.last.map { "\($0.id)" } ?? "" : "",
            "hasNext": listing.blocks.count > BlocklistWeb.mostShown,
        ]
        switch problem {
        case .network: values["problem"] = "That is no address or network. Type it like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32."
        case .exists: values["problem"] = "That is blocked already."
        case .proxy(let proxy):
            values["problem"] =
                "Your trusted proxy \(proxy) stands there: everybody who comes through it would be blocked. Name a smaller network."
        case .you: values["problem"] = "You are there yourself: you would be locked out with it. Name a smaller network."
        case nil: break
        }
        return pages.admin(Self.template, title: "Blocks", at: .blocks, for: reader, values)
    }

    private func row(_ block: Block) -> [String: Any] {
        let state = block.state(now: now)
        let left = block.until.map { $0 > now ? Span.words($0 - now) + " left" : "Over" } ?? "Until it is released"
        let by = block.rule.isEmpty ? (block.actor == "command-line" ? "the command line" : "an administrator") : "the rule “\(block.rule)”"
        return [
            "id": "\(block.id)", "subject": block.words(person: block.account.flatMap { listing.people[$0] }), "why": block.why,
            "evidence": block.evidence, "hasEvidence": !block.evidence.isEmpty, "by": by, "meaning": block.meaning,
            "since": ISOTime.words(block.at), "sinceISO": ISOTime.text(block.at), "left": left, "isLive": state == .live,
            "state": state == .live ? "blocked" : state == .released ? "released" : "over", "badge": state == .live ? "bad" : "",
            "ended": block.releasedAt.map {
                "Released \(ISOTime.words($0)) by \(Self.who(block.releasedBy, isAccount: !block.accountKey.isEmpty))"
            } ?? "",
        ]
    }

    /// The lines in force, and those that went with the last change.
    private var rules: [[String: Any]] {
        let now = listing.rules.first?.lines ?? []
        let before = listing.rules.count > 1 ? listing.rules[1].lines : now
        let gone = before.filter { !now.contains($0) }.map { ["line": $0, "isGone": true] as [String: Any] }
        return now.map { ["line": $0, "isNew": !before.contains($0)] as [String: Any] } + gone
    }

    private static func who(_ actor: String?, isAccount: Bool) -> String {
        switch actor {
        case "account": isAccount ? "its owner or an administrator" : "an administrator"
        case "command-line": "the command line"
        default: "the server"
        }
    }

    private static func row(_ line: RefusalLine) -> [String: Any] {
        [
            "rule": line.rule, "key": line.key, "number": line.number,
            "count": line.limit > 0 ? "\(line.count), at most \(line.limit)" : "",
            "mode": line.mode == "enforced" ? "refused" : line.mode == "shadow" ? "would be refused" : "watched",
            "badge": line.mode == "enforced" ? "bad" : "warn", "last": ISOTime.words(line.lastAt), "lastISO": ISOTime.text(line.lastAt),
        ]
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><h1>Blocks</h1><p>Who is kept out, why, and until when. A block stays until its time is over or somebody releases it.</p></div></div>
        <div class="stack">
        {{#isDone}}<div class="notice ok"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="m3.5 8.5 3 3 6-7"/></svg><div><p>{{done}}</p></div></div>{{/isDone}}
        <section class="card" aria-labelledby="list"><header><div><h2 id="list">{{#showsAll}}All blocks{{/showsAll}}{{^showsAll}}Blocked now{{/showsAll}}</h2><p>{{#showsAll}}<a href="/auth/admin/blocks">Only those that hold</a>{{/showsAll}}{{^showsAll}}<a href="/auth/admin/blocks?show=all">Also those that ended</a>{{/showsAll}}</p></div></header>
        {{#hasBlocks}}<ul class="rows">{{#blocks}}<li><div><p class="title"><span class="badge {{badge}}">{{state}}</span> {{subject}}</p><p class="meta">{{why}}{{#hasEvidence}} ({{evidence}}){{/hasEvidence}}, by {{by}}, since <time datetime="{{sinceISO}}">{{since}}</time>. {{#isLive}}{{left}}. {{meaning}}{{/isLive}}{{ended}}</p></div>{{#isLive}}<div class="actions"><details class="confirm"><summary class="button small">Release<span class="visually-hidden"> {{subject}}</span></summary><form class="sure" action="/auth/admin/blocks/{{id}}/release" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><p>What was counted towards it begins anew.</p><button class="button primary">Release</button></form></details></div>{{/isLive}}</li>{{/blocks}}</ul>
        {{#hasNext}}<div class="body"><a class="button" href="/auth/admin/blocks?before={{next}}{{#showsAll}}&amp;show=all{{/showsAll}}">Earlier ones</a></div>{{/hasNext}}{{/hasBlocks}}
        {{^hasBlocks}}<div class="empty"><h3>None</h3><p>Nobody is kept out.</p></div>{{/hasBlocks}}</section>
        <section class="card" aria-labelledby="rules"><header><div><h2 id="rules">Rules in force</h2><p>Version {{version}}, since {{versionAt}}. They stand in the settings file under <code>throttling</code>; a change there holds within seconds.</p></div><a class="button" href="/auth/admin/simulation">Try others</a></header>
        <ul class="rows">{{#rules}}<li><div><p class="title">{{#isNew}}<span class="badge ok">new</span> {{/isNew}}{{#isGone}}<span class="badge">gone</span> {{/isGone}}<code>{{line}}</code></p></div></li>{{/rules}}</ul></section>
        <section class="card" aria-labelledby="add"><header><div><h2 id="add">Block a network</h2><p>Nothing is answered to it, on any page or app. Whoever is signed in from there is kept out as well.</p></div></header>
        <form class="body form" action="/auth/admin/blocks" method="post"><input type="hidden" name="form_token" value="{{formToken}}">
        <div class="field"><label for="network">Address or network</label>{{#problem}}\(FieldError.html(id: "network-error", "{{problem}}")){{/problem}}<input class="input" id="network" name="network" required maxlength="60" spellcheck="false" autocapitalize="none" autocomplete="off" value="{{network}}" placeholder="192.0.2.0/24"{{#problem}} aria-invalid="true" aria-describedby="network-error"{{/problem}}></div>
        <div class="field"><label for="why">Why</label><input class="input" id="why" name="why" required maxlength="200" value="{{why}}"></div>
        <div class="field"><label for="hours">How long</label><select class="input" id="hours" name="hours">{{#spans}}<option value="{{value}}"{{#isChosen}} selected{{/isChosen}}>{{label}}</option>{{/spans}}</select></div>
        <div class="actions"><button class="button danger solid">Block it</button></div></form></section>
        <section class="card" aria-labelledby="refusals"><header><div><h2 id="refusals">Refused lately</h2><p>By rule and by whom, for each hour. “Would be refused” is a rule with <code>mode: shadow</code>.</p></div></header>
        {{#hasRefusals}}<table class="table fold" role="table"><thead><tr role="row"><th scope="col" role="columnheader">Rule</th><th scope="col" role="columnheader">Who</th><th scope="col" role="columnheader">Times</th><th scope="col" role="columnheader">Count</th><th scope="col" role="columnheader">Last</th></tr></thead><tbody>{{#refusals}}<tr role="row"><td role="cell" data-label="Rule"><code>{{rule}}</code> <span class="badge {{badge}}">{{mode}}</span></td><td role="cell" data-label="Who"><code>{{key}}</code></td><td role="cell" data-label="Times" class="num">{{number}}</td><td role="cell" data-label="Count" class="num">{{count}}</td><td role="cell" data-label="Last"><time datetime="{{lastISO}}">{{last}}</time></td></tr>{{/refusals}}</tbody></table>{{/hasRefusals}}
        {{^hasRefusals}}<div class="empty"><h3>Nothing</h3><p>Nobody was refused in the last 30 days.</p></div>{{/hasRefusals}}</section>
        </div>
        """)
}
