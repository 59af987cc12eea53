import HTTPTypes
import Hummingbird
import Storage

/// The demo's second door: what a proxy and a sample app are elsewhere. Each request is asked about as any proxy would ask, and what is
/// allowed is answered by a page that shows what an app is told.
struct DemoGate: HTTPResponder {
    typealias Context = Visit

    let frontDoor: FrontDoor
    let app: App
    let publicURL: PublicURL

    func respond(to request: Request, context: Visit) async throws -> Response {
        let target = request.head.path ?? "/"
        if target.hasPrefix("/auth/") { return try await frontDoor.respond(to: request, context: context) }
        let answer = try await frontDoor.respond(to: question(request, target, context), context: context)
        guard answer.status == .ok else { return answer }
        var seen: [(name: String, value: String)] = []
        for name in Gateway.identityHeaders {
            if let field = HTTPField.Name(name) { seen.append((name, answer.headers[field] ?? "")) }
        }
        let page = SampleAppPage(path: RequestPath(target: target).text, seen: seen, account: publicURL.description + "/auth/account")
        return .page(page.html)
    }

    /// As Traefik asks: the client's headers, and where they were meant for.
    private func question(_ request: Request, _ target: String, _ visit: Visit) -> Request {
        var headers = request.headers
        headers[.xForwardedMethod] = request.method.rawValue
        headers[.xForwardedProto] = app.origin.isHTTPS ? "https" : "http"
        headers[.xForwardedHost] = request.head.authority ?? ""
        headers[.xForwardedURI] = target
        headers[.xForwardedFor] = "\(visit.peer ?? .unknown)"
        let head = HTTPRequest(
            method: .get, scheme: request.head.scheme, authority: request.head.authority, path: GatewayWeb.forwardPath,
            headerFields: headers)
        return Request(head: head, body: .init(buffer: .init()))
    }
}
