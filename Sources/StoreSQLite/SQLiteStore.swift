import Foundation
import GRDB
import Glibc
package import Storage
import WorkThreads

/// The embedded store: one SQLite file in WAL mode, durable when a write returns.
package struct SQLiteStore: Store {
    private let pool: DatabasePool
    /// The threads on which the pool's blocking calls are made.
    private let writer: WorkThreads<Void>
    private let readers: WorkThreads<Void>

    /// More callers than this wait for nothing: the disk is not keeping up.
    private static let longestQueue = 4_096

    /// - Parameters:
    ///   - path: the database file; made with mode 0600 if it isn't there.
    ///   - readers: connections for reads beside the one writer.
    package init(path: String, readers: Int = 4) throws(StoreError) {
        var configuration = GRDB.Configuration()
        // Besides the threads' own, one for each caller that can look something up at once: none of them ever waits for another.
        configuration.maximumReaderCount = readers + ProcessInfo.processInfo.activeProcessorCount
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA synchronous = FULL")
            try database.execute(sql: "PRAGMA trusted_schema = OFF")
            // In KiB for each connection: the system keeps the file's pages anyway.
            try database.execute(sql: "PRAGMA cache_size = -1024")
        }
        do {
            if !FileManager.default.fileExists(atPath: path), !Self.makeFile(path) {
                throw StoreError.unavailable(reason: "\(path) can't be made: is the folder there, and may this user write to it?")
            }
            pool = try DatabasePool(path: path, configuration: configuration)
            writer = WorkThreads(name: "postern-write", count: 1, queue: Self.longestQueue) {}
            self.readers = WorkThreads(name: "postern-read", count: readers, queue: Self.longestQueue) {}
        } catch {
            throw storeError(error)
        }
    }

    package func write<Value: Sendable>(
        _ body: @Sendable (borrowing Transaction) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await run(on: writer) { try pool.write { try body(Transaction(SQLiteConnection(database: $0))) } }
    }

    package func read<Value: Sendable>(
        _ body: @Sendable (borrowing Transaction) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await run(on: readers) { try pool.read { try body(Transaction(SQLiteConnection(database: $0))) } }
    }

    package func lookUp<Value: Sendable>(
        _ body: @Sendable (borrowing Transaction) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        // Without a transaction around it: a few rows by key need no common snapshot. The connection can't write all the same.
        try onPool { try pool.unsafeRead { try body(Transaction(SQLiteConnection(database: $0))) } }
    }

    private func onPool<Value>(_ body: () throws -> Value) throws(StoreError) -> Value {
        do { return try body() } catch { throw storeError(error) }
    }

    private func run<Value: Sendable>(
        on threads: WorkThreads<Void>, _ body: @Sendable () throws -> Value
    ) async throws(StoreError) -> Value {
        let result = await threads.run { _ in Result { () throws(StoreError) in try onPool(body) } }
        guard let result else { throw .unavailable(reason: "SQLite: too many waiting, or closed") }
        return try result.get()
    }

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
        try? pool.close()
    }
}

private func storeError(_ error: any Error) -> StoreError {
    switch error {
    case let error as StoreError: error
    case let error as DatabaseError
    where [.SQLITE_CONSTRAINT_UNIQUE, .SQLITE_CONSTRAINT_PRIMARYKEY].contains(error.extendedResultCode):
        .uniquenessViolation(constraint: error.message ?? "")
    // The message only: a statement's arguments may be personal, and a reason is logged.
    case let error as DatabaseError: .unavailable(reason: "SQLite \(error.extendedResultCode.rawValue): \(error.message ?? "no message")")
    default: .unavailable(reason: "SQLite: \(type(of: error))")
    }
}

private struct SQLiteConnection: Connection {
    let database: Database

    var dialect: Dialect { .sqlite }

    func run(_ statement: SQLStatement) throws(StoreError) -> [Storage.Row] {
        try translatingErrors {
            let prepared = try prepared(statement)
            let columns = prepared.columnNames
            let cursor = try GRDB.Row.fetchCursor(prepared)
            var rows: [Storage.Row] = []
            while let row = try cursor.next() {
                rows.append(Storage.Row(columns: columns, values: row.databaseValues.map { SQLValue($0) }))
            }
            return rows
        }
    }

    func change(_ statement: SQLStatement) throws(StoreError) -> Int {
        try translatingErrors {
            try prepared(statement).execute()
            return database.changesCount
        }
    }

    private func prepared(_ statement: SQLStatement) throws -> Statement {
        let prepared = try database.cachedStatement(sql: statement.text)
        try prepared.setArguments(StatementArguments(statement.bindings.map { $0.databaseValue }))
        return prepared
    }

    private func translatingErrors<Value>(_ body: () throws -> Value) throws(StoreError) -> Value {
        do {
            return try body()
        } catch {
            throw storeError(error)
        }
    }
}

extension SQLValue {
    fileprivate init(_ value: DatabaseValue) {
        switch value.storage {
        case .null, .double: self = .null
        case .int64(let number): self = .integer(number)
        case .string(let text): self = .text(text)
        case .blob(let data): self = .blob([UInt8](data))
        }
    }

    fileprivate var databaseValue: DatabaseValue {
        switch self {
        case .null: .null
        case .integer(let number): number.databaseValue
        case .text(let text): text.databaseValue
        case .blob(let bytes): Data(bytes).databaseValue
        }
    }
}
