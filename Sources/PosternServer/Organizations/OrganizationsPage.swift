import Storage

/// Organizations that somebody is in or is asked to join.
struct OrganizationsPage {
    let own: ReadOrganizations.Own
    let isFresh: Bool
    let offersGuests: Bool
    var done: String?
    var problem: String?
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        var values: [String: Any] = [
            "organizations": own.memberships.map {
                [
                    "id": $0.organization.id.description, "name": $0.organization.name, "slug": $0.organization.slug,
                    "role": $0.role.rawValue,
                ]
            }, "hasOrganizations": !own.memberships.isEmpty,
            "invitations": own.invitations.map {
                [
                    "id": $0.invitation.id.description, "name": $0.organization.name, "role": $0.invitation.role.rawValue,
                    "until": ISOTime.words($0.invitation.expiresAt),
                ]
            }, "hasInvitations": !own.invitations.isEmpty, "isFresh": isFresh, "offersGuests": offersGuests,
        ]
        values["done"] = done
        values["problem"] = problem
        return pages.account(Self.template, title: "Organizations", at: .organizations, for: reader, values)
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><h1>Organizations</h1><p>A shop, a marketplace, a team: people with roles, and API keys that are theirs together.</p></div></div>
        <div class="stack">
        {{#done}}<div class="notice good" role="status"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="m3 8.5 3.2 3.2L13 5"/></svg><div><p>{{done}}</p></div></div>{{/done}}
        {{#problem}}<div class="notice bad" role="alert"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><div><p>{{problem}}</p></div></div>{{/problem}}
        {{#hasInvitations}}<section class="card" aria-labelledby="asked"><header><div><h2 id="asked">You are asked to join</h2></div></header><ul class="rows">
        {{#invitations}}<li><div><p class="title">{{name}}</p><p class="meta">As {{role}}. Good until {{until}}.</p></div><form class="actions" action="/auth/account/organizations/invitations/{{id}}" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><button class="button primary small" name="do" value="join">Join<span class="visually-hidden"> {{name}}</span></button><button class="button quiet small" name="do" value="decline">No, thanks<span class="visually-hidden"> to {{name}}</span></button></form></li>{{/invitations}}
        </ul></section>{{/hasInvitations}}
        <section class="card" aria-labelledby="yours"><header class="tight"><div><h2 id="yours">You are in</h2></div></header>
        {{#hasOrganizations}}<ul class="rows">{{#organizations}}<li><div><p class="title"><a href="/auth/account/organizations/{{id}}">{{name}}</a></p><p class="meta"><code>{{slug}}</code>, as {{role}}.</p></div><div class="actions"><a class="button small" href="/auth/account/organizations/{{id}}/keys">Keys<span class="visually-hidden"> of {{name}}</span></a></div></li>{{/organizations}}</ul>{{/hasOrganizations}}
        {{^hasOrganizations}}<div class="empty"><h3>None yet</h3><p>Make one, or be asked to join one.</p></div>{{/hasOrganizations}}</section>
        <section class="card" aria-labelledby="make"><header><div><h2 id="make">Make one</h2><p>You own it, and its first key is shown once.</p></div></header>
        {{#isFresh}}<form class="body form form-inline" action="/auth/account/organizations" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><div class="field"><label for="name">Name</label><input class="input" id="name" name="name" maxlength="60" required></div><div class="actions"><button class="button primary">Make it</button></div></form>
        {{#offersGuests}}<div class="body"><details class="more"><summary>Claim a guest</summary><form class="form form-inline" action="/auth/account/organizations/claim" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><div class="field"><label for="key">Its first key</label><input class="input" id="key" name="key" autocomplete="off" spellcheck="false" required></div><div class="actions"><button class="button">Claim it</button></div></form></details></div>{{/offersGuests}}{{/isFresh}}
        {{^isFresh}}<div class="body"><a class="button" href="/auth/account/organizations?prove=yes">Confirm it’s you first</a></div>{{/isFresh}}</section>
        </div>
        """)
}

/// One organization: its people, and what it is called.
struct OrganizationPage {
    let detail: ReadOrganizations.Detail
    let role: Organization.Role
    let own: Account.ID
    /// Whoever looks has proved who they are in the last minutes: then there are forms.
    let isFresh: Bool
    var done: String?
    var problem: String?
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        let organization = detail.organization
        var values: [String: Any] = [
            "id": organization.id.description, "name": organization.name, "slug": organization.slug, "role": role.rawValue,
            "mayManage": role.mayManageMembers && isFresh, "mayEnd": role == .owner && isFresh,
            "mustProve": role.mayManageMembers && !isFresh, "members": detail.members.map(row),
            "roles": roles(nil),
            "invitations": detail.invitations.map {
                ["invitation": $0.id.description, "email": $0.email, "role": $0.role.rawValue, "until": ISOTime.words($0.expiresAt)]
            }, "hasInvitations": !detail.invitations.isEmpty,
            "mayLeave": role != .owner || detail.hasOtherOwner, "own": own.description,
        ]
        values["done"] = done
        values["problem"] = problem
        return pages.account(Self.template, title: organization.name, at: .organizations, for: reader, values)
    }

    private func roles(_ current: Organization.Role?) -> [[String: Any]] {
        Organization.Role.allCases.filter(role.mayGive).map { ["role": $0.rawValue, "isCurrent": $0 == (current ?? .developer)] }
    }

    private func row(_ member: Member) -> [String: Any] {
        let isMasked = role == .support && member.account != own
        return [
            "account": member.account.description, "email": isMasked ? maskedEmail(member.email) : member.email,
            "role": member.role.rawValue,
            "since": ISOTime.words(member.joinedAt), "isOwn": member.account == own,
            "mayChange": isFresh && role.mayGive(member.role) && (member.account != own || detail.hasOtherOwner),
            "roles": roles(member.role),
            "mayRemove": isFresh && role.mayGive(member.role) && member.account != own,
        ]
    }

    private static let token = "<input type=\"hidden\" name=\"form_token\" value=\"{{formToken}}\">"

    private static let template = Pages.template(
        """
        <div class="page-head"><div><p class="meta"><a href="/auth/account/organizations">Organizations</a></p><h1>{{name}}</h1><p>Apps know it as <code>{{slug}}</code>. You are {{role}}.</p></div><a class="button" href="/auth/account/organizations/{{id}}/keys">API keys</a></div>
        <div class="stack">
        {{#done}}<div class="notice good" role="status"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="m3 8.5 3.2 3.2L13 5"/></svg><div><p>{{done}}</p></div></div>{{/done}}
        {{#problem}}<div class="notice bad" role="alert"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><div><p>{{problem}}</p></div></div>{{/problem}}
        <section class="card" aria-labelledby="members"><header class="tight"><div><h2 id="members">Members</h2></div></header><ul class="rows">
        {{#members}}<li><div><p class="title">{{email}}{{#isOwn}} (you){{/isOwn}}</p><p class="meta">{{role}}, since {{since}}.</p></div><div class="actions">{{#mayChange}}<details class="confirm"><summary class="button small">Role<span class="visually-hidden"> of {{email}}</span></summary><form class="sure" action="/auth/account/organizations/{{id}}/members/{{account}}/role" method="post">\(token)<div class="field"><label for="role-{{account}}">Role</label><select class="input" id="role-{{account}}" name="role">{{#roles}}<option{{#isCurrent}} selected{{/isCurrent}}>{{role}}</option>{{/roles}}</select></div><button class="button">Save</button></form></details>{{/mayChange}}{{#mayRemove}}<details class="confirm"><summary class="button quiet danger small">Remove<span class="visually-hidden"> {{email}}</span></summary><form class="sure" action="/auth/account/organizations/{{id}}/members/{{account}}/remove" method="post">\(token)<p>They are out from their next request on. The page that follows lists the keys that they know.</p><button class="button danger solid">Remove them</button></form></details>{{/mayRemove}}</div></li>{{/members}}
        </ul></section>
        {{#mustProve}}<section class="card" aria-labelledby="prove"><header><div><h2 id="prove">Look after members</h2><p>Confirm that it’s you first.</p></div><a class="button" href="/auth/account/step-up?return_to=%2Fauth%2Faccount%2Forganizations%2F{{id}}">Confirm it’s you</a></header></section>{{/mustProve}}
        {{#mayManage}}<section class="card" aria-labelledby="invite"><header><div><h2 id="invite">Ask somebody to join</h2><p>By mail. They join with an account of that very address, within seven days.</p></div></header>
        <form class="body form form-inline" action="/auth/account/organizations/{{id}}/invite" method="post">\(token)<div class="field wide"><label for="email">E-mail</label><input class="input" id="email" name="email" type="email" maxlength="254" required></div><div class="field"><label for="role">Role</label><select class="input" id="role" name="role">{{#roles}}<option{{#isCurrent}} selected{{/isCurrent}}>{{role}}</option>{{/roles}}</select></div><div class="actions"><button class="button primary">Invite</button></div></form>
        <p class="body small-text muted">Owners may do everything. Managers look after members and keys, developers after keys. Support looks on, with addresses hidden in part.</p>
        {{#hasInvitations}}<ul class="rows">{{#invitations}}<li><div><p class="title">{{email}}</p><p class="meta">Asked to join as {{role}}. Good until {{until}}.</p></div><form class="actions" action="/auth/account/organizations/{{id}}/withdraw/{{invitation}}" method="post">\(token)<button class="button quiet small">Take it back<span class="visually-hidden"> from {{email}}</span></button></form></li>{{/invitations}}</ul>{{/hasInvitations}}</section>
        <section class="card" aria-labelledby="called"><header class="tight"><div><h2 id="called">Name</h2></div></header><form class="body form form-inline" action="/auth/account/organizations/{{id}}/rename" method="post">\(token)<div class="field"><label for="name">Name</label><input class="input" id="name" name="name" value="{{name}}" maxlength="60" required></div><div class="actions"><button class="button">Save</button></div></form></section>{{/mayManage}}
        <section class="card" aria-labelledby="go"><header><div><h2 id="go">Leaving</h2><p>{{#mayLeave}}Keys that you made go on working.{{/mayLeave}}{{^mayLeave}}You are its only owner: make somebody else one, or end it.{{/mayLeave}}</p></div><div class="actions">{{#mayLeave}}<details class="confirm"><summary class="button danger small">Leave it</summary><form class="sure" action="/auth/account/organizations/{{id}}/members/{{own}}/remove" method="post">\(token)<p>Somebody must ask you to come back.</p><button class="button danger solid">Leave</button></form></details>{{/mayLeave}}{{#mayEnd}}<details class="confirm"><summary class="button danger small">End it</summary><form class="sure" action="/auth/account/organizations/{{id}}/end" method="post">\(token)<p>All members are out, and all keys are refused from the next second. It can’t be taken back.</p><button class="button danger solid">End {{name}}</button></form></details>{{/mayEnd}}</div></header></section>
        </div>
        """)
}
