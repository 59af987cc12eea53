import Storage

/// What is kept of a token in memory.
protocol Remembered: Sendable {
    associatedtype Owner: Hashable & Sendable
    /// Whose changes make it worthless.
    var owner: Owner { get }
}

/// What the database said of tokens lately, bounded. It is asked for what isn't here.
///
/// Two generations, as in a copying collector: what is used moves to the young one; when that is full, the old one is dropped.
/// Changes are ordered by a counter, not by a clock: an answer that was asked for before a change is never kept after it.
struct RecentTable<Value: Remembered>: Sendable {
    /// The first 128 bits of a token's hash.
    struct Key: Hashable {
        let high: UInt64
        let low: UInt64

        init(_ shortHash: (UInt64, UInt64)) { (high, low) = shortHash }
    }

    private struct Entry {
        var value: Value
        let epoch: UInt32
    }

    /// Past this many changed owners all is forgotten at once: cheaper than remembering them.
    private static var mostChanges: Int { 50_000 }

    private let capacity: Int
    private var young: [Key: Entry] = [:]
    private var old: [Key: Entry] = [:]
    /// Counts changes. To be brought along with what the database is asked for.
    private(set) var epoch: UInt32 = 0
    /// An entry of the owner that was asked for before that count is not to be trusted.
    private var changed: [Value.Owner: UInt32] = [:]
    /// Nor is any entry from before this one.
    private var floor: UInt32 = 0

    /// - Parameter capacity: entries kept at most.
    init(capacity: Int) { self.capacity = capacity }

    /// Nil where the database must be asked.
    mutating func find(_ key: Key) -> Value? {
        guard let entry = young[key] ?? promote(key) else { return nil }
        if isTrusted(entry) { return entry.value }
        young[key] = nil
        return nil
    }

    /// Changes what is kept, where it is.
    mutating func update(_ key: Key, _ change: (inout Value) -> Void) {
        guard let index = young.index(forKey: key) else { return }
        change(&young.values[index].value)
    }

    mutating func drop(_ key: Key) { young[key] = nil }

    /// - Parameter epoch: from before the database was asked.
    mutating func insert(_ value: Value, _ key: Key, epoch: UInt32) {
        let entry = Entry(value: value, epoch: epoch)
        if isTrusted(entry) { insert(entry, key) }
    }

    /// From now on what is the owner's is read anew. To be called after the change is committed.
    mutating func forget(_ owner: Value.Owner) {
        bumpEpoch()
        changed[owner] = epoch
        if changed.count > Self.mostChanges { forgetAll() }
    }

    mutating func forgetAll() {
        epoch &+= 1
        floor = epoch
        changed = [:]
        young = [:]
        old = [:]
    }

    private func isTrusted(_ entry: Entry) -> Bool {
        guard entry.epoch >= floor else { return false }
        guard !changed.isEmpty, let change = changed[entry.value.owner] else { return true }
        return entry.epoch >= change
    }

    /// After four thousand million changes the count begins anew, with nothing remembered from before.
    private mutating func bumpEpoch() {
        guard epoch < .max - 1 else {
            epoch = 0
            return forgetAll()
        }
        epoch += 1
    }

    private mutating func promote(_ key: Key) -> Entry? {
        guard let entry = old.removeValue(forKey: key) else { return nil }
        insert(entry, key)
        return entry
    }

    private mutating func insert(_ entry: Entry, _ key: Key) {
        if young.count >= capacity / 2 {
            old = young
            young = [:]
        }
        young[key] = entry
    }
}
