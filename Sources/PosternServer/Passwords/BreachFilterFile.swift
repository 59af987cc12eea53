import BreachFilter
import Glibc
import Synchronization

/// The filter on this machine. A new file under the same name takes its place while the server runs.
///
/// Read in place, not mapped: a file that somebody shortens or copies over would end the whole process at the next look-up (SIGBUS).
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
        var file: OpenFile
        var lookedAt: ContinuousClock.Instant
    }

    /// Throws where there is no filter at the start: then a setting is wrong.
    init(path: String) throws(Problem) {
        self.path = path
        state = Mutex(State(file: try OpenFile(path: path), lookedAt: .now))
    }

    var figures: Figures {
        let file = current()
        return Figures(
            hashes: file.filter.hashes, fingerprintBits: file.filter.fingerprintBits, madeAt: file.filter.madeAt, bytes: file.identity.size)
    }

    enum Answer: Equatable, Sendable {
        /// - Parameter isExact: whether the file that says so errs so seldom that a password may be refused for it.
        case listed(isExact: Bool)
        case notListed
    }

    /// - Returns: nil if the file was spoiled.
    func contains(_ hash: BreachedHash) -> Answer? {
        let file = current()
        return file.contains(hash).map { $0 ? .listed(isExact: file.filter.fingerprintBits >= 16) : .notListed }
    }

    /// The file that stands under the name by now. One that is no filter leaves the one before in place.
    private func current() -> OpenFile {
        let (file, isDue) = state.withLock { state in
            let now = ContinuousClock.now
            let isDue = now - state.lookedAt >= Self.interval
            if isDue { state.lookedAt = now }
            return (state.file, isDue)
        }
        // Outside the lock: others go on with the file that they have.
        guard isDue, let identity = OpenFile.identity(of: path), identity != file.identity, let new = try? OpenFile(path: path) else {
            return file
        }
        state.withLock { $0.file = new }
        return new
    }

    private final class OpenFile: Sendable {
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

        private let descriptor: Int32
        let filter: BreachFilter
        let identity: Identity

        init(path: String) throws(Problem) {
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw Problem(description: "\(path) can't be read: \(String(cString: strerror(errno)))") }
            var status = stat()
            fstat(descriptor, &status)
            do throws(BreachFilter.Problem) {
                let header = Self.read(descriptor, BreachFilter.headerBytes)
                let head = Self.read(descriptor, try BreachFilter.headBytes(of: header))
                filter = try BreachFilter(head: head, fileBytes: Int(status.st_size))
            } catch {
                close(descriptor)
                throw Problem(description: "\(path) is no whole filter: make one with 'postern password breached build'")
            }
            self.descriptor = descriptor
            identity = Identity(status)
        }

        deinit { close(descriptor) }

        /// As much of the beginning as there is.
        private static func read(_ descriptor: Int32, _ count: Int) -> [UInt8] {
            [UInt8](unsafeUninitializedCapacity: count) { buffer, read in
                while read < count {
                    let part = pread(descriptor, buffer.baseAddress?.advanced(by: read), count - read, read)
                    guard part > 0 else { return }
                    read += part
                }
            }
        }

        func contains(_ hash: BreachedHash) -> Bool? {
            let width = filter.fingerprintBits / 8
            return filter.contains(hash) { offset in
                var value: UInt16 = 0
                return pread(descriptor, &value, width, offset) == width ? UInt16(littleEndian: value) : nil
            }
        }

        static func identity(of path: String) -> Identity? {
            var status = stat()
            return stat(path, &status) == 0 ? Identity(status) : nil
        }
    }
}
