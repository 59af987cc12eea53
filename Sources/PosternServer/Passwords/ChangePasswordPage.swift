import Mustache

/// Changes one's own password.
struct ChangePasswordPage {
    /// Why the current password was refused.
    var currentError: String?
    /// Why nothing can be changed now.
    var problem: String?
    var field: NewPasswordField
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        var values = field.values
        values["currentError"] = currentError
        values["problem"] = problem
        values["username"] = reader.email
        return pages.account(Self.template, title: "Change your password", at: .security, for: reader, values)
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><p class="meta"><a href="/auth/account/security">Security</a></p><h1>{{title}}</h1><p>All your other sessions end. This one goes on.</p></div></div>
        {{#problem}}<div class="notice warn"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><div><p>{{problem}}</p></div></div>{{/problem}}
        <form class="card" action="/auth/account/password" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><div class="body form">
        <input type="email" name="username" value="{{username}}" autocomplete="username" hidden>
        <div class="field"><label for="current">Current password</label>
        {{#currentError}}\(FieldError.html(id: "current-error", "{{currentError}}")){{/currentError}}
        <input class="input" id="current" name="current" type="password" autocomplete="current-password" required{{^passwordError}} autofocus{{/passwordError}}{{#currentError}} aria-invalid="true" aria-describedby="current-error"{{/currentError}}></div>
        \(NewPasswordField.html)
        <div class="actions fill"><button class="button primary">Change the password</button><a class="button quiet" href="/auth/account/security">Keep it</a></div>
        </div></form>
        """)
}

/// The last step of a sign-in whose password must be another.
struct ChangeAtSignInPage {
    var field: NewPasswordField
    let cause: SignIn.ChangeCause
    let email: String
    let returnTo: String
    let formToken: String

    private var lead: String {
        switch cause {
        case .stolen: "Yours stands on lists of passwords that were stolen from other sites, and those are tried first."
        case .expired: "Yours has expired: here a password lasts only so long."
        case .required: "An administrator asks you for another."
        }
    }

    private var focused: NewPasswordField {
        var field = field
        field.isFirst = true
        return field
    }

    func html(_ pages: Pages) -> String {
        pages.gate(
            Self.template, title: "Choose another password",
            focused.values.merging(["lead": lead, "username": email, "returnTo": returnTo, "formToken": formToken]) { mine, _ in mine })
    }

    private static let template = Pages.template(
        """
        <h1 id="h">{{title}}</h1>
        <p class="lead">{{lead}} Once it is another, you are signed in.</p>
        <form class="form" action="/auth/sign-in/change-password" method="post">
        <input type="hidden" name="form_token" value="{{formToken}}">
        <input type="hidden" name="return_to" value="{{returnTo}}">
        <input type="email" name="username" value="{{username}}" autocomplete="username" hidden>
        \(NewPasswordField.html)
        <button class="button primary full">Change and sign in</button>
        <button class="button quiet full" name="act" value="leave" formnovalidate>Not now</button>
        </form>
        """)
}
