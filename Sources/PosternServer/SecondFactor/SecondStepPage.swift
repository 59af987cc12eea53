import Mustache
import Storage

/// The second step of a sign-in, or "confirm it's you".
struct SecondStepPage {
    enum Purpose { case signIn, stepUp }

    let purpose: Purpose
    let email: String
    /// Names of authenticators, the last used first.
    let apps: [String]
    let recoveryCodesLeft: Int64
    /// `totp`, `recovery_code`, `sms` or `voice`; `password` where an account holds nothing stronger.
    let method: String
    /// All ways that there are.
    var methods: [String] = []
    var phones: [PhoneOption] = []
    /// The last code that was sent for this.
    var sent: CodeState?
    /// What to know before choosing a telephone.
    var delays: [String] = []
    var problem: String?
    var returnTo = ""
    var mayTrust: Duration?
    let formToken: String

    func html(_ pages: Pages) -> String {
        let path = purpose == .signIn ? "/auth/sign-in/second-factor" : "/auth/account/step-up"
        let hours = (mayTrust?.components.seconds ?? 0) / 3_600
        var values = byPhone
        values.merge(
            [
                "action": path, "email": email, "app": apps.first ?? "", "isApp": method == "totp", "isRecovery": method == "recovery_code",
                "isPassword": method == "password", "isSignIn": purpose == .signIn, "problem": problem ?? "", "failed": problem != nil,
                "returnTo": returnTo, "method": method, "mayTrust": mayTrust != nil && method != "password",
                "trustFor": hours >= 48 ? "\(hours / 24) days" : hours > 1 ? "\(hours) hours" : "an hour", "formToken": formToken,
                "others": apps.dropFirst().joined(separator: ", "), "hasOthers": apps.count > 1, "ways": ways(path),
                "hasWays": !ways(path).isEmpty,
                "problemOnly": problem != nil && !showsCode, "showsForm": showsCode, "delays": delays.map { ["words": $0] },
            ], uniquingKeysWith: { $1 })
        return pages.gate(Self.template, title: title, values)
    }

    private var isByPhone: Bool { method == "sms" || method == "voice" }
    /// A field for a code that was never sent would only confuse.
    private var showsCode: Bool { !isByPhone || sent != nil }

    private var byPhone: [String: Any] {
        let options = phones.filter { $0.channels.contains { $0.rawValue == method } }
        let hasSecond = methods.contains(method == "sms" ? "voice" : "sms")
        return [
            "isPhone": isByPhone && sent != nil, "isAsking": isByPhone && sent == nil, "isText": method == "sms",
            "sentTo": sent?.masked ?? "", "sentAt": sent.map { ISOTime.words($0.sentAt) } ?? "",
            "sentISO": sent.map { ISOTime.text($0.sentAt) } ?? "",
            "wasCall": sent?.channel == .voice, "hasFailed": sent?.hasFailed ?? false, "isOptedOut": sent?.isOptedOut ?? false,
            "numbers": options.enumerated().map { index, option in
                ["id": option.phone.id.description, "number": option.phone.masked, "isFirst": index == 0] as [String: Any]
            }, "hasSeveral": options.count > 1, "onlyNumber": options.first?.phone.masked ?? "",
            "onlyID": options.first?.phone.id.description ?? "",
            "sentID": sent?.phone.description ?? "",
            "resendAt": sent.map { String(ISOTime.text($0.resendAt).dropFirst(11).prefix(8)) } ?? "",
            "offersSecond": hasSecond, "second": method == "sms" ? "voice" : "sms",
        ]
    }

    /// Every other way, as a link.
    private func ways(_ path: String) -> [[String: String]] {
        let back = returnTo.isEmpty ? "" : "&return_to=\(percentEncoded(returnTo))"
        return methods.filter { $0 != method && method != "password" && !(isByPhone && sent != nil && ["sms", "voice"].contains($0)) }.map {
            other in
            let link = "\(path)?method=\(other)\(back)"
            let number = phones.first { $0.channels.contains { $0.rawValue == other } }?.phone.masked ?? ""
            switch other {
            case "totp": return ["link": link, "icon": Self.phoneIcon, "label": "Code from “\(apps.first ?? "")”", "small": ""]
            case "sms": return ["link": link, "icon": Self.textIcon, "label": "Text message", "small": number]
            case "voice": return ["link": link, "icon": Self.callIcon, "label": "Phone call", "small": number]
            default: return ["link": link, "icon": Self.listIcon, "label": "Recovery code", "small": "\(recoveryCodesLeft) left"]
            }
        }
    }

    private static let phoneIcon =
        "M4.2 3.4a1.6 1.6 0 0 1 1.6-1.6h4.4a1.6 1.6 0 0 1 1.6 1.6v9.2a1.6 1.6 0 0 1-1.6 1.6H5.8a1.6 1.6 0 0 1-1.6-1.6ZM7.2 11.8h1.6"
    private static let listIcon = "M2.5 4.2h11M2.5 8h11M2.5 11.8h7"
    private static let textIcon = "M2.5 3.5h11v7.5h-6L4.500 13.500V11h-2Z"
    private static let callIcon =
        "M3.200 2.500h2.600l1.200 3.200-1.600 1.200a8 8 0 0 0 3.700 3.700l1.200-1.600 3.200 1.200v2.600a10.500 10.500 0 0 1-10.300-10.300Z"

    private var title: String {
        switch (purpose, method) {
        case (.stepUp, _): "Confirm it’s you"
        case (_, "recovery_code"): "Now a recovery code"
        case (_, "sms"): sent == nil ? "Get a code by text message" : "Now the code we sent"
        case (_, "voice"): sent == nil ? "Get a code by phone call" : "Now the code from the call"
        default: "Now the code from your phone"
        }
    }

    private static let template = Pages.template(
        """
        <h1 id="h">{{title}}</h1>
        {{#isApp}}<p class="lead">Open the authenticator app on <b>{{app}}</b> and type the 6 digits it shows for {{site}}.{{#hasOthers}} A code from {{others}} does as well.{{/hasOthers}}</p>{{/isApp}}
        {{#isRecovery}}<p class="lead">Type one of the recovery codes you saved. It works once.</p>{{/isRecovery}}
        {{#isPassword}}<p class="lead">Type your password once more. It counts for 5 minutes.</p>{{/isPassword}}
        {{#delays}}<div class="notice warn" role="status"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><div><p>{{words}} Use another way if you can.</p></div></div>{{/delays}}
        {{#isPhone}}{{#hasFailed}}<div class="notice bad" role="status"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><div><p>{{#isOptedOut}}{{sentTo}} has told our provider to stop, so no texts arrive there.{{/isOptedOut}}{{^isOptedOut}}The code couldn’t be brought to {{sentTo}}.{{/isOptedOut}} Use another way.</p></div></div>{{/hasFailed}}
        {{^hasFailed}}<p class="lead">{{#wasCall}}We are calling{{/wasCall}}{{^wasCall}}We sent a text to{{/wasCall}} <b class="nowrap">{{sentTo}}</b>. Type the 6 digits{{#wasCall}} that you hear{{/wasCall}}. If several came, any of them will do.</p>{{/hasFailed}}{{/isPhone}}
        {{#isAsking}}<p class="lead">{{#isText}}We send 6 digits in a text message{{/isText}}{{^isText}}We call and say 6 digits, slowly and twice{{/isText}}{{^hasSeveral}}, to <b class="nowrap">{{onlyNumber}}</b>{{/hasSeveral}}. The code is good for 10 minutes.</p>
        {{#problemOnly}}<p class="error" id="send-error" role="status"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><span>{{problem}}</span></p>{{/problemOnly}}
        <form class="form" action="{{action}}/send" method="post">
        <input type="hidden" name="form_token" value="{{formToken}}"><input type="hidden" name="return_to" value="{{returnTo}}"><input type="hidden" name="method" value="{{method}}">
        {{#hasSeveral}}<fieldset class="choices"><legend>To which number?</legend>{{#numbers}}<label class="choice"><input type="radio" name="phone" value="{{id}}"{{#isFirst}} checked{{/isFirst}}><span>{{number}}</span></label>{{/numbers}}</fieldset>{{/hasSeveral}}{{^hasSeveral}}<input type="hidden" name="phone" value="{{onlyID}}">{{/hasSeveral}}
        <button class="button primary full">{{#isText}}Text me the code{{/isText}}{{^isText}}Call me{{/isText}}</button>
        </form>{{/isAsking}}
        {{#showsForm}}<form class="form" action="{{action}}" method="post">
        <input type="hidden" name="form_token" value="{{formToken}}">
        <input type="hidden" name="return_to" value="{{returnTo}}">
        <input type="hidden" name="method" value="{{method}}">
        <div class="field">
        {{#isPassword}}<label for="code">Password</label>{{/isPassword}}{{#isApp}}<label for="code">Code</label>{{/isApp}}{{#isPhone}}<label for="code">Code</label>{{/isPhone}}{{#isRecovery}}<label for="code">Recovery code</label><span class="hint" id="code-hint">16 letters and digits. Hyphens may be left out.</span>{{/isRecovery}}
        {{#failed}}<p class="error" id="code-error"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><span>{{problem}}</span></p>{{/failed}}
        {{#isApp}}<input class="input code-entry" id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9 ]*" maxlength="7" required autofocus{{#failed}} aria-invalid="true" aria-describedby="code-error"{{/failed}}>{{/isApp}}
        {{#isPhone}}<input class="input code-entry" id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9 ]*" maxlength="7" required autofocus{{#failed}} aria-invalid="true" aria-describedby="code-error"{{/failed}}>{{/isPhone}}
        {{#isRecovery}}<input class="input" id="code" name="code" type="text" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="40" required autofocus aria-describedby="code-hint{{#failed}} code-error{{/failed}}"{{#failed}} aria-invalid="true"{{/failed}}>{{/isRecovery}}
        {{#isPassword}}<input class="input" id="code" name="code" type="password" autocomplete="current-password" required autofocus{{#failed}} aria-invalid="true" aria-describedby="code-error"{{/failed}}>{{/isPassword}}
        </div>
        {{#mayTrust}}<label class="choice"><input type="checkbox" name="trust" value="yes"><span>Don’t ask on this browser for {{trustFor}}<span class="hint">Only on a device that is yours alone.</span></span></label>{{/mayTrust}}
        <button class="button primary full">Continue</button>
        </form>{{/showsForm}}
        {{#isPhone}}<div class="after ways" role="group" aria-labelledby="again"><h2 id="again">Didn’t get it?</h2><p class="small-text muted">Another can be asked for from {{resendAt}} UTC on. It goes another way where there is one.</p>
        <form class="stack-tight" action="{{action}}/send" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><input type="hidden" name="return_to" value="{{returnTo}}"><input type="hidden" name="phone" value="{{sentID}}"><button class="button" name="method" value="{{method}}">{{#isText}}Send another text{{/isText}}{{^isText}}Call me again{{/isText}}</button>{{#offersSecond}} <button class="button" name="method" value="{{second}}">{{#isText}}Call me instead{{/isText}}{{^isText}}Text me instead{{/isText}}</button>{{/offersSecond}}</form></div>{{/isPhone}}
        {{#hasWays}}<div class="after ways" role="group" aria-labelledby="other"><h2 id="other">{{#isApp}}Can’t get at that phone?{{/isApp}}{{^isApp}}Another way{{/isApp}}</h2>
        {{#ways}}<a class="button" href="{{link}}"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="{{icon}}"/></svg>{{label}}{{#small}}<small>{{small}}</small>{{/small}}</a>{{/ways}}
        </div>{{/hasWays}}
        <div class="after"><p class="small-text muted">{{#isSignIn}}Signing in as {{email}}. <a href="/auth/sign-in">Not you?</a>{{/isSignIn}}{{^isSignIn}}You are {{email}}. <a href="/auth/account/security">Back to your security page</a>{{/isSignIn}}</p></div>
        """)
}
