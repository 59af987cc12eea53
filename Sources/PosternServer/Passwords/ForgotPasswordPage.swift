import Mustache

/// Asks for an address to send a link to.
struct ForgotPasswordPage {
    var email = ""
    var isInvalid = false
    let formToken: String

    func html(_ pages: Pages) -> String {
        pages.gate(Self.template, title: "Forgot your password?", ["email": email, "isInvalid": isInvalid, "formToken": formToken])
    }

    private static let template = Pages.template(
        """
        <h1 id="h">{{title}}</h1>
        <p class="lead">We mail you a link with which you choose another.</p>
        <form class="form" action="/auth/forgot-password" method="post">
        <input type="hidden" name="form_token" value="{{formToken}}">
        <div class="field"><label for="email">E-mail</label>
        {{#isInvalid}}\(FieldError.html(id: "email-error", "That isn’t an e-mail address. Type it like name@example.org.")){{/isInvalid}}
        <input class="input" id="email" name="email" type="email" autocomplete="username" required maxlength="254" value="{{email}}" autofocus{{#isInvalid}} aria-invalid="true" aria-describedby="email-error"{{/isInvalid}}></div>
        <button class="button primary full">Mail me a link</button>
        </form>
        <div class="after"><p><a href="/auth/sign-in">Back to sign-in</a></p></div>
        """)

    /// The page after it: the same for every address.
    static func sent(_ email: String, _ pages: Pages) -> String {
        pages.gate(sentTemplate, title: "Look at your mail", ["email": email])
    }

    private static let sentTemplate = Pages.template(
        """
        <h1 id="h">{{title}}</h1>
        <p class="lead">If <b>{{email}}</b> has an account here, a link is on its way. It works once, for an hour.</p>
        <div class="after"><p class="small-text muted">Nothing there after a few minutes? Look in the spam folder, and check the address. A second link is sent after two minutes at the soonest.</p>
        <p><a href="/auth/forgot-password">Use another address</a> or <a href="/auth/sign-in">sign in</a></p></div>
        """)
}
