/// The apps behind the gateway.
struct AppsPage {
    let apps: [ServedApp]
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        pages.admin(
            Self.template, title: "Apps", at: .apps, for: reader,
            [
                "hasApps": !apps.isEmpty,
                "apps": apps.map {
                    [
                        "name": $0.app.name, "host": $0.app.origin.description, "identity": $0.app.identity.rawValue,
                        "rules": "\($0.app.rules.count)", "from": $0.isConfigured ? "settings file" : "postern app",
                    ]
                },
            ])
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><h1>Apps</h1><p>What the gateway protects. Each is named by its host.</p></div></div>
        <div class="stack"><section class="card" aria-labelledby="apps"><header class="tight"><div><h2 id="apps">Behind the gateway</h2></div></header>
        {{#hasApps}}<table class="table fold" role="table"><thead><tr role="row"><th scope="col" role="columnheader">App</th><th scope="col" role="columnheader">Remote-User</th><th scope="col" role="columnheader">Rules</th><th scope="col" role="columnheader">From</th></tr></thead><tbody>
        {{#apps}}<tr role="row"><td role="cell" data-label="App"><a href="/auth/admin/apps/{{name}}">{{name}}</a><span class="meta">{{host}}</span></td><td role="cell" data-label="Remote-User">{{identity}}</td><td role="cell" data-label="Rules">{{rules}}</td><td role="cell" data-label="From">{{from}}</td></tr>{{/apps}}
        </tbody></table>{{/hasApps}}
        {{^hasApps}}<div class="empty"><h3>No app yet</h3><p>Name one in a terminal: <code>postern app add NAME --host app.example.org</code></p></div>{{/hasApps}}</section></div>
        """)
}

/// One app: its settings, and what it would be told of somebody.
struct AppPage {
    let served: ServedApp
    var account = ""
    var path = "/"
    var assurance = Assurance.aal1
    var preview: PreviewApp.Preview?
    /// The address asked for has no open account.
    var isUnknown = false
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        let app = served.app
        return pages.admin(
            Self.template, title: app.name, at: .apps, for: reader,
            [
                "name": app.name, "host": app.origin.description, "identity": app.identity.rawValue,
                "domains": app.emailDomains.isEmpty ? "of any domain" : app.emailDomains.joined(separator: ", "),
                "groups": app.groups?.map(\.text).joined(separator: ", ") ?? "all", "letters": app.letters.rawValue,
                "rules": app.rules.map { ["rule": $0.text] }, "from": served.isConfigured ? "the settings file" : "postern app add",
                "account": account, "path": path, "isStrong": assurance == .aal2, "isUnknown": isUnknown, "hasPreview": preview != nil,
                "verdict": preview?.verdict ?? "", "isAllowed": preview?.verdict == "allow", "rule": preview?.rule ?? "",
                "headers": preview?.headers.map { ["header": $0.name, "value": $0.value, "hasValue": !$0.value.isEmpty] as [String: Any] }
                    ?? [],
                "hasHeaders": !(preview?.headers.isEmpty ?? true),
            ])
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><p class="meta"><a href="/auth/admin/apps">Apps</a></p><h1>{{name}}</h1><p><code>{{host}}</code>, from {{from}}.</p></div></div>
        <div class="stack">
        <section class="card" aria-labelledby="view"><header><div><h2 id="view">View as this app</h2><p>The decision and every header, to the byte.</p></div></header>
        <form class="body form" action="/auth/admin/apps/{{name}}" method="get">
        <div class="field"><label for="account">Account</label>{{#isUnknown}}<p class="error" id="account-error"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><span>No open account has this address.</span></p>{{/isUnknown}}<input class="input" id="account" name="account" type="email" value="{{account}}" required{{#isUnknown}} aria-invalid="true" aria-describedby="account-error"{{/isUnknown}}></div>
        <div class="field"><label for="path">Path</label><input class="input" id="path" name="path" value="{{path}}" maxlength="2000" required spellcheck="false" autocapitalize="none"></div>
        <div class="field"><label for="assurance">They have proved</label><select class="input" id="assurance" name="assurance"><option value="aal1">a password (aal1)</option><option value="aal2"{{#isStrong}} selected{{/isStrong}}>a second factor as well (aal2)</option></select></div>
        <div class="actions fill"><button class="button primary">Show</button></div></form>
        {{#hasPreview}}<ul class="rows"><li><div><p class="title"><span class="badge {{#isAllowed}}ok{{/isAllowed}}{{^isAllowed}}bad{{/isAllowed}}">{{verdict}}</span></p><p class="meta">{{rule}}</p></div></li></ul>
        {{#hasHeaders}}<table class="table fold" role="table"><thead><tr role="row"><th scope="col" role="columnheader">Header</th><th scope="col" role="columnheader">Value</th></tr></thead><tbody>{{#headers}}<tr role="row"><td role="cell" data-label="Header"><code class="nowrap">{{header}}</code></td><td role="cell" data-label="Value">{{#hasValue}}<code>{{value}}</code>{{/hasValue}}{{^hasValue}}<span class="meta">empty</span>{{/hasValue}}</td></tr>{{/headers}}</tbody></table>{{/hasHeaders}}{{/hasPreview}}</section>
        <section class="card" aria-labelledby="settings"><header><div><h2 id="settings">Settings</h2></div></header><ul class="rows">
        <li><div><p class="title">Remote-User is the {{identity}}</p><p class="meta">Addresses {{domains}} may come in. Names are sent as {{letters}}.</p></div></li>
        <li><div><p class="title">Groups it sees</p><p class="meta">{{groups}}</p></div></li>
        {{#rules}}<li><div><p class="title"><code>{{rule}}</code></p></div></li>{{/rules}}
        <li><div><p class="title">Everything else</p><p class="meta">signed-in</p></div></li>
        </ul></section></div>
        """)
}
