import Mustache

/// The sample app of the demo: it shows what it is told. Plain on purpose: it isn't Postern, but what stands behind it.
struct SampleAppPage {
    let path: String
    let seen: [(name: String, value: String)]
    /// Where one's own account is.
    let account: String

    var html: String {
        let user = seen.first?.value ?? ""
        return Self.template.render([
            "path": path, "account": account, "user": user, "isSomebody": !user.isEmpty,
            "seen": seen.map { ["name": $0.name, "value": $0.value.isEmpty ? "(empty)" : $0.value] },
        ])
    }

    private static let template = Pages.template(
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>Sample app</title><link rel="icon" href="data:,">
        <style>body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:0 auto;padding:1.5rem 1rem}nav{display:flex;flex-wrap:wrap;gap:1rem}dl{display:grid;grid-template-columns:minmax(9rem,auto) 1fr;gap:.25rem 1rem}dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere;font-family:ui-monospace,monospace}@media(max-width:34rem){dl{display:block}dd{margin:0 0 .5rem}}</style></head>
        <body><nav aria-label="Sample app"><a href="/">Front page</a><a href="/members">For members</a><a href="/vault">The vault</a><a href="/dashboard">Dashboard</a>{{#isSomebody}}<a href="/auth/sign-out">Sign out</a>{{/isSomebody}}</nav>
        <main><h1>Sample app</h1>
        <p>This is an app behind the gateway. It has no sign-in of its own. You are on <code id="path">{{path}}</code>.</p>
        <p>{{#isSomebody}}It was told that you are <b id="user">{{user}}</b>.{{/isSomebody}}{{^isSomebody}}It was told nothing about you: its front page is open to everybody.{{/isSomebody}} The pages for members ask for a sign-in, and the vault for a second factor. Your account is at <a href="{{account}}">{{account}}</a>.</p>
        <h2>What the app is told</h2><dl>{{#seen}}<dt>{{name}}</dt><dd>{{value}}</dd>{{/seen}}</dl></main></body></html>
        """)
}
