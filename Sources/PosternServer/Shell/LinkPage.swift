/// A page that a mailed or printed link leads to: it asks for a password, and perhaps an address, before anything happens.
struct LinkPage {
    enum Purpose { case confirmEmail, invitation(email: String), setup }
    enum Problem { case wrongPassword, emailInvalid, emailTaken, passwordTooShort, passwordTooLong }

    let purpose: Purpose
    var email = ""
    var problem: Problem?
    let formToken: String

    func html(_ pages: Pages) -> String {
        var values: [String: Any] = ["email": email, "formToken": formToken]
        let title: String
        switch purpose {
        case .confirmEmail:
            title = "Confirm your address"
            values["lead"] =
                "Type the password you chose when you signed up. It shows that you did, and not somebody else with your address."
            values["action"] = "/auth/confirm-email"
            values["act"] = "Confirm the address"
            values["complete"] = "current-password"
        case .invitation(let invited):
            title = "Make your account"
            values["lead"] = "for \(pages.site.name), as \(invited)"
            values["action"] = "/auth/invitation"
            values["act"] = "Make the account"
            values["isNew"] = true
            values["complete"] = "new-password"
        case .setup:
            title = "Make the owner’s account"
            values["lead"] = "The owner may do everything here, and names administrators."
            values["action"] = "/auth/setup"
            values["act"] = "Make the account"
            values["isNew"] = true
            values["asksEmail"] = true
            values["complete"] = "new-password"
        }
        switch problem {
        case .wrongPassword:
            values["passwordError"] =
                "That isn’t the password of this sign-up. If somebody else signed up with your address, close this page: nothing opens."
        case .emailInvalid: values["emailError"] = "That isn’t an e-mail address. Type it like name@example.org."
        case .emailTaken: values["emailError"] = "That address has an account already. Use another, or delete it first."
        case .passwordTooShort: values["passwordError"] = "That is shorter than 8 characters. Add a word or two."
        case .passwordTooLong: values["passwordError"] = "That is longer than 1,024 bytes. Shorten it."
        case nil: break
        }
        return pages.gate(Self.template, title: title, values)
    }

    private static let template = Pages.template(
        """
        <h1 id="h">{{title}}</h1>
        <p class="lead">{{lead}}</p>
        <form class="form" action="{{action}}" method="post">
        <input type="hidden" name="form_token" value="{{formToken}}">
        {{#asksEmail}}<div class="field"><label for="email">E-mail</label>
        {{#emailError}}\(FieldError.html(id: "email-error", "{{emailError}}")){{/emailError}}
        <input class="input" id="email" name="email" type="email" autocomplete="username" required maxlength="254" value="{{email}}"{{#emailError}} aria-invalid="true" aria-describedby="email-error"{{/emailError}}></div>{{/asksEmail}}
        <div class="field"><label for="password">Password</label>
        {{#isNew}}<span class="hint" id="password-hint">At least 8 characters. Four unrelated words beat one clever one; symbols aren’t needed.</span>{{/isNew}}
        {{#passwordError}}\(FieldError.html(id: "password-error", "{{passwordError}}")){{/passwordError}}
        <input class="input" id="password" name="password" type="password" autocomplete="{{complete}}" required{{#isNew}} minlength="8"{{/isNew}} aria-describedby="{{#isNew}}password-hint {{/isNew}}{{#passwordError}}password-error{{/passwordError}}"{{#passwordError}} aria-invalid="true"{{/passwordError}}></div>
        <button class="button primary full">{{act}}</button>
        </form>
        """)
}
