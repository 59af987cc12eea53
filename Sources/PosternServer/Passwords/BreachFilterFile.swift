import BreachFilter
import Glibc
import Synchronization

/// The filter on this machine, mapped and not read. A new file under the same name takes its place while the server runs.
final class BreachFilterFile: Sendable {
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    /// What is told of a filter.
    struct Figures: Sendable, Equatable {
        let hashes: Int
        let fingerprintBits: Int
        /// Microseconds since 1970 UTC.
        let madeAt: Int64
        let bytes: Int
    }

    let path: String
    private let state: Mutex<State>
    /// How often the name is looked at for another file.
    private static let interval = Duration.seconds(1)

    private struct State {
        var mapped: Mapped
        var lookedAt: ContinuousClock.Instant
    }

    /// Throws where there is no filter at the start: then a setting is wrong.
    init(path: String) throws(Problem) {
        self.path = path
        state = Mutex(State(mapped: try Mapped(path: path), lookedAt: .now))
    }

    /// Whether it errs so seldom that a password may be refused for it.
    var isExact: Bool { figures.fingerprintBits >= 16 }

    var figures: Figures {
        let mapped = current()
        return Figures(
            hashes: mapped.filter.hashes, fingerprintBits: mapped.filter.fingerprintBits, madeAt: mapped.filter.madeAt,
            bytes: mapped.bytes.count)
    }

    /// - Returns: nil if the file is gone or spoiled and nothing was mapped before.
    func contains(_ hash: BreachedHash) -> Bool? {
        let mapped = current()
        return mapped.filter.contains(hash, in: mapped.bytes)
    }

    /// The file that stands under the name by now. One that is no filter leaves the one before in place.
    private func current() -> Mapped {
        state.withLock { state in
            let now = ContinuousClock.now
            guard now - state.lookedAt >= Self.interval else { return state.mapped }
            state.lookedAt = now
            if let identity = Mapped.identity(of: path), identity != state.mapped.identity, let new = try? Mapped(path: path) {
                state.mapped = new
            }
            return state.mapped
        }
    }

    /// A file in memory, as long as somebody uses it.
    private final class Mapped: @unchecked Sendable {
        struct Identity: Equatable {
            let device: UInt
            let inode: UInt
            let size: Int
            let changedAt: Int
            let changedAtNanoseconds: Int

            init(_ status: stat) {
                (device, inode, size) = (UInt(status.st_dev), UInt(status.st_ino), Int(status.st_size))
                (changedAt, changedAtNanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
            }
        }

        let bytes: UnsafeRawBufferPointer
        let filter: BreachFilter
        let identity: Identity

        init(path: String) throws(Problem) {
            let file = open(path, O_RDONLY | O_CLOEXEC)
            guard file >= 0 else { throw Problem(description: "\(path) can't be read: \(String(cString: strerror(errno)))") }
            defer { close(file) }
            var status = stat()
            guard fstat(file, &status) == 0, status.st_size > 0,
                let address = mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, file, 0), address != MAP_FAILED
            else { throw Problem(description: "\(path) can't be mapped: \(String(cString: strerror(errno)))") }
            let bytes = UnsafeRawBufferPointer(start: address, count: Int(status.st_size))
            do throws(BreachFilter.Problem) {
                filter = try BreachFilter(bytes)
            } catch {
                munmap(address, bytes.count)
                throw Problem(description: "\(path) is no whole filter: make one with 'postern password breached build'")
            }
            self.bytes = bytes
            identity = Identity(status)
        }

        deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }

        static func identity(of path: String) -> Identity? {
            var status = stat()
            return stat(path, &status) == 0 ? Identity(status) : nil
        }
    }
}
