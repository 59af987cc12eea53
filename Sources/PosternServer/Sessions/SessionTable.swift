import Secrets
import Storage
import Synchronization

/// The sessions this node has seen lately, in memory, bounded.
final class SessionTable: Sendable {
    /// An entry is read anew after this long, whatever happens.
    static let longestMemory = Duration.seconds(300)

    private struct Entry: Remembered {
        let session: LiveSession
        /// The second of the last use.
        var seen: UInt32

        var owner: Account.ID { session.account }
    }

    private struct State {
        var recent: RecentTable<Entry>
        var seen: [Session.ID: SessionUse] = [:]
    }

    enum Finding {
        case live(LiveSession)
        /// Ask the database, and bring the answer with this count.
        case unknown(epoch: UInt32)
    }

    private let state: Mutex<State>

    /// - Parameter capacity: sessions kept at most.
    init(capacity: Int = 500_000) { state = Mutex(State(recent: RecentTable(capacity: capacity))) }

    func find(_ token: SessionToken, now: Timestamp) -> Finding {
        let key = RecentTable<Entry>.Key(token.shortHash)
        return state.withLock { state in
            guard let entry = state.recent.find(key) else { return .unknown(epoch: state.recent.epoch) }
            let session = entry.session
            guard session.isLive(at: now, seen: entry.seen), session.isFresh(at: now, within: Self.longestMemory) else {
                state.recent.drop(key)
                return .unknown(epoch: state.recent.epoch)
            }
            if session.isWorthMarking(at: now, seen: entry.seen) {
                state.recent.update(key) { $0.seen = LiveSession.seconds(now) }
                state.seen[session.id] = SessionUse(account: session.account, session: session.id, at: now)
            }
            return .live(session)
        }
    }

    /// Keeps what the database answered, and marks the use that made us ask.
    func remember(_ session: LiveSession, of token: SessionToken, epoch: UInt32, seenAt: Timestamp, now: Timestamp) {
        let key = RecentTable<Entry>.Key(token.shortHash)
        state.withLock { state in
            var seen = LiveSession.seconds(seenAt)
            if session.isWorthMarking(at: now, seen: seen) {
                seen = LiveSession.seconds(now)
                state.seen[session.id] = SessionUse(account: session.account, session: session.id, at: now)
            }
            state.recent.insert(Entry(session: session, seen: seen), key, epoch: epoch)
        }
    }

    /// From now on the account's sessions are read anew. To be called after the change is committed.
    func forget(_ account: Account.ID) { state.withLock { $0.recent.forget(account) } }

    func forgetAll() { state.withLock { $0.recent.forgetAll() } }

    /// Takes the uses that the database hasn't heard of.
    func takeSeen() -> [SessionUse] {
        state.withLock { state in
            defer { state.seen = [:] }
            return Array(state.seen.values)
        }
    }
}
