import Foundation
import GRDB
import Glibc
package import Storage
import Synchronization

/// The embedded store: one SQLite file in WAL mode, durable when a write returns.
package struct SQLiteStore: Store {
    private let pool: DatabasePool

    /// - Parameters:
    ///   - path: the database file; made with mode 0600 if it isn't there.
    ///   - readers: connections for reads beside the one writer.
    package init(path: String, readers: Int = 4) throws(StoreError) {
        var configuration = GRDB.Configuration()
        configuration.maximumReaderCount = readers
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
        } catch {
            throw storeError(error)
        }
    }

    /// Not ended by the caller's being cancelled: a write that has begun is finished and its outcome told (LG-05).
    package func write<Value: Sendable>(
        _ body: @Sendable (borrowing Transaction) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let outcome = Outcome<Value>()
        await withoutActuallyEscaping(body) { body in
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let work = Work(body)
                pool.asyncWriteWithoutTransaction { database in
                    outcome.set(work.perform(in: database))
                    continuation.resume()
                }
            }
        }
        return try outcome.result.get()
    }

    package func read<Value: Sendable>(
        _ body: @Sendable (borrowing Transaction) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        do {
            return try await withoutActuallyEscaping(body) { body in
                try await pool.read { try body(Transaction(SQLiteConnection(database: $0))) }
            }
        } catch {
            throw storeError(error)
        }
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

    package func close() async { try? pool.close() }
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

/// A caller's closure on its way to the writer. It is let go of before the caller hears of the outcome: it was never meant to outlive
/// the call.
///
/// `@unchecked Sendable`: only the writer's queue calls ``perform(in:)``, once.
private final class Work<Value: Sendable>: @unchecked Sendable {
    private var body: (@Sendable (borrowing Transaction) throws(StoreError) -> Value)?

    init(_ body: @escaping @Sendable (borrowing Transaction) throws(StoreError) -> Value) { self.body = body }

    func perform(in database: Database) -> Result<Value, StoreError> {
        defer { body = nil }
        guard let body else { return .failure(.unavailable(reason: "SQLite: nothing to do")) }
        var value: Value?
        do {
            try database.inTransaction(.immediate) {
                value = try body(Transaction(SQLiteConnection(database: database)))
                return .commit
            }
        } catch {
            return .failure(storeError(error))
        }
        return value.map { .success($0) } ?? .failure(.unavailable(reason: "SQLite: no value"))
    }
}

private final class Outcome<Value: Sendable>: Sendable {
    private let stored = Mutex<Result<Value, StoreError>>(.failure(.unavailable(reason: "SQLite: nothing was done")))

    var result: Result<Value, StoreError> { stored.withLock { $0 } }
    func set(_ result: Result<Value, StoreError>) { stored.withLock { $0 = result } }
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
