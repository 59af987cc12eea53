import Foundation
import Logging
import NetworkAddress
import PosternServer
import Secrets
import Storage

/// The sign-in history at any size: filled as it would be after months, then written to, read from, cut and taken along.
///
/// `fill`: so many attempts of 100,000 accounts over 13 months, one in a hundred of the first account; packed as the server packs them.
/// `rates`: attempts a second, one and a hundred a transaction, and how long the slowest took while the oldest month is deleted.
/// `newest`: how long an account's newest 20 take, each asked once. `export`: everything of the first account.
struct HistoryRates {
    let directory: String
    let database: String
    let number: Int

    private static let accounts = 100_000
    private static let months: Int64 = 13
    private static let month: Int64 = 30 * 86_400

    private func open() async throws -> Opening {
        let settings = try Settings.load(
            file: nil, environment: [:], overrides: .init(dataDirectory: directory, database: database == "-" ? nil : database), cores: 2)
        return try await Opening.open(settings)
    }

    private static func id(_ index: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 16)
        for place in 0..<8 { bytes[15 - place] = UInt8(truncatingIfNeeded: (index &+ 1) >> (8 * place)) }
        // Spread over the index, as the random parts of real ones are.
        bytes[8] = UInt8(truncatingIfNeeded: index &* 197)
        bytes[6] = 0x70
        return bytes
    }

    /// Cheap and even: what is filled needn't be secret.
    private struct Numbers {
        var state: UInt64 = 88_172_645_463_325_252
        mutating func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
    }

    func fill() async throws {
        let opening = try await open()
        var numbers = Numbers()
        for start in stride(from: 0, to: Self.accounts, by: 2_000) {
            try await opening.store.write { (transaction) throws(StoreError) in
                for index in start..<start + 2_000 {
                    let id = Self.id(index)
                    try transaction.change(
                        """
                        INSERT INTO account (id, email, email_key, username, user_handle, name, role, state, created_at, confirmed_at)
                        VALUES (\(id), \("p\(index)@example.com"), \("p\(index)@example.com"), \("p-\(index)"), \(id), '', 'member', 'active', 0, 0)
                        """)
                }
            }
        }
        var newest = [[SignInAttempt.Number?]](repeating: [nil, nil], count: Self.accounts)
        let end = Timestamp.now() - .seconds(3 * 3_600)
        let step = Self.months * Self.month * 1_000_000 / Int64(number)
        let begin = end - .seconds(Self.months * Self.month)
        let size = Int(AttemptBlock.size)
        let program = Program("Firefox/140.0 Linux")
        let ids = (0..<Self.accounts).map(Self.id)
        for start in stride(from: 0, to: number, by: 200 * size) {
            var blocks: [[KeptAttempt]] = []
            for first in stride(from: start, to: min(number, start + 200 * size), by: size) {
                blocks.append(
                    (first..<min(number, first + size)).map { index in
                        let random = numbers.next()
                        let account = random % 100 == 0 ? 0 : Int(random >> 8) % Self.accounts
                        let isRefused = (random >> 40) % 10 == 0
                        let number = SignInAttempt.Number(
                            at: begin + .microseconds(step * Int64(index)),
                            random: [UInt8(truncatingIfNeeded: random >> 32), UInt8(truncatingIfNeeded: random)])
                        let kind = isRefused ? 1 : 0
                        defer { newest[account][kind] = number }
                        let time = begin + .microseconds(step * Int64(index))
                        let bytes = withUnsafeBytes(of: random) { Array($0) }
                        return KeptAttempt(
                            number: number, previous: newest[account][kind], who: ids[account],
                            outcome: isRefused ? .refused : .signedIn,
                            reason: isRefused ? "wrong-password" : "password",
                            address: IPAddress(bytes: bytes.prefix(4)), program: program,
                            session: isRefused
                                ? nil : Session.ID(now: time, random: bytes + [1, 2]),
                            lastAt: time,
                            place: Int64(random % 90_000) + 1, network: UInt32(random % 60_000))
                    })
            }
            let full = blocks
            try await opening.store.write { (transaction) throws(StoreError) in
                for block in full { try transaction.insertBlock(block, stripped: false) }
            }
        }
        for start in stride(from: 0, to: Self.accounts, by: 2_000) {
            let part = Array(newest[start..<start + 2_000])
            try await opening.store.write { (transaction) throws(StoreError) in
                for (index, kinds) in part.enumerated() {
                    for (kind, number) in kinds.enumerated() {
                        guard let number else { continue }
                        try transaction.change(
                            "INSERT INTO sign_in_chain (account_id, refused, newest) VALUES (\(Self.id(start + index)), \(Int64(kind)), \(number))"
                        )
                    }
                }
            }
        }
        await opening.store.close()
    }

    private static func attempt(_ numbers: inout Numbers, _ now: Timestamp) -> SignInAttempt {
        let random = numbers.next()
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: random >> (8 * $0)) }
        let isRefused = random % 10 == 0
        guard let address = IPAddress(bytes: bytes.prefix(4)) else { fatalError("four bytes are an address") }
        return SignInAttempt(
            at: now, account: Account.ID(bytes: id(Int(random >> 8) % accounts)), outcome: isRefused ? .refused : .signedIn,
            reason: isRefused ? "wrong-password" : "password", client: Client(address: address, browser: "Firefox/140.0 Linux"),
            session: isRefused ? nil : Session.ID(now: now, random: bytes + [1, 2]), random: .system)
    }

    func rates(seconds: Double) async throws {
        let opening = try await open()
        let store = opening.store
        var numbers = Numbers(state: UInt64(getpid()) &* 7_919)
        func rate(_ each: Int) async throws -> Double {
            let clock = ContinuousClock()
            let begin = clock.now
            var count = 0
            while clock.now - begin < .seconds(seconds) {
                let batch = (0..<each).map { _ in Self.attempt(&numbers, .now()) }
                try await store.write { (transaction) throws(StoreError) in
                    for attempt in batch { try transaction.recordAttempt(attempt) }
                }
                count += each
            }
            return Double(count) / Self.seconds(clock.now - begin)
        }
        _ = try await rate(1)
        let (one, hundred) = (try await rate(1), try await rate(100))
        print(#"{"one_a_commit":\#(one),"hundred_a_commit":\#(hundred)}"#)
        await store.close()
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }

    /// Deletes the oldest month while others sign in.
    func drop() async throws {
        let opening = try await open()
        let store = opening.store
        let isDone = Done()
        let writer = Task {
            var numbers = Numbers(state: UInt64(getpid()) &* 104_729)
            let clock = ContinuousClock()
            var slowest = Duration.zero
            while await !isDone.value {
                let attempt = Self.attempt(&numbers, .now())
                let begin = clock.now
                try await store.write { (transaction) throws(StoreError) in _ = try transaction.recordAttempt(attempt) }
                slowest = max(slowest, clock.now - begin)
                try await Task.sleep(for: .milliseconds(2))
            }
            return slowest
        }
        try await Task.sleep(for: .seconds(1))
        let clock = ContinuousClock()
        let begin = clock.now
        let kept = Duration.seconds((Self.months - 1) * Self.month)
        let blocks = try await PruneHistory(store: store, kept: kept, refusalsKept: kept).run(now: .now() - .seconds(3 * 3_600))
        let took = clock.now - begin
        await isDone.set()
        let slowest = try await writer.value
        print(#"{"seconds":\#(Self.seconds(took)),"blocks":\#(blocks),"longest_write_ms":\#(Self.seconds(slowest) * 1_000)}"#)
        await store.close()
    }

    private actor Done {
        var value = false
        func set() { value = true }
    }

    func newest(_ asked: Int) async throws {
        let opening = try await open()
        var numbers = Numbers(state: UInt64(getpid()) &* 31)
        let clock = ContinuousClock()
        var times: [Double] = []
        for _ in 0..<asked {
            guard let id = Account.ID(bytes: Self.id(Int(numbers.next() >> 8) % Self.accounts)) else { return }
            let begin = clock.now
            let found = try await opening.store.read { (transaction) throws(StoreError) in
                try transaction.attempts(of: id, limit: 20).count
            }
            times.append(Self.seconds(clock.now - begin) * 1_000)
            precondition(found > 0, "an account without attempts")
        }
        times.sort()
        print(#"{"p50_ms":\#(times[asked / 2]),"p99_ms":\#(times[asked * 99 / 100])}"#)
        await opening.store.close()
    }

    func export() async throws {
        let opening = try await open()
        let before = Self.memory()
        let clock = ContinuousClock()
        let begin = clock.now
        let read = ReadHistory(store: opening.store, keys: opening.keys.current.authenticator(for: "benchmark"))
        guard let id = Account.ID(bytes: Self.id(0)) else { return }
        var progress = ReadHistory.Progress()
        var (lines, bytes) = (0, 0)
        while true {
            let part = try await read.part(of: id, &progress)
            if part.isEmpty { break }
            lines += part.count
            for shown in part { bytes += HistoryCSV.line(shown).utf8.count }
        }
        print(
            #"{"seconds":\#(Self.seconds(clock.now - begin)),"lines":\#(lines),"bytes":\#(bytes),"more_memory_mb":\#(Double(Self.memory() - before) / 1_048_576)}"#
        )
        await opening.store.close()
    }

    /// The most this process had resident, in bytes.
    private static func memory() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        return (status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }?.split(separator: " ").dropFirst().first).flatMap { Int($0) }
            .map { $0 * 1_024 } ?? 0
    }

    /// Looks after so many sign-ins of known places.
    func settle(places file: String) async throws {
        let settings = try Settings.load(
            file: nil, environment: ["POSTERN_PLACES_FILES": file],
            overrides: .init(dataDirectory: directory, database: database == "-" ? nil : database), cores: 2)
        let opening = try await Opening.open(settings)
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let server = try Server(settings: settings, store: opening.store, keys: opening.keys, logger: logger)
        var numbers = Numbers()
        for _ in stride(from: 0, to: number, by: 500) {
            let batch = (0..<500).map { _ in Self.attempt(&numbers, .now()) }
            try await opening.store.write { (transaction) throws(StoreError) in
                for attempt in batch { try transaction.recordAttempt(attempt) }
            }
        }
        let clock = ContinuousClock()
        let begin = clock.now
        await server.history.finder.refresh()
        var done = 0
        while case let more = try await server.history.settling.round(now: .now()), more > 0 { done += more }
        print(#"{"attempts":\#(done),"per_second":\#(Double(done) / Self.seconds(clock.now - begin))}"#)
        await opening.store.close()
    }
}

/// Look-ups a second of CPU, as the background task makes them.
struct PlaceRate {
    let file: String
    let addresses: String
    let seconds: Double

    func run() async throws {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: addresses)))
        let all = stride(from: 0, to: bytes.count - 3, by: 4).compactMap { IPAddress(bytes: bytes[$0..<$0 + 4].reversed()) }
        let finder = PlaceFinder(
            paths: [file], directory: NSTemporaryDirectory(), logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        await finder.refresh()
        var (number, found, at) = (0, 0, 0)
        let begin = Self.cpu()
        while Self.cpu() - begin < seconds {
            let part = Array(all[at..<min(at + 1_000, all.count)])
            found += await (finder.find(part) ?? []).reduce(0) { $0 + ($1.isKnown ? 1 : 0) }
            number += part.count
            at = at + 1_000 < all.count ? at + 1_000 : 0
        }
        print(#"{"per_cpu_second":\#(Double(number) / (Self.cpu() - begin)),"found":\#(Double(found) / Double(number))}"#)
    }

    private static func cpu() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
