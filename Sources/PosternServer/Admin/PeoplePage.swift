/// Find a person; invite one.
struct PeoplePage {
    enum Notice { case invited(String), alreadyAMember(String), emailInvalid, deleted }

    let search: String
    let accounts: [Account]
    var notice: Notice?
    let isCut: Bool
    let mayInvite: Bool
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        var values: [String: Any] = [
            "search": search, "people": accounts.map(PersonPage.summary), "none": accounts.isEmpty, "isCut": isCut, "mayInvite": mayInvite,
            "count": accounts.count,
        ]
        switch notice {
        case .invited(let email): values["good"] = "The invitation to \(email) is on its way. Its link works for 7 days."
        case .alreadyAMember(let email): values["bad"] = "\(email) has an account already."
        case .emailInvalid: values["bad"] = "That isn’t an e-mail address. Type it like name@example.org."
        case .deleted: values["good"] = "The account is deleted."
        case nil: break
        }
        return pages.admin(Self.template, title: "People", at: .people, for: reader, values)
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><h1>People</h1></div></div>
        <div class="stack">
        {{#good}}<div class="notice ok"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="m3.5 8.5 3 3 6-7"/></svg><div><p>{{good}}</p></div></div>{{/good}}
        {{#bad}}<div class="notice warn"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><div><p>{{bad}}</p></div></div>{{/bad}}
        <section class="card" aria-labelledby="find"><header><div><h2 id="find">Find</h2></div></header>
        <form class="body form" action="/auth/admin/people" method="get"><div class="field"><label for="q">Part of an address, username or name</label>
        <div class="with-button"><input class="input" id="q" name="q" type="search" maxlength="100" value="{{search}}"><button class="button">Find</button></div></div></form>
        {{^none}}<table class="table fold" role="table"><thead><tr role="row"><th scope="col" role="columnheader">Person</th><th scope="col" role="columnheader">State</th><th scope="col" role="columnheader">Role</th><th scope="col" role="columnheader">Last sign-in</th></tr></thead><tbody>
        {{#people}}<tr role="row"><td role="cell" data-label="Person"><a href="/auth/admin/people/{{id}}">{{email}}</a><span class="meta">{{name}}</span></td><td role="cell" data-label="State"><span class="badge {{badge}}">{{state}}</span></td><td role="cell" data-label="Role">{{role}}</td><td role="cell" data-label="Last sign-in">{{lastSignIn}}</td></tr>{{/people}}
        </tbody></table>{{/none}}
        {{#none}}<div class="empty"><h3>Nobody found</h3><p>Type less, or look at the spelling.</p></div>{{/none}}
        <footer>{{#isCut}}The newest {{count}} are shown. Type more to see others.{{/isCut}}{{^isCut}}{{count}} shown.{{/isCut}}</footer></section>
        {{#mayInvite}}<section class="card" aria-labelledby="invite"><header><div><h2 id="invite">Invite a person</h2><p>They get a link by mail and choose their own password.</p></div></header>
        <form class="body form" action="/auth/admin/invitations" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><div class="field"><label for="email">E-mail</label>
        <div class="with-button"><input class="input" id="email" name="email" type="email" required maxlength="254" autocomplete="off"><button class="button">Send the invitation</button></div></div></form></section>{{/mayInvite}}
        </div>
        """)
}
