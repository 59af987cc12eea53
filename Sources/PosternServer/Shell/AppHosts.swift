import Secrets
import Storage

/// An app's host, as far as the shell must know it.
struct AppHost: Sendable {
    let name: String
    let origin: PublicURL
    /// Goes into the hash of its sessions' tokens: they are good there alone.
    let sessionPurpose: Token.Purpose
    /// Its session is a cookie of a whole domain.
    let isOfDomain: Bool
}

/// The hosts of apps. The composition root hands it in, so that the shell knows no room.
struct AppHosts: Sendable {
    /// By the host that a request names.
    let at: @Sendable (String) async throws(StoreError) -> AppHost?
    /// Those that are known now.
    let all: @Sendable () -> [AppHost]
}
