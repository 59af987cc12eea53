package import BreachFilter
import Foundation
import Synchronization

/// The filter on this machine. A new file under the same name takes its place while the server runs.
///
/// What is asked is a copy that nobody else can write to: see ``MappedFile``.
package final class BreachFilterFile: Sendable {
    package struct Problem: Error, CustomStringConvertible {
        package let description: String
    }

    /// What is told of a filter.
    package struct Figures: Sendable, Equatable {
        package let hashes: Int
        let fingerprintBits: Int
        /// Microseconds since 1970 UTC.
        let madeAt: Int64
        let bytes: Int
    }

    private let path: String
    private let directory: String?
    private let state: Mutex<State>
    /// How often the name is looked at for another file.
    private static let interval = Duration.seconds(1)

    private struct State {
        var file: OpenFile
        var lookedAt: ContinuousClock.Instant
        /// Under the name when a file was last taken from there, or could not be.
        var tried: MappedFile.Identity
        var isTaking = false
    }

    /// Throws where there is no filter at the start: then a setting is wrong.
    /// - Parameter directory: where the copy goes, for what stays open. Nil asks the file itself, which is enough for one command.
    package init(path: String, copiedTo directory: String?) throws(Problem) {
        self.path = path
        self.directory = directory
        let file = try OpenFile(path: path, copiedTo: directory)
        state = Mutex(State(file: file, lookedAt: .now, tried: file.identity))
    }

    package var figures: Figures {
        let file = current()
        return Figures(
            hashes: file.filter.hashes, fingerprintBits: file.filter.fingerprintBits, madeAt: file.filter.madeAt, bytes: file.identity.size)
    }

    package enum Answer: Equatable, Sendable {
        /// - Parameter isExact: whether the file that says so errs so seldom that a password may be refused for it.
        case listed(isExact: Bool)
        case notListed
    }

    /// - Returns: nil if the file was spoiled.
    package func contains(_ hash: BreachedHash) -> Answer? {
        let file = current()
        return file.contains(hash).map { $0 ? .listed(isExact: file.filter.fingerprintBits >= 16) : .notListed }
    }

    /// The file that is asked by now. One that stands under the name since takes its place as soon as it is copied; one that is no filter
    /// leaves the one before.
    private func current() -> OpenFile {
        state.withLock { state in
            let now = ContinuousClock.now
            if now - state.lookedAt >= Self.interval {
                state.lookedAt = now
                // By name only: to copy a list may take seconds, and nobody waits for it.
                if !state.isTaking, let found = MappedFile.identity(of: path), found != state.tried {
                    (state.isTaking, state.tried) = (true, found)
                    Thread.detachNewThread { self.take() }
                }
            }
            return state.file
        }
    }

    private func take() {
        let new = try? OpenFile(path: path, copiedTo: directory)
        state.withLock { state in
            if let new { state.file = new }
            state.isTaking = false
        }
    }

    private struct OpenFile: Sendable {
        private let file: MappedFile
        let filter: BreachFilter

        var identity: MappedFile.Identity { file.identity }

        init(path: String, copiedTo directory: String?) throws(Problem) {
            do throws(MappedFile.Problem) { file = try MappedFile(path: path, copiedTo: directory) } catch {
                throw Problem(description: error.description)
            }
            do throws(BreachFilter.Problem) {
                let head = file.bytes(try BreachFilter.headBytes(of: file.bytes(BreachFilter.headerBytes)))
                filter = try BreachFilter(head: head, fileBytes: file.identity.size)
            } catch {
                throw Problem(description: "\(path) is no whole filter: make one with 'postern password breached build'")
            }
        }

        func contains(_ hash: BreachedHash) -> Bool? {
            filter.fingerprintBits == 16
                ? filter.contains(hash) { file.number(at: $0, as: UInt16.self) }
                : filter.contains(hash) { file.number(at: $0, as: UInt8.self).map(UInt16.init) }
        }
    }
}
