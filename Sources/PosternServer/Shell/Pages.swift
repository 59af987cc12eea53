import Mustache

/// The frame around every page: what is the same on all of them.
struct Pages: Sendable {
    let site: Settings.Site

    /// Where in the account or the administration a page stands.
    enum Place: String, Sendable {
        case profile, security, sessions, history, keys, organizations, notifications
        case overview, people, signIns = "sign-ins", apps, blocks, delivery, notices
    }

    /// Who looks at a page behind the gate.
    struct Reader: Sendable {
        let email: String
        let isAdministrator: Bool
        let formToken: String
    }

    private static let escapingIsRegistered: Void = MustacheContentTypes.register(EscapedHTML(), named: EscapedHTML.name)

    /// For what is no HTML: nothing is escaped.
    static func textTemplate(_ text: String) -> MustacheTemplate {
        do {
            return try plainTemplate(of: text)
        } catch {
            preconditionFailure("A built-in text is no template: \(error)")
        }
    }

    /// Somebody else's text.
    static func plainTemplate(of text: String) throws -> MustacheTemplate {
        try MustacheTemplate(string: "{{% CONTENT_TYPE: TEXT}}\n" + text)
    }

    /// Somebody else's page, with everything escaped as in ours.
    static func template(of text: String) throws -> MustacheTemplate {
        _ = escapingIsRegistered
        return try MustacheTemplate(string: "{{% CONTENT_TYPE: \(EscapedHTML.name)}}\n" + text)
    }

    /// A built-in text that doesn't parse is our mistake, found by the first test that starts the server.
    static func template(_ text: String) -> MustacheTemplate {
        _ = escapingIsRegistered
        do {
            return try MustacheTemplate(string: "{{% CONTENT_TYPE: \(EscapedHTML.name)}}\n" + text)
        } catch {
            preconditionFailure("A built-in page is no template: \(error)")
        }
    }

    /// A page before the gate: one card in the wall.
    func gate(_ content: MustacheTemplate, title: String, _ values: [String: Any] = [:]) -> String {
        let inner = content.render(values.merging(["site": site.name, "title": title]) { mine, _ in mine })
        return Self.gateFrame.render(frame(title: title).merging(["content": inner]) { $1 })
    }

    /// A page of somebody's own account.
    func account(_ content: MustacheTemplate, title: String, at place: Place, for reader: Reader, _ values: [String: Any] = [:]) -> String {
        inside(content, title: title, isAdmin: false, at: place, for: reader, values)
    }

    /// A page of the administration.
    func admin(_ content: MustacheTemplate, title: String, at place: Place, for reader: Reader, _ values: [String: Any] = [:]) -> String {
        inside(content, title: title, isAdmin: true, at: place, for: reader, values)
    }

    /// A refusal, in words.
    func error(_ refused: Refused, requestID: String) -> String {
        gate(
            Self.errorContent, title: refused.reason.title,
            [
                "advice": refused.detail ?? refused.reason.advice, "reference": requestID, "isDeadEnd": refused.reason == .blocked,
                "signIn": [.signInNeeded, .linkInvalid, .passwordStolen, .passwordExpired, .passwordChangeRequired].contains(
                    refused.reason),
            ])
    }

    private func inside(
        _ content: MustacheTemplate, title: String, isAdmin: Bool, at place: Place, for reader: Reader, _ values: [String: Any]
    ) -> String {
        let own: [String: Any] = ["formToken": reader.formToken, "site": site.name, "title": title]
        let inner = content.render(values.merging(own) { mine, _ in mine })
        let extra: [String: Any] = [
            "content": inner, "email": reader.email, "formToken": reader.formToken, "isAdmin": isAdmin,
            "mayAdminister": reader.isAdministrator,
            "at-\(place.rawValue)": true,
        ]
        return Self.innerFrame.render(frame(title: title).merging(extra) { $1 })
    }

    private func frame(title: String) -> [String: Any] {
        var values: [String: Any] = ["title": title, "site": site.name]
        values["logo"] = site.logo
        values["help"] = site.help
        return values
    }

    private static let head = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>{{title}} · {{site}}</title>
        <link rel="icon" href="/auth/assets/postern-mark.svg" type="image/svg+xml">
        <link rel="stylesheet" href="/auth/assets/postern.css">
        <script src="/auth/assets/postern.js" defer></script>
        </head>
        """

    private static let foot = """
        <footer class="foot"><div class="foot-inner">
        {{#help}}<a href="{{help}}">Help</a>{{/help}}
        <span>Guarded by Postern</span>
        </div></footer>
        </body>
        </html>
        """

    static let mark = """
        <svg class="mark" viewBox="0 0 28 28" aria-hidden="true"><path class="wall-fill" fill-rule="evenodd" d="M7 2h14a5 5 0 0 1 5 5v17a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V7a5 5 0 0 1 5-5Zm7 24v-10.5a4 4 0 0 1 8 0V26Z"/><circle class="handle" cx="16.5" cy="19.6" r="1.5"/></svg>
        """

    private static let gateFrame = template(
        head + """

            <body class="gate">
            <a class="skip" href="#main">Skip to the page</a>
            <svg class="wall" aria-hidden="true"><defs><pattern id="courses" width="136" height="68" patternUnits="userSpaceOnUse"><path fill="none" stroke="currentColor" d="M0 .5h136M0 34.5h136M34.5 0v34M102.5 34v34"/></pattern></defs><rect width="100%" height="100%" fill="url(#courses)"/></svg>
            <main id="main" tabindex="-1">
            <section class="door" aria-labelledby="h">
            {{#logo}}<img class="mark" src="{{logo}}" alt="">{{/logo}}{{^logo}}\(mark){{/logo}}
            {{{content}}}
            </section>
            </main>

            """ + foot)

    private static let errorContent = template(
        """
        <h1 id="h">{{title}}</h1>
        <p class="lead">{{advice}}</p>
        {{^isDeadEnd}}<div class="form">{{#signIn}}<a class="button primary full" href="/auth/sign-in">Go to sign-in</a>{{/signIn}}{{^signIn}}<a class="button full" href="/auth/account">Go to your account</a>{{/signIn}}</div>{{/isDeadEnd}}
        <div class="after"><p class="small-text muted">Reference <code class="nowrap">{{reference}}</code></p></div>
        """)

    private static let innerFrame = template(
        head + """

            <body{{#isAdmin}} class="admin"{{/isAdmin}}>
            <a class="skip" href="#main">Skip to the page</a>
            <header class="bar"><div class="bar-inner">
            <a class="brand" href="/auth/account">\(mark)<b>{{site}}</b></a>
            <span class="site">{{#isAdmin}}Administration{{/isAdmin}}{{^isAdmin}}Your account{{/isAdmin}}</span>
            <span class="who">{{email}}</span>
            <form class="leave" action="/auth/sign-out" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><button class="button quiet small">Sign out</button></form>
            <button class="button small menu-button" popovertarget="menu"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11"/></svg>Menu</button>
            </div></header>
            <div class="shell">
            <nav class="menu" id="menu" popover aria-label="{{#isAdmin}}Administration{{/isAdmin}}{{^isAdmin}}Your account{{/isAdmin}}">
            {{^isAdmin}}<ul><li><a href="/auth/account"{{#at-profile}} aria-current="page"{{/at-profile}}>Profile</a></li><li><a href="/auth/account/security"{{#at-security}} aria-current="page"{{/at-security}}>Security</a></li><li><a href="/auth/account/sessions"{{#at-sessions}} aria-current="page"{{/at-sessions}}>Sessions</a></li><li><a href="/auth/account/history"{{#at-history}} aria-current="page"{{/at-history}}>Sign-in history</a></li><li><a href="/auth/account/keys"{{#at-keys}} aria-current="page"{{/at-keys}}>API keys</a></li><li><a href="/auth/account/organizations"{{#at-organizations}} aria-current="page"{{/at-organizations}}>Organizations</a></li><li><a href="/auth/account/notifications"{{#at-notifications}} aria-current="page"{{/at-notifications}}>Notifications</a></li></ul>
            {{#mayAdminister}}<ul class="also"><li><a href="/auth/admin">Administration</a></li></ul>{{/mayAdminister}}{{/isAdmin}}
            {{#isAdmin}}<ul><li><a href="/auth/admin"{{#at-overview}} aria-current="page"{{/at-overview}}>Overview</a></li><li><a href="/auth/admin/people"{{#at-people}} aria-current="page"{{/at-people}}>People</a></li><li><a href="/auth/admin/sign-ins"{{#at-sign-ins}} aria-current="page"{{/at-sign-ins}}>Sign-ins</a></li><li><a href="/auth/admin/apps"{{#at-apps}} aria-current="page"{{/at-apps}}>Apps</a></li><li><a href="/auth/admin/blocks"{{#at-blocks}} aria-current="page"{{/at-blocks}}>Blocks</a></li><li><a href="/auth/admin/delivery"{{#at-delivery}} aria-current="page"{{/at-delivery}}>Delivery</a></li><li><a href="/auth/admin/notifications"{{#at-notices}} aria-current="page"{{/at-notices}}>Notifications</a></li></ul>
            <ul class="also"><li><a href="/auth/account">Your account</a></li></ul>{{/isAdmin}}
            <p class="meta only-small">Signed in as {{email}}</p>
            <form class="only-small" action="/auth/sign-out" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><button class="button quiet">Sign out</button></form>
            </nav>
            <main id="main" tabindex="-1">
            {{{content}}}
            </main>
            </div>

            """ + foot)
}

/// Escapes byte by byte. The library's own goes by what people see as one character, and takes a quote with an accent on it for no quote.
private struct EscapedHTML: MustacheContentType {
    static let name = "ESCAPED"

    func escapeText(_ text: String) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "<"): bytes += "&lt;".utf8
            case UInt8(ascii: ">"): bytes += "&gt;".utf8
            case UInt8(ascii: "&"): bytes += "&amp;".utf8
            case UInt8(ascii: "\""): bytes += "&quot;".utf8
            case UInt8(ascii: "'"): bytes += "&#39;".utf8
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
