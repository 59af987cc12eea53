import Logging
import NetworkAddress
import Secrets
import ServiceLifecycle
import Storage
import Synchronization
import Throttle

/// Answers "what is this key good for?" from memory or the database, and keeps memory honest: what other nodes and the command line change
/// is read five times a second, so a revoked key is refused within one (AK-05). Writes down who used which key, and from where.
final class KeyDesk: Sendable {
    private let store: any Store
    private let table = KeyTable()
    private let notices: KeyNotices
    private let logger: Logger
    /// Keys' own rates; each node counts by itself.
    private let rates = ThrottleTable(keys: 50_000)
    /// Texts that look like keys and are none (AK-10).
    private let misses = ThrottleTable(keys: 10_000)
    private let barred = Mutex<[AddressRange: Timestamp]>([:])

    private static let watchInterval = Duration.milliseconds(200)
    /// Longer than any two clocks differ.
    private static let watchBack = Duration.seconds(60)
    private static let writeInterval = Duration.seconds(1)
    /// Uses written down in one transaction: few enough that no sign-in waits for it.
    private static let writeBatch = 100
    /// Keys that are nobody's, of one client's network. A right one costs as much to look up: this spares the database, no more.
    private static let mostMisses = Rate.perMinute(300)
    private static let mostBarred = 10_000

    init(store: any Store, notices: KeyNotices, logger: Logger) { (self.store, self.notices, self.logger) = (store, notices, logger) }

    /// - Parameters:
    ///   - client: where the key is used: for its list of addresses, its rate, and what its owner sees.
    ///   - isCounted: false where a request is asked about a second time: its owner sees it once.
    ///   - isTrusted: whoever asks has a key of their own, and asks about many.
    func find(
        _ presented: some Collection<UInt8>, from client: Client, isCounted: Bool = true, isTrusted: Bool = false, now: Timestamp
    ) async throws(StoreError) -> KeyFinding {
        guard let text = KeyText(text: presented) else { return .refused(.invalid) }
        let (known, epoch) = table.find(text, now: now)
        let found: LiveKey
        if let known {
            found = known
        } else {
            let network = client.address.client
            if !isTrusted, isBarred(network, now: now) { return .throttled(Refused(.throttled)) }
            guard
                let read = try await store.lookUp({ (transaction) throws(StoreError) in try transaction.liveKey(hash: text.hash, now: now) }
                )
            else {
                if !isTrusted { noteMiss(network, now: now) }
                return .refused(.invalid)
            }
            table.remember(read, of: text, epoch: epoch)
            found = read
        }
        if let refusal = found.refusal(at: now) {
            if isCounted { table.note(found, from: client, passed: false, at: now) }
            return .refused(refusal)
        }
        guard found.isAllowed(from: client.address) else { return .wrongAddress }
        guard let rate = found.rate else {
            if isCounted { table.note(found, from: client, passed: true, at: now) }
            return .live(found, nil)
        }
        return count(found, rate, client, isCounted, now: now)
    }

    private func count(_ key: LiveKey, _ rate: Rate, _ client: Client, _ isCounted: Bool, now: Timestamp) -> KeyFinding {
        let decision = rates.count(key.id.hashValue, at: now.microseconds, under: rate)
        let limit = Int64(rate.limit)
        let left = decision.isAllowed ? max(0, limit - Int64(decision.count)) : 0
        let state = RateState(policy: "key", limit: limit, left: left)
        guard decision.isAllowed else {
            var refused = Refused(.throttled, detail: "This key may be used \(limit) times in \(rate.period) seconds.")
            refused.rate = state
            refused.retryAfter = max(1, (decision.wait + 999_999) / 1_000_000)
            return .throttled(refused)
        }
        if isCounted { table.note(key, from: client, passed: true, at: now) }
        return .live(key, state)
    }

    private func isBarred(_ network: AddressRange, now: Timestamp) -> Bool {
        barred.withLock { barred in !barred.isEmpty && barred[network].map { $0 > now } ?? false }
    }

    private func noteMiss(_ network: AddressRange, now: Timestamp) {
        var hasher = Hasher()
        hasher.combine(network)
        let decision = misses.count(hasher.finalize(), at: now.microseconds, under: Self.mostMisses)
        guard !decision.isAllowed else { return }
        barred.withLock { barred in
            if barred.count >= Self.mostBarred { barred = barred.filter { $0.value > now } }
            if barred.count < Self.mostBarred { barred[network] = now + .microseconds(decision.wait) }
        }
    }

    /// It came over plain HTTP: whoever is on the way has read it.
    func noteExposed(_ key: LiveKey) { table.noteExposed(key) }

    /// At once on this node; the other nodes read it from the database. To be called after the change is committed.
    func forget(_ owner: APIKey.Owner) { table.forget(owner.id) }

    /// The same, for a page that shows it; where there is much, it is written in a moment anyway.
    func writeFewUses(now: Timestamp) async throws(StoreError) {
        if table.waiting <= Self.writeBatch { try await writeUses(now: now) }
    }

    /// Writes down what was used.
    func writeUses(now: Timestamp) async throws(StoreError) {
        let (uses, exposed) = table.take()
        for start in stride(from: 0, to: uses.count, by: Self.writeBatch) {
            let batch = Array(uses[start..<min(start + Self.writeBatch, uses.count)])
            do throws(StoreError) {
                try await write(batch, now: now)
            } catch {
                table.putBack(uses[start...])
                throw error
            }
        }
        for id in exposed {
            try await store.write { (transaction) throws(StoreError) in
                guard let key = try transaction.noteExposed(id, now: now) else { return }
                try transaction.record(
                    AuditEvent(.keyExposed, account: key.owner.account, by: .server, from: nil, at: now, detail: "\(id)"))
                try notices.tell(.apiKeyExposed, of: key, from: "", in: transaction, now: now)
            }
        }
    }

    private func write(_ batch: [(use: KeyUse, count: KeyUseCount)], now: Timestamp) async throws(StoreError) {
        try await store.write { (transaction) throws(StoreError) in
            for (use, count) in batch {
                try transaction.noteUse(use, count)
                if count.refused > 0, let key = try transaction.allowTellingOfTries(use.key, now: now) {
                    try notices.tell(.apiKeyTried, of: key, from: use.address, in: transaction, now: now)
                }
            }
        }
    }
}

extension KeyDesk: Service {
    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.watch() }
                group.addTask { await self.keepWriting() }
            }
        }
        try? await writeUses(now: .now())
    }

    private func watch() async {
        let clock = ContinuousClock()
        var known: [APIKey.Owner.ID: Timestamp] = [:]
        var lastRead = clock.now
        while !Task.isCancelled {
            do {
                let since = Timestamp.now() - Self.watchBack
                let changes = try await store.read { (transaction) throws(StoreError) in try transaction.keyChanges(since: since) }
                for change in changes where known[change.owner] != change.at { table.forget(change.owner) }
                known = Dictionary(changes.map { ($0.owner, $0.at) }, uniquingKeysWith: max)
                // Changes may have come and gone while the database was away.
                if clock.now - lastRead > Self.watchBack - .seconds(5) { table.forgetAll() }
                lastRead = clock.now
            } catch {
                logger.debug("changes of keys could not be read", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.watchInterval)
        }
    }

    private func keepWriting() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.writeInterval)
            do {
                // A task of its own, so that the last ones are written when the server is told to stop.
                try await Task { try await self.writeUses(now: .now()) }.value
            } catch {
                logger.warning("uses of keys could not be written down", metadata: ["error": "\(error)"])
            }
        }
    }
}
