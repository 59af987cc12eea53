import Foundation
import Hummingbird
import Logging
import PosternServer
import Secrets
import ServiceLifecycle
import Storage
import UnixSignals

/// Postern with many live sessions, and a bare Hummingbird route on another port of the same process to hold it against.
struct BenchmarkServer {
    let directory: String
    let port: Int
    let barePort: Int
    let sessions: Int
    let tokensFile: String

    func run() async throws {
        let settings = try Settings.load(
            file: nil, environment: [:], overrides: .init(dataDirectory: directory, listen: "127.0.0.1:\(port)"),
            cores: ProcessInfo.processInfo.activeProcessorCount)
        let opening = try await Opening.open(settings)
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let server = Server(settings: settings, store: opening.store, keys: opening.keys, logger: logger)
        try await seed(opening.store)

        let router = Router(context: BasicRequestContext.self)
        router.get("bare") { _, _ in Response(status: .ok) }
        let bare = Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: barePort)), logger: logger)
        let application = server.application { _ in print("ready") }
        try await ServiceGroup(services: [application, bare], gracefulShutdownSignals: [.sigterm], logger: logger).run()
    }

    /// Makes an account and a session for each token, and writes the tokens to a file, one a line.
    private func seed(_ store: any Store) async throws {
        var tokens: [String] = []
        let now = Int64(Date().timeIntervalSince1970 * 1_000_000)
        for start in stride(from: 0, to: sessions, by: 1_000) {
            var batch: [(id: [UInt8], token: Token, number: Int)] = []
            for number in start..<min(start + 1_000, sessions) {
                let token = Token(random: Self.random(32))
                tokens.append(token.text.exposed)
                batch.append((Self.random(16), token, number))
            }
            let rows = batch
            try await store.write { (transaction) throws(StoreError) in
                for (id, token, number) in rows {
                    let email = "person\(number)@example.com"
                    let username = "person-\(number)"
                    try transaction.change(
                        """
                        INSERT INTO account (id, email, email_key, username, user_handle, name, role, state, created_at, confirmed_at)
                        VALUES (\(id), \(email), \(email), \(username), \(id), 'A Person', 'member', 'active', \(now), \(now))
                        """)
                    try transaction.change(
                        """
                        INSERT INTO session (id, token_hash, account_id, created_at, seen_at, expires_at, idle, address, browser)
                        VALUES (\(id), \(token.hash(for: Token.Purpose(label: "session"))), \(id), \(now), \(now), \(now + 86_400_000_000),
                            \(Int64(43_200_000_000)), '127.0.0.1', 'bench')
                        """)
                }
            }
        }
        try tokens.joined(separator: "\n").write(toFile: tokensFile, atomically: true, encoding: .utf8)
    }

    private static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
}
