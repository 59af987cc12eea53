import Storage

/// Keys of one owner.
struct KeysPage {
    let listing: ReadKeys.Listing
    let now: Timestamp
    let isFirst: Bool
    /// Organizations whose keys are elsewhere; for one's own page.
    var organizations: [Membership] = []
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        let organization = listing.organization
        let isMasked = listing.access == .looksOn(masked: true)
        var values: [String: Any] = [
            "keys": listing.keys.map { row($0, isMasked) }, "hasKeys": !listing.keys.isEmpty, "manages": listing.access == .manages,
            "new": organization.map { "/auth/account/organizations/\($0.id)/keys/new" } ?? "/auth/account/keys/new",
            "isOwn": organization == nil, "hasLate": !listing.lateCallers.isEmpty, "late": listing.lateCallers.map { late($0, isMasked) },
            "organizations": organizations.map {
                ["id": $0.organization.id.description, "name": $0.organization.name, "role": $0.role.rawValue]
            }, "hasOrganizations": !organizations.isEmpty, "isFirst": isFirst,
        ]
        values["organization"] = organization?.name
        values["organizationID"] = organization?.id.description
        values["older"] = listing.next.map { "?after=\($0)" }
        return pages.account(
            Self.template, title: "API keys", at: organization == nil ? .keys : .organizations, for: reader, values)
    }

    private func row(_ key: APIKey, _ isMasked: Bool) -> [String: Any] {
        let standing = key.standing(at: now)
        var values: [String: Any] = [
            "id": key.id.description, "name": key.terms.name, "mode": key.modeText, "isTest": key.isTest,
            "last": isMasked ? "••••" : key.lastFour, "scopes": KeyWords.scopes(key.terms.scopes),
            "used": key.used.map { ISOTime.words($0.at) } ?? "not yet", "ends": KeyWords.ends(key, standing),
            "isLate": !standing.opens, "isEnding": standing.word == "ending",
        ]
        values["exposed"] = key.exposedAt.map { _ in true }
        return values
    }

    private func late(_ caller: LateCaller, _ isMasked: Bool) -> [String: Any] {
        [
            "id": caller.key.id.description, "key": caller.key.terms.name, "last": isMasked ? "••••" : caller.key.lastFour,
            "agent": caller.source.agent.isEmpty ? "a program without a name" : caller.source.agent,
            "address": isMasked ? maskedAddress(caller.source.address) : caller.source.address,
            "number": Figure.grouped(caller.source.refused), "one": caller.source.refused == 1, "at": ISOTime.words(caller.at),
            "state": KeyWords.state(caller.key.standing(at: now)),
        ]
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div>{{#organization}}<p class="meta"><a href="/auth/account/organizations/{{organizationID}}">{{organization}}</a></p>{{/organization}}<h1>API keys</h1><p>{{#organization}}For {{organization}}. {{/organization}}Give each program its own key, so that one can be changed without stopping the others.</p></div>{{#manages}}<a class="button" href="{{new}}">Make a key</a>{{/manages}}</div>
        <div class="stack">
        <section class="card" aria-labelledby="keys"><header class="tight"><div><h2 id="keys">{{#isOwn}}Your own{{/isOwn}}{{^isOwn}}Keys{{/isOwn}}</h2></div></header>
        {{#hasKeys}}<table class="table fold middle" role="table" aria-labelledby="keys"><thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">Name</th><th scope="col" role="columnheader">Key</th><th scope="col" role="columnheader">May</th><th scope="col" role="columnheader">Last used</th><th scope="col" role="columnheader">Ends</th></tr></thead><tbody role="rowgroup">
        {{#keys}}<tr role="row"><th scope="row" role="rowheader"><a href="/auth/account/keys/{{id}}">{{name}}</a></th><td role="cell" class="nowrap" data-label="Key"><span class="tag{{#isTest}} test{{/isTest}}">{{mode}}</span> <code>…{{last}}</code></td><td role="cell" data-label="May">{{scopes}}</td><td role="cell" data-label="Last used">{{used}}</td><td role="cell" data-label="Ends">{{#isLate}}<span class="badge bad">{{ends}}</span>{{/isLate}}{{^isLate}}{{#isEnding}}<span class="badge warn">{{ends}}</span>{{/isEnding}}{{^isEnding}}{{ends}}{{/isEnding}}{{/isLate}}{{#exposed}} <span class="badge warn">Seen over plain HTTP</span>{{/exposed}}</td></tr>
        {{/keys}}</tbody></table>{{#older}}<footer><a class="button small" href="{{older}}">Older ones</a></footer>{{/older}}{{/hasKeys}}
        {{^hasKeys}}<div class="empty"><h3>No keys yet</h3><p>A key lets a program in without a person: it is shown once, can be limited, and can be rotated while the old one goes on working.</p>{{#manages}}<a class="button" href="{{new}}">Make a key</a>{{/manages}}</div>{{/hasKeys}}</section>
        {{#hasLate}}<section class="card" aria-labelledby="needs"><header><div><h2 id="needs">Needs a new key</h2><p>These still call with a key that opens nothing any more.</p></div></header><ul class="rows">
        {{#late}}<li><div><p class="title">{{agent}}</p><p class="meta">From <code>{{address}}</code>, {{number}} refused {{#one}}call{{/one}}{{^one}}calls{{/one}}, last on {{at}}. Brings <a href="/auth/account/keys/{{id}}">{{key}}</a> <code>…{{last}}</code>, {{state}}.</p></div></li>{{/late}}
        </ul></section>{{/hasLate}}
        {{#hasOrganizations}}<section class="card" aria-labelledby="theirs"><header><div><h2 id="theirs">Of your organizations</h2></div></header><ul class="rows">
        {{#organizations}}<li><div><p class="title"><a href="/auth/account/organizations/{{id}}/keys">{{name}}</a></p><p class="meta">You are {{role}} there.</p></div></li>{{/organizations}}
        </ul></section>{{/hasOrganizations}}
        </div>
        """)
}

/// Keys in words.
enum KeyWords {
    static func scopes(_ scopes: KeyScopes) -> String {
        scopes.isAll ? "everything" : scopes.names.isEmpty ? "what needs no scope" : scopes.names.joined(separator: ", ")
    }

    static func state(_ standing: APIKey.Standing) -> String {
        switch standing {
        case .live: "works"
        case .ending(let at): at.map { "works until \(ISOTime.words($0))" } ?? "works until it is cut"
        case .expired(let at): "expired on \(ISOTime.words(at))"
        case .revoked(let at, let end):
            switch end {
            case .revoked: at.map { "revoked on \(ISOTime.words($0))" } ?? "closed with its owner"
            case .rotated: at.map { "replaced, and cut on \(ISOTime.words($0))" } ?? "replaced"
            case .leaked: "found by somebody, and revoked\(at.map { " on \(ISOTime.words($0))" } ?? "")"
            case .blocked: "taken away by an administrator\(at.map { " on \(ISOTime.words($0))" } ?? "")"
            }
        }
    }

    static func ends(_ key: APIKey, _ standing: APIKey.Standing) -> String {
        switch standing {
        case .live: key.terms.expiresAt.map(ISOTime.words) ?? "Never"
        case .ending(let at): "Replaced, " + (at.map { "ends \(ISOTime.words($0))" } ?? "ends when cut")
        case .expired: "Expired"
        case .revoked(_, .rotated): "Replaced"
        case .revoked: "Revoked"
        }
    }
}
