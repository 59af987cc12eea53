import Storage

/// What was sent, why, and how it went: one's own, or everybody's for administrators.
struct NoticesPage {
    struct Choice: Sendable {
        let kind: Notice.Kind
        let isWanted: Bool
    }

    enum Whose: Sendable {
        case own([Choice])
        case everybody(state: NoticeLine.State?)
    }

    let lines: [NoticeLine]
    let whose: Whose
    /// Where older ones are; nil after the last.
    let older: String?
    var isSaved = false
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        var values: [String: Any] = ["lines": lines.map { row($0, pages) }, "none": lines.isEmpty, "saved": isSaved]
        values["older"] = older
        switch whose {
        case .own(let choices):
            values["choices"] = choices.map {
                ["kind": $0.kind.rawValue, "words": $0.kind.words, "isWanted": $0.isWanted] as [String: Any]
            }
            return pages.account(Self.template, title: "Notifications", at: .notifications, for: reader, values)
        case .everybody(let state):
            values["isAll"] = true
            values["states"] =
                [["value": "", "words": "all", "isCurrent": state == nil]]
                + NoticeLine.State.allCases.map { ["value": $0.rawValue, "words": $0.rawValue, "isCurrent": $0 == state] as [String: Any] }
            return pages.admin(Self.template, title: "Notifications", at: .notices, for: reader, values)
        }
    }

    /// Without the site's name, which mails carry at their end.
    private func subject(_ line: NoticeLine, _ pages: Pages) -> String {
        line.subject.replacing(" · \(pages.site.name)", with: "")
    }

    private func row(_ line: NoticeLine, _ pages: Pages) -> [String: Any] {
        let badge =
            switch line.state {
            case .sent: "ok"
            case .waiting: "warn"
            case .failed: "bad"
            case .dropped: ""
            }
        let time = line.endedAt ?? line.createdAt
        var values: [String: Any] = [
            "why": line.why, "subject": subject(line, pages), "channel": line.channel, "target": line.target,
            "state": line.state.rawValue,
            "badge": badge, "when": ISOTime.words(time), "whenISO": ISOTime.text(time), "error": line.lastError,
            "tries": line.tries == 1 ? "1 try" : "\(line.tries) tries", "failed": !line.lastError.isEmpty,
            "dropped": line.state == .dropped,
        ]
        values["account"] = line.account?.description
        return values
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><h1>Notifications</h1><p>{{#isAll}}What was sent to anybody, why, and how it went. Kept for 400 days.{{/isAll}}{{^isAll}}What we sent you, and why. Mails about changes of your account always come.{{/isAll}}</p></div></div>
        <div class="stack">
        {{#saved}}<div class="notice ok"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="m3.5 8.5 3 3 6-7"/></svg><div><p>Your choice is saved.</p></div></div>{{/saved}}
        <section class="card wide" aria-labelledby="sent"><header><div><h2 id="sent">{{#isAll}}Everybody’s{{/isAll}}{{^isAll}}Sent to you{{/isAll}}</h2></div>{{#isAll}}<form action="/auth/admin/notifications" method="get"><div class="field"><label for="state" class="visually-hidden">State</label><div class="with-button"><select class="input" id="state" name="state">{{#states}}<option value="{{value}}"{{#isCurrent}} selected{{/isCurrent}}>{{words}}</option>{{/states}}</select><button class="button">Show</button></div></div></form>{{/isAll}}</header>
        {{^none}}<table class="table fold" role="table"><thead><tr role="row"><th scope="col" role="columnheader">Why</th><th scope="col" role="columnheader">To</th><th scope="col" role="columnheader">State</th><th scope="col" role="columnheader" class="num">When</th></tr></thead><tbody>
        {{#lines}}<tr role="row"><td role="cell" data-label="Why">{{why}}<span class="meta">{{subject}}</span></td><td role="cell" data-label="To">{{#account}}{{#isAll}}<a href="/auth/admin/people/{{account}}">{{target}}</a>{{/isAll}}{{^isAll}}{{target}}{{/isAll}}{{/account}}{{^account}}{{target}}{{/account}}<span class="meta">{{channel}}</span></td><td role="cell" data-label="State"><span class="badge {{badge}}">{{state}}</span>{{#failed}}<span class="meta">{{tries}}{{#isAll}}: {{error}}{{/isAll}}</span>{{/failed}}{{#dropped}}<span class="meta">no longer so when its turn came</span>{{/dropped}}</td><td role="cell" data-label="When" class="num"><time datetime="{{whenISO}}">{{when}}</time></td></tr>{{/lines}}
        </tbody></table>{{/none}}
        {{#none}}<div class="empty"><h3>Nothing</h3><p>{{#isAll}}Nothing of that kind was sent yet.{{/isAll}}{{^isAll}}Nothing was sent to you yet.{{/isAll}}</p></div>{{/none}}
        {{#older}}<footer><a href="{{older}}">Older ones</a></footer>{{/older}}</section>
        {{^isAll}}<section class="card" aria-labelledby="choices"><header><div><h2 id="choices">What you want</h2></div></header>
        <form class="body form" action="/auth/account/notifications" method="post"><input type="hidden" name="form_token" value="{{formToken}}">
        {{#choices}}<label class="choice"><input type="checkbox" name="{{kind}}" value="yes"{{#isWanted}} checked{{/isWanted}}><span>Mail me: {{words}}</span></label>{{/choices}}
        <div class="actions"><button class="button primary">Save the choice</button></div></form></section>{{/isAll}}
        </div>
        """)
}
