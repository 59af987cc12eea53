/// The mail of a server that is being tried out.
struct MailboxPage {
    let letters: [DevelopmentMailbox.Letter]

    func html(_ pages: Pages) -> String {
        pages.gate(
            Self.template, title: "Mailbox",
            [
                "letters": letters.map { letter -> [String: Any] in
                    [
                        "to": letter.to, "subject": letter.subject, "when": ISOTime.words(letter.sentAt),
                        "whenISO": ISOTime.text(letter.sentAt), "parts": Self.linked(letter.text),
                    ]
                }, "empty": letters.isEmpty,
            ])
    }

    /// The text in pieces, so that links can be clicked.
    private static func linked(_ text: String) -> [[String: Any]] {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.hasPrefix("http://") || line.hasPrefix("https://") ? ["link": String(line)] : ["words": String(line)]
        }
    }

    private static let template = Pages.template(
        """
        <h1 id="h">Mailbox</h1>
        <p class="lead">Nothing brings mail or text messages yet, so they land here. Only this machine can see it.</p>
        {{#letters}}<article class="letter"><h2>{{subject}}</h2><p class="meta">To {{to}}, <time datetime="{{whenISO}}">{{when}}</time></p>
        <p>{{#parts}}{{#link}}<a href="{{link}}">{{link}}</a>{{/link}}{{words}}<br>{{/parts}}</p></article>{{/letters}}
        {{#empty}}<p class="muted">Nothing yet. Make an account, then look again.</p>{{/empty}}
        """)
}
