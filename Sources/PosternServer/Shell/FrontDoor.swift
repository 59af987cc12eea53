import HTTPTypes
package import Hummingbird
import NIOHTTP1

/// Takes a request from the socket to its route. The gateway's checks go past the router: they are most of all traffic.
package struct FrontDoor: HTTPResponder {
    package typealias Context = Visit
    typealias Fast = @Sendable (Request, Visit) async -> Response

    private let shell: Shell
    private let fast: [String: Fast]
    private let below: (path: String, answer: Fast)
    private let router: RouterResponder<Visit>

    /// - Parameters:
    ///   - fast: answered by their very path.
    ///   - below: answered with anything that stands below a path, whatever the method.
    init(shell: Shell, routes: [Route], fast: [String: Fast], below: (path: String, answer: Fast)) {
        self.shell = shell
        self.fast = fast
        self.below = below
        let router = Router(context: Visit.self, options: .autoGenerateHeadEndpoints)
        for (path, siblings) in Dictionary(grouping: routes, by: \.path) {
            let pattern = RouterPath(path.replacing(/\{(\w+)\}/) { ":\($0.1)" })
            for route in siblings {
                router.on(pattern, method: route.method) { request, visit in try await shell.answer(route, request, visit) }
            }
            let known = Set(siblings.map(\.method)).union(siblings.contains { $0.method == .get } ? [.head] : [])
            let allow = known.map(\.rawValue).sorted().joined(separator: ", ")
            for method in [HTTPRequest.Method.get, .head, .post, .put, .patch, .delete, .options, .trace] where !known.contains(method) {
                router.on(pattern, method: method) { request, visit in
                    var response = shell.answerStranger(request, visit, .methodNotAllowed)
                    response.headers[.allow] = allow
                    return response
                }
            }
        }
        self.router = router.buildResponder()
    }

    package func respond(to request: Request, context: Visit) async throws -> Response {
        let target = request.head.path ?? ""
        guard target.utf8.count <= Shell.longestURI else { return shell.answerStranger(request, context, .uriTooLong) }
        // Proxies ask without a query, so the target is the path: no cutting on the way that most requests take.
        if let fast = fast[target] { return await fast(request, context) }
        let path = target.prefix { $0 != "?" }
        if let fast = fast[String(path)] { return await fast(request, context) }
        if path == below.path || path.hasPrefix(below.path + "/") { return await below.answer(request, context) }
        guard Self.isNormal(path) else { return shell.answerStranger(request, context, .notFound) }
        do {
            let response = try await router.respond(to: request, context: context)
            // What a route answers carries an id; without one, the router found no route.
            return response.headers[.requestID] != nil ? response : shell.answerStranger(request, context, .notFound)
        } catch let error as HTTPParserError {
            throw error
        } catch {
            return shell.answerStranger(request, context, .notFound)
        }
    }

    /// Our paths are plain: anything encoded, doubled or dotted is no other spelling of one, but something else (HT-15).
    private static func isNormal(_ path: Substring) -> Bool {
        if path == "/" { return true }
        // The one place with a dot in front (RFC 8615).
        let path = path.hasPrefix("/.well-known/") ? path.dropFirst("/.well-known".count) : path
        var previous = UInt8(0)
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "_"):
                if previous == 0 { return false }
            case UInt8(ascii: "/"), UInt8(ascii: "."):
                // A slash or a dot after a slash, or no slash to begin with.
                if previous == UInt8(ascii: "/") || (previous == 0 && byte != UInt8(ascii: "/")) { return false }
            default: return false
            }
            previous = byte
        }
        return previous != 0 && previous != UInt8(ascii: "/")
    }
}
