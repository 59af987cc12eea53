import Mustache

/// Changes one's own password.
struct ChangePasswordPage {
    /// Why the current password was refused.
    var currentError: String?
    var field: NewPasswordField
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        var values = field.values
        values["currentError"] = currentError
        values["username"] = reader.email
        return pages.account(Self.template, title: "Change your password", at: .security, for: reader, values)
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><p class="meta"><a href="/auth/account/security">Security</a></p><h1>{{title}}</h1><p>All your other sessions end. This one goes on.</p></div></div>
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
    let email: String
    let returnTo: String
    let formToken: String

    private var focused: NewPasswordField {
        var field = field
        field.isFirst = true
        return field
    }

    func html(_ pages: Pages) -> String {
        pages.gate(
            Self.template, title: "Choose another password",
            focused.values.merging(["username": email, "returnTo": returnTo, "formToken": formToken]) { mine, _ in mine })
    }

    private static let template = Pages.template(
        """
        <h1 id="h">{{title}}</h1>
        <p class="lead">Yours stands on lists of passwords that were stolen from other sites, and those are tried first. Once it is another, you are signed in.</p>
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
