import Storage

/// One's own account at a glance.
struct ProfilePage {
    let account: Account
    var name: String
    var hasFailed = false
    var isSaved = false
    let groups: [String]
    let attempts: [KeptAttempt]
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
        <section class="card" aria-labelledby="recent"><header><div><h2 id="recent">Latest attempts to sign in</h2><p>One you don’t know? Your <a href="/auth/account/history">sign-in history</a> says more, and locks the account.</p></div></header>
        \(AttemptRow.table)</section>
        </div>
        """)
}

/// An attempt to sign in as a row of a table.
enum AttemptRow {
    static func values(_ attempt: KeptAttempt) -> [String: Any] {
        [
            "badge": HistoryWords.badge(attempt), "what": HistoryWords.outcome(attempt), "browser": attempt.program.words,
            "address": attempt.addressText ?? "many addresses", "when": ISOTime.words(attempt.lastAt),
            "whenISO": ISOTime.text(attempt.lastAt),
        ]
    }

    static let table = """
        <table class="table fold" role="table"><thead class="visually-hidden"><tr role="row"><th scope="col" role="columnheader">Outcome</th><th scope="col" role="columnheader">From</th><th scope="col" role="columnheader">When</th></tr></thead><tbody>
        {{#attempts}}<tr role="row"><td role="cell" data-label="Outcome"><span class="badge {{badge}}">{{what}}</span></td><td role="cell" data-label="From">{{browser}}<span class="meta"><code>{{address}}</code></span></td><td role="cell" data-label="When" class="num"><time datetime="{{whenISO}}">{{when}}</time></td></tr>{{/attempts}}
        </tbody></table>
        """
}
