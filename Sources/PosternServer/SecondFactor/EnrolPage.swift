import FoundationEssentials
import Mustache
import OneTimePassword
import Storage

/// Adds an authenticator app: in the account, or in a sign-in that waits for it. The key is shown once; after a wrong code only the field
/// comes again.
struct EnrolPage {
    let id: String
    var name = Self.suggestedName
    /// Nil once the key was shown.
    var uri: EnrolAuthenticator.Pending?
    var problem: String?
    /// Where the form goes.
    let action: String
    let startOver: String
    let cancel: String
    var returnTo = ""
    let formToken: String

    func html(_ pages: Pages, for reader: Pages.Reader?) -> String {
        let values = values
        guard let reader else { return pages.gate(Self.gate, title: "Add an authenticator app", values) }
        return pages.account(Self.inside, title: "Add an authenticator app", at: .security, for: reader, values)
    }

    /// What the field for the name holds at first.
    static let suggestedName = "My phone"

    private var values: [String: Any] {
        var values: [String: Any] = [
            "id": id, "name": name, "problem": problem ?? "", "failed": problem != nil, "action": action, "startOver": startOver,
            "cancel": cancel, "isShown": uri != nil, "returnTo": returnTo, "formToken": formToken,
        ]
        guard let uri else { return values }
        let qr = QRCode(uri.uri.text)
        let secret = Authenticator.groups(of: uri.uri.secret)
        values["qr"] = qr?.svg(label: "QR code for your authenticator app. The key below is the same.") ?? ""
        values["png"] = qr.map { "data:image/png;base64," + Data($0.png()).base64EncodedString() } ?? ""
        values["plain"] = secret.joined()
        values["secret"] = secret.joined(separator: " ")
        values["until"] = String(ISOTime.words(uri.expiresAt).split(separator: ", ").last ?? "")
        values["untilISO"] = ISOTime.text(uri.expiresAt)
        return values
    }

    private static let steps = """
        <form class="card" action="{{action}}" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><input type="hidden" name="return_to" value="{{returnTo}}"><input type="hidden" name="id" value="{{id}}"><div class="body">
        <ol class="steps">
        {{#isShown}}<li><h2>Scan this with the app</h2>
        <div class="scan"><div class="qr">{{{qr}}}</div>
        <div class="stack-tight"><div><h3 id="typed">Can’t scan? Type this key</h3><p class="hint">Type: time-based, 6 digits, 30 seconds.</p></div>
        <code class="secret" aria-labelledby="typed">{{secret}}</code>
        <div class="actions"><a class="button small" href="{{png}}" download="authenticator.png">Save the picture</a><button class="button small" type="button" data-copy="{{plain}}" hidden>Copy the key</button></div>
        <div class="countdown"><p class="small-text"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="6"/><path d="M8 4.6V8l2.3 1.6"/></svg> Good until <b><time datetime="{{untilISO}}">{{until}}</time></b>, for 10 minutes. It is shown only now.</p><div class="run" aria-hidden="true"><i></i></div></div>
        </div></div></li>{{/isShown}}
        <li><h2><label for="name">Name the device</label></h2><p class="hint" id="name-hint">So that you know which one to reach for, or to remove.</p>
        <div class="field"><input class="input" id="name" name="name" value="{{name}}" maxlength="60" required autocomplete="off" aria-describedby="name-hint"></div></li>
        <li><h2><label for="code">Type the code the app shows</label></h2><p class="hint" id="code-hint">If it is about to change, wait for the next one.</p>
        <div class="form">{{#failed}}<p class="error" id="code-error"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><span>{{problem}}</span></p>{{/failed}}<input class="input code-entry" id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9 ]*" maxlength="7" aria-describedby="code-hint{{#failed}} code-error{{/failed}}" required{{#failed}} aria-invalid="true" autofocus{{/failed}}>
        <div class="actions fill"><button class="button primary">Switch it on</button><a class="button quiet" href="{{cancel}}">Cancel</a></div></div></li>
        </ol></div></form>
        {{^isShown}}<form action="{{startOver}}" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><input type="hidden" name="return_to" value="{{returnTo}}"><p class="small-text muted">The key was shown already. Lost it? <button class="button quiet small">Start over with a new one</button></p></form>{{/isShown}}
        """

    fileprivate static let reason =
        "Your group asks for a second factor. Any app that makes 6-digit codes will do. You are signed in after the last step."

    private static let inside = Pages.template(
        """
        <div class="page-head"><div><h1>Add an authenticator app</h1><p>Any app that makes 6-digit codes will do. Nothing changes until the last step.</p></div></div>

        """ + steps)

    private static let gate = Pages.template(
        """
        <h1 id="h">Add an authenticator app</h1>
        <p class="lead">\(reason)</p>
        <div class="form">
        """ + steps + "</div>")
}

/// What a sign-in leads to whose account must get a factor first.
struct EnrolAtSignInPage {
    let returnTo: String
    let formToken: String

    func html(_ pages: Pages) -> String {
        pages.gate(Self.template, title: "Add an authenticator app", ["returnTo": returnTo, "formToken": formToken])
    }

    private static let template = Pages.template(
        """
        <h1 id="h">Add an authenticator app</h1>
        <p class="lead">\(EnrolPage.reason)</p>
        <form class="form" action="/auth/sign-in/enrol" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><input type="hidden" name="return_to" value="{{returnTo}}">
        <button class="button primary full">Show the code to scan</button></form>
        <div class="after"><p class="small-text muted"><a href="/auth/sign-in">Sign in as somebody else</a></p></div>
        """)
}
