import Storage

/// Taking one's data along, and leaving.
struct LeavePage {
    let email: String
    let leavesAt: Timestamp?
    var passwordError: String?
    let now: Timestamp
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        var values: [String: Any] = ["email": email]
        values["when"] = leavesAt.map(ISOTime.words)
        values["isLate"] = leavesAt.map { $0 <= now } ?? false
        values["whenISO"] = leavesAt.map(ISOTime.text)
        values["passwordError"] = passwordError
        return pages.account(Self.template, title: "Your data", at: .profile, for: reader, values)
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><p class="meta"><a href="/auth/account">Profile</a></p><h1>Your data</h1></div></div>
        <div class="stack">
        {{#when}}<div class="notice warn"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><div><p>{{^isLate}}Your account is deleted after <time datetime="{{whenISO}}">{{when}}</time>.{{/isLate}}{{#isLate}}Your account can’t be deleted yet. Make somebody else an owner first: one must remain.{{/isLate}}</p><form class="form" action="/auth/account/stay" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><button class="button primary">Keep the account</button></form></div></div>{{/when}}
        <section class="card" aria-labelledby="take"><header><div><h2 id="take">Take it along</h2><p>One JSON file: your profile, sessions, attempts to sign in, notifications and what was done to the account. No secrets are in it.</p></div></header><div class="body"><a class="button" href="/auth/account/export" download>Download your data</a></div></section>
        {{^when}}<section class="card" aria-labelledby="leave"><header><div><h2 id="leave">Delete the account</h2><p>It goes with everything in it, seven days from now. Until then you can sign in and keep it. Apps may hold data of their own.</p></div></header>
        <form class="body form" action="/auth/account/leave" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><input type="email" name="username" value="{{email}}" autocomplete="username" hidden>
        <div class="field"><label for="password">Password</label>
        {{#passwordError}}\(FieldError.html(id: "password-error", "{{passwordError}}")){{/passwordError}}
        <input class="input" id="password" name="password" type="password" autocomplete="current-password" required{{#passwordError}} aria-describedby="password-error" aria-invalid="true"{{/passwordError}}></div>
        <div class="actions"><button class="button danger solid">Delete the account in seven days</button></div></form></section>{{/when}}
        </div>
        """)
}
