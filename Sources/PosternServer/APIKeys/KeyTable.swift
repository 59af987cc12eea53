import NetworkAddress
import Secrets
import Storage
import Synchronization

/// From where a key was used on a day.
struct KeyUse: Hashable, Sendable {
    let key: APIKey.ID
    let day: Int64
    let address: String
    let agent: String
}

/// How often, and when last.
struct KeyUseCount: Sendable {
    var passed: Int64 = 0
    /// With a key that had ended.
    var refused: Int64 = 0
    var passedAt: Timestamp?
    var refusedAt: Timestamp?
}

/// The keys this node has seen lately, ended ones too, and the uses that the database hasn't heard of; both bounded.
final class KeyTable: Sendable {
    /// An entry is read anew after this long, whatever happens.
    static let longestMemory = Duration.seconds(300)
    /// Past this many nothing more is noted until they are written down.
    private static let mostUses = 100_000
    /// Sources of one key that are told apart until then: whoever calls under a thousand names takes nobody else's place.
    private static let mostSources = 200

    private struct Source: Hashable {
        let key: APIKey.ID
        let day: Int64
        let address: IPAddress
        let agent: String
    }

    private struct State {
        var recent: RecentTable<LiveKey>
        var uses: [Source: KeyUseCount] = [:]
        var sources: [APIKey.ID: Int] = [:]
        /// Seen over plain HTTP.
        var exposed: Set<APIKey.ID> = []
    }

    private let state: Mutex<State>

    init(capacity: Int = 200_000) { state = Mutex(State(recent: RecentTable(capacity: capacity))) }

    /// - Returns: nil and the count of changes where the database must be asked.
    func find(_ text: KeyText, now: Timestamp) -> (key: LiveKey?, epoch: UInt32) {
        let key = RecentTable<LiveKey>.Key(text.shortHash)
        return state.withLock { state in
            guard let found = state.recent.find(key), found.isFresh(at: now, within: Self.longestMemory) else {
                return (nil, state.recent.epoch)
            }
            return (found, state.recent.epoch)
        }
    }

    func remember(_ found: LiveKey, of text: KeyText, epoch: UInt32) {
        state.withLock { $0.recent.insert(found, RecentTable<LiveKey>.Key(text.shortHash), epoch: epoch) }
    }

    /// To be called after the change is committed.
    func forget(_ owner: APIKey.Owner.ID) { state.withLock { $0.recent.forget(owner) } }

    func forgetAll() { state.withLock { $0.recent.forgetAll() } }

    func note(_ key: LiveKey, from client: Client, passed: Bool, at now: Timestamp) {
        var source = Source(key: key.id, day: now.day, address: client.address, agent: client.browser)
        state.withLock { state in
            if state.uses[source] == nil {
                if state.uses.count >= Self.mostUses { return }
                if state.sources[key.id, default: 0] >= Self.mostSources {
                    source = Source(key: key.id, day: now.day, address: .unknown, agent: "")
                } else {
                    state.sources[key.id, default: 0] += 1
                }
            }
            var count = state.uses[source] ?? KeyUseCount()
            if passed {
                count.passed += 1
                count.passedAt = max(count.passedAt ?? now, now)
            } else {
                count.refused += 1
                count.refusedAt = max(count.refusedAt ?? now, now)
            }
            state.uses[source] = count
        }
    }

    func noteExposed(_ key: LiveKey) { state.withLock { state in if state.exposed.count < Self.mostUses { state.exposed.insert(key.id) } } }

    /// How much the database hasn't heard of.
    var waiting: Int { state.withLock { $0.uses.count } }

    /// Takes what the database hasn't heard of, in one order on all nodes, so that two never wait for each other.
    func take() -> (uses: [(use: KeyUse, count: KeyUseCount)], exposed: [APIKey.ID]) {
        let (uses, exposed) = state.withLock { state in
            defer { (state.uses, state.sources, state.exposed) = ([:], [:], []) }
            return (state.uses, state.exposed)
        }
        let named = uses.map { source, count in
            let address = source.address == .unknown ? "" : source.address.description
            let use = KeyUse(key: source.key, day: source.day, address: address, agent: source.agent)
            return (order: "\(use.key) \(use.day) \(address) \(use.agent)", use: use, count: count)
        }
        return (
            named.sorted { $0.order < $1.order }.map { (use: $0.use, count: $0.count) },
            exposed.map { (order: $0.description, id: $0) }.sorted { $0.order < $1.order }.map(\.id)
        )
    }

    /// What couldn't be written down waits for the next time.
    func putBack(_ uses: some Collection<(use: KeyUse, count: KeyUseCount)>) {
        state.withLock { state in
            for (use, count) in uses where state.uses.count < Self.mostUses {
                let source = Source(key: use.key, day: use.day, address: IPAddress(use.address) ?? .unknown, agent: use.agent)
                state.uses[source] = state.uses[source].map { $0.adding(count) } ?? count
            }
        }
    }
}

extension KeyUseCount {
    fileprivate func adding(_ other: KeyUseCount) -> KeyUseCount {
        KeyUseCount(
            passed: passed + other.passed, refused: refused + other.refused, passedAt: [passedAt, other.passedAt].compactMap { $0 }.max(),
            refusedAt: [refusedAt, other.refusedAt].compactMap { $0 }.max())
    }
}
