import Secrets
import Storage
import Synchronization

/// The sessions this node has seen lately, in memory, bounded. The database is asked for what isn't here.
///
/// Two generations, as in a copying collector: what is used moves to the young one; when that is full, the old one is dropped.
/// Changes are ordered by a counter, not by a clock: an answer that was asked for before a change is never kept after it.
final class SessionTable: Sendable {
    /// An entry is read anew after this long, whatever happens.
    static let longestMemory = Duration.seconds(300)
    /// Past this many changed accounts all is forgotten at once: cheaper than remembering them.
    private static let mostChanges = 50_000

    private struct Key: Hashable {
        let high: UInt64
        let low: UInt64

        init(_ token: SessionToken) { (high, low) = token.shortHash }
    }

    private struct Entry {
        let session: LiveSession
        /// The second of the last use.
        var seen: UInt32
        let epoch: UInt32
    }

    private struct State {
        var young: [Key: Entry] = [:]
        var old: [Key: Entry] = [:]
        /// Counts changes.
        var epoch: UInt32 = 0
        /// An entry of the account that was asked for before that count is not to be trusted.
        var changed: [Account.ID: UInt32] = [:]
        /// Nor is any entry from before this one.
        var floor: UInt32 = 0
        var seen: [Session.ID: SessionUse] = [:]
    }

    enum Finding {
        case live(LiveSession)
        /// Ask the database, and bring the answer with this count.
        case unknown(epoch: UInt32)
    }

    private let capacity: Int
    private let state = Mutex(State())

    /// - Parameter capacity: sessions kept at most.
    init(capacity: Int = 500_000) { self.capacity = capacity }

    func find(_ token: SessionToken, now: Timestamp) -> Finding {
        let key = Key(token)
        return state.withLock { state in
            guard let entry = state.young[key] ?? promote(key, in: &state) else { return .unknown(epoch: state.epoch) }
            let session = entry.session
            guard isTrusted(entry, in: state), session.isLive(at: now, seen: entry.seen),
                session.isFresh(at: now, within: Self.longestMemory)
            else {
                state.young[key] = nil
                return .unknown(epoch: state.epoch)
            }
            if session.isWorthMarking(at: now, seen: entry.seen) {
                state.young[key]?.seen = LiveSession.seconds(now)
                state.seen[session.id] = SessionUse(account: session.account, session: session.id, at: now)
            }
            return .live(session)
        }
    }

    /// Keeps what the database answered, and marks the use that made us ask.
    func remember(_ session: LiveSession, of token: SessionToken, epoch: UInt32, seenAt: Timestamp, now: Timestamp) {
        let key = Key(token)
        state.withLock { state in
            var seen = LiveSession.seconds(seenAt)
            if session.isWorthMarking(at: now, seen: seen) {
                seen = LiveSession.seconds(now)
                state.seen[session.id] = SessionUse(account: session.account, session: session.id, at: now)
            }
            let entry = Entry(session: session, seen: seen, epoch: epoch)
            if isTrusted(entry, in: state) { insert(entry, key, in: &state) }
        }
    }

    /// From now on the account's sessions are read anew. To be called after the change is committed.
    func forget(_ account: Account.ID) {
        state.withLock { state in
            bumpEpoch(in: &state)
            state.changed[account] = state.epoch
            if state.changed.count > Self.mostChanges { forgetAll(in: &state) }
        }
    }

    func forgetAll() { state.withLock { forgetAll(in: &$0) } }

    /// Takes the uses that the database hasn't heard of.
    func takeSeen() -> [SessionUse] {
        state.withLock { state in
            defer { state.seen = [:] }
            return Array(state.seen.values)
        }
    }

    private func isTrusted(_ entry: Entry, in state: State) -> Bool {
        guard entry.epoch >= state.floor else { return false }
        guard !state.changed.isEmpty, let change = state.changed[entry.session.account] else { return true }
        return entry.epoch >= change
    }

    /// After four thousand million changes the count begins anew, with nothing remembered from before.
    private func bumpEpoch(in state: inout State) {
        guard state.epoch < .max - 1 else {
            state.epoch = 0
            return forgetAll(in: &state)
        }
        state.epoch += 1
    }

    private func forgetAll(in state: inout State) {
        state.epoch &+= 1
        state.floor = state.epoch
        state.changed = [:]
        state.young = [:]
        state.old = [:]
    }

    private func promote(_ key: Key, in state: inout State) -> Entry? {
        guard let entry = state.old.removeValue(forKey: key) else { return nil }
        insert(entry, key, in: &state)
        return entry
    }

    private func insert(_ entry: Entry, _ key: Key, in state: inout State) {
        if state.young.count >= capacity / 2 {
            state.old = state.young
            state.young = [:]
        }
        state.young[key] = entry
    }
}
