import Foundation
import Storage
import Testing

@testable import PosternServer

@Suite struct MailWordsTests {
    @Test("every kind of notice has all its words")
    func whole() {
        for kind in Notice.Kind.allCases {
            let words = MailWords.builtIn.words(kind.rawValue, ["time": "T", "name": "N", "left": "9", "days": "7", "email": "e@x"])
            for text in [words.subject, words.opening, words.button, words.closing] {
                #expect(!text.isEmpty && !text.contains("{{") && text.first != "\n", "\(kind)")
            }
        }
    }

    @Test("a mail's text is plain: subject, opening, link, closing, foot; names are escaped in HTML alone")
    func text() throws {
        let email = try #require(EmailAddress("ada@example.org"))
        let mail = MailLayout(siteName: "Shop & Co").mail(
            .authenticatorAdded, to: email, ["name": "<b>\"x\" & {{time}}", "time": "now"], link: "https://x/y?a=1&b=2")
        #expect(mail.subject == "An authenticator app was added · Shop & Co")
        let expected = """
            An authenticator app was added

            The app “<b>"x" & {{time}}” now makes codes for your sign-in. It was on
            now.

            https://x/y?a=1&b=2

            Wasn't it you? Sign in, end all other sessions, and tell an
            administrator: somebody may know your password.

            --
            Sent to ada@example.org because it was given for an account at Shop &
            Co. We never ask for a password or a code by mail.

            """
        #expect(mail.text == expected)
        #expect(mail.html.contains("&lt;b&gt;") && !mail.html.contains("<b>\"x\""))
    }

    @Test("one's own words take the place of ours, one by one; what isn't known is refused by its name")
    func overriding() throws {
        let words = try MailWords(overriding: "invitation:\n  subject: Come in!\n", name: "w.yaml")
        #expect(words.words("invitation", [:]).subject == "Come in!")
        #expect(words.words("invitation", [:]).button == "Make your account")
        for (text, part) in [
            ("invite:\n  subject: x\n", "no notice 'invite'"), ("invitation:\n  title: x\n", "'invitation.title' is not known"),
            ("invitation:\n  subject: '{{#x}}'\n", "'invitation.subject' is no template"), ("- x\n", "expected"), ("a: [", "not YAML"),
        ] {
            #expect { try MailWords(overriding: text, name: "w.yaml") } throws: { "\($0)".contains(part) && "\($0)".hasPrefix("w.yaml") }
        }
    }
}
