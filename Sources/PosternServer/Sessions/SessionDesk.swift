import Logging
import ServiceLifecycle
import Storage

/// Answers "whose session is this?" from memory or the database, and keeps memory honest while other nodes and the command line
/// change things: what they change is read five times a second, so a revoked session is refused within one (SE-06).
final class SessionDesk: Sendable {
    private let store: any Store
    private let table: SessionTable
    private let logger: Logger

    /// How often other nodes' changes are read.
    private static let watchInterval = Duration.milliseconds(200)
    /// How far back: longer than any two clocks differ.
    private static let watchBack = Duration.seconds(60)
    private static let writeInterval = Duration.seconds(30)
    /// Uses written down in one transaction: few enough that no sign-in waits for it.
    private static let writeBatch = 500

    init(store: any Store, table: SessionTable = SessionTable(), logger: Logger) {
        self.store = store
        self.table = table
        self.logger = logger
    }

    /// The hot path: no database, no suspension.
    func find(_ token: SessionToken, now: Timestamp) -> SessionTable.Finding { table.find(token, now: now) }

    func session(of token: SessionToken, now: Timestamp) async throws(StoreError) -> LiveSession? {
        switch table.find(token, now: now) {
        case .live(let session): return session
        case .unknown(let epoch): return try await read(token, epoch: epoch, now: now)
        }
    }

    func read(_ token: SessionToken, epoch: UInt32, now: Timestamp) async throws(StoreError) -> LiveSession? {
        let hash = token.hash
        let found = try await store.lookUp { (transaction) throws(StoreError) in
            token.isOfApp
                ? try transaction.liveAppSession(tokenHash: hash, now: now) : try transaction.liveSession(tokenHash: hash, now: now)
        }
        if let found { table.remember(found.session, of: token, epoch: epoch, seenAt: found.seenAt, now: now) }
        return found?.session
    }

    /// At once on this node; the other nodes read it from the database. To be called after the change is committed.
    func forget(_ account: Account.ID) { table.forget(account) }
}

extension SessionDesk: Service {
    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            // Apart from each other: writing down many uses must not hold up what other nodes revoke.
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.watch() }
                group.addTask { await self.keepWritingSeen() }
            }
        }
        try? await writeSeen()
    }

    private func watch() async {
        let clock = ContinuousClock()
        var known: [Account.ID: Timestamp] = [:]
        var lastRead = clock.now
        while !Task.isCancelled {
            do {
                known = try await readChanges(now: .now(), known: known)
                // Changes may have come and gone while the database was away.
                if clock.now - lastRead > Self.watchBack - .seconds(5) { table.forgetAll() }
                lastRead = clock.now
            } catch {
                logger.debug("session changes could not be read", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.watchInterval)
        }
    }

    private func keepWritingSeen() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.writeInterval)
            do {
                try await writeSeen()
            } catch {
                logger.debug("uses of sessions could not be written down", metadata: ["error": "\(error)"])
            }
        }
    }

    /// - Returns: the changes of the last minute, so that each is acted on once.
    private func readChanges(now: Timestamp, known: [Account.ID: Timestamp]) async throws(StoreError) -> [Account.ID: Timestamp] {
        let changes = try await store.read { (transaction) throws(StoreError) in
            try transaction.sessionChanges(since: now - Self.watchBack)
        }
        for change in changes where known[change.account] != change.at { table.forget(change.account) }
        return Dictionary(changes.map { ($0.account, $0.at) }, uniquingKeysWith: max)
    }

    private func writeSeen() async throws(StoreError) {
        // In one order on all nodes, so that two never wait for each other.
        let seen = table.takeSeen().sorted { $0.session.description < $1.session.description }
        for start in stride(from: 0, to: seen.count, by: Self.writeBatch) {
            let batch = Array(seen[start..<min(start + Self.writeBatch, seen.count)])
            try await store.write { (transaction) throws(StoreError) in try transaction.noteSeen(batch) }
        }
    }
}
