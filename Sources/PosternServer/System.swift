import Glibc
package import Storage

/// Where random bytes come from: the system's generator, handed to whatever needs them.
package struct Randomness: Sendable {
    private let draw: @Sendable (Int) -> [UInt8]

    init(_ draw: @escaping @Sendable (Int) -> [UInt8]) { self.draw = draw }

    func bytes(_ count: Int) -> [UInt8] { draw(count) }

    /// getrandom(2) through the standard library.
    package static let system = Randomness { count in
        var generator = SystemRandomNumberGenerator()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 7)
        while bytes.count < count {
            let word = generator.next()
            for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift))) }
        }
        return Array(bytes.prefix(count))
    }
}

extension Timestamp {
    /// The wall clock. Only the composition root, the shell and the services ask it; flows are told.
    package static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }
}
