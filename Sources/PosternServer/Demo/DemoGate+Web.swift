import HTTPTypes
import Hummingbird
import Secrets
import Storage

/// The demo's second door: what a proxy and a sample app are elsewhere. Each request is asked about as any proxy would ask, and what is
/// allowed is answered by a page that shows what an app is told.
struct DemoGate: HTTPResponder {
    typealias Context = Visit

    let frontDoor: FrontDoor
    let app: App
    let publicURL: PublicURL
    let dashboard = SampleDashboard()

    func respond(to request: Request, context: Visit) async throws -> Response {
        let target = request.head.path ?? "/"
        if target.hasPrefix("/auth/") { return try await frontDoor.respond(to: request, context: context) }
        if target == "/dashboard", request.head.authority == app.origin.authority { return try await showDashboard(request, context) }
        let answer = try await frontDoor.respond(
            to: question(request.headers, request.method, target, at: request.head.authority ?? "", context), context: context)
        guard answer.status == .ok else { return answer }
        var seen: [(name: String, value: String)] = []
        for name in Gateway.identityHeaders {
            if let field = HTTPField.Name(name) { seen.append((name, answer.headers[field] ?? "")) }
        }
        let page = SampleAppPage(path: RequestPath(target: target).text, seen: seen, account: publicURL.description + "/auth/account")
        return .page(page.html)
    }

    // MARK: The dashboard

    private func showDashboard(_ request: Request, _ visit: Visit) async throws -> Response {
        if request.method == .post {
            var request = request
            // A page elsewhere must not give it a key of its own.
            let site = request.headers[.secFetchSite]
            guard site == nil || site == "same-origin" || site == "none" else { return Response(status: .forbidden) }
            let body = try await request.collectBody(upTo: Shell.mostBody)
            dashboard.use((try? FormFields(body.readableBytesView))?.text("key") ?? "")
            return .seeOther("/dashboard")
        }
        guard request.method == .get || request.method == .head else { return Response(status: .methodNotAllowed) }
        let keys = publicURL.description + "/auth/account/keys"
        return .page(DashboardPage(state: try await dashboardState(visit), keys: keys).html)
    }

    /// Asks the app's API as a program would: through the gateway, with the key.
    private func dashboardState(_ visit: Visit) async throws -> DashboardPage.State {
        guard let key = dashboard.key else { return .needsKey }
        let headers: HTTPFields = [.authorization: "Bearer \(key.exposed)", .userAgent: "Sample dashboard"]
        let answer = try await frontDoor.respond(
            to: question(headers, .get, "/api/orders", at: app.origin.authority, visit), context: visit)
        guard answer.status != .ok else {
            let names: [HTTPField.Name] = [.remoteOrganization, .remoteKey, .remoteScopes]
            return .works(told: names.map { name in (name.rawName, answer.headers[name].flatMap { $0.isEmpty ? nil : $0 } ?? "(empty)") })
        }
        let told = Self.challenge(answer.headers[.wwwAuthenticate] ?? "")
        let reason = told["reason"].flatMap(Reason.init(rawValue:)) ?? .apiKeyNotAccepted
        return .refused(title: reason.title, reason: reason.rawValue, at: told["at"], successor: told["successor"])
    }

    /// The parameters of `WWW-Authenticate`, the one header that every proxy hands on.
    private static func challenge(_ header: String) -> [String: String] {
        var found: [String: String] = [:]
        for match in header.matches(of: /(\w+)="([^"]*)"/) { found[String(match.1)] = String(match.2) }
        return found
    }

    /// As Traefik asks: the client's headers, and where they were meant for.
    private func question(
        _ headers: HTTPFields, _ method: HTTPRequest.Method, _ target: String, at authority: String, _ visit: Visit
    ) -> Request {
        var headers = headers
        headers[.xForwardedMethod] = method.rawValue
        headers[.xForwardedProto] = app.origin.isHTTPS ? "https" : "http"
        headers[.xForwardedHost] = authority
        headers[.xForwardedURI] = target
        headers[.xForwardedFor] = "\(visit.peer ?? .unknown)"
        let head = HTTPRequest(
            method: .get, scheme: app.origin.isHTTPS ? "https" : "http", authority: authority, path: GatewayWeb.forwardPath,
            headerFields: headers)
        return Request(head: head, body: .init(buffer: .init()))
    }
}
