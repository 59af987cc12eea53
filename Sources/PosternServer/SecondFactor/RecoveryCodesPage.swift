import Mustache
import Storage

/// New recovery codes, shown once.
struct RecoveryCodesPage {
    let codes: [String]
    let set: String
    /// Older ones stop working when these are put to use.
    let replacesOld: Bool
    /// Signed in on the way here: the page then leads on.
    var returnTo = ""
    let madeAt: Timestamp
    let email: String

    func html(_ pages: Pages, for reader: Pages.Reader) -> String {
        let file =
            "Recovery codes of \(email) at \(pages.site.name), made on \(ISOTime.words(madeAt)).\r\nEach works once, in place of the 6 digits at sign-in.\r\n\r\n"
            + codes.joined(separator: "\r\n") + "\r\n"
        return pages.account(
            Self.template, title: "Your recovery codes", at: .security, for: reader,
            [
                "codes": codes.map { ["code": $0] }, "set": set, "replacesOld": replacesOld, "made": ISOTime.words(madeAt),
                "email": email, "returnTo": returnTo, "file": "data:text/plain;charset=utf-8," + percentEncoded(file),
                "all": codes.joined(separator: "\n"),
            ])
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><h1>Your recovery codes</h1><p class="no-print">Keep them where you can reach them without your phone: on paper, or in a password manager. This is the only time they are shown.</p>
        <p class="print-only">{{site}}, {{email}}. Made on {{made}}. Each code works once. Use one in place of the 6 digits at sign-in.</p></div></div>
        <section class="card" aria-label="Ten codes"><div class="body"><ol class="codes">
        {{#codes}}<li>{{code}}</li>
        {{/codes}}</ol></div>
        <footer class="no-print"><div class="actions"><a class="button" href="{{file}}" download="recovery-codes.txt">Download</a><button class="button" type="button" data-print hidden>Print</button><button class="button" type="button" data-copy="{{all}}" hidden>Copy all</button></div></footer></section>
        <form class="no-print form" action="/auth/account/security/recovery-codes/use" method="post">
        <input type="hidden" name="form_token" value="{{formToken}}"><input type="hidden" name="set" value="{{set}}"><input type="hidden" name="return_to" value="{{returnTo}}">
        {{#replacesOld}}<div class="notice warn" id="old"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><div><p>Your old codes stop working when you confirm.</p></div></div>{{/replacesOld}}
        <label class="choice"><input type="checkbox" name="saved" value="yes" required><span>I have saved these codes<span class="hint">You can check one on the security page without using it up.</span></span></label>
        <div class="actions fill"><button class="button primary">Use these codes</button><a class="button quiet" href="/auth/account/security">{{#replacesOld}}Keep the old ones{{/replacesOld}}{{^replacesOld}}Later{{/replacesOld}}</a></div>
        </form>
        """)
}
