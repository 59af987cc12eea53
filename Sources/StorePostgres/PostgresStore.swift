import Foundation
package import Storage
import Synchronization

/// PostgreSQL over libpq: a bounded set of connections, each with a thread of its own.
package struct PostgresStore: Store {
    private let pool: ConnectionPool

    /// - Parameters:
    ///   - url: `postgres://user:password@host/database?…`, as libpq reads it.
    ///   - connections: how many threads and connections; made when first needed.
    package init(url: String, connections: Int = 8) {
        pool = ConnectionPool(count: connections) { PostgresConnection(url: url) }
    }

    package func write<Value: Sendable>(
        _ body: @Sendable (borrowing Transaction) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await onConnection(body) { connection, body throws(StoreError) in
            try connection.transaction(begin: "BEGIN", body)
        }
    }

    package func read<Value: Sendable>(
        _ body: @Sendable (borrowing Transaction) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await onConnection(body) { connection, body throws(StoreError) in
            try connection.transaction(begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", body)
        }
    }

    package func backup(to path: String) async throws(StoreError) -> BackupOutcome {
        .use(command: "pg_dump --format=custom --file='\(path)' \"$POSTERN_DATABASE\"")
    }

    package func close() async { pool.close() }

    private typealias Body<Value> = @Sendable (borrowing Transaction) throws(StoreError) -> Value

    private func onConnection<Value: Sendable>(
        _ body: Body<Value>, _ use: @escaping @Sendable (PostgresConnection, Body<Value>) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let outcome = Outcome<Value>()
        await withoutActuallyEscaping(body) { body in
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let work = ConnectionPool.Work(
                    { connection in
                        outcome.set(Result { () throws(StoreError) in try use(connection, body) })
                    }, done: { continuation.resume() })
                if !pool.submit(work) { continuation.resume() }
            }
        }
        return try outcome.result.get()
    }
}

/// Where a connection's thread leaves what came out.
private final class Outcome<Value: Sendable>: Sendable {
    private let stored = Mutex<Result<Value, StoreError>>(.failure(.unavailable(reason: "PostgreSQL: too many waiting, or closed")))

    var result: Result<Value, StoreError> { stored.withLock { $0 } }
    func set(_ result: Result<Value, StoreError>) { stored.withLock { $0 = result } }
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
