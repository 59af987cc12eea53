import GRDB
import GRDBSQLite
import Storage
import Synchronization

/// Connections of our own for look-ups by key, on the caller's thread: most sign-ins and sessions come by here, and on the way through
/// the pool's queues they would cost more than the look-up itself.
///
/// They read only. Each is used by one caller at a time and given back; a new one is opened when all are in use.
final class LookUpConnections: Sendable {
    private struct Idle: ~Copyable {
        var connections: [LookUpConnection] = []
        var isClosed = false
    }

    private let path: String
    private let idle = Mutex(Idle())

    init(path: String) { self.path = path }

    func use<Value>(_ body: (borrowing Transaction) throws(StoreError) -> Value) throws(StoreError) -> Value {
        let connection = try take()
        defer { giveBack(connection) }
        return try body(Transaction(SQLiteConnection(handle: connection.handle, prepare: connection.prepare)))
    }

    private func take() throws(StoreError) -> LookUpConnection {
        let (kept, isClosed) = idle.withLock { idle in (idle.connections.popLast(), idle.isClosed) }
        if let kept { return kept }
        guard !isClosed else { throw .unavailable(reason: "SQLite: closed") }
        return try LookUpConnection(path: path)
    }

    private func giveBack(_ connection: LookUpConnection) {
        idle.withLock { idle in if !idle.isClosed { idle.connections.append(connection) } }
    }

    func close() {
        idle.withLock { idle in
            idle.isClosed = true
            idle.connections = []
        }
    }
}

/// One of them, with its prepared statements. Closed with its last use.
///
/// Unchecked: it goes from caller to caller under the lock of ``LookUpConnections``, and never is in two hands.
private final class LookUpConnection: @unchecked Sendable {
    let handle: OpaquePointer
    private var statements: [String: OpaquePointer] = [:]

    init(path: String) throws(StoreError) {
        var opened: OpaquePointer?
        let status = sqlite3_open_v2(path, &opened, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nil)
        guard status == SQLITE_OK, let opened else {
            sqlite3_close_v2(opened)
            throw .unavailable(reason: "SQLite \(status): the database can't be opened for look-ups")
        }
        handle = opened
        sqlite3_busy_timeout(opened, 5_000)
        for pragma in ["PRAGMA trusted_schema = OFF", "PRAGMA cache_size = -1024", "PRAGMA query_only = ON"] {
            sqlite3_exec(opened, pragma, nil, nil, nil)
        }
    }

    deinit {
        for statement in statements.values { sqlite3_finalize(statement) }
        sqlite3_close_v2(handle)
    }

    func prepare(_ text: String) throws(StoreError) -> OpaquePointer {
        if let known = statements[text] { return known }
        var prepared: OpaquePointer?
        guard sqlite3_prepare_v3(handle, text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil) == SQLITE_OK, let prepared else {
            throw lastError(of: handle)
        }
        statements[text] = prepared
        return prepared
    }
}
