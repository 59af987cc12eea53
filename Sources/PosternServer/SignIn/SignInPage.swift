import Mustache

/// The door itself.
struct SignInPage {
    enum Notice { case confirmed, ownerMade, invitationUsed, passwordReset, attemptOver, unlocked, locked }

    var email = ""
    var returnTo = ""
    var isKept = false
    var hasFailed = false
    /// Why this one wasn't tried.
    var refusal = ""
    var notice: Notice?
    var mayBeOwner = false
    let formToken: String
    let maySignUp: Bool

    func html(_ pages: Pages) -> String {
        pages.gate(
            Self.template, title: "Sign in",
            [
                "email": email, "returnTo": returnTo, "isKept": isKept, "failed": hasFailed, "formToken": formToken,
                "maySignUp": maySignUp, "needsOwner": mayBeOwner,
                "signUpLink": returnTo.isEmpty ? "" : "?return_to=\(percentEncoded(returnTo))",
                "refusal": refusal, "isRefused": !refusal.isEmpty, "notice": notice.map(words) ?? "", "hasNotice": notice != nil,
                "isWarning": notice == .attemptOver,
            ])
    }

    private func words(_ notice: Notice) -> String {
        switch notice {
        case .confirmed: "Your address is confirmed. Sign in."
        case .ownerMade: "The owner’s account is made. Sign in."
        case .invitationUsed: "Your account is made. Sign in."
        case .passwordReset: "Your password is another now, and all sessions are ended. Sign in."
        case .unlocked: "You can sign in again, from any browser."
        case .locked: "Your account is locked and safe. We mailed you a link to choose another password."
        case .attemptOver: "That sign-in took too long, or was tried too often. Nothing was changed. Start again."
        }
    }

    private static let template = Pages.template(
        """
        <h1 id="h">Sign in to {{site}}</h1>
        {{#hasNotice}}<div class="notice{{^isWarning}} ok{{/isWarning}}{{#isWarning}} warn{{/isWarning}}"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="{{^isWarning}}m3.5 8.5 3 3 6-7{{/isWarning}}{{#isWarning}}M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05{{/isWarning}}"/></svg><div><p>{{notice}}</p></div></div>{{/hasNotice}}
        {{#isRefused}}<div class="notice bad" role="alert"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><div><p>{{refusal}}</p></div></div>{{/isRefused}}
        {{#needsOwner}}<div class="notice"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="6"/><path d="M8 7.3v3.7M8 4.9v.05"/></svg><div><p>There is no owner yet. Open the setup link that the server printed, or run <code>postern setup-link</code> for a new one.</p></div></div>{{/needsOwner}}
        <form class="form" action="/auth/sign-in" method="post">
        <input type="hidden" name="form_token" value="{{formToken}}">
        <input type="hidden" name="return_to" value="{{returnTo}}">
        <div class="field"><label for="email">E-mail</label>
        <input class="input" id="email" name="email" type="email" autocomplete="username" required maxlength="254" value="{{email}}"{{^failed}} autofocus{{/failed}}></div>
        <div class="field"><div class="label-line"><label for="password">Password</label><a href="/auth/forgot-password">Forgot your password?</a></div>
        {{#failed}}<p class="error" id="password-error"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><span>That e-mail and password don’t match. Check for caps lock. If you made the account just now, open the link in our mail first.</span></p>{{/failed}}
        <input class="input" id="password" name="password" type="password" autocomplete="current-password" required{{#failed}} aria-invalid="true" aria-describedby="password-error" autofocus{{/failed}}></div>
        <label class="choice"><input type="checkbox" name="keep" value="yes"{{#isKept}} checked{{/isKept}}><span>Keep me signed in<span class="hint">On your own device only.</span></span></label>
        <button class="button primary full">Sign in</button>
        </form>
        {{#maySignUp}}<div class="after"><p>New here? <a href="/auth/sign-up{{signUpLink}}">Make an account</a></p></div>{{/maySignUp}}
        """)
}
