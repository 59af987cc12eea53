import Foundation
package import Storage
import WorkThreads

/// PostgreSQL over libpq: a bounded set of connections, each with a thread of its own.
package struct PostgresStore: Store {
    private let threads: WorkThreads<PostgresConnection>
    private let listener: PostgresListener?

    /// More callers than this wait for nothing: the database is not keeping up.
    private static let longestQueue = 4_096

    /// - Parameters:
    ///   - url: `postgres://user:password@host/database?…`, as libpq reads it.
    ///   - connections: how many threads and connections; made when first needed.
    ///   - listens: whether a further connection waits to hear of new work.
    package init(url: String, connections: Int = 8, listens: Bool = false) {
        listener = listens ? PostgresListener(url: url) : nil
        threads = WorkThreads(name: "postern-pg", count: connections, queue: Self.longestQueue) { PostgresConnection(url: url) }
    }

    package func write<Value: Sendable>(
        _ body: @Sendable (borrowing Transaction) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await run("BEGIN", body)
    }

    package func read<Value: Sendable>(
        _ body: @Sendable (borrowing Transaction) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", body)
    }

    private func run<Value: Sendable>(
        _ begin: String, _ body: @Sendable (borrowing Transaction) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let result = await threads.run { connection in
            Result { () throws(StoreError) in try connection.transaction(begin: begin, body) }
        }
        guard let result else { throw .unavailable(reason: "PostgreSQL: too many waiting, or closed") }
        return try result.get()
    }

    package func backup(to path: String) async throws(StoreError) -> BackupOutcome {
        .use(command: "pg_dump --format=custom --file='\(path)' \"$POSTERN_DATABASE\"")
    }

    package var bell: Bell? { listener?.bell }

    package func close() async {
        listener?.close()
        threads.close()
    }
}

extension PostgresConnection {
    /// How often a transaction is run again after a serialization failure or a deadlock.
    private static let retries = 8

    func transaction<Value>(
        begin: String, _ body: (borrowing Transaction) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        var attempt = 0
        while true {
            try start(begin)
            do {
                let value = try body(Transaction(self))
                try commit()
                return value
            } catch {
                let mayRetry = lastErrorAsksForRetry && attempt < Self.retries
                if isBroken { disconnect() } else { try? command("ROLLBACK") }
                guard mayRetry else { throw error }
                attempt += 1
                // Microseconds: 0.5 ms up to 1, 2, 4 … 256 ms, so that two that met don't meet again.
                usleep(UInt32.random(in: 500...(1_000 << UInt32(attempt))))
            }
        }
    }

    /// A connection that broke while it was idle (the server was restarted) is found out here, before anything was sent: begin anew.
    private func start(_ begin: String) throws(StoreError) {
        try connect()
        do {
            try command(begin)
        } catch {
            guard isBroken else { throw error }
            disconnect()
            try connect()
            try command(begin)
        }
    }

    private func commit() throws(StoreError) {
        do {
            try command("COMMIT")
        } catch {
            if isBroken { throw .outcomeUnknown }
            throw error
        }
    }
}
