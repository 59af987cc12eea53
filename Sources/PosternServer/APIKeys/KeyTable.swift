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
    var lastAt: Timestamp
    var owner: APIKey.Owner
}

/// The keys this node has seen lately, ended ones too, and the uses that the database hasn't heard of; both bounded.
final class KeyTable: Sendable {
    /// An entry is read anew after this long, whatever happens.
    static let longestMemory = Duration.seconds(300)
    /// Past this many nothing more is noted until they are written down.
    private static let mostUses = 100_000

    private struct Source: Hashable {
        let key: APIKey.ID
        let day: Int64
        let address: IPAddress
        let agent: String
    }

    private struct State {
        var recent: RecentTable<LiveKey>
        var uses: [Source: KeyUseCount] = [:]
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
        let source = Source(key: key.id, day: now.day, address: client.address, agent: client.browser)
        state.withLock { state in
            if state.uses.count >= Self.mostUses, state.uses[source] == nil { return }
            var count = state.uses[source] ?? KeyUseCount(lastAt: now, owner: key.keyOwner)
            if passed { count.passed += 1 } else { count.refused += 1 }
            count.lastAt = max(count.lastAt, now)
            state.uses[source] = count
        }
    }

    func noteExposed(_ key: LiveKey) { state.withLock { state in if state.exposed.count < Self.mostUses { state.exposed.insert(key.id) } } }

    /// Takes what the database hasn't heard of, in one order on all nodes, so that two never wait for each other.
    func take() -> (uses: [(use: KeyUse, count: KeyUseCount)], exposed: [APIKey.ID]) {
        let (uses, exposed) = state.withLock { state in
            defer { (state.uses, state.exposed) = ([:], []) }
            return (state.uses, state.exposed)
        }
        let sorted = uses.map { source, count in
            (use: KeyUse(key: source.key, day: source.day, address: source.address.description, agent: source.agent), count: count)
        }.sorted {
            ($0.use.key.description, $0.use.day, $0.use.address, $0.use.agent) < (
                $1.use.key.description, $1.use.day, $1.use.address, $1.use.agent
            )
        }
        return (sorted, exposed.sorted { $0.description < $1.description })
    }
}
