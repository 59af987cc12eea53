import Storage

/// What a run of `postern check` saw, and what it means. Values in, findings out.
struct SiteView: Sendable {
    let portal: PublicURL
    let app: App
    let stateCookie: String
    /// Names that must not reach the app.
    let ourCookies: [String]
    let answers: [SiteQuestion: SiteProbe.Outcome]
    let sightings: [Sighting]

    typealias Finding = CheckSite.Finding

    /// To put in the app's place, so that the rest can be seen.
    static let echo = """
        python3 -c 'import http.server, json
        class Echo(http.server.BaseHTTPRequestHandler):
            def do_GET(self): self.send_response(200); self.send_header("Postern-Echo", "1"); self.end_headers(); self.wfile.write(json.dumps(self.headers.items()).encode())
        http.server.HTTPServer(("127.0.0.1", 3000), Echo).serve_forever()'
        """

    var findings: [Finding] {
        guard case .answered(let gate)? = answers[.gate] else {
            guard case .failed(let why)? = answers[.gate] else { return [] }
            return [
                Finding(
                    name: "reachable", verdict: .bad, words: "\(app.origin) doesn’t answer: \(why).",
                    change: "Check DNS, the port and the certificate (--ca-file trusts one of your own, --connect goes to another place).")
            ]
        }
        var all: [Finding?] = [gated(gate)]
        if sighting(.gate) != nil {
            all += [proxyTrusted, originalURL, originalMethod, forwardedFor]
        }
        all += [begin, redirect]
        if app.origin.isHTTPS { all.append(plainHTTP) }
        all += [publicURL, portalAlone]
        if sighting(.gate) != nil { all += [appAnswers, aliases, echoed] }
        return all.compactMap(\.self)
    }

    private func answer(_ question: SiteQuestion) -> SiteProbe.Answer? {
        if case .answered(let answer)? = answers[question] { answer } else { nil }
    }

    private func sighting(_ question: SiteQuestion) -> Sighting? { sightings.first { $0.number == Int64(question.rawValue) } }

    private func gated(_ answer: SiteProbe.Answer) -> Finding {
        guard let sighting = sighting(.gate) else {
            return Finding(
                name: "gated", verdict: .bad,
                words: "\(app.origin)/postern-check answered \(answer.status), and Postern was never asked about it.",
                change: "nginx: auth_request /auth/request; in the app’s location. Caddy: forward_auth before the app’s reverse_proxy.")
        }
        guard sighting.verdict != "allow" else {
            return Finding(name: "gated", verdict: .ok, words: "Postern was asked; a rule of the app opens this path to everybody.")
        }
        guard [301, 302, 303, 401, 403].contains(answer.status) else {
            return Finding(
                name: "gated", verdict: .bad,
                words: "Postern said no (\(sighting.verdict)), and the proxy answered \(answer.status) all the same.",
                change:
                    "Postern’s answer must decide: nginx auth_request without 'satisfy any'; Caddy forward_auth without a handler that goes on."
            )
        }
        return Finding(name: "gated", verdict: .ok, words: "A stranger is refused (\(answer.status)), because Postern said so.")
    }

    private var proxyTrusted: Finding? {
        guard let seen = sighting(.gate) else { return nil }
        guard seen.isPeerTrusted else {
            return Finding(
                name: "trusted proxy", verdict: .bad,
                words: "Postern was asked from \(seen.peer), which it doesn’t trust: it believes nothing of what that proxy says.",
                change: "In Postern’s settings: trusted-proxies: [\(seen.peer)]")
        }
        return Finding(name: "trusted proxy", verdict: .ok, words: "The proxy at \(seen.peer) is trusted.")
    }

    private var originalURL: Finding? {
        guard let seen = sighting(.oddPath), seen.isPeerTrusted else { return nil }
        let sent = app.origin.description + SiteQuestion.odd
        if seen.url == sent {
            return Finding(name: "original URL", verdict: .ok, words: "Postern sees scheme, host, path and query as they were sent.")
        }
        let nginx = "nginx: proxy_set_header X-Original-URL $scheme://\(app.origin.authority)$request_uri; in location = /auth/request."
        guard let place = OriginalRequest.Place(url: seen.url), let wanted = OriginalRequest.Place(url: sent) else {
            return Finding(name: "original URL", verdict: .bad, words: "The proxy doesn’t say what was opened.", change: nginx)
        }
        let what =
            place.isHTTPS != wanted.isHTTPS ? "another scheme" : place.authority != wanted.authority ? "another host" : "another path"
        return Finding(
            name: "original URL", verdict: .bad,
            words: "\(what.capitalizedFirst) arrives: \(sent) was sent, \(seen.url) was seen. Rules for paths can be passed by.",
            change:
                "\(nginx) Not $uri, which is decoded. Caddy: forward_auth does it by itself; take away header_up lines for X-Forwarded-Uri, -Host and -Proto."
        )
    }

    private var originalMethod: Finding? {
        guard let seen = sighting(.posted), seen.isPeerTrusted else { return nil }
        if seen.method == "POST" { return Finding(name: "original method", verdict: .ok, words: "Postern sees the method.") }
        return Finding(
            name: "original method", verdict: .bad,
            words: "A POST arrives as \(seen.method): after signing in people would be sent to a form’s address.",
            change: "nginx: proxy_set_header X-Original-Method $request_method; in location = /auth/request.")
    }

    private var forwardedFor: Finding? {
        guard let seen = sighting(.forwardedFor) else { return nil }
        let change =
            "nginx: proxy_set_header X-Forwarded-For $remote_addr; in location = /auth/request and /auth/. Caddy: no trusted_proxies for the whole world, no header_up X-Forwarded-For."
        let last = seen.forwardedFor.split(separator: ",").last.map { trimmed(String($0)) } ?? ""
        if last == SiteQuestion.forgedAddress
            || seen.client == SiteQuestion.forgedAddress && seen.forwardedFor == SiteQuestion.forgedAddress
        {
            return Finding(
                name: "client address", verdict: .bad,
                words: "Whoever writes X-Forwarded-For chooses an address: the proxy hands it on as it came.", change: change)
        }
        guard !last.isEmpty else {
            return Finding(
                name: "client address", verdict: .bad, words: "The proxy doesn’t say who asks: everybody has the address \(seen.client).",
                change: change)
        }
        return Finding(name: "client address", verdict: .ok, words: "A forged X-Forwarded-For isn’t believed; Postern sees \(last).")
    }

    private var begin: Finding? {
        guard let answer = answer(.begin) else { return nil }
        let change =
            "nginx: location /auth/ { proxy_pass to Postern; proxy_set_header Host \(app.origin.authority); } Caddy: reverse_proxy /auth/* to Postern."
        // Behind the gate it would be answered too, but by the way in, over and over.
        let isEnterOurs = self.answer(.enter)?["location"].map { $0.contains("/auth/begin?") && !$0.contains("/auth/ticket") } ?? false
        guard answer["x-request-id"] != nil, isEnterOurs || answer.status == 421 || app.cookieDomain != nil || app.origin == portal else {
            return Finding(
                name: "/auth/ here", verdict: .bad,
                words: "\(app.origin)/auth/ is not handed on to Postern: people come back from the sign-in and go round in circles.",
                change: change)
        }
        if answer.status == 421 {
            return Finding(
                name: "/auth/ here", verdict: .bad, words: "Postern is asked under another host than \(app.origin.authority).",
                change: change)
        }
        let location = answer["location"] ?? ""
        if location.contains("/auth/begin?tls=1") {
            return Finding(
                name: "/auth/ here", verdict: .bad, words: "The proxy says that this came by plain HTTP.",
                change:
                    "Where TLS ends, send X-Forwarded-Proto: https on. nginx: proxy_set_header X-Forwarded-Proto $scheme; in location /auth/."
            )
        }
        if app.cookieDomain == nil, app.origin != portal {
            guard let cookie = answer.all("set-cookie").first(where: { $0.hasPrefix(stateCookie + "=") }) else {
                return Finding(
                    name: "/auth/ here", verdict: .bad, words: "Postern’s Set-Cookie doesn’t come through: nobody can get in.",
                    change:
                        "nginx: no proxy_hide_header Set-Cookie or proxy_ignore_headers Set-Cookie in location /auth/. Caddy: no header_down -Set-Cookie."
                )
            }
            guard !cookie.lowercased().contains("domain=") else {
                return Finding(
                    name: "/auth/ here", verdict: .bad, words: "The proxy gives Postern’s cookie a domain: browsers refuse it.",
                    change: "nginx: no proxy_cookie_domain. Caddy: no header_down that edits Set-Cookie.")
            }
        }
        guard location.hasPrefix(portal.description) || location.hasPrefix("/auth/") else {
            return Finding(
                name: "/auth/ here", verdict: .bad,
                words: "The way in leads to \(location.isEmpty ? "nowhere" : location), not to \(portal).",
                change: "In Postern’s settings: public-url. nginx: no proxy_redirect in location /auth/.")
        }
        return Finding(
            name: "/auth/ here", verdict: .ok, words: "Postern answers there, sets its cookie for this host alone, and leads to \(portal).")
    }

    private var redirect: Finding? {
        guard let answer = answer(.page) else { return nil }
        let location = answer["location"] ?? ""
        let isOurs =
            location.hasPrefix(portal.description + "/auth/") || location.hasPrefix(app.origin.description + "/auth/begin")
            || location.hasPrefix("/auth/")
        if isOurs, (301...303).contains(answer.status) {
            let comesBack = location.contains("postern-check")
            return Finding(
                name: "way to the sign-in", verdict: comesBack ? .ok : .bad,
                words: comesBack
                    ? "A browser is led to the sign-in, and back to the page."
                    : "A browser is led to the sign-in, but not back to the page: \(location)",
                change: comesBack ? "" : "nginx: X-Original-URL in location @postern too.")
        }
        return Finding(
            name: "way to the sign-in", verdict: .bad,
            words:
                "A browser that isn’t signed in gets \(answer.status)\(location.isEmpty ? "" : " to \(location)"), and no way to the sign-in.",
            change:
                "nginx: error_page 401 403 500 = @postern; and location @postern, as 'postern snippet nginx --app \(app.name)' prints them. Caddy: hand forward_auth’s answer on."
        )
    }

    private var plainHTTP: Finding? {
        guard let outcome = answers[.plainHTTP] else { return nil }
        guard case .answered(let answer) = outcome else {
            return Finding(name: "plain HTTP", verdict: .ok, words: "Nothing answers on port 80.")
        }
        if (301...308).contains(answer.status), answer["location"]?.hasPrefix("https://") == true {
            return Finding(name: "plain HTTP", verdict: .ok, words: "It leads to https.")
        }
        if sighting(.plainHTTP) != nil { return Finding(name: "plain HTTP", verdict: .ok, words: "It is gated too.") }
        return Finding(
            name: "plain HTTP", verdict: .bad,
            words: "http://\(app.origin.host) answered \(answer.status), and Postern was never asked about it.",
            change: "Ask Postern there too (nginx: 'listen 80;' in the same server block), or redirect all of it to https.")
    }

    /// Cookies know no ports: what is on the portal's host is sent the portal's own.
    private var portalAlone: Finding? {
        guard app.origin.host == portal.host, !portal.isLoopback else { return nil }
        return Finding(
            name: "portal’s host", verdict: .bad,
            words:
                "The app is on the portal’s own host, \(portal.host): it shares its cookies, and a hole in the app opens every account that visits it.",
            change: "Give the portal a host of its own: public-url, such as https://id.\(portal.host).")
    }

    private var publicURL: Finding {
        if let answer = answer(.portal), answer.status == 200 {
            return Finding(name: "public URL", verdict: .ok, words: "\(portal) answers.")
        }
        let why = answer(.portal).map { "it answers \($0.status)" } ?? "it can’t be reached from here"
        return Finding(
            name: "public URL", verdict: .bad, words: "People are sent to \(portal) to sign in, and \(why).",
            change: "In Postern’s settings: public-url, the address that browsers open. Its proxy must pass Host on.")
    }

    private var appAnswers: Finding? {
        guard sighting(.app) != nil, let answer = answer(.app), answer.status >= 500 else { return nil }
        return Finding(
            name: "the app", verdict: .bad, words: "Postern lets a request pass, and then the answer is \(answer.status).",
            change: "Is the app running, and is its address in the proxy the right one?")
    }

    private var aliases: Finding? {
        let asked: [SiteQuestion] = [.alias, .underscoreAlias, .dotAlias]
        let echoes = asked.compactMap(echo)
        for headers in echoes
        where headers.contains(where: { $0.value == "postern-check" && Gateway.isIdentity(header: $0.name.lowercased()) }) {
            return Finding(
                name: "forged identity", verdict: .bad, words: "A forged Remote-User reaches the app.",
                change:
                    "Show Postern the client’s headers (nginx: no proxy_pass_request_headers off; Caddy: no header_up that takes Remote-* away), and set all ten yourself, as 'postern snippet' does."
            )
        }
        let unseen = asked.filter { sighting($0)?.aliases.isEmpty ?? true }
        guard let exact = sighting(.alias), !exact.aliases.isEmpty else {
            guard !echoes.isEmpty else {
                return Finding(
                    name: "forged identity", verdict: .notSeen,
                    words: "A forged Remote-User doesn’t reach Postern. Whether it reaches the app, only the app could show.",
                    change: Self.echo)
            }
            return Finding(
                name: "forged identity", verdict: .ok, words: "The proxy takes forged identity headers away; the app doesn’t see them.")
        }
        let words =
            unseen.isEmpty
            ? "Requests that bring Remote-User, Remote_User or Remote.User are refused."
            : "Requests that bring Remote-User are refused; the proxy drops other spellings before Postern sees them."
        return Finding(name: "forged identity", verdict: .ok, words: words)
    }

    /// What only the app sees: whether our cookies and the client's own `Authorization` come as they should.
    private var echoed: Finding {
        guard let seen = echo(.appCookies) else {
            return Finding(
                name: "what the app sees", verdict: .notSeen,
                words:
                    "Whether Postern’s cookies stay outside the app, only the app could show. Put this echo in its place, on its port, and check again.",
                change: Self.echo)
        }
        let cookieLine = seen.filter { $0.name.lowercased() == "cookie" }.map(\.value).joined(separator: "; ")
        if ourCookies.contains(where: { cookieLine.contains($0 + "=postern-check") }) {
            return Finding(
                name: "what the app sees", verdict: .bad, words: "Postern’s cookies reach the app.",
                change:
                    "nginx: the 'map' lines and proxy_set_header Cookie with what they leave; Caddy: request_header @app Cookie …, as 'postern snippet' prints them."
            )
        }
        guard ["first=1", "between=2", "last=3"].allSatisfy(cookieLine.contains) else {
            return Finding(
                name: "what the app sees", verdict: .bad, words: "The app’s own cookies don’t reach it: it got '\(cookieLine)'.",
                change: "Take out Postern’s cookies alone, as 'postern snippet' does.")
        }
        guard let user = seen.first(where: { $0.name.lowercased() == "remote-user" })?.value, !user.isEmpty else {
            return Finding(name: "what the app sees", verdict: .ok, words: "Its own cookies, none of ours, and no identity for a stranger.")
        }
        return Finding(
            name: "what the app sees", verdict: .bad, words: "The app is told that a stranger is '\(user)'.",
            change: "Set Remote-User from Postern’s answer alone.")
    }

    private func echo(_ question: SiteQuestion) -> [(name: String, value: String)]? {
        guard let answer = answer(question), answer["postern-echo"] != nil,
            case .array(let pairs)? = try? JSONValue(parsing: Array(answer.body.utf8))
        else { return nil }
        return pairs.compactMap { pair in
            guard case .array(let two) = pair, two.count == 2, case .string(let name) = two[0], case .string(let value) = two[1] else {
                return nil
            }
            return (name, value)
        }
    }
}

extension String {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
