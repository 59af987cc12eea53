import GRDB
import GRDBSQLite
import Storage

func storeError(_ error: any Error) -> StoreError {
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

func lastError(of connection: OpaquePointer?) -> StoreError {
    storeError(
        DatabaseError(
            resultCode: ResultCode(rawValue: sqlite3_extended_errcode(connection)), message: String(cString: sqlite3_errmsg(connection))))
}

/// Statements on one connection. They are bound and stepped without GRDB's row types, which cost more than SQLite itself does for
/// statements as small as ours.
struct SQLiteConnection: Storage.Connection {
    let handle: OpaquePointer?
    /// Gives a statement that is kept prepared.
    let prepare: (String) throws -> OpaquePointer

    init(handle: OpaquePointer?, prepare: @escaping (String) throws -> OpaquePointer) {
        self.handle = handle
        self.prepare = prepare
    }

    /// A connection of GRDB's pool, which keeps its statements prepared.
    init(database: Database) {
        self.init(handle: database.sqliteConnection) { try database.cachedStatement(sql: $0).sqliteStatement }
    }

    var dialect: Dialect { .sqlite }

    func run(_ statement: SQLStatement) throws(StoreError) -> [Storage.Row] {
        let prepared = try prepared(statement)
        defer { sqlite3_reset(prepared) }
        let columns = (0..<sqlite3_column_count(prepared)).map { String(cString: sqlite3_column_name(prepared, $0)) }
        var rows: [Storage.Row] = []
        while try step(prepared) {
            rows.append(Storage.Row(columns: columns, values: columns.indices.map { value(of: prepared, column: Int32($0)) }))
        }
        return rows
    }

    func change(_ statement: SQLStatement) throws(StoreError) -> Int {
        let prepared = try prepared(statement)
        defer { sqlite3_reset(prepared) }
        while try step(prepared) {}
        return Int(sqlite3_changes64(handle))
    }

    private func prepared(_ statement: SQLStatement) throws(StoreError) -> OpaquePointer {
        let prepared: OpaquePointer
        do { prepared = try prepare(statement.text) } catch { throw storeError(error) }
        for (position, binding) in zip(Int32(1)..., statement.bindings) {
            guard bind(binding, to: prepared, at: position) == SQLITE_OK else { throw lastError(of: handle) }
        }
        return prepared
    }

    private func bind(_ value: SQLValue, to prepared: OpaquePointer, at position: Int32) -> Int32 {
        // SQLite takes a copy before the call returns.
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        switch value {
        case .null: return sqlite3_bind_null(prepared, position)
        case .integer(let number): return sqlite3_bind_int64(prepared, position, number)
        case .text(var text):
            return text.withUTF8 { text in
                // An empty text may have no address, which would be NULL.
                guard let start = text.baseAddress else { return sqlite3_bind_text(prepared, position, "", 0, transient) }
                return start.withMemoryRebound(to: CChar.self, capacity: text.count) {
                    sqlite3_bind_text(prepared, position, $0, Int32(clamping: text.count), transient)
                }
            }
        case .blob(let bytes):
            guard !bytes.isEmpty else { return sqlite3_bind_zeroblob(prepared, position, 0) }
            return sqlite3_bind_blob(prepared, position, bytes, Int32(clamping: bytes.count), transient)
        }
    }

    /// - Returns: whether there is a row.
    private func step(_ prepared: OpaquePointer) throws(StoreError) -> Bool {
        switch sqlite3_step(prepared) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw lastError(of: handle)
        }
    }

    private func value(of prepared: OpaquePointer, column: Int32) -> SQLValue {
        // Asked for only of texts and blobs: a number would be turned into a text.
        var count: Int { Int(sqlite3_column_bytes(prepared, column)) }
        switch sqlite3_column_type(prepared, column) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(prepared, column))
        case SQLITE_TEXT:
            guard let start = sqlite3_column_text(prepared, column) else { return .text("") }
            return .text(String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self))
        case SQLITE_BLOB: return .blob(Array(UnsafeRawBufferPointer(start: sqlite3_column_blob(prepared, column), count: count)))
        // No statement of ours asks for a fraction.
        default: return .null
        }
    }
}
