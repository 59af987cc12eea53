/// Signing out, on the portal's host or an app's: it ends the session everywhere at once.
struct SignOutPage {
    /// Nil once nobody is signed in.
    let email: String?
    let formToken: String
    /// Where to sign in again.
    let signIn: String

    func html(_ pages: Pages) -> String {
        guard let email else {
            return pages.gate(Self.done, title: "You are signed out", ["signIn": signIn])
        }
        return pages.gate(Self.ask, title: "Sign out", ["email": email, "formToken": formToken])
    }

    private static let ask = Pages.template(
        """
        <h1 id="h">Sign out?</h1>
        <p class="lead">{{email}} is signed in. Signing out ends the session in this browser for every app behind {{site}}, at once.</p>
        <form class="form" action="/auth/sign-out" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><button class="button primary full" autofocus>Sign out</button></form>
        <div class="after"><p class="small-text"><a href="/">Stay signed in</a></p></div>
        """)

    private static let done = Pages.template(
        """
        <h1 id="h">{{title}}</h1>
        <p class="lead">Every app behind {{site}} asks you to sign in again.</p>
        <div class="form"><a class="button full" href="{{signIn}}">Sign in again</a></div>
        """)
}
