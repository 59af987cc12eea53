import Foundation

/// Threads that each own one connection and take work from one bounded queue.
///
/// `@unchecked Sendable`: all state is read and written under `condition`; a connection is only ever touched by its own thread.
final class ConnectionPool: @unchecked Sendable {
    /// Work for one connection, and whom to tell. The two are apart because a caller's closure must be let go of before it hears
    /// that the work is done: it was never meant to outlive the call.
    final class Work {
        private var body: (@Sendable (PostgresConnection) -> Void)?
        private let done: @Sendable () -> Void

        init(_ body: @escaping @Sendable (PostgresConnection) -> Void, done: @escaping @Sendable () -> Void) {
            self.body = body
            self.done = done
        }

        func perform(on connection: PostgresConnection) {
            body?(connection)
            body = nil
            done()
        }
    }

    /// More callers than this wait for nothing: the database is not keeping up.
    private static let longestQueue = 4_096

    private let condition = NSCondition()
    private var queue: [Work] = []
    private var isClosed = false
    private var idle = 0
    private var started = 0
    private let count: Int
    private let make: @Sendable () -> PostgresConnection

    init(count: Int, make: @escaping @Sendable () -> PostgresConnection) {
        self.count = count
        self.make = make
    }

    /// - Returns: false if the queue is full or the pool closed; the work will then never run.
    func submit(_ work: Work) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        guard !isClosed, queue.count < Self.longestQueue else { return false }
        queue.append(work)
        if idle < queue.count, started < count { startThread() }
        condition.signal()
        return true
    }

    /// Lets queued work finish, then ends all threads and their connections.
    func close() {
        condition.lock()
        isClosed = true
        condition.broadcast()
        while started > 0 { condition.wait() }
        condition.unlock()
    }

    private func startThread() {
        started += 1
        let thread = Thread { [self] in
            Thread.current.name = "postern-pg"
            let connection = make()
            while let work = next() { work.perform(on: connection) }
            connection.disconnect()
            condition.lock()
            started -= 1
            condition.broadcast()
            condition.unlock()
        }
        thread.start()
    }

    private func next() -> Work? {
        condition.lock()
        defer { condition.unlock() }
        idle += 1
        defer { idle -= 1 }
        while queue.isEmpty, !isClosed { condition.wait() }
        return queue.isEmpty ? nil : queue.removeFirst()
    }
}
