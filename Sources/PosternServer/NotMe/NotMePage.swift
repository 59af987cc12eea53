import Storage

/// Asks before anything is done about a sign-in, and says afterwards what was.
struct NotMePage {
    let view: AnswerSignIn.View
    let asked: SignInLink.Answer
    let formToken: String

    func html(_ pages: Pages) -> String {
        let isDone = view.link.answer == .notMe || view.link.answer == asked
        let title =
            switch (view.link.answer, asked) {
            case (.notMe, _): "Your account is locked and safe"
            case (.wasMe, .wasMe): "Thank you"
            case (_, .notMe): "This wasn’t you?"
            case (nil, .wasMe): "This was you?"
            }
        var values: [String: Any] = [
            "time": ISOTime.words(view.link.number.at), "timeISO": ISOTime.text(view.link.number.at), "formToken": formToken,
            "place": view.place.words.isEmpty ? "Place unknown" : "Roughly \(view.place.words)", "network": view.place.network,
            "hasNetwork": !view.place.network.isEmpty,
            "program": view.attempt?.program.words ?? "An unknown program",
            "address": view.attempt?.addressText ?? "an unknown address",
            "asksNotMe": !isDone && asked == .notMe, "asksWasMe": !isDone && asked == .wasMe,
            "isLearnt": isDone && view.link.answer == .wasMe, "isSecured": view.link.answer == .notMe,
        ]
        values["done"] = view.link.done.split(separator: "\n").map(String.init)
        return pages.gate(Self.template, title: title, values)
    }

    private static let template = Pages.template(
        """
        <h1 id="h">{{title}}</h1>
        <dl class="facts"><dt>When</dt><dd><time datetime="{{timeISO}}">{{time}}</time></dd><dt>With</dt><dd>{{program}}</dd><dt>From</dt><dd><code>{{address}}</code></dd><dt>Where</dt><dd>{{place}}</dd>{{#hasNetwork}}<dt>Network</dt><dd>{{network}}</dd>{{/hasNetwork}}</dl>
        {{#asksNotMe}}<p>One click makes your account safe:</p>
        <ul><li>every session ends, here and everywhere</li><li>your password opens nothing any more, and we mail you a link to choose another</li><li>what was added to your account since then (apps, telephone numbers, recovery codes, another address) is taken away</li><li>an administrator looks into it</li></ul>
        <form class="form" action="/auth/not-me" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><button class="button danger solid full">This wasn’t me: lock my account</button></form>
        <div class="after"><p>Was it you after all? Then close this page: nothing was changed.</p></div>{{/asksNotMe}}
        {{#asksWasMe}}<p>Then this browser, place and network are known from now on, and you aren’t told of them again.</p>
        <form class="form" action="/auth/was-me" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><button class="button primary full">Yes, this was me</button></form>
        <div class="after"><p>Not sure? <a href="/auth/not-me">See what happens if it wasn’t you</a></p></div>{{/asksWasMe}}
        {{#isLearnt}}<p role="status">This browser, place and network are known from now on.</p><div class="after"><p><a href="/auth/sign-in">Go to the sign-in</a></p></div>{{/isLearnt}}
        {{#isSecured}}<p role="status">This is what was done:</p><ul>{{#done}}<li>{{.}}</li>{{/done}}</ul>
        <p>We mailed you a link to choose another password. It works for an hour.</p>
        <a class="button primary full" href="/auth/forgot-password">Send me another link</a>{{/isSecured}}
        """)
}
