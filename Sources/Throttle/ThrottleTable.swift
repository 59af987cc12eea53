import Glibc
import Synchronization

/// The meters of many keys in bounded memory, for any number of threads.
///
/// 24 bytes a place, and twice as many places as keys, taken from the system only as they are used. Where all places that a key may
/// have are taken by others that still count, the one that would be worthless first makes room.
public final class ThrottleTable: Sendable {
    /// How many places a key may have.
    private static let reach = 16
    private static let shardCount = 64

    private struct Place {
        /// 0 where nothing ever stood.
        var key: UInt64
        var meter: Meter
    }

    private struct Places: ~Copyable {
        let first: UnsafeMutablePointer<Place>
        let mask: Int

        init(count: Int) {
            // Zeroed memory that the system hands over when it is first touched.
            guard let memory = calloc(count, MemoryLayout<Place>.stride) else { preconditionFailure("There is no memory for a throttle.") }
            first = memory.bindMemory(to: Place.self, capacity: count)
            mask = count - 1
        }

        deinit { free(first) }

        /// The key's own place, or the one it takes.
        func place(of key: UInt64, now seconds: UInt32) -> UnsafeMutablePointer<Place> {
            // What stands nearest to its end, which may have come.
            var oldest = first + (Int(truncatingIfNeeded: key) & mask)
            for step in 0..<ThrottleTable.reach {
                let place = first + ((Int(truncatingIfNeeded: key) &+ step) & mask)
                if place.pointee.key == key { return place }
                if place.pointee.key == 0 {
                    if oldest.pointee.meter.expires > seconds { oldest = place }
                    break
                }
                if place.pointee.meter.expires < oldest.pointee.meter.expires { oldest = place }
            }
            oldest.pointee = Place(key: key, meter: Meter())
            return oldest
        }
    }

    private final class Shard: Sendable {
        let places: Mutex<Places>
        init(count: Int) { places = Mutex(Places(count: count)) }
    }

    private let shards: [Shard]

    /// - Parameter keys: how many it should hold at once; from 1,024 to a billion, others count as the nearest of these.
    public init(keys: Int) {
        var count = Self.reach
        while count * Self.shardCount < 2 * min(max(1_024, keys), 1_000_000_000) { count *= 2 }
        shards = (0..<Self.shardCount).map { _ in Shard(count: count) }
    }

    /// Counts one more of a key.
    ///
    /// - Parameters:
    ///   - key: a hash of what is counted and of the rule, which nobody outside can foresee: the standard library's `Hasher` is seeded anew
    ///     in each process. Two keys in a million meet with a probability of 1 in 30 million.
    ///   - now: microseconds since 1970.
    public func count(_ key: Int, at now: Int64, under rate: Rate) -> Decision {
        let key = max(1, UInt64(bitPattern: Int64(key)))
        let seconds = UInt32(clamping: now / 1_000_000)
        return shards[Int(truncatingIfNeeded: key >> 58)].places.withLock { places in
            places.place(of: key, now: seconds).pointee.meter.count(at: now, under: rate)
        }
    }
}
