import Storage

/// One account, with what administrators can do. Each later room adds its card here.
struct PersonPage {
    let person: AdminWeb.Person
    var problem: String?
    /// What was just done, where the page wouldn't show it.
    var done: String?
    /// Somebody else: one's own factors are removed with proof of them.
    let mayReset: Bool
    /// Whether the reader may act on this account, and give roles.
    let mayAct: Bool
    let mayGiveRoles: Bool
    let reader: Pages.Reader

    private var account: Account { person.account }
    private var groups: [String] { person.groups }
    private var sessions: [Session] { person.sessions }

    static func summary(_ account: Account) -> [String: Any] {
        let (state, badge) =
            switch account.state {
            case .active: ("In good standing", "ok")
            case .unconfirmed: ("Address not confirmed", "warn")
            case .disabled: ("Closed", "bad")
            }
        return [
            "id": account.id.description, "email": account.email, "name": account.name, "username": account.username, "state": state,
            "badge": badge, "role": account.role.rawValue, "lastSignIn": account.lastSignInAt.map(ISOTime.words) ?? "never",
            "since": ISOTime.words(account.createdAt), "sinceISO": ISOTime.text(account.createdAt),
        ]
    }

    private var passwordWords: String {
        let set = account.passwordSetAt.map { "Set \(ISOTime.words($0))" } ?? ""
        if let since = account.passwordChangeRequiredAt { return "\(set), another asked for since \(ISOTime.words(since))." }
        guard let expiry = person.passwordExpiry else { return "\(set)." }
        return "\(set), \(expiry.isPast ? "expired" : "expires") \(ISOTime.words(expiry.at))."
    }

    func html(_ pages: Pages) -> String {
        let own: [String: Any] = [
            "isClosed": account.state == .disabled, "isActive": account.state == .active, "hasPassword": account.passwordSetAt != nil,
            "mustChange": account.passwordChangeRequiredAt != nil, "passwordWords": passwordWords, "mayAct": mayAct,
            "mayGiveRoles": mayGiveRoles, "groups": groups.map { ["group": $0] },
            "groupList": groups.isEmpty ? "none" : groups.joined(separator: ", "), "sessionCount": sessions.count,
            "hasSessions": !sessions.isEmpty,
            "sessions": sessions.map {
                [
                    "browser": Program($0.browser).words, "address": $0.address, "seen": ISOTime.words($0.seenAt),
                    "seenISO": ISOTime.text($0.seenAt),
                ]
            },
            "attempts": person.attempts.map(AttemptRow.values), "hasAttempts": !person.attempts.isEmpty,
            "apps": person.authenticators.map {
                ["name": $0.name, "used": $0.usedAt.map(ISOTime.words) ?? "never", "usedISO": $0.usedAt.map(ISOTime.text) ?? ""]
            },
            "hasFactor": !person.authenticators.isEmpty || !person.phones.isEmpty,
            "phones": person.phones.map { ["number": $0.masked, "added": ISOTime.words($0.addedAt)] },
            "codesLeft": person.recoveryCodesLeft, "failures": person.tries.failures,
            "hasFailures": person.tries.failures >= CodeLimits.delayFrom, "mayReset": mayAct && mayReset,
            "emailInQuery": percentEncoded(account.email),
            "audit": person.audit.map {
                [
                    "when": ISOTime.words($0.at), "whenISO": ISOTime.text($0.at), "kind": $0.kind, "detail": $0.detail,
                    "by": $0.actor == "command-line"
                        ? "command line" : $0.actorID == account.id ? "themselves" : $0.actorID.map { "\($0)" } ?? $0.actor,
                ]
            },
            "roles": Account.Role.allCases.map { ["value": $0.rawValue, "isCurrent": $0 == account.role] as [String: Any] },
            "blocks": person.blocks.map {
                [
                    "what": $0.network.isEmpty ? "Sign-ins are blocked" : "Sign-ins from \($0.network) are blocked", "why": $0.why,
                    "meaning": $0.meaning, "until": $0.until.map { "until \(ISOTime.words($0))" } ?? "until it is released",
                ]
            },
            "wrongOnes": person.failures, "hasLocks": !person.blocks.isEmpty || person.failures > 0,
            "problem": problem ?? "", "done": done ?? "", "isDone": done != nil,
            "hasProblem": problem != nil,
        ]
        return pages.admin(
            Self.template, title: account.email, at: .people, for: reader, Self.summary(account).merging(own) { _, mine in mine })
    }

    private static func act(_ path: String, _ label: String, isDanger: Bool, _ words: String) -> String {
        """
        <details class="confirm"><summary class="button small\(isDanger ? " danger" : "")">\(label)</summary><form class="sure" action="/auth/admin/people/{{id}}/\(path)" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><p>\(words)</p><button class="button\(isDanger ? " danger solid" : " primary")">\(label)</button></form></details>
        """
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><p class="meta"><a href="/auth/admin/people">People</a></p><h1>{{email}}</h1><p><span class="badge {{badge}}">{{state}}</span> &nbsp;Account since <time datetime="{{sinceISO}}">{{since}}</time>. Role: {{role}}. Groups: {{groupList}}. Id <code>{{id}}</code></p></div></div>
        <div class="stack">
        {{#isDone}}<div class="notice ok"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="m3.5 8.5 3 3 6-7"/></svg><div><p>{{done}}</p></div></div>{{/isDone}}
        {{#hasProblem}}<div class="notice bad"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><div><p>{{problem}}</p></div></div>{{/hasProblem}}
        <div class="columns">
        {{#mayAct}}<section class="card" aria-labelledby="acts"><header><div><h2 id="acts">The account</h2><p>You never see or set a password.</p></div></header><ul class="rows">
        <li><div><p class="title">Username <code>{{username}}</code></p><p class="meta">Apps may know them by it.</p></div><div class="actions"><details class="confirm"><summary class="button small">Change<span class="visually-hidden"> the username</span></summary><form class="sure" action="/auth/admin/people/{{id}}/username" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><p>Apps that know people by username take them for somebody else from then on: what they keep there stays under {{username}}. The old name is never given to anybody else.</p><div class="field"><label for="username">New username</label><input class="input" id="username" name="username" required maxlength="40" pattern="[a-z][a-z0-9-]*" autocomplete="off" autocapitalize="none" spellcheck="false"></div><button class="button primary">Change the username</button></form></details></div></li>
        {{#hasPassword}}<li><div><p class="title">Password</p><p class="meta">{{passwordWords}} Only they ever choose it.</p></div><div class="actions">{{^mustChange}}\(act("require-password-change", "Ask for another", isDanger: false, "At their next sign-in {{email}} chooses another password. Sessions go on.")){{/mustChange}}{{#isActive}}\(act("start-password-reset", "Mail a link", isDanger: false, "{{email}} gets a link to choose another password. The one they have goes on until then.")){{/isActive}}</div></li>{{/hasPassword}}
        {{#blocks}}<li><div><p class="title"><span class="badge bad">{{what}}</span></p><p class="meta">{{why}}, {{until}}. {{meaning}}</p></div></li>{{/blocks}}
        {{#hasLocks}}<li><div><p class="title">{{wrongOnes}} wrong passwords in a row</p><p class="meta">From browsers that aren’t known. After too many only those that are may sign in.</p></div><div class="actions">\(act("release-locks", "Count anew", isDanger: false, "What is counted against {{email}}, and what rules blocked for it, ends. What somebody blocked is released under Blocks, and codes of a second factor are counted apart."))</div></li>{{/hasLocks}}
        {{^isClosed}}<li><div><p class="title">Close the account</p><p class="meta">Nothing is deleted. Sessions end within a second.</p></div><div class="actions">\(act("disable", "Close the account", isDanger: true, "{{email}} can’t sign in until someone opens the account again. {{sessionCount}} sessions end."))</div></li>{{/isClosed}}
        {{#isClosed}}<li><div><p class="title">Open the account again</p><p class="meta">They can sign in as before.</p></div><div class="actions">\(act("enable", "Open the account", isDanger: false, "{{email}} can sign in again with the same password."))</div></li>{{/isClosed}}
        <li><div><p class="title">Delete the account</p><p class="meta">For good. The audit record keeps its id.</p></div><div class="actions">\(act("delete", "Delete the account", isDanger: true, "{{email}} is deleted with its sessions and history. This can’t be undone."))</div></li>
        </ul></section>{{/mayAct}}
        <section class="card" aria-labelledby="groups"><header><div><h2 id="groups">Groups and role</h2><p>Policies apply to groups; apps see them as Remote-Groups.</p></div></header><ul class="rows">
        {{#groups}}<li><div><p class="title"><code>{{group}}</code></p></div>{{#mayAct}}<div class="actions"><form action="/auth/admin/people/{{id}}/leave" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><input type="hidden" name="group" value="{{group}}"><button class="button quiet small">Remove<span class="visually-hidden"> from {{group}}</span></button></form></div>{{/mayAct}}</li>{{/groups}}
        {{#mayAct}}<li><form class="form" action="/auth/admin/people/{{id}}/join" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><div class="field"><label for="group">Add to a group</label><span class="hint" id="group-hint">a-z, 0-9 and -. A new name makes a new group.</span><div class="with-button"><input class="input" id="group" name="group" required maxlength="40" pattern="[a-z0-9-]+" autocomplete="off" aria-describedby="group-hint"><button class="button">Add</button></div></div></form></li>{{/mayAct}}
        {{#mayGiveRoles}}<li><form class="form" action="/auth/admin/people/{{id}}/role" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><div class="field"><label for="role">Role</label><div class="with-button"><select class="input" id="role" name="role">{{#roles}}<option value="{{value}}"{{#isCurrent}} selected{{/isCurrent}}>{{value}}</option>{{/roles}}</select><button class="button">Give this role</button></div></div></form></li>{{/mayGiveRoles}}
        </ul></section>
        <section class="card" aria-labelledby="factors"><header><div><h2 id="factors">Second factor</h2><p>You never see or set a secret. Each step is mailed to them.</p></div></header>
        {{#hasFactor}}<ul class="rows">{{#apps}}<li><div><p class="title">{{name}}</p><p class="meta">Last used <time datetime="{{usedISO}}">{{used}}</time>.</p></div></li>{{/apps}}
        <li><div><p class="title">Recovery codes</p><p class="meta">{{codesLeft}} left.</p></div></li>
        {{#mayReset}}{{#hasFailures}}<li><div><p class="title"><span class="badge warn">{{failures}} wrong codes in a row</span></p><p class="meta">Codes are slowed down, or stopped at 50.</p></div><div class="actions">\(act("lift-code-stop", "Let codes be tried", isDanger: false, "Their codes are tried again at once. Whoever typed the wrong ones knew the password: make sure that it was them."))</div></li>{{/hasFailures}}
        <li><div><p class="title">Remove all factors</p><p class="meta">For somebody who lost their phone and their recovery codes. Make sure that it is them.</p></div><div class="actions">\(act("reset-factors", "Remove all factors", isDanger: true, "{{email}} signs in with the password alone until they add an app again. We tell them by mail."))</div></li>{{/mayReset}}</ul>{{/hasFactor}}
        {{^hasFactor}}<div class="empty"><h3>None</h3><p>They sign in with a password alone.</p></div>{{/hasFactor}}</section>
        <section class="card" aria-labelledby="sessions"><header class="tight"><div><h2 id="sessions">Sessions</h2></div>{{#mayAct}}{{#hasSessions}}\(act("end-sessions", "End all", isDanger: true, "All {{sessionCount}} end within a second. They can sign in again at once.")){{/hasSessions}}{{/mayAct}}</header>
        {{#hasSessions}}<table class="table"><thead class="visually-hidden"><tr><th scope="col">Device</th><th scope="col">Last seen</th></tr></thead><tbody>
        {{#sessions}}<tr><td>{{browser}}<span class="meta"><code>{{address}}</code></span></td><td class="num"><time datetime="{{seenISO}}">{{seen}}</time></td></tr>{{/sessions}}
        </tbody></table>{{/hasSessions}}{{^hasSessions}}<div class="empty"><h3>None</h3><p>They are signed in nowhere.</p></div>{{/hasSessions}}</section>
        <section class="card wide" aria-labelledby="recent"><header class="tight"><div><h2 id="recent">Latest attempts</h2></div><a class="button small" href="/auth/admin/sign-ins?email={{emailInQuery}}">All of them</a></header>
        {{#hasAttempts}}\(AttemptRow.table){{/hasAttempts}}{{^hasAttempts}}<div class="empty"><h3>None</h3><p>Nobody has tried this account yet.</p></div>{{/hasAttempts}}</section>
        <section class="card wide" aria-labelledby="audit"><header><div><h2 id="audit">What was done to this account</h2></div></header>
        <table class="table fold" role="table"><thead><tr role="row"><th scope="col" role="columnheader">Event</th><th scope="col" role="columnheader">By</th><th scope="col" role="columnheader" class="num">When</th></tr></thead><tbody>
        {{#audit}}<tr role="row"><td role="cell" data-label="Event"><code>{{kind}}</code><span class="meta">{{detail}}</span></td><td role="cell" data-label="By">{{by}}</td><td role="cell" data-label="When" class="num"><time datetime="{{whenISO}}">{{when}}</time></td></tr>{{/audit}}
        </tbody></table></section>
        </div></div>
        """)
}
