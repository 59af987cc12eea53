import Mustache
import Storage

private let token = "<input type=\"hidden\" name=\"form_token\" value=\"{{formToken}}\">"
private let error = """
    {{#failed}}<p class="error" id="field-error"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><span>{{problem}}</span></p>{{/failed}}
    """

/// Asks for a number.
struct AddPhonePage {
    /// Names of those that are served, where they are few.
    let countries: [String]
    let offersTexts: Bool
    let offersCalls: Bool
    var number = ""
    var problem: String?
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        pages.account(
            Self.template, title: "Add a telephone number", at: .security, for: reader,
            [
                "number": number, "problem": problem ?? "", "failed": problem != nil, "countries": countries.joined(separator: ", "),
                "offersTexts": offersTexts, "offersCalls": offersCalls,
            ])
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><p class="meta"><a href="/auth/account/security">Security</a></p><h1>{{title}}</h1><p>We send a code there, now and at every sign-in that asks for one.</p></div></div>
        <div class="stack"><div class="notice warn"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><div><p>A telephone is the weakest second factor: whoever talks your provider into another SIM card gets your codes. An authenticator app is safer, and works without reception.</p></div></div>
        <form class="card" action="/auth/account/security/phones" method="post">\(token)<div class="body form">
        <div class="field"><label for="number">Number</label><span class="hint" id="number-hint">With its country, such as +351 912 345 678.{{#countries}} Codes go to: {{countries}}.{{/countries}}</span>\(error)
        <input class="input" id="number" name="number" type="tel" autocomplete="tel" inputmode="tel" maxlength="40" value="{{number}}" required autofocus aria-describedby="number-hint{{#failed}} field-error{{/failed}}"{{#failed}} aria-invalid="true"{{/failed}}></div>
        <div class="actions fill">{{#offersTexts}}<button class="button primary" name="method" value="sms">Text me a code</button>{{/offersTexts}}{{#offersCalls}}<button class="button{{^offersTexts}} primary{{/offersTexts}}" name="method" value="voice">Call me with a code</button>{{/offersCalls}}<a class="button quiet" href="/auth/account/security">Cancel</a></div>
        </div></form></div>
        """)
}

/// Asks for the code that went to a new number.
struct ConfirmPhonePage {
    let phone: Phone
    let sent: CodeState?
    let channels: [Delivery.Channel]
    var problem: String?
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        pages.account(
            Self.template, title: "Type the code we sent", at: .security, for: reader,
            [
                "id": phone.id.description, "number": phone.masked, "problem": problem ?? "", "failed": problem != nil,
                "wasCall": sent?.channel == .voice, "hasFailed": sent?.hasFailed ?? true, "isOptedOut": sent?.isOptedOut ?? false,
                "mayText": channels.contains(.sms), "mayCall": channels.contains(.voice),
                "resendAt": sent.map { String(ISOTime.text($0.resendAt).dropFirst(11).prefix(8)) } ?? "",
            ])
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><p class="meta"><a href="/auth/account/security">Security</a></p><h1>{{title}}</h1><p>{{#hasFailed}}{{#isOptedOut}}{{number}} has told our provider to stop, so no texts arrive there.{{/isOptedOut}}{{^isOptedOut}}The code couldn’t be brought to {{number}}.{{/isOptedOut}}{{/hasFailed}}{{^hasFailed}}{{#wasCall}}We are calling{{/wasCall}}{{^wasCall}}We sent a text to{{/wasCall}} {{number}}. The code is good for 10 minutes.{{/hasFailed}}</p></div></div>
        <div class="stack"><form class="card" action="/auth/account/security/phones/{{id}}/confirm" method="post">\(token)<div class="body form">
        <div class="field"><label for="code">Code</label><span class="hint" id="code-hint">6 digits. If several came, any of them will do.</span>\(error)
        <input class="input code-entry" id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9 ]*" maxlength="7" required autofocus aria-describedby="code-hint{{#failed}} field-error{{/failed}}"{{#failed}} aria-invalid="true"{{/failed}}></div>
        <div class="actions fill"><button class="button primary">Use this number</button><a class="button quiet" href="/auth/account/security">Cancel</a></div>
        </div></form>
        <section class="card" aria-labelledby="again"><header><div><h2 id="again">Didn’t get it?</h2><p>{{#resendAt}}Another can be asked for from {{resendAt}} UTC on. {{/resendAt}}It goes another way where there is one.</p></div><form class="actions" action="/auth/account/security/phones/{{id}}/send" method="post">\(token){{#mayText}}<button class="button small" name="method" value="sms">Send a text</button>{{/mayText}}{{#mayCall}}<button class="button small" name="method" value="voice">Call me</button>{{/mayCall}}</form></header></section></div>
        """)
}

struct RemovePhonePage {
    let phone: Phone
    /// It is the only second factor.
    let isLast: Bool
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        pages.account(
            Self.template, title: "Remove \(phone.masked)", at: .security, for: reader,
            ["id": phone.id.description, "number": phone.masked, "isLast": isLast])
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><p class="meta"><a href="/auth/account/security">Security</a></p><h1>{{title}}</h1><p>{{#isLast}}Your password alone signs you in then, and your recovery codes are gone.{{/isLast}}{{^isLast}}No codes go there any more.{{/isLast}} We tell you by mail, and by a text to that number.</p></div></div>
        <form class="card" action="/auth/account/security/phones/{{id}}/remove" method="post">\(token)<div class="body"><div class="actions fill"><button class="button danger solid">Remove the number</button><a class="button quiet" href="/auth/account/security">Keep it</a></div></div></form>
        """)
}
