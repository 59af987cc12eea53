import Storage

/// Keys that somebody made or saw, to be rotated once they are gone.
struct KnownKeysPage {
    let known: ReadKeys.Known
    let place: String
    let now: Timestamp
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        let keys = known.keys
        return pages.account(
            Self.template, title: "Keys that they know", at: .organizations, for: reader,
            [
                "organization": known.organization.id.description, "name": known.organization.name, "place": place,
                "hasKeys": !keys.isEmpty,
                "person": known.person ?? "Somebody who is gone", "all": keys.count == 1 ? "Rotate it" : "Rotate all \(keys.count)",
                "keys": keys.map {
                    [
                        "id": $0.id.description, "name": $0.terms.name, "last": $0.lastFour, "state": KeyWords.state($0.standing(at: now)),
                        "used": $0.used.map { ISOTime.words($0.at) } ?? "not yet",
                    ]
                },
            ])
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><p class="meta"><a href="/auth/account/organizations/{{organization}}">{{name}}</a></p><h1>{{title}}</h1><p>{{person}} made or saw these keys, or they were made with such keys. Who saw a key knows it still.</p></div></div>
        <div class="stack"><section class="card" aria-labelledby="keys"><header><div><h2 id="keys">Keys</h2></div>{{#hasKeys}}<details class="confirm"><summary class="button danger small">{{all}}</summary><form class="sure" action="{{place}}" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><p>Each gets a successor, which is shown once; those that have one already end with the others. What uses the old ones must be given the new ones in time.</p><div class="field"><label for="overlap">The old ones work for</label><select class="input" id="overlap" name="overlap"><option value="0h">no longer</option><option value="1h">1 hour</option><option value="24h" selected>24 hours</option><option value="7d">7 days</option></select></div><button class="button danger solid">{{all}}</button></form></details>{{/hasKeys}}</header>
        {{#hasKeys}}<ul class="rows">{{#keys}}<li><div><p class="title"><a href="/auth/account/keys/{{id}}">{{name}}</a></p><p class="meta"><code>…{{last}}</code> {{state}}. Last used: {{used}}.</p></div></li>{{/keys}}</ul>{{/hasKeys}}
        {{^hasKeys}}<div class="empty"><h3>None</h3><p>They made no key that still works.</p></div>{{/hasKeys}}</section></div>
        """)
}
