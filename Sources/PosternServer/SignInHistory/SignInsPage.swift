import Storage

/// Everybody's attempts as they come, what is unusual among them, where they come from, and what somebody said wasn't them.
struct SignInsPage {
    struct Overview: Sendable {
        let cases: [SignInCase]
        let places: [PlaceCount]
        let findings: [FindingCount]
        let files: [PlaceFinder.Listing]
        let now: Timestamp
    }

    /// What was asked for, to be shown again.
    let fields: [(name: String, value: String)]
    let overview: Overview
    let reader: Pages.Reader
    var attempts: [ShownAttempt] = []
    var next: String?
    var lookedBackTo: Timestamp?
    var problem: String?

    func html(_ pages: Pages) -> String {
        var values: [String: Any] = [
            "attempts": attempts.map(row), "none": attempts.isEmpty && problem == nil,
            "outcomes": ([("", "any outcome")] + SignInAttempt.Outcome.allCases.map { ($0.rawValue, Self.words($0)) }).map { value, words in
                ["value": value, "words": words, "isCurrent": fields.contains { $0 == ("outcome", value) }] as [String: Any]
            },
            "cases": overview.cases.map(Self.row), "hasCases": !overview.cases.isEmpty,
            "places": overview.places.map(Self.row), "hasPlaces": !overview.places.isEmpty,
            "findings": overview.findings.map(Self.row), "hasFindings": !overview.findings.isEmpty,
            "files": overview.files.map {
                ["path": $0.path, "type": $0.type, "built": ISOTime.day($0.builtAt), "isOld": $0.isOld(at: overview.now)] as [String: Any]
            }, "noFiles": overview.files.isEmpty,
        ]
        for field in fields { values[field.name] = field.value }
        if let next {
            let query = fields.map { "\($0.name)=\(percentEncoded($0.value))" }.joined(separator: "&")
            values["older"] = "/auth/admin/sign-ins?\(query)&after=\(next)"
        }
        values["problem"] = problem
        values["lookedBackTo"] = lookedBackTo.map(ISOTime.words)
        return pages.admin(Self.template, title: "Sign-ins", at: .signIns, for: reader, values)
    }

    private static func words(_ outcome: SignInAttempt.Outcome) -> String {
        switch outcome {
        case .signedIn: "signed in"
        case .challenged: "second factor asked"
        case .refused: "failed"
        }
    }

    private func row(_ shown: ShownAttempt) -> [String: Any] {
        let attempt = shown.attempt
        var values: [String: Any] = [
            "badge": HistoryWords.badge(attempt), "what": HistoryWords.outcome(attempt), "program": attempt.program.words,
            "address": attempt.addressText ?? "many addresses", "place": HistoryWords.place(shown.place),
            "network": shown.place.network, "when": ISOTime.words(attempt.lastAt), "whenISO": ISOTime.text(attempt.lastAt),
            "flag": shown.findings.map { "\(FindingWords.name(of: $0.kind)) (\($0.confidence))" }.joined(separator: ", "),
            "isUnusual": !shown.findings.isEmpty,
            "whose": shown.email ?? (attempt.account == nil ? "No account" : "A deleted account"),
        ]
        if shown.email != nil { values["account"] = attempt.accountText }
        return values
    }

    private static func row(_ found: SignInCase) -> [String: Any] {
        [
            "id": found.id.description, "account": found.account.description, "email": found.email,
            "opened": ISOTime.words(found.openedAt), "openedISO": ISOTime.text(found.openedAt),
            "signIn": ISOTime.words(found.number.at), "done": found.done.split(separator: "\n").map(String.init),
            "isOpen": found.closedAt == nil, "closed": found.closedAt.map(ISOTime.words) ?? "",
        ]
    }

    private static func row(_ count: PlaceCount) -> [String: Any] {
        [
            "place": count.place?.words ?? "Place unknown", "signedIn": Figure.grouped(count.signedIn),
            "refused": Figure.grouped(count.refused),
        ]
    }

    private static func row(_ count: FindingCount) -> [String: Any] {
        let done =
            switch count.done {
            case "record": "written down"
            case "tell": "owner told"
            case "ask": "second factor asked for"
            case "end": "session ended"
            default: count.done
            }
        return [
            "what": FindingWords.name(of: count.kind), "done": count.mode == "shadow" ? "would be: \(done)" : done,
            "number": Figure.grouped(count.number),
        ]
    }

    private static let template = Pages.template(
        """
        <script src="/auth/assets/history.js" defer></script>
        <div class="page-head"><div><h1>Sign-ins</h1><p>Everybody’s attempts as they come. <span data-zone>Times are in UTC.</span></p></div></div>
        <div class="stack">
        {{#hasCases}}<section class="card" aria-labelledby="cases"><header><div><h2 id="cases">“This wasn’t me”</h2><p>The account is locked and safe. Find out how its password was known, then close the case.</p></div></header><ul class="rows">
        {{#cases}}<li><div><p class="title"><a href="/auth/admin/people/{{account}}">{{email}}</a></p><p class="meta">Said on <time datetime="{{openedISO}}">{{opened}}</time> of the sign-in of {{signIn}}.</p><details class="more"><summary>What was done<span class="visually-hidden"> for {{email}}</span></summary><ul>{{#done}}<li>{{.}}</li>{{/done}}</ul></details></div><div class="actions">{{#isOpen}}<form action="/auth/admin/sign-ins/cases/{{id}}/close" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><button class="button small">Close<span class="visually-hidden"> the case of {{email}}</span></button></form>{{/isOpen}}{{^isOpen}}<span class="badge">Closed</span>{{/isOpen}}</div></li>{{/cases}}
        </ul></section>{{/hasCases}}
        <section class="card" aria-labelledby="feed"><header><div><h2 id="feed">Attempts</h2></div></header>
        <form class="body form-inline" action="/auth/admin/sign-ins" method="get"><div class="field"><label for="email">Account</label><input class="input" id="email" name="email" type="email" autocomplete="off" value="{{email}}"></div><div class="field"><label for="address">Address or network</label><input class="input" id="address" name="address" autocomplete="off" value="{{address}}"></div><div class="field"><label for="country">Country</label><input class="input" id="country" name="country" maxlength="2" size="4" autocomplete="off" value="{{country}}"></div><div class="field"><label for="outcome">Outcome</label><select class="input" id="outcome" name="outcome">{{#outcomes}}<option value="{{value}}"{{#isCurrent}} selected{{/isCurrent}}>{{words}}</option>{{/outcomes}}</select></div><button class="button">Show</button></form>
        {{#problem}}<div class="body"><div class="notice bad" role="alert"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 4.5v4M8 11v.5"/></svg><div><p>{{problem}}</p></div></div></div>{{/problem}}
        {{#none}}<div class="empty"><h3>Nothing</h3><p>No attempt fits{{#lookedBackTo}}, as far back as {{lookedBackTo}}{{/lookedBackTo}}.</p></div>{{/none}}
        {{^none}}<table class="table fold" role="table"><thead><tr role="row"><th scope="col" role="columnheader">Outcome</th><th scope="col" role="columnheader">Account</th><th scope="col" role="columnheader">From</th><th scope="col" role="columnheader">Where</th><th scope="col" role="columnheader" class="num">When</th></tr></thead><tbody>
        {{#attempts}}<tr role="row"><td role="cell" data-label="Outcome"><span class="badge {{badge}}">{{what}}</span>{{#isUnusual}}<span class="meta">{{flag}}</span>{{/isUnusual}}</td><td role="cell" data-label="Account">{{#account}}<a href="/auth/admin/people/{{account}}">{{whose}}</a>{{/account}}{{^account}}{{whose}}{{/account}}</td><td role="cell" data-label="From">{{program}}<span class="meta"><code>{{address}}</code></span></td><td role="cell" data-label="Where">{{place}}<span class="meta">{{network}}</span></td><td role="cell" data-label="When" class="num"><time datetime="{{whenISO}}" data-full>{{when}}</time></td></tr>{{/attempts}}
        </tbody></table>{{/none}}
        {{#older}}<footer><a href="{{older}}">Older ones</a>{{#lookedBackTo}} <span>Looked back to {{lookedBackTo}} so far.</span>{{/lookedBackTo}}</footer>{{/older}}</section>
        <div class="columns">
        <section class="card" aria-labelledby="places"><header><div><h2 id="places">Places</h2><p>Of the last 30 days, those with most attempts first.</p></div></header>{{#hasPlaces}}<table class="table"><thead><tr><th scope="col">Place</th><th scope="col" class="num">Signed in</th><th scope="col" class="num">Failed</th></tr></thead><tbody>{{#places}}<tr><th scope="row">{{place}}</th><td class="num">{{signedIn}}</td><td class="num">{{refused}}</td></tr>{{/places}}</tbody></table>{{/hasPlaces}}{{^hasPlaces}}<div class="empty"><p>No attempts yet.</p></div>{{/hasPlaces}}
        <footer>{{#files}}<p>{{type}} of {{built}}{{#isOld}}: older than 30 days. <code>postern geo update</code> brings a newer one{{/isOld}}.</p>{{/files}}{{#noFiles}}<p>There is no database of places: set places.files or places.sources.</p>{{/noFiles}}</footer></section>
        <section class="card" aria-labelledby="unusual"><header><div><h2 id="unusual">Unusual sign-ins</h2><p>Of the last 30 days, and what the rules made of them.</p></div></header>{{#hasFindings}}<table class="table"><thead><tr><th scope="col">What</th><th scope="col">What was done</th><th scope="col" class="num">How often</th></tr></thead><tbody>{{#findings}}<tr><th scope="row">{{what}}</th><td>{{done}}</td><td class="num">{{number}}</td></tr>{{/findings}}</tbody></table>{{/hasFindings}}{{^hasFindings}}<div class="empty"><p>None yet.</p></div>{{/hasFindings}}</section>
        </div></div>
        """)
}
