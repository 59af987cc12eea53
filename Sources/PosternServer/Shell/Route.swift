import HTTPTypes
import Hummingbird

/// One door into the house. Everything that answers a request is declared as one, with who may come in: there is no default (AZ-01).
struct Route: Sendable {
    enum Access: Equatable, Sendable {
        case anyone
        case signedIn
        /// Administrators and owners.
        case administrator
    }

    /// How it is spoken to, and how errors look.
    enum Surface: Equatable, Sendable {
        /// HTML and forms; the session's cookie.
        case page
        /// JSON; a bearer token or the cookie.
        case api
        /// A file or a sign of life: no session, no forms.
        case plain
        /// A call by a service that proves itself in a way of its own: no session, any content.
        case hook
    }

    /// On which hosts it answers.
    enum Place: Equatable, Sendable {
        /// The public URL's alone: what is asked elsewhere is led there.
        case portal
        /// Apps' hosts, and the portal's as far as an app stands there too.
        case apps
    }

    typealias Handler = @Sendable (Request, Visit) async throws -> Response

    let method: HTTPRequest.Method
    /// With `{id}` or another name where an identifier goes, as in openapi.yaml.
    let path: String
    let access: Access
    let surface: Surface
    var place = Place.portal
    /// Whether it answers in a session that waits for a second factor.
    var opensWhileHeld = false
    /// Open to all, and does more for somebody who is signed in: their cookie is read too.
    var asksWhoItIs = false
    /// The scope that an API key must have to open it; empty where any key does. No key opens what says nothing.
    var keyScope: String?
    /// Whether its page has a meter for new passwords, which is WebAssembly.
    var runsModule = false
    let handler: Handler

    static func page(_ method: HTTPRequest.Method, _ path: String, _ access: Access, _ handler: @escaping Handler) -> Route {
        Route(method: method, path: path, access: access, surface: .page, handler: handler)
    }

    static func api(_ method: HTTPRequest.Method, _ path: String, _ access: Access, _ handler: @escaping Handler) -> Route {
        Route(method: method, path: path, access: access, surface: .api, handler: handler)
    }

    static func plain(_ path: String, _ handler: @escaping Handler) -> Route {
        Route(method: .get, path: path, access: .anyone, surface: .plain, handler: handler)
    }

    static func hook(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping Handler) -> Route {
        Route(method: method, path: path, access: .anyone, surface: .hook, handler: handler)
    }

    /// The same door, on apps' hosts too.
    var onApps: Route {
        var copy = self
        copy.place = .apps
        return copy
    }

    /// The same door, also in a session that waits for a second factor.
    var whileHeld: Route {
        var copy = self
        copy.opensWhileHeld = true
        return copy
    }

    /// The same door, with who comes in known where that can be.
    var askingWhoItIs: Route {
        var copy = self
        copy.asksWhoItIs = true
        return copy
    }

    /// The same door, to API keys too.
    func forKeys(_ scope: String = "") -> Route {
        var copy = self
        copy.keyScope = scope
        return copy
    }

    /// The same door, to a page in which a new password is chosen.
    var withMeter: Route {
        var copy = self
        copy.runsModule = true
        return copy
    }

    var isUnsafe: Bool { ![.get, .head, .options].contains(method) }
}

/// The routes of one room.
protocol Room: Sendable {
    var routes: [Route] { get }
}
