/// Asks before a lock ends: opening the link changes nothing (RC-12).
struct UnlockPage {
    let formToken: String

    func html(_ pages: Pages) -> String { pages.gate(Self.template, title: "Sign in again", ["formToken": formToken]) }

    private static let template = Pages.template(
        """
        <h1 id="h">{{title}}</h1>
        <p class="lead">Wrong passwords were tried for your account, so browsers that aren’t known there were kept out. If you want to sign in from a new one, end that now. Your password stays as it is.</p>
        <form class="form" action="/auth/unlock" method="post"><input type="hidden" name="form_token" value="{{formToken}}">
        <button class="button primary full">Let me sign in again</button></form>
        <div class="after"><p>Was it somebody who may know your password? <a href="/auth/forgot-password">Choose another</a></p></div>
        """)
}
