/// A page that a mailed or printed link leads to: it asks for a password, and perhaps an address, before anything happens.
struct LinkPage {
    enum Purpose { case confirmEmail, invitation(email: String), setup, resetPassword }
    enum Problem { case wrongPassword, emailInvalid, emailTaken, passwordTooLong }

    let purpose: Purpose
    var email = ""
    var problem: Problem?
    /// For the pages on which a password is chosen.
    var newPassword: NewPasswordField?
    let formToken: String

    func html(_ pages: Pages) -> String {
        var values: [String: Any] = ["email": email, "formToken": formToken]
        let title: String
        switch purpose {
        case .confirmEmail:
            title = "Confirm your address"
            values["lead"] =
                "Type the password you chose when you signed up. It shows that you did, and not somebody else with your address."
            values["action"] = "/auth/confirm"
            values["act"] = "Confirm the address"
        case .invitation(let invited):
            title = "Make your account"
            values["lead"] = "for \(pages.site.name), as \(invited)"
            values["action"] = "/auth/invitation"
            values["act"] = "Make the account"
        case .resetPassword:
            title = "Choose another password"
            values["username"] = email
            values["lead"] = "All your sessions end then. Where you have a second factor, it is asked for as before."
            values["action"] = "/auth/reset-password"
            values["act"] = "Change the password"
        case .setup:
            title = "Make the owner’s account"
            values["lead"] = "The owner may do everything here, and names administrators."
            values["action"] = "/auth/setup"
            values["act"] = "Make the account"
            values["asksEmail"] = true
        }
        switch problem {
        case .wrongPassword:
            values["passwordError"] =
                "That isn’t the password of this sign-up. If somebody else signed up with your address, close this page: nothing opens."
        case .emailInvalid: values["emailError"] = "That isn’t an e-mail address. Type it like name@example.org."
        case .emailTaken: values["emailError"] = "That address has an account already. Use another, or delete it first."
        case .passwordTooLong: values["passwordError"] = "That is longer than any password here. Shorten it."
        case nil: break
        }
        if let newPassword {
            values["isNew"] = true
            values.merge(newPassword.values) { mine, _ in mine }
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
        {{#username}}<input type="email" name="username" value="{{username}}" autocomplete="username" hidden>{{/username}}
        {{#isNew}}\(NewPasswordField.html){{/isNew}}{{^isNew}}<div class="field"><label for="password">Password</label>
        {{#passwordError}}\(FieldError.html(id: "password-error", "{{passwordError}}")){{/passwordError}}
        <input class="input" id="password" name="password" type="password" autocomplete="current-password" required{{#passwordError}} aria-describedby="password-error" aria-invalid="true"{{/passwordError}}></div>{{/isNew}}
        <button class="button primary full">{{act}}</button>
        </form>
        """)
}
