/// The form for a new account.
struct SignUpPage {
    enum Problem { case emailInvalid, otherDomain }

    var email = ""
    var problem: Problem?
    var password: NewPasswordField
    /// E-mail domains that may sign up; empty for all.
    let domains: [String]
    let formToken: String

    func html(_ pages: Pages) -> String {
        var values: [String: Any] = [
            "email": email, "formToken": formToken, "domains": domains.joined(separator: ", "), "hasDomains": !domains.isEmpty,
        ]
        switch problem {
        case .emailInvalid: values["emailError"] = "That isn’t an e-mail address. Type it like name@example.org."
        case .otherDomain: values["emailError"] = "Only addresses at \(domains.joined(separator: ", ")) can sign up here."
        case nil: break
        }
        return pages.gate(Self.template, title: "Make your account", values.merging(password.values) { mine, _ in mine })
    }

    private static let template = Pages.template(
        """
        <h1 id="h">Make your account</h1>
        <p class="lead">for {{site}}</p>
        <form class="form" action="/auth/sign-up" method="post">
        <input type="hidden" name="form_token" value="{{formToken}}">
        <div class="field"><label for="email">E-mail</label>
        <span class="hint" id="email-hint">We send a link to it, to be sure it is yours.{{#hasDomains}} It must be at {{domains}}.{{/hasDomains}}</span>
        {{#emailError}}\(FieldError.html(id: "email-error", "{{emailError}}")){{/emailError}}
        <input class="input" id="email" name="email" type="email" autocomplete="username" required maxlength="254" value="{{email}}" aria-describedby="email-hint{{#emailError}} email-error{{/emailError}}"{{#emailError}} aria-invalid="true"{{/emailError}}></div>
        \(NewPasswordField.html)
        <button class="button primary full">Make the account</button>
        </form>
        <div class="after"><p>Have one already? <a href="/auth/sign-in">Sign in</a></p></div>
        """)

    /// The page after it: the same for every address.
    static func sent(_ email: String, _ pages: Pages) -> String {
        pages.gate(sentTemplate, title: "Look at your mail", ["email": email])
    }

    private static let sentTemplate = Pages.template(
        """
        <h1 id="h">Look at your mail</h1>
        <p class="lead">We sent a message to <b>{{email}}</b>. Open the link in it to go on.</p>
        <div class="after"><p class="small-text muted">Nothing there after a few minutes? Look in the spam folder, or check the address and send the form again.</p>
        <p><a href="/auth/sign-up">Use another address</a> or <a href="/auth/sign-in">sign in</a></p></div>
        """)
}

/// An error beside the field it speaks of.
enum FieldError {
    static func html(id: String, _ words: String) -> String {
        """
        <p class="error" id="\(id)"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><span>\(words)</span></p>
        """
    }
}
