import Storage

/// A request as rules see it.
package struct AskedRequest {
    /// Through the gateway, to this app; empty there before any is named. Nil for Postern's own pages and API.
    let app: String?
    let method: String
    /// Path and query, as sent.
    let target: String
    let client: Client
    let account: Account.ID?
    /// By its name in lower case.
    let header: (String) -> String?
}

extension AskedRequest {
    /// Without a session.
    package init(app: String?, method: String, target: String, client: Client, header: @escaping (String) -> String?) {
        self.init(app: app, method: method, target: target, client: client, account: nil, header: header)
    }
}

/// Blocks and rules of requests, as the shell asks them.
struct RequestCheck: Sendable {
    /// Whether there is anything to ask: most servers have neither.
    let isNeeded: @Sendable () -> Bool
    let refusal: @Sendable (AskedRequest, Timestamp) async -> Refused?
}
