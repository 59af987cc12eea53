import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import NetworkAddress
import Secrets
import Storage

/// The entrance hall: what is true of every request, before a room sees it and after it has answered.
struct Shell: Sendable {
    /// Of a form or a document, in bytes (HT-06).
    static let mostBody = 65_536
    /// Of a request target, in bytes (HT-06).
    static let longestURI = 4_096

    let publicURL: PublicURL
    let trustedProxies: [AddressRange]
    let cookies: Cookies
    let pages: Pages
    let forms: CrossSite
    let random: Randomness
    /// AZ-05.
    let administrationNeedsSecondFactor: Bool
    /// Handed in by the composition root, so that the shell knows no room.
    let findSession: @Sendable (SessionToken, Timestamp) async throws(StoreError) -> LiveSession?
    /// The same.
    let findKey: @Sendable ([UInt8], Client, Timestamp) async throws(StoreError) -> KeyFinding
    /// Told of keys that came over plain HTTP.
    let noteExposed: @Sendable (LiveKey) -> Void
    let apps: AppHosts
    /// Handed in as well.
    let check: RequestCheck
    let headers: SecurityHeaders

    /// Answers through `handler`, or with a refusal that says why.
    ///
    /// Throws only for a body that is no HTTP: the connection can't be used any more, and the server says so itself.
    func answer(_ route: Route, _ request: Request, _ context: Visit) async throws(HTTPParserError) -> Response {
        var visit = context
        visit.id = Self.hex(random.bytes(8))
        visit.now = .now()
        var response: Response
        do {
            if let elsewhere = try await admit(route, request, &visit) { return finish(elsewhere, visit) }
            // The body first: it may take half a minute to come, and who is signed in is asked after that.
            if route.isUnsafe {
                try await receive(route, request, &visit)
                visit.now = .now()
            }
            try await identify(route, request, &visit)
            if route.isUnsafe { try checkOrigin(route, request, visit) }
            try allow(route, visit)
            response = try await route.handler(request, visit)
        } catch let error as HTTPParserError {
            throw error
        } catch {
            response = redirect(error, route, request) ?? refusal(error, route.surface, visit)
            // A ticket may stand in the address of a refusal, and the app's own pages are a link away.
            if visit.app != nil { response.headers[.referrerPolicy] = "no-referrer" }
        }
        if let browser = visit.browser, browser.isNew, route.surface == .page {
            response = response.setting(cookie: cookies.set(cookies.browser, browser.token.text, maxAge: 400 * 86_400))
        }
        return finish(
            response, visit, formTarget: route.surface == .page ? formTarget(request, visit) : nil, runsModule: route.runsModule)
    }

    /// Where a page's form leads on to in the end, if that is an app's host.
    private func formTarget(_ request: Request, _ visit: Visit) -> PublicURL? {
        guard visit.app == nil else { return nil }
        let asked = try? FormFields((request.uri.query ?? "").utf8)["return_to"] ?? FormFields(visit.body)["return_to"]
        return asked.flatMap { ReturnTo($0, publicURL: publicURL, apps: apps.all()) }?.app
    }

    /// Where to go on to: a path here or an app's page; nil for anything else (WF-06).
    func returnTo(_ text: String) -> String? { ReturnTo(text, publicURL: publicURL, apps: apps.all())?.location }

    /// For what has no route: a page for people, a problem for programs.
    func answerStranger(_ request: Request, _ context: Visit, _ reason: Reason) -> Response {
        var visit = context
        visit.id = Self.hex(random.bytes(8))
        let surface: Route.Surface = request.headers[.accept]?.contains("text/html") == true ? .page : .api
        return finish(refusal(Refused(reason), surface, visit), visit)
    }

    /// The same for programs alone, whatever they accept.
    /// - Parameter signInURL: where a person would sign in.
    func answerProgram(_ context: Visit, _ reason: Reason, signInURL: String? = nil) -> Response {
        var refused = Refused(reason)
        refused.signInURL = signInURL
        return answer(context, refused, asPage: false)
    }

    /// A refusal by the gateway.
    func answer(_ context: Visit, _ refused: Refused, asPage: Bool) -> Response {
        var visit = context
        if visit.id.isEmpty { visit.id = Self.hex(random.bytes(8)) }
        return finish(refusal(refused, asPage ? .page : .api, visit), visit)
    }

    /// Who asks, and for which host.
    /// - Returns: the way to the portal, for a page that was asked for on an app's host.
    private func admit(_ route: Route, _ request: Request, _ visit: inout Visit) async throws -> Response? {
        let forwarded = request.headers[values: .xForwardedFor]
        guard case .known(let address) = ClientAddress(peer: visit.peer ?? .unknown, forwardedFor: forwarded, trusted: trustedProxies)
        else {
            throw Refused(.proxyNotTrusted)
        }
        visit.client = Client(address: address, browser: request.headers[.userAgent] ?? "")
        // A file or a sign of life may be asked for by any name: load balancers probe by address.
        if route.surface == .plain { return nil }
        try await askRules(request, visit)
        let host = request.head.authority ?? ""
        if publicURL.isNamed(by: host) { return nil }
        guard let app = try await apps.at(host) else { throw wrongHost(host) }
        visit.app = app
        if route.place == .apps { return nil }
        guard route.surface == .page, !route.isUnsafe else { throw wrongHost(host) }
        return .seeOther(publicURL.description + (request.head.path ?? "/auth/account"))
    }

    private func askRules(_ request: Request, _ visit: Visit) async throws {
        guard check.isNeeded() else { return }
        let asked = AskedRequest(
            app: nil, method: request.method.rawValue, target: request.head.path ?? "/", client: visit.client, account: nil,
            header: { name in HTTPField.Name(name).flatMap { request.headers[$0] } })
        if let refused = await check.refusal(asked, visit.now) { throw refused }
    }

    private func wrongHost(_ host: String) -> Refused {
        let opened = host.isEmpty ? "no host" : "“\(host.prefix(200))”"
        return Refused(
            .wrongHost,
            detail:
                "You opened \(opened), and this server’s public-url is \(publicURL). Open that. If what you opened is right, change public-url in the settings, or name the host of an app with “postern app add”."
        )
    }

    /// Whose session the request carries. A bearer token hides the cookie: a call is one or the other.
    private func identify(_ route: Route, _ request: Request, _ visit: inout Visit) async throws {
        guard route.surface != .plain, route.surface != .hook else { return }
        if route.surface == .page {
            let known = Cookies.value(cookies.browser, in: request.headers).flatMap { Token(text: $0) }
            if visit.app == nil {
                visit.browser = BrowserCookie(token: known ?? Token(random: random.bytes(Token.byteCount)), isNew: known == nil)
                visit.client.mark = known.map(BrowserMark.init)
            }
        } else if let text = request.headers[.posternBrowser] {
            // Only a backend that is trusted with addresses is trusted with browsers.
            guard trustedProxies.contains(where: { range in visit.peer.map { range.contains($0) } ?? false }) else {
                throw Refused(.proxyNotTrusted, detail: "Postern-Browser is read from trusted-proxies only.")
            }
            guard let token = Token(text: text.utf8) else {
                throw Refused(
                    .malformed, detail: "Postern-Browser holds 32 random bytes in base64url, 43 characters, kept in a cookie of yours.")
            }
            visit.client.mark = BrowserMark(token)
        }
        let bearer = route.surface == .api ? request.headers[.authorization] : nil
        if let bearer, let text = PresentedKey.inAuthorization(bearer) {
            try await identify(byKey: text, request, &visit)
        } else if let bearer {
            visit.sessionToken = Self.bearerToken(bearer)
        } else if let app = visit.app {
            visit.sessionToken = Cookies.value(app.isOfDomain ? Cookies.domainSession : cookies.appSession, in: request.headers)
                .flatMap { SessionToken(text: $0, app: app.sessionPurpose) }
        } else if route.surface == .page || route.access != .anyone || route.asksWhoItIs {
            visit.sessionToken = Cookies.value(cookies.session, in: request.headers).flatMap { SessionToken(text: $0) }
        }
        if let token = visit.sessionToken { visit.session = try await findSession(token, visit.now) }
    }

    private func identify(byKey text: [UInt8], _ request: Request, _ visit: inout Visit) async throws {
        let finding = try await findKey(text, visit.client, visit.now)
        if let refused = finding.refused { throw refused }
        guard case .live(let key, _) = finding else { return }
        visit.key = key
        let cameByProxy = visit.peer.map { peer in trustedProxies.contains { $0.contains(peer) } } ?? false
        if cameByProxy, publicURL.isHTTPS, request.headers[.xForwardedProto] == "http" { noteExposed(key) }
    }

    static func bearerToken(_ header: String) -> SessionToken? {
        let prefix = "bearer "
        guard header.count > prefix.count, header.prefix(prefix.count).lowercased() == prefix else { return nil }
        return SessionToken(text: header.dropFirst(prefix.count).utf8)
    }

    /// Reads an unsafe request's body.
    private func receive(_ route: Route, _ request: Request, _ visit: inout Visit) async throws {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > Self.mostBody { throw Refused(.tooLarge) }
        var request = request
        do {
            visit.body = Array(buffer: try await request.collectBody(upTo: Self.mostBody))
        } catch is NIOTooManyBytesError {
            throw Refused(.tooLarge)
        }
    }

    /// Makes sure that an unsafe request comes from a page of ours, or from a program that isn't a browser's page.
    private func checkOrigin(_ route: Route, _ request: Request, _ visit: Visit) throws {
        let type = request.headers[.contentType]?.split(separator: ";").first.map { $0.lowercased() } ?? ""
        switch route.surface {
        case .plain: throw Refused(.methodNotAllowed)
        case .hook: return
        case .page:
            guard visit.body.isEmpty || type == "application/x-www-form-urlencoded" else {
                throw Refused(.unsupportedMediaType, detail: "Send a form.")
            }
            try check(request, token: try FormFields(visit.body)["form_token"], isOpenToAll: route.access == .anyone, visit)
        case .api:
            if route.method != .delete || !visit.body.isEmpty, type != "application/json" { throw Refused(.unsupportedMediaType) }
            if request.headers[.authorization] == nil, visit.session != nil {
                try check(request, token: request.headers[.csrfToken], visit)
            } else if let site = request.headers[.secFetchSite], site != "same-origin", site != "none" {
                throw Refused(.crossSite)
            }
        }
    }

    /// - Parameter isOpenToAll: forms on pages that need no sign-in may be bound to the browser, whoever is signed in by now.
    private func check(_ request: Request, token: String?, isOpenToAll: Bool = false, _ visit: Visit) throws {
        let place = visit.app?.origin ?? publicURL
        switch forms.verdict(request.headers, token: token, bound: bound(visit), at: place) {
        case .ours: return
        case .otherSite: throw Refused(.crossSite)
        // The page was opened before another tab signed in.
        case .tokenMissing
        where isOpenToAll && forms.verdict(request.headers, token: token, bound: boundToBrowser(visit), at: place) == .ours: return
        case .tokenMissing: throw visit.browser?.isNew == true ? cookieNotReturned : Refused(.formExpired)
        }
    }

    /// A form came without the cookie that its page was sent with.
    private var cookieNotReturned: Refused {
        Refused(
            .cookieNotReturned,
            detail:
                "Your browser didn’t send the cookie back that this page came with. Allow cookies here, and open exactly \(publicURL): with another scheme, host or port it keeps none."
        )
    }

    private func bound(_ visit: Visit) -> CrossSite.Bound? {
        if visit.session != nil, let token = visit.sessionToken { return .session(token.hash) }
        return boundToBrowser(visit)
    }

    private func boundToBrowser(_ visit: Visit) -> CrossSite.Bound? {
        visit.browser.map { .browser($0.token.hash(for: Token.Purpose(label: "browser"))) }
    }

    /// The hidden field of every form on this page; as `X-CSRF-Token` it opens the JSON calls to a page of ours.
    func formToken(_ visit: Visit) -> String { bound(visit).map(forms.token) ?? "" }

    /// A browser's session goes on under a new token: the old one is dead (SE-02).
    func renewed(_ session: LiveSession, _ token: SessionToken, _ visit: Visit) -> String {
        cookies.set(cookies.session, token.token.text, maxAge: session.isKept ? (session.expiresAt - visit.now).components.seconds : nil)
    }

    /// Who looks at a page behind the gate.
    func reader(_ session: LiveSession, _ visit: Visit) -> Pages.Reader {
        Pages.Reader(email: session.email, isAdministrator: session.role.mayAdminister, formToken: formToken(visit))
    }

    private func allow(_ route: Route, _ visit: Visit) throws {
        if let key = visit.key, route.access != .anyone {
            guard let scope = route.keyScope else { throw Refused(.notAllowed, detail: "An API key doesn’t open this. Sign in.") }
            guard scope.isEmpty || key.scopes.has(scope) else {
                throw Refused(.scopeMissing, detail: "It takes a key with the scope \(scope).")
            }
            return
        }
        switch route.access {
        case .anyone: return
        case .signedIn:
            guard let session = visit.session else { throw Refused(.signInNeeded) }
            guard !session.isHeld || route.opensWhileHeld else { throw Refused(.secondFactorRequired) }
        case .administrator:
            guard let session = visit.session else { throw Refused(.signInNeeded) }
            guard !session.isHeld else { throw Refused(.secondFactorRequired) }
            guard session.role.mayAdminister else { throw Refused(.notAllowed) }
            guard session.assurance == .aal2 || !administrationNeedsSecondFactor else { throw Refused(.secondFactorRequired) }
        }
    }

    /// A page that needs a sign-in, or a fresh proof, leads to it, and back.
    private func redirect(_ error: any Error, _ route: Route, _ request: Request) -> Response? {
        guard route.surface == .page, !route.isUnsafe, let reason = (error as? Refused)?.reason else { return nil }
        let back = "?return_to=" + percentEncoded(request.head.path ?? "/auth/account")
        switch reason {
        case .signInNeeded: return .seeOther("/auth/sign-in" + back)
        case .stepUpRequired: return .seeOther("/auth/account/step-up" + back)
        case .secondFactorRequired: return .seeOther("/auth/account/step-up" + back + "&need=second-factor")
        default: return nil
        }
    }

    private func refusal(_ error: any Error, _ surface: Route.Surface, _ visit: Visit) -> Response {
        let refused = error as? Refused ?? Refused((error as? StoreError) == .outcomeUnknown ? .outcomeUnknown : .unavailable)
        if !(error is Refused) {
            visit.logger.error(
                "a request failed",
                metadata: ["request": "\(visit.id)", "error": "\(error as? StoreError ?? .unavailable(reason: "\(type(of: error))"))"])
        }
        guard surface == .page else {
            return .problem(refused, requestID: visit.id)
        }
        var response = Response.page(pages.error(refused, requestID: visit.id), status: refused.reason.status)
        let wait = refused.retryAfter ?? (refused.reason == .unavailable || refused.reason == .busy ? 5 : nil)
        response.headers[.retryAfter] = wait.map { "\($0)" }
        response.headers.add(refused.rate, retryAfter: refused.retryAfter)
        return response
    }

    private func finish(
        _ response: Response, _ visit: Visit, formTarget: PublicURL? = nil, runsModule: Bool = false
    ) -> Response {
        // An answer that names its request went through here already.
        guard response.headers[.requestID] == nil else { return response }
        var response = response
        headers.add(to: &response.headers, formTarget: formTarget, runsModule: runsModule)
        response.headers[.requestID] = visit.id
        return response
    }

    static func hex(_ bytes: [UInt8]) -> String {
        String(unsafeUninitializedCapacity: 2 * bytes.count) { text in
            let digits = Array("0123456789abcdef".utf8)
            for (index, byte) in bytes.enumerated() {
                text[2 * index] = digits[Int(byte >> 4)]
                text[2 * index + 1] = digits[Int(byte & 15)]
            }
            return 2 * bytes.count
        }
    }
}
