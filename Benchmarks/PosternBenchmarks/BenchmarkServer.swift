import Foundation
import Hummingbird
import Logging
import OneTimePassword
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
    /// A settings file; nil for none.
    let config: String?

    func run() async throws {
        let settings = try Settings.load(
            file: config, environment: [:], overrides: .init(dataDirectory: directory, listen: "127.0.0.1:\(port)"),
            cores: ProcessInfo.processInfo.activeProcessorCount)
        let opening = try await Opening.open(settings)
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let server = try Server(settings: settings, store: opening.store, keys: opening.keys, logger: logger)
        try await seed(opening.store, opening.keys.current)

        let router = Router(context: BasicRequestContext.self)
        router.get("bare") { _, _ in Response(status: .ok) }
        let bare = Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: barePort)), logger: logger)
        let application = server.application { _ in print("ready") }
        try await ServiceGroup(services: [application, bare], gracefulShutdownSignals: [.sigterm], logger: logger).run()
    }

    /// Makes an account with an authenticator and a session for each token, and writes tokens and secrets to a file, a pair a line.
    private func seed(_ store: any Store, _ keys: KeyRing) async throws {
        var tokens: [String] = []
        let now = Int64(Date().timeIntervalSince1970 * 1_000_000)
        for start in stride(from: 0, to: sessions, by: 1_000) {
            var batch: [(id: [UInt8], token: Token, secret: [UInt8], number: Int)] = []
            for number in start..<min(start + 1_000, sessions) {
                let token = Token(random: Self.random(32))
                let secret = Self.random(20)
                tokens.append("\(token.text.exposed) \(Base32.encode(secret))")
                batch.append((Self.random(16), token, secret, number))
            }
            let rows = batch
            try await store.write { (transaction) throws(StoreError) in
                for (id, token, secret, number) in rows {
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
                    let place = KeyRing.Place(
                        table: "authenticator", column: "secret", row: Identifier<Self>(bytes: id)?.description ?? "")
                    try transaction.change("INSERT INTO second_factor (account_id, failures, next_try_at, streak) VALUES (\(id), 0, 0, 0)")
                    try transaction.change(
                        """
                        INSERT INTO authenticator (account_id, id, name, secret, created_at, confirmed_at, last_step, drift, side, clock_error)
                        VALUES (\(id), \(id), 'Phone', \(keys.seal(secret, at: place, nonce: Self.random(12))), \(now), \(now), 0, 0, 0, 0)
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
