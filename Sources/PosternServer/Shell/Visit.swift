import HTTPTypes
package import Hummingbird
import Logging
import NIOCore
import NetworkAddress
import Storage

/// What the shell knows of a request before a room sees it.
package struct Visit: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The other end of the connection.
    let peer: IPAddress?
    var id = ""
    var now = Timestamp(microseconds: 0)
    var client = Client(address: .unknown, browser: "")
    var body: [UInt8] = []
    /// The app on whose host this is; nil on the portal's.
    var app: AppHost?
    /// The session that a cookie or a bearer token named, if it lives.
    var session: LiveSession?
    /// The API key that was brought instead, if it is good.
    var key: LiveKey?
    /// The session's token as it came, to end or rotate it.
    var sessionToken: SessionToken?
    /// The browser's own random value, from its cookie: forms sent before a sign-in are bound to it.
    var browser: BrowserCookie?

    package init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        peer = source.channel.remoteAddress?.ipAddress.flatMap { IPAddress($0) }
    }

    /// For tests: a request without a socket.
    init(peer: IPAddress, logger: Logger) {
        coreContext = CoreRequestContextStorage(source: BareSource(logger: logger))
        self.peer = peer
    }

    private struct BareSource: RequestContextSource {
        let logger: Logger
    }

    var parameterID: String { coreContext.parameters.get("id") ?? "" }

    /// An identifier in the path; what is none names nothing.
    func identifier<Tag>(_ name: String = "id") throws -> Identifier<Tag> {
        guard let id = coreContext.parameters.get(name).flatMap({ Identifier<Tag>($0) }) else { throw Refused(.notFound) }
        return id
    }

    /// The session, on a route that its declaration opens to nobody else: the shell has checked.
    func signedIn() throws -> LiveSession {
        guard let session else { throw Refused(.signInNeeded) }
        return session
    }

    /// Who acts on keys: a session or a key, whichever was brought.
    func caller() throws -> KeyCaller { try key.map(KeyCaller.key) ?? .session(signedIn()) }
}

extension IPAddress {
    /// A peer without an IP address, such as a Unix socket: nobody's network.
    static let unknown = IPAddress("::") ?? preconditionUnreachable()

    private static func preconditionUnreachable() -> IPAddress { preconditionFailure(":: is an address (RFC 4291 §2.5.2).") }
}
