import Logging
import Secrets
import ServiceLifecycle
import Storage
import Synchronization

/// An app that is served now, with what the gateway needs at every request.
final class ServedApp: Sendable {
    let app: App
    /// A session here is good on this host alone: its name goes into the hash of the token.
    let sessionPurpose: Token.Purpose
    /// In the settings file, and so not to be changed by the command line.
    let isConfigured: Bool

    init(_ app: App, isConfigured: Bool) {
        self.app = app
        self.isConfigured = isConfigured
        sessionPurpose = Token.Purpose(label: "app session", detail: app.sessionPlace)
    }
}

/// The apps of the settings file and of the database, by host. What `postern app` changes holds within a second.
final class AppDirectory: Sendable {
    /// One state of it; never changed, so that a request sees one and the same all along.
    final class Listing: Sendable {
        let all: [ServedApp]
        /// An app is named, or once was: from then on only hosts of apps are answered for.
        let isInUse: Bool
        private let byAuthority: [String: ServedApp]

        init(configured: [App], stored: [App], wasInUse: Bool = false) {
            var all = configured.map { ServedApp($0, isConfigured: true) }
            let names = Set(configured.map(\.name))
            let hosts = Set(configured.map(\.origin.authority))
            // The file wins over the database.
            all += stored.filter { !names.contains($0.name) && !hosts.contains($0.origin.authority) }
                .map { ServedApp($0, isConfigured: false) }
            self.all = all
            isInUse = wasInUse || !all.isEmpty
            byAuthority = Dictionary(all.map { ($0.app.origin.authority, $0) }, uniquingKeysWith: { first, _ in first })
        }

        /// - Parameter authority: as a request names it: host, and port unless it is the scheme's own.
        func app(at authority: String) -> ServedApp? {
            if let found = byAuthority[authority] { return found }
            let lower = authority.lowercased()
            if let found = byAuthority[lower] { return found }
            return lower.hasSuffix(":443") ? byAuthority[String(lower.dropLast(4))] : nil
        }

        func app(named name: String) -> ServedApp? { all.first { $0.app.name == name } }
    }

    private let store: any Store
    private let configured: [App]
    private let logger: Logger
    private let listing = Mutex<Listing?>(nil)

    private static let interval = Duration.milliseconds(500)

    init(store: any Store, configured: [App], logger: Logger) {
        self.store = store
        self.configured = configured
        self.logger = logger
    }

    /// What is known now; nil before the database was asked for the first time.
    var known: Listing? { listing.withLock { $0 } }

    func current() async throws(StoreError) -> Listing {
        if let known { return known }
        return try await load()
    }

    @discardableResult
    func load() async throws(StoreError) -> Listing {
        let (stored, wasInUse) = try await store.read { (transaction) throws(StoreError) in
            (try transaction.apps(), try transaction.appsWereNamed())
        }
        return listing.withLock { listing in
            if let old = listing, old.all.filter({ !$0.isConfigured }).map(\.app) == stored, old.isInUse || !wasInUse { return old }
            let fresh = Listing(configured: configured, stored: stored, wasInUse: wasInUse)
            listing = fresh
            return fresh
        }
    }
}

extension AppDirectory: Service {
    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            while !Task.isCancelled {
                do {
                    try await load()
                } catch {
                    logger.debug("the list of apps could not be read", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: Self.interval)
            }
        }
    }
}
