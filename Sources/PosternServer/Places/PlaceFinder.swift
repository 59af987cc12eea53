package import Logging
package import NetworkAddress
import ServiceLifecycle
import Storage
import Synchronization
import WorkThreads

/// Says where addresses are, from the files that the settings name, on a thread of its own: a disk that hangs holds up nobody but it.
package final class PlaceFinder: Sendable {
    /// A file as administrators see it.
    struct Listing: Sendable {
        let path: String
        let type: String
        let builtAt: Timestamp

        func isOld(at now: Timestamp) -> Bool { now - builtAt > PlaceFinder.oldAfter }
    }

    /// MaxMind's terms let nobody keep a copy for longer, and every other maker's is worth less by then.
    static let oldAfter = Duration.seconds(30 * 86_400)
    /// Longer, and the places stay unknown.
    private static let longestWait = Duration.seconds(3)
    private static let watchInterval = Duration.seconds(5)
    private static let warnInterval = Duration.seconds(86_400)

    let paths: [String]
    private let directory: String
    private let logger: Logger
    private let thread: WorkThreads<Void>
    private let state = Mutex(State())

    private struct State {
        var files: [PlaceFile] = []
        /// Whether the files were looked for once.
        var isRead = false
        /// What couldn't be used: it isn't tried again until it changes.
        var broken: [String: (identity: MappedFile.Identity, problem: String)] = [:]
        /// Since when the thread is at the piece of work that it does.
        var busySince: ContinuousClock.Instant?

        var isStuck: Bool { busySince.map { ContinuousClock.now - $0 > PlaceFinder.longestWait } ?? false }
    }

    /// - Parameters:
    ///   - paths: of files that may come and go while the server runs.
    ///   - directory: where copies go.
    package init(paths: [String], directory: String, logger: Logger) {
        (self.paths, self.directory, self.logger) = (paths, directory, logger)
        thread = WorkThreads(name: "places", count: 1, queue: 64, niceness: 5, make: {})
    }

    /// Why files can't be used.
    var problems: [String] {
        let (files, broken) = state.withLock { ($0.files, $0.broken) }
        let missing = paths.filter { path in broken[path] == nil && !files.contains { $0.path == path } }
        return broken.values.map(\.problem).sorted() + missing.map { "\($0) isn't there." }
    }

    var listings: [Listing] { state.withLock { $0.files.map { Listing(path: $0.path, type: $0.type, builtAt: $0.builtAt) } } }

    /// - Returns: the place of each, with nothing in it where it isn't known; nil while the files can't be asked: ask again later.
    package func find(_ addresses: [IPAddress]) async -> [AddressPlace]? {
        guard !paths.isEmpty else { return addresses.map { _ in AddressPlace() } }
        guard let files = state.withLock({ $0.isStuck || !$0.isRead ? nil : $0.files }) else { return nil }
        return await limited {
            addresses.map { address in
                var place = AddressPlace()
                guard AddressPlace.canBeKnown(address) else { return place }
                for file in files { file.look(up: address, into: &place) }
                return place
            }
        }
    }

    /// Reads files that are new or others than before, and lets go of those that are gone.
    package func refresh() async { _ = await limited { self.load() } }

    private func load() {
        let (before, broken) = state.withLock { ($0.files, $0.broken) }
        var (files, unusable): ([PlaceFile], [String: (identity: MappedFile.Identity, problem: String)]) = ([], [:])
        for path in paths {
            let known = before.first { $0.path == path }
            guard let identity = MappedFile.identity(of: path) else { continue }
            if let known, known.identity == identity {
                files.append(known)
                continue
            }
            if let before = broken[path], before.identity == identity {
                unusable[path] = before
                if let known { files.append(known) }
                continue
            }
            do throws(PlaceFile.Problem) {
                let file = try PlaceFile(path: path, copiedTo: directory)
                files.append(file)
                logger.info(
                    "places are read", metadata: ["file": "\(path)", "type": "\(file.type)", "built": "\(ISOTime.day(file.builtAt))"])
            } catch {
                logger.warning("a database of places can't be used", metadata: ["error": "\(error)"])
                unusable[path] = (identity, error.description)
                if let known { files.append(known) }
            }
        }
        state.withLock { ($0.files, $0.broken, $0.isRead) = (files, unusable, true) }
    }

    /// - Returns: nil where it took too long; it is still done to its end, and until then nothing else is begun.
    private func limited<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value? {
        guard !state.withLock({ $0.isStuck }) else { return nil }
        let (answers, answer) = AsyncStream<Value?>.makeStream(bufferingPolicy: .bufferingOldest(1))
        Task {
            answer.yield(
                await thread.run { [self] _ in
                    state.withLock { $0.busySince = .now }
                    defer { state.withLock { $0.busySince = nil } }
                    return work()
                })
        }
        let alarm = Task {
            do { try await Task.sleep(for: Self.longestWait) } catch { return }
            answer.yield(nil)
        }
        defer { alarm.cancel() }
        for await value in answers { return value }
        return nil
    }

    private func warnOfOld(now: Timestamp) {
        for file in listings where file.isOld(at: now) {
            logger.warning(
                "a database of places is older than 30 days; 'postern geo update' brings a newer one",
                metadata: ["file": "\(file.path)", "built": "\(ISOTime.day(file.builtAt))"])
        }
    }
}

extension PlaceFinder: Service {
    package func run() async throws {
        guard !paths.isEmpty else { return try await gracefulShutdown() }
        await cancelWhenGracefulShutdown { [self] in
            let clock = ContinuousClock()
            var warned: ContinuousClock.Instant?
            while !Task.isCancelled {
                await refresh()
                if warned.map({ clock.now - $0 > Self.warnInterval }) ?? true {
                    warnOfOld(now: .now())
                    warned = clock.now
                }
                try? await Task.sleep(for: Self.watchInterval)
            }
        }
    }
}
