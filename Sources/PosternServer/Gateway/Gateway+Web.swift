import HTTPTypes
import Hummingbird
import NetworkAddress
import Secrets
import Storage

/// What proxies ask: `/auth/request` (nginx, HAProxy), `/auth/forward` (Caddy, Traefik) and `/auth/envoy/…` (Envoy).
///
/// An answer that allows sets no cookie, and carries every identity header, empty where there is nothing: a proxy that copies only what
/// it gets would otherwise let the client's own through.
struct GatewayWeb: Room {
    let directory: AppDirectory
    let desk: SessionDesk
    let keys: KeyDesk
    let assertions: Assertions
    let checks: WatchChecks
    let shell: Shell

    /// Answered before the router: most of all traffic.
    static let requestPath = "/auth/request"
    static let forwardPath = "/auth/forward"
    static let envoyPath = "/auth/envoy"

    /// Of all headers that are handed on: the whole answer's head must fit into a page of memory at the proxy, 4 KB.
    private static let mostBytes = 3_800

    var routes: [Route] { [.plain("/auth/jwks.json", keySet)] }

    @Sendable private func keySet(_ request: Request, _ visit: Visit) async throws -> Response {
        var response = Response.json(text: assertions.keySet)
        response.headers[.cacheControl] = "public, max-age=3600"
        return response
    }

    /// nginx reads 2xx, 401 and 403 only; anything else becomes a 500.
    @Sendable func request(_ request: Request, _ visit: Visit) async -> Response {
        guard request.method == .get || request.method == .head else { return Self.refused(.forbidden, .methodNotAllowed) }
        let finding = await find(request, visit, .originalURL)
        switch finding.verdict {
        case .allow, .allowKey: return allowed(finding, request)
        case .keyRefused(let refused):
            var response = Self.refused(refused.reason.status == .unauthorized ? .unauthorized : .forbidden, refused.reason)
            response.headers[.wwwAuthenticate] = refused.key?.challenge
            return response.retrying(refused)
        case .refused(let reason):
            let response = Self.refused(.forbidden, reason)
            return finding.refusal.map(response.retrying) ?? response
        case .signIn(let need):
            var response = Self.refused(.unauthorized, need.reason)
            response.headers[.wwwAuthenticate] = keyChallenge(finding, request)
            response.headers[.posternSignIn] = finding.original.isNavigation ? wayIn(finding, need) : ""
            return response
        }
    }

    /// The proxy hands our answer to the browser: a page is led to the sign-in, a program is told in JSON.
    @Sendable func forward(_ request: Request, _ visit: Visit) async -> Response {
        guard request.method == .get || request.method == .head else {
            return Response(status: .methodNotAllowed, headers: [.allow: "GET, HEAD"])
        }
        return await handOn(request, visit, .forwarded)
    }

    /// Envoy keeps the method, and puts the path behind ours.
    @Sendable func envoy(_ request: Request, _ visit: Visit) async -> Response { await handOn(request, visit, .envoy) }

    private func handOn(_ request: Request, _ visit: Visit, _ dialect: Dialect) async -> Response {
        let finding = await find(request, visit, dialect)
        switch finding.verdict {
        case .allow, .allowKey: return allowed(finding, request)
        case .keyRefused(let refused): return shell.answer(visit, refused, asPage: false)
        case .refused(let reason):
            return shell.answer(visit, finding.refusal ?? Refused(reason), asPage: finding.original.isNavigation)
        case .signIn(let need):
            guard finding.original.isNavigation else {
                var response = shell.answerProgram(visit, need.reason, signInURL: absolute(wayIn(finding, need)))
                response.headers[.wwwAuthenticate] = keyChallenge(finding, request)
                return response
            }
            return Response(
                status: finding.original.isSafe ? .found : .seeOther,
                headers: [.location: absolute(wayIn(finding, need)), .cacheControl: "no-store"])
        }
    }

    // MARK: Deciding

    /// Who describes the request, and how.
    enum Dialect { case originalURL, forwarded, envoy }

    /// A request as it was understood, and what comes of it.
    struct Finding {
        let original: OriginalRequest
        /// Nil where it isn't known, and before any app is.
        let app: ServedApp?
        let verdict: Gateway.Verdict
        /// `Authorization` held a session's token or a key of ours: the app must not see it.
        let tookAuthorization: Bool
        /// More of why it is refused, where a block or a rule did so.
        var refusal: Refused?
    }

    /// Before any app is named, whatever asks is one app: at its proxy's host, with the e-mail as the name.
    private static func onlyApp(_ publicURL: PublicURL) -> App {
        var app = App(name: "app", origin: publicURL)
        app.identity = .email
        // On one's own machine everything may be tried.
        if publicURL.isLoopback { app.keyKinds = Set(APIKey.Kind.allCases) }
        return app
    }

    func find(_ request: Request, _ visit: Visit, _ dialect: Dialect) async -> Finding {
        var finding = await decide(request, original(request, visit, dialect), visit)
        if shell.check.isNeeded(), let refused = await refusal(of: finding, request, visit) { finding = refused }
        guard let mark = request.headers[.posternCheck] else { return finding }
        return await noted(finding, mark, request, visit)
    }

    /// For an app that is known, or the only one there is, with what blocks and rules say.
    func finding(_ request: Request, _ original: OriginalRequest, _ served: ServedApp?, _ visit: Visit) async -> Finding {
        // A proxy that hands a refused request over has asked before; anybody else asks for the first time.
        let wasAsked = isTrusted(visit) && !(request.headers[.xOriginalURL] ?? "").isEmpty
        let finding = await find(request, original, served, visit, isCounted: !wasAsked)
        guard shell.check.isNeeded() else { return finding }
        return await refusal(of: finding, request, visit) ?? finding
    }

    /// What blocks and rules say of a request to an app, whoever is signed in.
    private func refusal(of finding: Finding, _ request: Request, _ visit: Visit) async -> Finding? {
        guard let client = client(request, visit) else { return Finding(finding.original, .refused(.proxyNotTrusted)) }
        let account: Account.ID? =
            switch finding.verdict {
            case .allow(let session, _, _): session?.account
            case .allowKey(let key): key.keyOwner.account
            default: nil
            }
        let asked = AskedRequest(
            app: finding.app?.app.name ?? "", method: finding.original.method, target: finding.original.place?.target ?? "/",
            client: client, account: account,
            header: { name in HTTPField.Name(name).flatMap { request.headers[$0] } })
        guard let refused = await shell.check.refusal(asked, .now()) else { return nil }
        var over = Finding(finding.original, .refused(refused.reason))
        over.refusal = refused
        return over
    }

    /// Who asks the app, as far as it can be believed.
    private func client(_ request: Request, _ visit: Visit) -> Client? {
        let peer = visit.peer ?? .unknown
        // Most proxies that aren't trusted send no such header, and it wouldn't count.
        let known =
            isTrusted(visit)
            ? ClientAddress(peer: peer, forwardedFor: request.headers[values: .xForwardedFor], trusted: shell.trustedProxies) : .known(peer)
        guard case .known(let address) = known else { return nil }
        return Client(address: address, browser: request.headers[.userAgent] ?? "")
    }

    private func decide(_ request: Request, _ original: OriginalRequest, _ visit: Visit) async -> Finding {
        guard let listing = await listing() else { return Finding(original, .refused(.unavailable)) }
        // What would open a tunnel is not asked about again: nothing of it may begin here.
        guard original.method != "CONNECT", request.headers[.upgrade].map({ $0.lowercased() == "websocket" }) ?? true else {
            return Finding(original, .refused(.notAllowed))
        }
        let served = original.place.flatMap { listing.app(at: $0.authority) }
        if listing.isInUse {
            guard original.place != nil else { return Finding(original, .refused(.unknownProxy)) }
            guard served != nil else { return Finding(original, .refused(.unknownApp)) }
        } else if let place = original.place, !shell.publicURL.isNamed(by: place.authority) {
            return Finding(original, .refused(.unknownApp))
        }
        return await find(request, original, served, visit, isCounted: true)
    }

    /// A request of `postern check`, as `TOKEN.NUMBER` or `TOKEN.NUMBER.pass`: what was seen is written down, and one that asks to pass
    /// does, as nobody.
    private func noted(_ finding: Finding, _ mark: String, _ request: Request, _ visit: Visit) async -> Finding {
        let parts = mark.split(separator: ".")
        guard (2...3).contains(parts.count), let token = Token(text: parts[0].utf8), let number = Int64(parts[1]), number < 1_000 else {
            return finding
        }
        let forwarded = request.headers[values: .xForwardedFor]
        let client = ClientAddress(peer: visit.peer ?? .unknown, forwardedFor: forwarded, trusted: shell.trustedProxies)
        let place = finding.original.place
        let sighting = Sighting(
            number: number, method: finding.original.method,
            url: place.map { "\($0.isHTTPS ? "https" : "http")://\($0.authority)\($0.target)" } ?? "", peer: "\(visit.peer ?? .unknown)",
            isPeerTrusted: isTrusted(visit), client: client.words, forwardedFor: String(forwarded.joined(separator: ",").prefix(500)),
            aliases: request.headers.map(\.name.canonicalName).filter(Gateway.isIdentity).joined(separator: ","),
            verdict: finding.verdict.word)
        guard await checks.note(sighting, mark: token, now: .now()), parts.count == 3, parts[2] == "pass",
            case .signIn = finding.verdict, sighting.aliases.isEmpty
        else { return finding }
        return Finding(
            original: finding.original, app: finding.app, verdict: .allow(nil, user: "", groups: ""), tookAuthorization: false)
    }

    /// For an app that is known, or the only one there is.
    private func find(
        _ request: Request, _ original: OriginalRequest, _ served: ServedApp?, _ visit: Visit, isCounted: Bool
    ) async -> Finding {
        let app = served?.app ?? Self.onlyApp(shell.publicURL)
        if let presented = Self.key(in: request.headers, for: app) {
            return await find(presented, request, original, served, app, visit, isCounted: isCounted)
        }
        let carriesIdentity = request.headers.contains { Gateway.isIdentity(header: $0.name.canonicalName) }
        guard let (session, tookAuthorization) = await session(request, served) else { return Finding(original, .refused(.unavailable)) }
        let verdict = Gateway.verdict(
            session, for: app, path: original.place.map { RequestPath(target: $0.target) }, carriesIdentity: carriesIdentity)
        return Finding(original: original, app: served, verdict: verdict, tookAuthorization: tookAuthorization)
    }

    /// A key that a request brings to an app.
    struct BroughtKey {
        let text: [UInt8]
        let isInAuthorization: Bool
    }

    private static func key(in headers: HTTPFields, for app: App) -> BroughtKey? {
        if let header = headers[.authorization], let text = PresentedKey.inAuthorization(header) {
            return BroughtKey(text: text, isInAuthorization: true)
        }
        guard let name = app.keyHeader.flatMap({ HTTPField.Name($0) }), let value = headers[name], !value.isEmpty else { return nil }
        return BroughtKey(text: Array(value.utf8), isInAuthorization: false)
    }

    private func find(
        _ brought: BroughtKey, _ request: Request, _ original: OriginalRequest, _ served: ServedApp?, _ app: App, _ visit: Visit,
        isCounted: Bool
    ) async -> Finding {
        let carriesIdentity = request.headers.contains { Gateway.isIdentity(header: $0.name.canonicalName) }
        let path = original.place.map { RequestPath(target: $0.target) }
        func found(_ verdict: Gateway.Verdict) -> Finding {
            // What else stands there may be a session's token: with a key, nothing that looks like ours goes on to the app.
            let isOurs = request.headers[.authorization].flatMap(Shell.bearerToken) != nil
            return Finding(original: original, app: served, verdict: verdict, tookAuthorization: brought.isInAuthorization || isOurs)
        }
        guard app.takesKeys else {
            return found(Gateway.verdictWithoutKeys(for: app, path: path, carriesIdentity: carriesIdentity))
        }
        guard let client = client(request, visit) else { return found(.refused(.proxyNotTrusted)) }
        guard let finding = try? await keys.find(brought.text, from: client, isCounted: isCounted, now: .now()) else {
            return found(.refused(.unavailable))
        }
        guard case .live(let key, _) = finding else {
            return found(finding.refused.map(Gateway.Verdict.keyRefused) ?? .refused(.unavailable))
        }
        if let place = original.place, !place.isHTTPS, !PublicURL.isLoopback(host: PublicURL.split(place.authority)?.host ?? "") {
            keys.noteExposed(key)
        }
        return found(Gateway.verdict(key, for: app, path: path, carriesIdentity: carriesIdentity))
    }

    /// Programs such as git send a user name and a password only once they are asked to. Browsers aren't asked: they would open a window.
    func keyChallenge(_ finding: Finding, _ request: Request) -> String? {
        guard let app = finding.app?.app, app.takesKeys, request.headers[.secFetchMode] == nil, !finding.original.isNavigation else {
            return nil
        }
        return #"Basic realm="\#(app.name)", charset="UTF-8""#
    }

    /// Nil while the database can't be read for the first time: the caller denies.
    private func listing() async -> AppDirectory.Listing? {
        if let known = directory.known { return known }
        return try? await directory.current()
    }

    /// Nil when the database had to be asked and didn't answer. A session in memory needs no database.
    private func session(_ request: Request, _ served: ServedApp?) async -> (LiveSession?, tookAuthorization: Bool)? {
        do {
            if let bearer = request.headers[.authorization].flatMap(Shell.bearerToken),
                let session = try await desk.session(of: bearer, now: .now())
            {
                return (session, true)
            }
            guard let token = cookie(request, served) else { return (nil, false) }
            return (try await desk.session(of: token, now: .now()), false)
        } catch {
            return nil
        }
    }

    /// The cookie that counts on this host: the portal's own on the portal's, an app's on an app's.
    private func cookie(_ request: Request, _ served: ServedApp?) -> SessionToken? {
        guard let served, served.app.origin != shell.publicURL else {
            return Cookies.value(shell.cookies.session, in: request.headers).flatMap { SessionToken(text: $0) }
        }
        let name = served.app.cookieDomain == nil ? shell.cookies.appSession : Cookies.domainSession
        return Cookies.value(name, in: request.headers).flatMap { SessionToken(text: $0, app: served.sessionPurpose) }
    }

    // MARK: Reading

    /// What the proxy says of the request it holds; only a trusted proxy's word counts.
    private func original(_ request: Request, _ visit: Visit, _ dialect: Dialect) -> OriginalRequest {
        let headers = request.headers
        let isNavigation = Self.isNavigation(headers)
        guard isTrusted(visit) else { return OriginalRequest(method: "GET", place: nil, isNavigation: isNavigation) }
        switch dialect {
        case .originalURL:
            return OriginalRequest(
                method: headers[.xOriginalMethod] ?? "GET", place: headers[.xOriginalURL].flatMap { .init(url: $0) },
                isNavigation: isNavigation)
        case .forwarded:
            return OriginalRequest(
                method: headers[.xForwardedMethod] ?? "GET",
                place: .init(
                    isHTTPS: headers[.xForwardedProto] != "http", authority: headers[.xForwardedHost] ?? request.head.authority ?? "",
                    // What isn't said is no path: all rules hold.
                    target: headers[.xForwardedURI] ?? "*"), isNavigation: isNavigation)
        case .envoy:
            let target = (request.head.path ?? "").dropFirst(Self.envoyPath.count)
            return OriginalRequest(
                method: request.method.rawValue,
                place: .init(
                    isHTTPS: headers[.xForwardedProto] != "http", authority: request.head.authority ?? "",
                    target: target.isEmpty ? "/" : String(target)), isNavigation: isNavigation)
        }
    }

    func isTrusted(_ visit: Visit) -> Bool { visit.peer.map { peer in shell.trustedProxies.contains { $0.contains(peer) } } ?? false }

    /// The browser says so itself; an old one that doesn't asks for HTML.
    static func isNavigation(_ headers: HTTPFields) -> Bool {
        if let mode = headers[.secFetchMode] { return mode == "navigate" }
        return headers[.accept]?.contains("text/html") ?? false
    }

    // MARK: Answering

    /// Where a browser is led that may not come in yet.
    func wayIn(_ finding: Finding, _ need: Gateway.Need) -> String {
        guard let served = finding.app else { return signIn(finding.original) }
        let back = finding.original.returnTo
        if served.app.cookieDomain != nil {
            return shell.publicURL.description + Self.ticketURL(served.app.name, state: "", back: back, need)
        }
        return served.app.origin.description + "/auth/begin?return_to=" + Self.fitting(percentEncoded(back))
    }

    private func absolute(_ location: String) -> String { location.hasPrefix("/") ? shell.publicURL.description + location : location }

    /// Before any app is named: the sign-in on the same host.
    private func signIn(_ original: OriginalRequest) -> String {
        var location = "/auth/sign-in"
        if original.isSafe, let place = original.place,
            let back = shell.returnTo("\(place.isHTTPS ? "https" : "http")://\(place.authority)\(place.target)")
        {
            location += "?return_to=" + Self.fitting(percentEncoded(back))
        }
        return location
    }

    static func ticketURL(_ app: String, state: String, back: String, _ need: Gateway.Need) -> String {
        let fixed = "\(ReturnTo.ticketPath)?app=\(app)&state=\(state)&need=\(need.word)&return_to="
        let whole = fixed + percentEncoded(back)
        // It is handed on, encoded once more, through the sign-in: better to come back elsewhere than not to get in.
        return percentEncoded(whole).utf8.count <= 2_000 ? whole : fixed + "%2F"
    }

    /// With what stands before it, it must not be longer than a target may be.
    private static func fitting(_ encoded: String) -> String { encoded.utf8.count <= Shell.longestURI - 64 ? encoded : "%2F" }

    private func allowed(_ finding: Finding, _ request: Request) -> Response {
        let authorization = finding.tookAuthorization ? "" : request.headers[.authorization] ?? ""
        let identity: Identity
        switch finding.verdict {
        case .allow(let session, let user, let groups): identity = self.identity(finding.app, session, user: user, groups: groups)
        case .allowKey(let key):
            identity = Identity(key, assertion: finding.app.map { assertions.assertion(for: key, app: $0.app, now: .now()) } ?? "")
        default: return Self.refused(.forbidden, .unavailable)
        }
        let values = identity.values
        let bytes = zip(Gateway.identityHeaders, values).reduce(authorization.utf8.count) { $0 + $1.0.utf8.count + $1.1.utf8.count + 4 }
        guard bytes <= Self.mostBytes else { return Self.refused(.forbidden, .headersTooLong) }
        var headers = HTTPFields()
        headers.reserveCapacity(Self.identityNames.count + 8)
        for (name, value) in zip(Self.identityNames, values) { headers.append(HTTPField(name: name, value: value)) }
        headers.append(HTTPField(name: .authorization, value: authorization))
        headers.append(HTTPField(name: .cacheControl, value: "no-store"))
        return Response(status: .ok, headers: headers)
    }

    private func identity(_ served: ServedApp?, _ session: LiveSession?, user: String, groups: String) -> Identity {
        guard let session else { return Identity() }
        guard let app = served?.app else { return Identity(session, user: user, groups: groups, letters: .ascii, assertion: "") }
        return Identity(
            session, user: user, groups: groups, letters: app.letters,
            assertion: assertions.assertion(for: session, app: app, user: user, groups: groups, now: .now()))
    }

    private static let identityNames: [HTTPField.Name] = [
        .remoteUser, .remoteAccount, .remoteEmail, .remoteName, .remoteGroups, .remoteOrganization, .remoteKey, .remoteScopes,
        .remoteAssurance, .remoteAssertion,
    ]

    private static func refused(_ status: HTTPResponse.Status, _ reason: Reason) -> Response {
        Response(status: status, headers: [.posternReason: reason.rawValue, .cacheControl: "no-store"])
    }
}

extension GatewayWeb.Finding {
    fileprivate init(_ original: OriginalRequest, _ verdict: Gateway.Verdict) {
        self.init(original: original, app: nil, verdict: verdict, tookAuthorization: false)
    }
}

extension HTTPField.Name {
    static let remoteUser = named("Remote-User")
    static let remoteAccount = named("Remote-Account")
    static let remoteEmail = named("Remote-Email")
    static let remoteName = named("Remote-Name")
    static let remoteGroups = named("Remote-Groups")
    static let remoteOrganization = named("Remote-Organization")
    static let remoteKey = named("Remote-Key")
    static let remoteScopes = named("Remote-Scopes")
    static let remoteAssurance = named("Remote-Assurance")
    static let remoteAssertion = named("Remote-Assertion")
    static let posternSignIn = named("Postern-Sign-In")
    static let posternReason = named("Postern-Reason")
    static let posternCheck = named("Postern-Check")
}

extension ClientAddress {
    fileprivate var words: String { if case .known(let address) = self { "\(address)" } else { "malformed" } }
}
