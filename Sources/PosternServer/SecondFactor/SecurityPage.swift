import Mustache
import Storage

/// One's second factors at a glance.
struct SecurityPage {
    /// What the page shows of an account.
    struct Factors: Sendable {
        let authenticators: [Authenticator]
        let recoveryCodesLeft: Int64
        let recoverySet: RecoverySet?
        let trusted: [TrustedBrowser]
        let tries: CodeTries
        let passwordSetAt: Timestamp?
        /// That the password is on a list of stolen ones.
        let breach: BreachFinding?
        let phones: [Phone]
        /// Those that a code could go to now.
        let phoneOptions: [PhoneOption]
        /// Whether numbers can be added here.
        let offersPhones: Bool

        var hasFactor: Bool { !authenticators.isEmpty || !phones.isEmpty }
    }

    enum Notice: Equatable {
        case phoneAdded, phoneLater, phoneRemoved
        case added, removed, renamed, codesInUse, trustEnded, codeGood, codeNotGood, passwordChanged
        case nameInvalid, tooMany, noFactor, codesTooNew
        /// The administration was asked for without a second factor.
        case needed
        case enrolBy(String)

        var isBad: Bool { [.codeNotGood, .nameInvalid, .tooMany, .noFactor, .needed, .codesTooNew].contains(self) }

        var words: String {
            switch self {
            case .phoneAdded: "The number is confirmed. From now on sign-in can send codes there."
            case .phoneLater:
                "The number is confirmed. The list says from when on it signs you in; we told your other numbers and your mailbox."
            case .phoneRemoved: "The number is removed. No codes go there any more."
            case .passwordChanged: "Your password is another now. All other sessions are ended."
            case .added: "The app is switched on. From now on sign-in asks for its codes."
            case .removed: "The app is removed. Its codes no longer work."
            case .renamed: "The new name is saved."
            case .codesInUse: "These recovery codes count from now on."
            case .trustEnded: "That browser is asked for the second step again."
            case .codeGood: "That code is good. It was not used up."
            case .codeNotGood: "That code would not let you in: it was used, is from an older set, or has a typing mistake."
            case .nameInvalid: "A name has 1 to 60 characters on one line. Nothing was changed."
            case .tooMany: "You have as many apps as can be. Remove one that you no longer use."
            case .codesTooNew:
                "New recovery codes remove an app beside others only once they are a day old. Use a code from the app itself, or come back then."
            case .noFactor: "Add an authenticator app first. Recovery codes stand in for it."
            case .needed: "What you opened needs a second factor. Add an authenticator app, and you go on from there."
            case .enrolBy(let time): "Your group asks for a second factor. Add an authenticator app before \(time)."
            }
        }
    }

    let factors: Factors
    var notice: Notice?
    /// Where to go on to once an app is added.
    var returnTo = ""
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        let left = factors.recoveryCodesLeft
        let hasApps = !factors.authenticators.isEmpty
        return pages.account(
            Self.template, title: "Security", at: .security, for: reader,
            [
                "notice": notice?.words ?? "", "hasNotice": notice != nil, "isBad": notice?.isBad ?? false, "hasApps": hasApps,
                "hasFactor": factors.hasFactor, "phones": factors.phones.map(phoneRow), "hasPhones": !factors.phones.isEmpty,
                "showsPhones": factors.offersPhones || !factors.phones.isEmpty, "offersPhones": factors.offersPhones,
                "apps": factors.authenticators.map(row), "left": left, "hasCodes": factors.recoverySet != nil,
                "isLow": factors.recoverySet != nil && left <= 3,
                "stones": (0..<Int64(RecoveryCode.count)).map { ["left": $0 < left] },
                "codesMade": factors.recoverySet.map { ISOTime.words($0.createdAt) } ?? "",
                "trusted": factors.trusted.map { browser in
                    [
                        "id": browser.id.description, "browser": Program(browser.browser).words, "address": browser.address,
                        "until": ISOTime.words(browser.expiresAt), "untilISO": ISOTime.text(browser.expiresAt),
                    ]
                },
                "hasTrusted": !factors.trusted.isEmpty, "returnTo": returnTo, "isStopped": factors.tries.isStopped,
                "passwordSet": factors.passwordSetAt.map(ISOTime.words) ?? "", "isBreached": factors.breach != nil,
                "breachWords": factors.breach.map(Self.words) ?? "",
            ])
    }

    private static func words(_ finding: BreachFinding) -> String {
        "Your password \(finding.isCertain ? "stands" : "may stand") on lists of passwords that were stolen from other sites. Such lists are tried first. Choose another, here and wherever else you use it."
    }

    private func row(_ app: Authenticator) -> [String: Any] {
        let clock = app.clockError.map { error in
            "Clock \(abs(error)) seconds \(error < 0 ? "behind" : "ahead")"
        }
        return [
            "id": app.id.description, "name": app.name, "added": ISOTime.words(app.createdAt), "addedISO": ISOTime.text(app.createdAt),
            "used": app.usedAt.map(ISOTime.words) ?? "never", "usedISO": app.usedAt.map(ISOTime.text) ?? "", "clock": clock ?? "",
            "isOff": clock != nil,
        ]
    }

    private func phoneRow(_ phone: Phone) -> [String: Any] {
        let option = factors.phoneOptions.first { $0.phone.id == phone.id }
        let ways = option?.channels.map { $0 == .sms ? "a text" : "a call" }.joined(separator: " or ") ?? ""
        let usable =
            option != nil
            ? "Codes come as \(ways)."
            : factors.offersPhones ? "It signs you in from \(ISOTime.words(phone.usableFrom)) on." : "It can’t be used."
        return [
            "id": phone.id.description, "number": phone.masked, "added": ISOTime.words(phone.addedAt),
            "addedISO": ISOTime.text(phone.addedAt),
            "usable": usable, "isReady": option != nil,
        ]
    }

    private static let token = "<input type=\"hidden\" name=\"form_token\" value=\"{{formToken}}\">"

    private static let template = Pages.template(
        """
        <div class="page-head"><div><h1>Security</h1><p>What you prove yourself with.</p></div></div>
        <div class="stack">
        {{#hasNotice}}<div class="notice {{#isBad}}bad{{/isBad}}{{^isBad}}ok{{/isBad}}" role="status"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="{{#isBad}}M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05{{/isBad}}{{^isBad}}m3.5 8.5 3 3 6-7{{/isBad}}"/></svg><div><p>{{notice}}</p></div></div>{{/hasNotice}}
        {{#isBreached}}<div class="notice warn"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><div><p>{{breachWords}}</p></div></div>{{/isBreached}}
        {{#isStopped}}<div class="notice warn"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><div><p>50 wrong codes were typed for this account, so app codes don’t let in for now. Whoever typed them knows your password: if it wasn’t you, tell an administrator. A recovery code works, or three right codes in a row, 15 minutes apart.</p></div></div>{{/isStopped}}
        <section class="card" aria-labelledby="password"><header><div><h2 id="password">Password</h2><p>{{#passwordSet}}Set on {{passwordSet}}.{{/passwordSet}} A change ends all your other sessions.</p></div><a class="button{{#isBreached}} primary{{/isBreached}}" href="/auth/account/password">Change it</a></header></section>
        <section class="card" aria-labelledby="authenticators"><header><div><h2 id="authenticators">Authenticator apps</h2><p>{{#hasApps}}Any of them signs you in. Keep a second on another device, so that losing one is no trouble.{{/hasApps}}{{^hasApps}}An app on your phone shows 6 digits that change. With one, your password alone lets nobody in.{{/hasApps}}</p></div><form action="/auth/account/security/authenticators" method="post">\(token)<input type="hidden" name="return_to" value="{{returnTo}}"><button class="button{{^hasApps}} primary{{/hasApps}}">{{#hasApps}}Add another{{/hasApps}}{{^hasApps}}Add an app{{/hasApps}}</button></form></header>
        {{#hasApps}}<ul class="rows">
        {{#apps}}<li><div><p class="title">{{name}}</p><p class="meta">Last used <time datetime="{{usedISO}}">{{used}}</time>. Added <time datetime="{{addedISO}}">{{added}}</time>.</p><p class="meta">{{^isOff}}<span class="badge ok">Clock in step</span>{{/isOff}}{{#isOff}}<span class="badge warn">{{clock}}</span> It still works. Switch on automatic time there.{{/isOff}}</p></div>
        <div class="actions"><details class="confirm"><summary class="button quiet small">Rename<span class="visually-hidden"> {{name}}</span></summary><form class="sure" action="/auth/account/security/authenticators/{{id}}/rename" method="post">\(token)<div class="field"><label for="name-{{id}}">New name</label><input class="input" id="name-{{id}}" name="name" value="{{name}}" maxlength="60" required autocomplete="off"></div><button class="button primary">Save the name</button></form></details><a class="button quiet small" href="/auth/account/security/authenticators/{{id}}/remove">Remove<span class="visually-hidden"> {{name}}</span></a></div></li>{{/apps}}
        </ul>{{/hasApps}}{{^hasApps}}<div class="empty"><h3>{{#hasFactor}}No app yet{{/hasFactor}}{{^hasFactor}}No second factor yet{{/hasFactor}}</h3><p>It takes two minutes and any authenticator app.</p></div>{{/hasApps}}</section>
        {{#showsPhones}}<section class="card" aria-labelledby="phones"><header><div><h2 id="phones">Telephone numbers</h2><p>A spare way in, weaker than an app: whoever takes over your number gets its codes.</p></div>{{#offersPhones}}<a class="button" href="/auth/account/security/phones">Add a number</a>{{/offersPhones}}</header>
        {{#hasPhones}}<ul class="rows">{{#phones}}<li><div><p class="title">{{number}}</p><p class="meta">Added <time datetime="{{addedISO}}">{{added}}</time>. {{^isReady}}<span class="badge warn">Not yet</span> {{/isReady}}{{usable}}</p></div><div class="actions"><a class="button quiet small" href="/auth/account/security/phones/{{id}}/remove">Remove<span class="visually-hidden"> {{number}}</span></a></div></li>{{/phones}}</ul>{{/hasPhones}}</section>{{/showsPhones}}
        {{#hasFactor}}<section class="card" aria-labelledby="codes"><header><div><h2 id="codes">Recovery codes</h2><p>For the day no device is at hand. Each works once. When they run out, only an administrator can let you in.</p></div></header>
        <ul class="rows"><li><div>{{#hasCodes}}<p><b>{{left}} of 10 left</b> <span class="tally" aria-hidden="true">{{#stones}}<i{{#left}} class="left"{{/left}}></i>{{/stones}}</span>{{#isLow}} <span class="badge warn">Make new ones soon</span>{{/isLow}}</p><p class="meta">Made on {{codesMade}}.</p>{{/hasCodes}}{{^hasCodes}}<p><span class="badge warn">None</span></p><p class="meta">Without them a lost phone locks you out.</p>{{/hasCodes}}</div><div class="actions">{{#hasCodes}}<details class="confirm"><summary class="button quiet small">Check a code</summary><form class="sure" action="/auth/account/security/recovery-codes/check" method="post">\(token)<div class="field"><label for="check">Recovery code</label><span class="hint" id="check-hint">It is not used up.</span><input class="input" id="check" name="code" maxlength="40" required autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby="check-hint"></div><button class="button primary">Check it</button></form></details>{{/hasCodes}}<form action="/auth/account/security/recovery-codes" method="post">\(token)<button class="button small{{^hasCodes}} primary{{/hasCodes}}">Make new codes</button></form></div></li></ul></section>{{/hasFactor}}
        {{#hasTrusted}}<section class="card" aria-labelledby="browsers"><header><div><h2 id="browsers">Trusted browsers</h2><p>These skip the second step. A change of your apps ends the trust.</p></div></header><ul class="rows">
        {{#trusted}}<li><div><p class="title">{{browser}}</p><p class="meta">Until <time datetime="{{untilISO}}">{{until}}</time>. From <code>{{address}}</code>.</p></div><div class="actions"><form action="/auth/account/security/trusted-browsers/{{id}}/end" method="post">\(token)<button class="button quiet small">Stop trusting<span class="visually-hidden"> {{browser}}</span></button></form></div></li>{{/trusted}}
        </ul></section>{{/hasTrusted}}
        </div>
        """)
}

/// Removes an app, with proof of it.
struct RemoveAuthenticatorPage {
    let authenticator: Authenticator
    let others: [String]
    var problem: String?
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        pages.account(
            Self.template, title: "Remove “\(authenticator.name)”", at: .security, for: reader,
            [
                "id": authenticator.id.description, "name": authenticator.name, "problem": problem ?? "", "failed": problem != nil,
                "others": others.joined(separator: ", "), "isLast": others.isEmpty,
            ])
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><p class="meta"><a href="/auth/account/security">Security</a></p><h1>{{title}}</h1><p>{{#isLast}}Your password alone signs you in then, and your recovery codes are gone.{{/isLast}}{{^isLast}}Sign-in then asks for codes from {{others}}.{{/isLast}} Trusted browsers are asked again.</p></div></div>
        <form class="card" action="/auth/account/security/authenticators/{{id}}/remove" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><div class="body form">
        <div class="field"><label for="code">Code from {{name}}, or a recovery code</label><span class="hint" id="code-hint">Lost the device? Use a recovery code. It is used up.</span>
        {{#failed}}<p class="error" id="code-error"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><span>{{problem}}</span></p>{{/failed}}
        <input class="input" id="code" name="code" maxlength="40" required autofocus autocomplete="one-time-code" autocapitalize="none" spellcheck="false" aria-describedby="code-hint{{#failed}} code-error{{/failed}}"{{#failed}} aria-invalid="true"{{/failed}}></div>
        <div class="actions fill"><button class="button danger solid">Remove {{name}}</button><a class="button quiet" href="/auth/account/security">Keep it</a></div>
        </div></form>
        """)
}
