/// Asks for another address, and for the word of whoever reads mail there.
struct ChangeEmailPage {
    enum Step {
        case ask(current: String, typed: String, error: String?)
        case sent(to: String)
    }

    let step: Step
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        var values: [String: Any] = [:]
        switch step {
        case .ask(let current, let typed, let error):
            (values["asks"], values["current"], values["typed"], values["error"]) = (true, current, typed, error)
        case .sent(let to): values["sentTo"] = to
        }
        return pages.account(Self.template, title: "Change your address", at: .profile, for: reader, values)
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><p class="meta"><a href="/auth/account">Profile</a></p><h1>Change your address</h1></div></div>
        <div class="stack">
        {{#sentTo}}<div class="notice ok"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="m3.5 8.5 3 3 6-7"/></svg><div><p>Look into the mail of {{sentTo}}: it has a link. Until you open it, nothing changes.</p></div></div>{{/sentTo}}
        {{#asks}}<section class="card" aria-labelledby="new"><header><div><h2 id="new">New address</h2><p>You sign in with {{current}} now. We tell that address too.</p></div></header>
        <form class="body form" action="/auth/account/email" method="post"><input type="hidden" name="form_token" value="{{formToken}}">
        <div class="field"><label for="email">E-mail</label>
        {{#error}}\(FieldError.html(id: "email-error", "{{error}}")){{/error}}
        <input class="input" id="email" name="email" type="email" autocomplete="email" required maxlength="254" value="{{typed}}"{{#error}} aria-invalid="true" aria-describedby="email-error"{{/error}}></div>
        <div class="actions"><button class="button primary">Send the link</button></div></form></section>{{/asks}}
        </div>
        """)
}

/// Where the link in the mail leads: the password says whose account it is for.
struct NewEmailPage {
    let email: String
    var passwordError: String?
    let formToken: String

    func html(_ pages: Pages) -> String {
        var values: [String: Any] = ["email": email, "formToken": formToken]
        values["passwordError"] = passwordError
        return pages.gate(Self.template, title: "Confirm your new address", values)
    }

    static func done(_ email: String, _ pages: Pages) -> String {
        pages.gate(Self.doneTemplate, title: "Your address is changed", ["email": email])
    }

    private static let template = Pages.template(
        """
        <h1 id="h">Confirm your new address</h1>
        <p class="lead">Your account will be at {{email}}, and you sign in with that. Type your password: it shows that you asked for it.</p>
        <form class="form" action="/auth/new-email" method="post"><input type="hidden" name="form_token" value="{{formToken}}">
        <input type="email" name="username" value="{{email}}" autocomplete="username" hidden>
        <div class="field"><label for="password">Password</label>
        {{#passwordError}}\(FieldError.html(id: "password-error", "{{passwordError}}")){{/passwordError}}
        <input class="input" id="password" name="password" type="password" autocomplete="current-password" required autofocus{{#passwordError}} aria-describedby="password-error" aria-invalid="true"{{/passwordError}}></div>
        <button class="button primary full">Use this address</button></form>
        """)

    private static let doneTemplate = Pages.template(
        """
        <h1 id="h">Your address is changed</h1>
        <p class="lead">From now on you sign in with {{email}}. Sessions that are open go on.</p>
        <div class="form"><a class="button primary full" href="/auth/account">Go to your account</a></div>
        """)
}
