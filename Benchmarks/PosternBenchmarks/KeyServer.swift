import Foundation
import Hummingbird
import Logging
import PosternServer
import Secrets
import ServiceLifecycle
import Storage
import UnixSignals

/// Postern with many API keys, and a bare Hummingbird route on another port of the same process to hold it against.
struct KeyServer {
    let directory: String
    let port: Int
    let barePort: Int
    let keys: Int
    /// Keys of the first organization; the others are spread over a thousand.
    let listed: Int
    /// Keys whose texts are written down, after the first organization's id and a key of it that may do everything.
    let checked: Int
    let textsFile: String

    func run() async throws {
        let settings = try Settings.load(
            file: nil, environment: [:], overrides: .init(dataDirectory: directory, listen: "127.0.0.1:\(port)"),
            cores: ProcessInfo.processInfo.activeProcessorCount)
        let opening = try await Opening.open(settings)
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let server = try Server(settings: settings, store: opening.store, keys: opening.keys, logger: logger)
        try await seed(opening.store)
        let router = Router(context: BasicRequestContext.self)
        router.get("bare") { _, _ in Response(status: .ok) }
        let bare = Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: barePort)), logger: logger)
        let application = server.application { _ in print("ready") }
        try await ServiceGroup(services: [application, bare], gracefulShutdownSignals: [.sigterm], logger: logger).run()
    }

    private func seed(_ store: any Store) async throws {
        let now = Int64(Date().timeIntervalSince1970 * 1_000_000)
        let organizations = (0...1_000).map { _ in Self.random(16) }
        try await store.write { (transaction) throws(StoreError) in
            for (number, id) in organizations.enumerated() {
                let slug = "shop-\(number)"
                try transaction.change(
                    """
                    INSERT INTO organization (id, slug, name, created_at, is_guest) VALUES (\(id), \(slug), \(slug), \(now), \(Int64(0)))
                    """)
            }
        }
        var texts = [Identifier<Self>(bytes: organizations[0])?.description ?? ""]
        let step = max(1, keys / checked)
        for start in stride(from: 0, to: keys, by: 2_000) {
            let batch = (start..<min(start + 2_000, keys)).map { number -> (text: KeyText, id: [UInt8], owner: [UInt8], scopes: String) in
                (
                    KeyText(mode: .live, random: Self.random(KeyText.byteCount)), Self.random(16),
                    organizations[number < listed ? 0 : 1 + number % 1_000], number == 0 ? "*" : "orders:read orders:write"
                )
            }
            try await store.write { (transaction) throws(StoreError) in
                for (text, id, owner, scopes) in batch {
                    try transaction.change(
                        """
                        INSERT INTO api_key (id, hash, owner, organization_id, name, mode, last_four, scopes, addresses, made_at)
                        VALUES (\(id), \(text.hash), \(owner), \(owner), 'A program', 'live', \(text.lastFour), \(scopes), '', \(now))
                        """)
                }
            }
            for (index, key) in batch.enumerated() where (start + index) % step == 0 || start + index == 0 {
                texts.append(key.text.text.exposed)
            }
        }
        try texts.joined(separator: "\n").write(toFile: textsFile, atomically: true, encoding: .utf8)
    }

    private static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
}
