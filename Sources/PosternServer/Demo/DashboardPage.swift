import Mustache

/// The sample app's dashboard: orders that it fetches with an API key. Where the key opens nothing any more it says so, asks for the new
/// one, and goes on.
struct DashboardPage {
    enum State {
        case needsKey
        /// - Parameter told: what its API was told of the key.
        case works(told: [(name: String, value: String)])
        /// - Parameters:
        ///   - title: what happened, in words.
        ///   - successor: the last characters of the key that follows.
        case refused(title: String, reason: String, at: String?, successor: String?)
    }

    let state: State
    /// Where keys are made.
    let keys: String

    var html: String {
        var values: [String: Any] = ["keys": keys]
        switch state {
        case .needsKey: values["isNew"] = true
        case .works(let told):
            values["works"] = true
            values["told"] = told.map { ["name": $0.name, "value": $0.value] }
            values["orders"] = (1...5).map { ["number": "\(1_040 + $0)", "sum": "\($0 * 17).50"] }
        case .refused(let title, let reason, let at, let successor):
            values["refused"] = title
            values["reason"] = reason
            values["at"] = at
            values["successor"] = successor
        }
        return Self.template.render(values)
    }

    private static let template = Pages.template(
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>Dashboard · Sample app</title><link rel="icon" href="data:,">{{#works}}<meta http-equiv="refresh" content="5">{{/works}}
        <style>body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:0 auto;padding:1.5rem 1rem}nav{display:flex;flex-wrap:wrap;gap:1rem}table{border-collapse:collapse}td,th{padding:.25rem 1rem .25rem 0;text-align:left}label,input,button{font:inherit}label{display:block;font-weight:600}input{width:100%;max-width:34rem;padding:.5rem;font-family:ui-monospace,monospace;box-sizing:border-box}button{margin-top:.75rem;padding:.5rem 1rem}.bad{border-left:.3rem solid #b3261e;padding-left:1rem}dd{margin:0 0 .5rem;overflow-wrap:anywhere;font-family:ui-monospace,monospace}</style></head>
        <body><nav aria-label="Sample app"><a href="/">Front page</a><a href="/members">For members</a><a href="/dashboard" aria-current="page">Dashboard</a></nav>
        <main><h1>Dashboard</h1>
        {{#works}}<p id="state">The key works. The page looks again every five seconds.</p><table><thead><tr><th scope="col">Order</th><th scope="col">Sum</th></tr></thead><tbody>{{#orders}}<tr><td>{{number}}</td><td>{{sum}}</td></tr>{{/orders}}</tbody></table><h2>What its API is told</h2><dl>{{#told}}<dt>{{name}}</dt><dd>{{value}}</dd>{{/told}}</dl><form action="/dashboard" method="post"><input type="hidden" name="key" value=""><button>Use another key</button></form>{{/works}}
        {{#refused}}<div class="bad" role="alert"><p id="state"><b>{{refused}}</b> (<code>{{reason}}</code>{{#at}}, since {{at}}{{/at}}).{{#successor}} The key that follows ends in <code id="successor">{{successor}}</code>.{{/successor}} The dashboard waits for the new key, and goes on with it.</p></div>{{/refused}}
        {{#isNew}}<p id="state">The dashboard asks the app’s own API for orders, through the gateway, with an API key. Make one at <a href="{{keys}}">{{keys}}</a> and give it here.</p>{{/isNew}}
        {{^works}}<form action="/dashboard" method="post"><label for="key">API key</label><input id="key" name="key" autocomplete="off" spellcheck="false" required autofocus><button>Use this key</button></form>{{/works}}
        </main></body></html>
        """)
}
