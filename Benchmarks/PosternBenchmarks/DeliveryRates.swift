import Foundation
import Logging
import PosternServer
import Secrets
import Storage

/// Half-made sign-ins of people with a confirmed number, a token a line: what codes are asked for with.
struct WaitingSignIns {
    let directory: String
    let people: Int
    let file: String

    func make() async throws {
        let settings = try Settings.load(file: nil, environment: [:], overrides: .init(dataDirectory: directory), cores: 2)
        let opening = try await Opening.open(settings)
        let keys = opening.keys.current
        let hashing = keys.authenticator(for: "telephone number")
        var tokens: [String] = []
        let now = Int64(Date().timeIntervalSince1970 * 1_000_000)
        for start in stride(from: 0, to: people, by: 1_000) {
            let batch = (start..<min(start + 1_000, people)).map {
                (number: $0, id: Self.random(16), token: Token(random: Self.random(32)))
            }
            tokens += batch.map(\.token.text.exposed)
            try await opening.store.write { (transaction) throws(StoreError) in
                for (number, id, token) in batch {
                    // A block of a thousand holds no two of them.
                    let e164 = "+35191" + String(String(10_000_000 + number * 1_009 % 10_000_000).dropFirst())
                    let email = "person\(number)@example.com"
                    let username = "person-\(number)"
                    try transaction.change(
                        """
                        INSERT INTO account (id, email, email_key, username, user_handle, name, role, state, created_at, confirmed_at)
                        VALUES (\(id), \(email), \(email), \(username), \(id), 'A Person', 'member', 'active', \(now), \(now))
                        """)
                    let place = KeyRing.Place(table: "phone", column: "number", row: Identifier<Self>(bytes: id)?.description ?? "")
                    try transaction.change(
                        """
                        INSERT INTO phone (account_id, id, number, number_key, masked, country, takes_texts, created_at, confirmed_at, usable_from)
                        VALUES (\(id), \(id), \(keys.seal(Array(e164.utf8), at: place, nonce: Self.random(12))),
                            \(hashing.code(for: Array(e164.utf8))), '+351', 'PT', 1, \(now), \(now), \(now))
                        """)
                    try transaction.change(
                        """
                        INSERT INTO sign_in_challenge (token_hash, account_id, password_set_at, must_enrol, is_kept, expires_at, tries, change_after)
                        VALUES (\(token.hash(for: Token.Purpose(label: "sign-in challenge"))), \(id), 0, 0, 0, \(now + 3_600_000_000), 0, '')
                        """)
                }
            }
        }
        await opening.store.close()
        try tokens.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
    }

    private static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
}

/// How long the choice of a way takes, with what the settings say.
struct ChoiceRate {
    let directory: String
    let config: String
    let seconds: Double

    func run() async throws {
        let settings = try Settings.load(file: config, environment: [:], overrides: .init(dataDirectory: directory), cores: 2)
        let opening = try await Opening.open(settings)
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let rules = try Server(settings: settings, store: opening.store, keys: opening.keys, logger: logger).delivery.rules
        let now = Timestamp.now()
        let clock = ContinuousClock()
        var times: [Double] = []
        let end = clock.now + .seconds(seconds)
        while clock.now < end {
            let began = clock.now
            guard rules.plan(.sms, to: "PT", tried: [], now: now, random: .system) != nil else { fatalError("no way") }
            let took = clock.now - began
            times.append(Double(took.components.attoseconds) / 1e12 + Double(took.components.seconds) * 1e6)
        }
        times.sort()
        await opening.store.close()
        print(
            "{\"number\": \(times.count), \"p50_us\": \(times[times.count / 2]), \"p99_us\": \(times[times.count * 99 / 100]), \"most_us\": \(times[times.count - 1])}"
        )
    }
}
