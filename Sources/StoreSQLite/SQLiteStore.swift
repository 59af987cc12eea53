import Foundation
import GRDB
import Glibc
package import Storage
import WorkThreads

/// The embedded store: one SQLite file in WAL mode, durable when a write returns.
package struct SQLiteStore: Store {
    private let pool: DatabasePool
    private let lookUps: LookUpConnections
    /// The threads on which the pool's blocking calls are made.
    private let writer: WorkThreads<GroupCommit>
    private let readers: WorkThreads<Void>

    /// More callers than this wait for nothing: the disk is not keeping up.
    private static let longestQueue = 4_096
    /// Writes that share a commit at most: the first of them waits for the last.
    private static let largestGroup = 64

    /// - Parameters:
    ///   - path: the database file; made with mode 0600 if it isn't there.
    ///   - readers: connections for reads beside the one writer.
    package init(path: String, readers: Int = 4) throws(StoreError) {
        var configuration = GRDB.Configuration()
        configuration.maximumReaderCount = readers
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA trusted_schema = OFF")
            // What a savepoint remembers stays out of files in /tmp.
            try database.execute(sql: "PRAGMA temp_store = MEMORY")
            // In KiB for each connection: the system keeps the file's pages anyway.
            try database.execute(sql: "PRAGMA cache_size = -1024")
        }
        do {
            if !FileManager.default.fileExists(atPath: path), !Self.makeFile(path) {
                throw StoreError.unavailable(reason: "\(path) can't be made: is the folder there, and may this user write to it?")
            }
            let pool = try DatabasePool(path: path, configuration: configuration)
            // Not among the settings above: the pool itself sets NORMAL when it turns WAL on, and a commit would then not wait for the disk.
            try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            self.pool = pool
            lookUps = LookUpConnections(path: path)
            writer = WorkThreads(
                name: "postern-write", count: 1, queue: Self.longestQueue, batch: Self.largestGroup, make: { GroupCommit(pool: pool) },
                together: { $0.commit($1) })
            self.readers = WorkThreads(name: "postern-read", count: readers, queue: Self.longestQueue) {}
        } catch {
            throw storeError(error)
        }
    }

    package func write<Value: Sendable>(
        _ body: @Sendable (borrowing Transaction) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let done = await writer.run { (commit) in
            (result: Result { () throws(StoreError) in try commit.part(body) }, batch: commit.batch)
        }
        guard let done else { throw Self.noRoom }
        if let failure = done.batch.failure { throw failure }
        return try done.result.get()
    }

    package func read<Value: Sendable>(
        _ body: @Sendable (borrowing Transaction) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let result = await readers.run { _ in
            Result { () throws(StoreError) in
                do { return try pool.read { try body(Transaction(SQLiteConnection(database: $0))) } } catch { throw storeError(error) }
            }
        }
        guard let result else { throw Self.noRoom }
        return try result.get()
    }

    package func lookUp<Value: Sendable>(
        _ body: @Sendable (borrowing Transaction) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        // Without a transaction around it: a few rows by key need no common snapshot.
        try lookUps.use(body)
    }

    private static var noRoom: StoreError { .unavailable(reason: "SQLite: too many waiting, or closed") }

    package func backup(to path: String) async throws(StoreError) -> BackupOutcome {
        guard Self.makeFile(path) else { throw .unavailable(reason: "\(path) is there already, or can't be written") }
        do {
            let copy = try DatabaseQueue(path: path)
            try pool.backup(to: copy)
            try copy.close()
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber
            return .copied(bytes: size?.int64Value ?? 0)
        } catch {
            try? FileManager.default.removeItem(atPath: path)
            throw storeError(error)
        }
    }

    /// Makes an empty file that only its owner ever could read.
    /// - Returns: false also when there is one already.
    private static func makeFile(_ path: String) -> Bool {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        if file >= 0 { Glibc.close(file) }
        return file >= 0
    }

    package func close() async {
        writer.close()
        readers.close()
        lookUps.close()
        try? pool.close()
    }
}
