import Mustache
import Storage

/// The second step of a sign-in, or "confirm it's you".
struct SecondStepPage {
    enum Purpose { case signIn, stepUp }

    let purpose: Purpose
    let email: String
    /// Names of authenticators, the last used first.
    let apps: [String]
    let recoveryCodesLeft: Int64
    /// `totp` or `recovery_code`; `password` where an account holds nothing stronger.
    let method: String
    var problem: String?
    var returnTo = ""
    var mayTrust: Duration?
    let formToken: String

    func html(_ pages: Pages) -> String {
        let path = purpose == .signIn ? "/auth/sign-in/second-factor" : "/auth/account/step-up"
        let back = returnTo.isEmpty ? "" : "&return_to=\(percentEncoded(returnTo))"
        let hours = (mayTrust?.components.seconds ?? 0) / 3_600
        return pages.gate(
            Self.template, title: title,
            [
                "action": path, "email": email, "app": apps.first ?? "", "isApp": method == "totp", "isRecovery": method == "recovery_code",
                "isPassword": method == "password", "isSignIn": purpose == .signIn, "problem": problem ?? "", "failed": problem != nil,
                "returnTo": returnTo, "method": method, "mayTrust": mayTrust != nil && method != "password",
                "trustFor": hours >= 48 ? "\(hours / 24) days" : hours > 1 ? "\(hours) hours" : "an hour", "formToken": formToken,
                "others": apps.dropFirst().joined(separator: ", "), "hasOthers": apps.count > 1,
                "offersRecovery": method == "totp" && recoveryCodesLeft > 0, "offersApp": method == "recovery_code" && !apps.isEmpty,
                "left": "\(recoveryCodesLeft) left", "other": "\(path)?method=", "back": back,
                "hasWays": method != "password" && (recoveryCodesLeft > 0 || method == "recovery_code"),
            ])
    }

    private var title: String {
        switch (purpose, method) {
        case (.stepUp, _): "Confirm it’s you"
        case (_, "recovery_code"): "Now a recovery code"
        default: "Now the code from your phone"
        }
    }

    private static let template = Pages.template(
        """
        <h1 id="h">{{title}}</h1>
        {{#isApp}}<p class="lead">Open the authenticator app on <b>{{app}}</b> and type the 6 digits it shows for {{site}}.{{#hasOthers}} A code from {{others}} does as well.{{/hasOthers}}</p>{{/isApp}}
        {{#isRecovery}}<p class="lead">Type one of the recovery codes you saved. It works once.</p>{{/isRecovery}}
        {{#isPassword}}<p class="lead">Type your password once more. It counts for 5 minutes.</p>{{/isPassword}}
        <form class="form" action="{{action}}" method="post">
        <input type="hidden" name="form_token" value="{{formToken}}">
        <input type="hidden" name="return_to" value="{{returnTo}}">
        <input type="hidden" name="method" value="{{method}}">
        <div class="field">
        {{#isPassword}}<label for="code">Password</label>{{/isPassword}}{{#isApp}}<label for="code">Code</label>{{/isApp}}{{#isRecovery}}<label for="code">Recovery code</label><span class="hint" id="code-hint">16 letters and digits. Hyphens may be left out.</span>{{/isRecovery}}
        {{#failed}}<p class="error" id="code-error"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><span>{{problem}}</span></p>{{/failed}}
        {{#isApp}}<input class="input code-entry" id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9 ]*" maxlength="7" required autofocus{{#failed}} aria-invalid="true" aria-describedby="code-error"{{/failed}}>{{/isApp}}
        {{#isRecovery}}<input class="input" id="code" name="code" type="text" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="40" required autofocus aria-describedby="code-hint{{#failed}} code-error{{/failed}}"{{#failed}} aria-invalid="true"{{/failed}}>{{/isRecovery}}
        {{#isPassword}}<input class="input" id="code" name="code" type="password" autocomplete="current-password" required autofocus{{#failed}} aria-invalid="true" aria-describedby="code-error"{{/failed}}>{{/isPassword}}
        </div>
        {{#mayTrust}}<label class="choice"><input type="checkbox" name="trust" value="yes"><span>Don’t ask on this browser for {{trustFor}}<span class="hint">Only on a device that is yours alone.</span></span></label>{{/mayTrust}}
        <button class="button primary full">Continue</button>
        </form>
        {{#hasWays}}<div class="after ways" role="group" aria-labelledby="other"><h2 id="other">{{#isApp}}Can’t get at that phone?{{/isApp}}{{#isRecovery}}Another way{{/isRecovery}}</h2>
        {{#offersRecovery}}<a class="button" href="{{other}}recovery_code{{back}}"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M2.5 4.2h11M2.5 8h11M2.5 11.8h7"/></svg>Recovery code<small>{{left}}</small></a>{{/offersRecovery}}
        {{#offersApp}}<a class="button" href="{{other}}totp{{back}}"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><rect x="4.2" y="1.8" width="7.6" height="12.4" rx="1.6"/><path d="M7.2 11.8h1.6"/></svg>Code from “{{app}}”</a>{{/offersApp}}
        </div>{{/hasWays}}
        <div class="after"><p class="small-text muted">{{#isSignIn}}Signing in as {{email}}. <a href="/auth/sign-in">Not you?</a>{{/isSignIn}}{{^isSignIn}}You are {{email}}. <a href="/auth/account/security">Back to your security page</a>{{/isSignIn}}</p></div>
        """)
}
