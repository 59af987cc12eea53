import HTTPTypes
import Hummingbird
import Secrets
import Storage

/// The way from an app's host to the portal and back: `/auth/begin` there, `/auth/ticket` here, `/auth/enter` there again.
struct EntryWeb: Room {
    let gateway: GatewayWeb
    let enter: EnterApp
    let desk: SessionDesk
    let directory: AppDirectory
    let shell: Shell

    var routes: [Route] {
        [
            .page(.get, "/auth/begin", .anyone, begin).onApps,
            .page(.get, ReturnTo.ticketPath, .signedIn, giveTicket),
            .page(.get, "/auth/enter", .anyone, redeem).onApps,
        ]
    }

    // MARK: On the app's host

    /// What a browser is sent to, or a proxy hands over to, when the gateway said no: asks again, and explains or leads on.
    @Sendable private func begin(_ request: Request, _ visit: Visit) async throws -> Response {
        let listing = try await directory.current()
        let host = visit.app?.origin.authority ?? shell.publicURL.authority
        let served = listing.app(at: host)
        guard served != nil || !listing.isInUse else { throw Refused(.unknownApp) }
        // The gate believes nothing of a proxy that isn't trusted: leading on from here would go round for ever.
        guard served == nil || gateway.isTrusted(visit) else { throw Refused(.unknownProxy) }
        let original = original(request, visit, host: host, isHTTPS: (visit.app?.origin ?? shell.publicURL).isHTTPS)
        let finding = await gateway.finding(request, original, served, visit)
        switch finding.verdict {
        case .allow, .allowKey:
            let back = ReturnTo(onApp: original.place?.target ?? "/")?.location ?? "/"
            guard let app = served?.app else { return .seeOther(back) }
            return .seeOther(back).setting(cookie: try round(app, to: back, request, visit).cookie)
        case .keyRefused(let refused): return shell.answer(visit, refused, asPage: false)
        case .refused(let reason):
            return shell.answer(visit, finding.refusal ?? Refused(reason), asPage: original.isNavigation)
        case .signIn(let need):
            guard original.isNavigation else {
                var response = shell.answerProgram(visit, need.reason, signInURL: gateway.wayIn(finding, need))
                response.headers[.wwwAuthenticate] = gateway.keyChallenge(finding, request)
                return response
            }
            return try leadOn(finding, need, request, visit)
        }
    }

    /// The request that the person wanted: what a trusted proxy says of it, or what stands in our own query.
    private func original(_ request: Request, _ visit: Visit, host: String, isHTTPS: Bool) -> OriginalRequest {
        let headers = request.headers
        let isNavigation = GatewayWeb.isNavigation(headers)
        if gateway.isTrusted(visit), let url = headers[.xOriginalURL], let place = OriginalRequest.Place(url: url),
            place.authority.lowercased() == host, !place.target.hasPrefix("/auth/")
        {
            return OriginalRequest(method: headers[.xOriginalMethod] ?? "GET", place: place, isNavigation: isNavigation)
        }
        let asked = (try? FormFields((request.uri.query ?? "").utf8))?.text("return_to") ?? ""
        let arrivedByHTTPS = gateway.isTrusted(visit) ? headers[.xForwardedProto].map { $0 != "http" } : nil
        return OriginalRequest(
            method: "GET",
            place: .init(isHTTPS: arrivedByHTTPS ?? isHTTPS, authority: host, target: ReturnTo(onApp: asked)?.location ?? "/"),
            isNavigation: isNavigation)
    }

    private func leadOn(
        _ finding: GatewayWeb.Finding, _ need: Gateway.Need, _ request: Request, _ visit: Visit
    ) throws -> Response {
        let status: HTTPResponse.Status = finding.original.isSafe ? .found : .seeOther
        guard let app = finding.app?.app, app.origin != shell.publicURL, app.cookieDomain == nil else {
            return Response(status: status, headers: [.location: onPortalHost(finding, need), .cacheControl: "no-store"])
        }
        let back = finding.original.returnTo
        if app.origin.isHTTPS, finding.original.place?.isHTTPS == false {
            // The cookie that comes next is for TLS alone.
            guard !((request.uri.query ?? "").contains("tls=1")) else { throw Self.schemeIsLost(app) }
            return Response(
                status: status,
                headers: [
                    .location: "\(app.origin)/auth/begin?tls=1&return_to=\(percentEncoded(back))", .cacheControl: "no-store",
                ])
        }
        let (state, cookie) = try round(app, to: back, request, visit)
        let location = GatewayWeb.ticketURL(app.name, state: state.proof, back: back, need)
        return Response(status: status, headers: [.location: shell.publicURL.description + location, .cacheControl: "no-store"])
            .setting(cookie: cookie)
    }

    /// One more way to a page: the third within ten seconds is one too many.
    private func round(_ app: App, to back: String, _ request: Request, _ visit: Visit) throws -> (state: EntryState, cookie: String) {
        let held = Cookies.value(shell.cookies.state, in: request.headers).flatMap { EntryState(text: $0) }
        let state = EntryState(after: held, to: back, now: visit.now) { shell.random.bytes(Token.byteCount) }
        guard !state.goesRound else { throw loop(app, request, visit) }
        return (state, shell.cookies.set(shell.cookies.state, Secret(state.text), maxAge: EntryState.lifetime))
    }

    /// An app on the portal's own host needs no ticket; one of a shared domain gets its cookie from the portal.
    private func onPortalHost(_ finding: GatewayWeb.Finding, _ need: Gateway.Need) -> String {
        if finding.app?.app.cookieDomain != nil { return gateway.wayIn(finding, need) }
        let back = finding.original.returnTo
        let place = need == .secondFactor ? "/auth/account/step-up?need=second-factor&" : "/auth/sign-in?"
        return place + "return_to=" + percentEncoded(back)
    }

    @Sendable private func redeem(_ request: Request, _ visit: Visit) async throws -> Response {
        guard let app = visit.app, let served = try await directory.current().app(named: app.name) else { throw Refused(.notFound) }
        let held = Cookies.value(shell.cookies.state, in: request.headers)
        let state = held.flatMap { EntryState(text: $0) }
        guard let ticket = Token(text: try FormFields((request.uri.query ?? "").utf8).text("ticket").utf8) else {
            return Self.startOver("/")
        }
        guard held != nil else { throw cookieIsGone(app, request, visit) }
        switch try await enter.redeem(ticket, at: served, state: state?.token, client: visit.client, now: visit.now) {
        case .entered(let session, let returnTo):
            // Another token of this browser there is no longer good.
            desk.forget(session.account)
            var response = Response.seeOther(returnTo)
                .setting(cookie: shell.cookies.set(shell.cookies.appSession, session.token.token.text, maxAge: session.cookieMaxAge))
            response.headers[.referrerPolicy] = "no-referrer"
            return response
        case .refused(let returnTo): return Self.startOver(returnTo ?? "/")
        }
    }

    private static func startOver(_ returnTo: String) -> Response {
        var response = Response.seeOther("/auth/begin?return_to=" + percentEncoded(returnTo))
        response.headers[.referrerPolicy] = "no-referrer"
        return response
    }

    // MARK: On the portal

    @Sendable private func giveTicket(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let query = try FormFields((request.uri.query ?? "").utf8)
        guard let served = try await directory.current().app(named: query.text("app")) else { throw Refused(.unknownApp) }
        let app = served.app
        let back = ReturnTo(onApp: query.text("return_to"))?.location ?? "/"
        if query.text("need") == Gateway.Need.strongWord, session.assurance == .aal1 { throw Refused(.secondFactorRequired) }
        if let domain = app.cookieDomain {
            let cookie = try round(app, to: app.origin.description + back, request, visit).cookie
            let opened = try await enter.openForDomain(session, of: served, client: visit.client, now: visit.now)
            desk.forget(session.account)
            return .seeOther(app.origin.description + back)
                .setting(cookie: Cookies.set(domainSession: opened.token.token.text, domain: domain, maxAge: opened.cookieMaxAge))
                .setting(cookie: cookie)
        }
        guard app.origin != shell.publicURL else { return .seeOther(back) }
        guard let state = Base64URL.decode(query.text("state").utf8), state.count == 32 else {
            return .seeOther("\(app.origin)/auth/begin?return_to=\(percentEncoded(back))")
        }
        let ticket = try await enter.issue(for: session, to: served, stateHash: state, returnTo: back, now: visit.now)
        var response = Response.seeOther("\(app.origin)/auth/enter?ticket=\(ticket.text.exposed)")
        response.headers[.referrerPolicy] = "no-referrer"
        return response
    }

    // MARK: When it is wrong, the page says so

    private static func schemeIsLost(_ app: App) -> Refused {
        Refused(
            .redirectLoop,
            detail:
                "This page was opened by https, and the proxy says http. Where TLS ends before the proxy, let it send X-Forwarded-Proto: https, and https:// in X-Original-URL, for \(app.origin.authority)."
        )
    }

    private func cookieIsGone(_ app: AppHost, _ request: Request, _ visit: Visit) -> Refused {
        Refused(
            .cookieNotReturned,
            detail: "The way in began with a cookie for \(app.origin), and it didn’t come back. \(cause(app, request, visit))")
    }

    private func cause(_ app: AppHost, _ request: Request, _ visit: Visit) -> String {
        if gateway.isTrusted(visit), request.headers[.xForwardedProto] == "http", app.origin.isHTTPS {
            return "This came by plain HTTP, where browsers don’t send it. Open \(app.origin)."
        }
        return
            "Allow cookies there, and open exactly \(app.origin): under another name or port the browser keeps another set of cookies. Then open the page again."
    }

    /// The third way round within ten seconds.
    private func loop(_ app: App, _ request: Request, _ visit: Visit) -> Refused {
        let name = app.cookieDomain == nil ? shell.cookies.appSession : Cookies.domainSession
        let hasSession = Cookies.value(name, in: request.headers) != nil
        return Refused(
            .redirectLoop,
            detail: hasSession
                ? "Your browser holds a session’s cookie for \(app.origin), and the proxy’s question to Postern came without it, or named another host. The line to look at is the one that hands Cookie and X-Original-URL (or X-Forwarded-Host) to /auth/request. “postern check \(app.origin)” names it."
                : "Your browser didn’t keep the session’s cookie of \(app.origin). It keeps it only for that very scheme, host and port: if you opened another, open that one; if the proxy takes Set-Cookie away from /auth/, let it through. “postern check \(app.origin)” names the line."
        )
    }
}
