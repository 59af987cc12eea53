import Mustache

/// The look of every mail: one button, and a text twin that stands alone.
struct MailLayout: Sendable {
    let siteName: String
    var words = MailWords.builtIn
    /// One's own look, with the same values; nil for the built-in one.
    var html: MustacheTemplate?
    var text: MustacheTemplate?

    /// - Parameters:
    ///   - key: of the words, where one kind has several.
    ///   - values: what the words name.
    ///   - link: where the button leads.
    ///   - second: where the words below it lead, where there are any.
    func mail(
        _ kind: Notice.Kind, key: String? = nil, to email: EmailAddress, _ values: [String: String] = [:], link: String,
        second: String? = nil
    ) -> Mail {
        let words = words.words(key ?? kind.rawValue, values)
        let foot =
            "Sent to \(email.address) because it was given for an account at \(siteName). We never ask for a password or a code by mail."
        var values = ["site": siteName, "subject": words.subject, "button": words.button, "link": link]
        values["second"] = second
        func render(_ template: MustacheTemplate, _ shaped: (String) -> String) -> String {
            var all = values
            all["opening"] = shaped(words.opening)
            all["closing"] = shaped(words.closing)
            all["secondWords"] = shaped(words.second)
            all["foot"] = shaped(foot)
            return template.render(all)
        }
        let text = render(text ?? Self.textTemplate) { wrapped($0.replacing("’", with: "'")) }
        let html = render(html ?? Self.template) { $0 }
        return Mail(kind, to: email, subject: "\(words.subject) · \(siteName)", text: text, html: html)
    }

    /// Lines of at most 72 characters.
    private func wrapped(_ text: String) -> String {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= 72 {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines.joined(separator: "\n")
    }

    private static let textTemplate = Pages.textTemplate(
        """
        {{subject}}

        {{opening}}

        {{#second}}{{button}}:
        {{/second}}{{link}}

        {{#second}}{{secondWords}}:
        {{second}}

        {{/second}}{{closing}}

        --
        {{foot}}

        """)

    // Mail is the one place with inline styles: many readers drop the block, and then it still looks right.
    private static let template = Pages.template(
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>{{subject}}</title>
        <style>
        :root { color-scheme: light dark; }
        @media (max-width: 480px) { .pad { padding-left: 20px !important; padding-right: 20px !important; } .out { padding: 0 !important; } }
        @media (prefers-color-scheme: dark) {
          body, .out { background: #0f1214 !important; }
          .sheet { background: #171b1e !important; border-color: #2d3338 !important; }
          .t, h1 { color: #e6e8e8 !important; } .m { color: #a2abb1 !important; }
          .btn { background: #7fc4dd !important; } .btn-a { color: #05202b !important; }
        }
        </style>
        </head>
        <body style="margin:0;padding:0;background:#f5f5f3">
        <div role="article" aria-roledescription="mail" aria-label="{{subject}}" lang="en">
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td class="out" align="center" style="padding:32px 16px;background:#f5f5f3">
        <table role="presentation" class="sheet" width="100%" cellpadding="0" cellspacing="0" style="max-width:560px;background:#ffffff;border:1px solid #dededa;border-radius:11px">
        <tr><td class="pad" style="padding:28px 36px 32px">
        <p class="m" style="margin:0 0 20px;font:400 14px/1.5 Segoe UI,Roboto,Helvetica,Arial,sans-serif;color:#575d62">{{site}}</p>
        <h1 style="margin:0 0 12px;font:600 22px/1.3 Segoe UI,Roboto,Helvetica,Arial,sans-serif;letter-spacing:-.01em;color:#191c1f">{{subject}}</h1>
        <p class="t" style="margin:0 0 12px;font:400 16px/1.5 Segoe UI,Roboto,Helvetica,Arial,sans-serif;color:#191c1f">{{opening}}</p>
        <table role="presentation" cellpadding="0" cellspacing="0" style="margin:24px 0"><tr><td class="btn" style="border-radius:7px;background:#0c5872"><a class="btn-a" href="{{link}}" style="display:inline-block;padding:13px 22px;font:600 16px/1.25 Segoe UI,Roboto,Helvetica,Arial,sans-serif;color:#ffffff;text-decoration:none">{{button}}</a></td></tr></table>
        {{#second}}<p class="t" style="margin:0 0 16px;font:400 16px/1.5 Segoe UI,Roboto,Helvetica,Arial,sans-serif"><a href="{{second}}" style="color:#0c5872">{{secondWords}}</a></p>{{/second}}
        <p class="m" style="margin:0;font:400 15px/1.5 Segoe UI,Roboto,Helvetica,Arial,sans-serif;color:#575d62">{{closing}}</p>
        </td></tr></table>
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:560px"><tr><td class="pad" style="padding:18px 36px">
        <p class="m" style="margin:0;font:400 13px/1.5 Segoe UI,Roboto,Helvetica,Arial,sans-serif;color:#575d62">{{foot}}</p>
        </td></tr></table>
        </td></tr></table>
        </div>
        </body>
        </html>
        """)
}
