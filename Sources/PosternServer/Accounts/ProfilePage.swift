import Storage

/// One's own account at a glance.
struct ProfilePage {
    let account: Account
    var name: String
    var hasFailed = false
    var isSaved = false
    let groups: [String]
    let attempts: [SignInAttemptLine]
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        pages.account(
            Self.template, title: "Profile", at: .profile, for: reader,
            [
                "name": name, "failed": hasFailed, "saved": isSaved, "email": account.email, "username": account.username,
                "since": ISOTime.words(account.createdAt), "sinceISO": ISOTime.text(account.createdAt),
                "groups": groups.joined(separator: ", "),
                "hasGroups": !groups.isEmpty, "attempts": attempts.map(AttemptRow.values),
            ])
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><h1>Profile</h1></div></div>
        <div class="stack">
        {{#saved}}<div class="notice ok"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="m3.5 8.5 3 3 6-7"/></svg><div><p>Your name is saved.</p></div></div>{{/saved}}
        <section class="card" aria-labelledby="name-card"><header><div><h2 id="name-card">Your name</h2><p>Shown to you, to administrators and to apps behind this gate.</p></div></header>
        <form class="body form" action="/auth/account/name" method="post"><input type="hidden" name="form_token" value="{{formToken}}">
        <div class="field"><label for="name">Name</label>
        {{#failed}}\(FieldError.html(id: "name-error", "That name can’t be used. Use up to 100 characters on one line.")){{/failed}}
        <input class="input" id="name" name="name" autocomplete="name" maxlength="100" value="{{name}}"{{#failed}} aria-invalid="true" aria-describedby="name-error"{{/failed}}></div>
        <div class="actions"><button class="button primary">Save the name</button></div></form></section>
        <section class="card" aria-labelledby="account-card"><header><div><h2 id="account-card">Your account</h2></div></header><div class="body"><dl class="facts">
        <dt>E-mail</dt><dd>{{email}} <span class="badge ok">Confirmed</span> <a href="/auth/account/email">Change<span class="visually-hidden"> the address</span></a></dd>
        <dt>Username</dt><dd><code>{{username}}</code></dd>
        {{#hasGroups}}<dt>Groups</dt><dd>{{groups}}</dd>{{/hasGroups}}
        <dt>Since</dt><dd><time datetime="{{sinceISO}}">{{since}}</time></dd></dl><p class="small-text"><a href="/auth/account/leave">Take your data along, or delete the account</a></p></div></section>
        <section class="card" aria-labelledby="recent"><header><div><h2 id="recent">Latest attempts to sign in</h2><p>One you don’t know? End your sessions, and tell an administrator.</p></div></header>
        \(AttemptRow.table)</section>
        </div>
        """)
}

/// An attempt to sign in as a row of a table.
enum AttemptRow {
    static func values(_ line: SignInAttemptLine) -> [String: Any] {
        [
            "badge": line.outcome == SignInAttempt.Outcome.signedIn.rawValue
                ? "ok" : line.outcome == SignInAttempt.Outcome.challenged.rawValue ? "warn" : "bad", "what": words(line),
            "browser": BrowserName.words(line.browser),
            "address": line.address, "when": ISOTime.words(line.at), "whenISO": ISOTime.text(line.at),
        ]
    }

    private static func words(_ line: SignInAttemptLine) -> String {
        switch line.reason {
        case "password" where line.outcome == SignInAttempt.Outcome.challenged.rawValue: "Second step asked"
        case "password": "Signed in"
        case "totp": "Signed in with an app"
        case "recovery_code": "Signed in with a recovery code"
        case "phone": "Signed in with a code we sent"
        case Reason.wrongCode.rawValue, Reason.clockOff.rawValue: "Wrong code"
        case Reason.codeUsed.rawValue: "Used code"
        case Reason.codesSpent.rawValue, Reason.codesWait.rawValue, Reason.moreCodesNeeded.rawValue: "Too many wrong codes"
        case "wrong-password": "Wrong password"
        case "not-confirmed": "Address not confirmed"
        case "closed": "Account closed"
        default: "Refused"
        }
    }

    static let table = """
        <table class="table fold" role="table"><thead class="visually-hidden"><tr role="row"><th scope="col" role="columnheader">Outcome</th><th scope="col" role="columnheader">From</th><th scope="col" role="columnheader">When</th></tr></thead><tbody>
        {{#attempts}}<tr role="row"><td role="cell" data-label="Outcome"><span class="badge {{badge}}">{{what}}</span></td><td role="cell" data-label="From">{{browser}}<span class="meta"><code>{{address}}</code></span></td><td role="cell" data-label="When" class="num"><time datetime="{{whenISO}}">{{when}}</time></td></tr>{{/attempts}}
        </tbody></table>
        """
}
