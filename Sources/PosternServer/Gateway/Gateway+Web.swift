import HTTPTypes
import Hummingbird
import NetworkAddress
import Storage

/// The two contracts of proxies: `/auth/request` (nginx, HAProxy) and `/auth/forward` (Caddy, Traefik).
///
/// An answer that allows sets no cookie, and carries every identity header, empty where there is nothing: a proxy that copies only what
/// it gets would otherwise let the client's own through.
struct GatewayWeb: Sendable {
    let gateway: Gateway
    let desk: SessionDesk
    let shell: Shell

    /// nginx reads 2xx, 401 and 403 only; anything else becomes a 500.
    @Sendable func request(_ request: Request, _ visit: Visit) async -> Response {
        guard request.method == .get || request.method == .head else { return Response(status: .forbidden) }
        guard let verdict = await verdict(request, visit, .originalURL) else { return Self.refused(.forbidden, .unavailable) }
        switch verdict {
        case .allow(let session): return Self.allowed(session)
        case .headerAlias: return Self.refused(.forbidden, .headerAlias)
        case .signIn(let location):
            var response = Self.refused(.unauthorized, .signInNeeded)
            response.headers[.posternSignIn] = location ?? ""
            return response
        }
    }

    /// The proxy hands our answer to the browser: a page is led to the sign-in, a program is told in JSON.
    @Sendable func forward(_ request: Request, _ visit: Visit) async -> Response {
        guard request.method == .get || request.method == .head else {
            return Response(status: .methodNotAllowed, headers: [.allow: "GET, HEAD"])
        }
        guard let verdict = await verdict(request, visit, .forwarded) else { return shell.answerProgram(visit, .unavailable) }
        switch verdict {
        case .allow(let session): return Self.allowed(session)
        case .headerAlias: return shell.answerProgram(visit, .headerAlias)
        case .signIn(let location?):
            let isSafe = ["GET", "HEAD"].contains(original(request, visit, .forwarded).method)
            return Response(
                status: isSafe ? .found : .seeOther,
                headers: [.location: shell.publicURL.description + location, .cacheControl: "no-store"])
        case .signIn(nil):
            var response = shell.answerProgram(visit, .signInNeeded)
            response.headers[.posternSignIn] = shell.publicURL.description + "/auth/sign-in"
            return response
        }
    }

    private enum Dialect { case originalURL, forwarded }

    /// Nil when it can't be decided: the caller denies.
    private func verdict(_ request: Request, _ visit: Visit, _ dialect: Dialect) async -> Gateway.Verdict? {
        let carriesIdentity = request.headers.contains { Gateway.isIdentity(header: $0.name.canonicalName) }
        guard let session = await session(request) else { return nil }
        return gateway.verdict(session.value, original(request, visit, dialect), carriesIdentity: carriesIdentity)
    }

    private enum Finding {
        case live(LiveSession), none

        var value: LiveSession? { if case .live(let session) = self { session } else { nil } }
    }

    /// Nil when the database had to be asked and didn't answer. A session in memory needs no database.
    private func session(_ request: Request) async -> Finding? {
        let token: SessionToken? =
            if let bearer = request.headers[.authorization].flatMap(Shell.bearerToken) {
                bearer
            } else {
                Cookies.value(shell.cookies.session, in: request.headers).flatMap { SessionToken(text: $0) }
            }
        guard let token else { return Finding.none }
        let now = Timestamp.now()
        switch desk.find(token, now: now) {
        case .live(let session): return .live(session)
        case .unknown(let epoch):
            do {
                return try await desk.read(token, epoch: epoch, now: now).map(Finding.live) ?? Finding.none
            } catch {
                return nil
            }
        }
    }

    /// What the proxy says of the request it holds; only a trusted proxy's word counts.
    private func original(_ request: Request, _ visit: Visit, _ dialect: Dialect) -> Gateway.Original {
        let headers = request.headers
        let isTrusted = visit.peer.map { peer in shell.trustedProxies.contains { $0.contains(peer) } } ?? false
        guard isTrusted else { return Gateway.Original(method: "GET", url: nil, isNavigation: Self.isNavigation(headers)) }
        switch dialect {
        case .originalURL:
            return Gateway.Original(
                method: headers[.xOriginalMethod] ?? "GET", url: headers[.xOriginalURL], isNavigation: Self.isNavigation(headers))
        case .forwarded:
            let scheme = headers[.xForwardedProto] ?? "https"
            let host = headers[.xForwardedHost] ?? request.head.authority ?? ""
            return Gateway.Original(
                method: headers[.xForwardedMethod] ?? "GET", url: "\(scheme)://\(host)\(headers[.xForwardedURI] ?? "/")",
                isNavigation: Self.isNavigation(headers))
        }
    }

    /// The browser says so itself; an old one that doesn't asks for HTML.
    private static func isNavigation(_ headers: HTTPFields) -> Bool {
        if let mode = headers[.secFetchMode] { return mode == "navigate" }
        return headers[.accept]?.contains("text/html") ?? false
    }

    private static func allowed(_ session: LiveSession) -> Response {
        let email = session.email
        var headers = HTTPFields()
        headers.reserveCapacity(13)
        headers.append(HTTPField(name: .remoteUser, value: email))
        headers.append(HTTPField(name: .remoteAccount, value: session.account.description))
        headers.append(HTTPField(name: .remoteEmail, value: email))
        headers.append(HTTPField(name: .remoteName, value: Gateway.headerValue(session.name)))
        headers.append(HTTPField(name: .remoteGroups, value: session.groups))
        headers.append(HTTPField(name: .remoteAssurance, value: session.assurance.rawValue))
        headers.append(contentsOf: nothing)
        return Response(status: .ok, headers: headers)
    }

    /// What an allowed request always carries, and a person never has.
    private static let nothing: [HTTPField] = [
        HTTPField(name: .remoteOrganization, value: ""), HTTPField(name: .remoteKey, value: ""), HTTPField(name: .remoteScopes, value: ""),
        HTTPField(name: .remoteAssertion, value: ""), HTTPField(name: .cacheControl, value: "no-store"),
    ]

    private static func refused(_ status: HTTPResponse.Status, _ reason: Reason) -> Response {
        Response(status: status, headers: [.posternReason: reason.rawValue, .cacheControl: "no-store"])
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
}
