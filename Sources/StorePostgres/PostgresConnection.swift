import CPostgres
import Glibc
import Storage

/// One libpq connection, used by one thread. It connects when first needed and again after it broke.
final class PostgresConnection: Storage.Connection {
    private let url: String
    private var handle: OpaquePointer?
    /// Statements prepared on this connection, by text.
    private var prepared: [String: String] = [:]
    private var failedAt: ContinuousClock.Instant?
    /// Whether the last error means that the same transaction may succeed if it is run again.
    private(set) var lastErrorAsksForRetry = false

    var dialect: Dialect { .postgres }

    init(url: String) { self.url = url }

    deinit { disconnect() }

    /// Makes sure there is a live connection.
    func connect() throws(StoreError) {
        if let handle, PQstatus(handle) == CONNECTION_OK { return }
        disconnect()
        // What waits behind a failed try would only wait for the same: for a second it fails at once.
        if let failedAt, ContinuousClock.now - failedAt < .seconds(1) { throw .unavailable(reason: "PostgreSQL: no connection") }
        // The URL stands in for the database name; what comes after it overrides it.
        // A host that vanished is noticed within seconds, not after the system's quarter of an hour. Milliseconds and seconds.
        let settings = [
            ("dbname", url), ("connect_timeout", "3"), ("fallback_application_name", "postern"), ("client_encoding", "UTF8"),
            ("tcp_user_timeout", "5000"), ("keepalives_idle", "5"), ("keepalives_interval", "2"), ("keepalives_count", "3"),
        ]
        let (keywords, values) = (settings.map(\.0), settings.map(\.1))
        handle = withCStrings(keywords) { keywords in withCStrings(values) { PQconnectdbParams(keywords, $0, 1) } }
        guard let handle, PQstatus(handle) == CONNECTION_OK else {
            let reason = handle.map { String(cString: PQerrorMessage($0)) } ?? "out of memory"
            disconnect()
            failedAt = .now
            throw .unavailable(reason: "PostgreSQL: \(reason.prefix { $0 != "\n" })")
        }
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
        try command("SET synchronous_commit = on; SET statement_timeout = '10s'; SET lock_timeout = '5s'; SET TimeZone = 'UTC'")
    }

    var isBroken: Bool { handle.map { PQstatus($0) != CONNECTION_OK } ?? true }

    func disconnect() {
        if let handle { PQfinish(handle) }
        handle = nil
        prepared = [:]
    }

    /// Runs a statement without values and without an answer: BEGIN, COMMIT, ROLLBACK, SET.
    func command(_ text: String) throws(StoreError) {
        let result = PQexec(handle, text)
        defer { PQclear(result) }
        try check(result)
    }

    func run(_ statement: SQLStatement) throws(StoreError) -> [Row] {
        let result = try execute(statement)
        defer { PQclear(result) }
        let columns = (0..<PQnfields(result)).map { String(cString: PQfname(result, $0)) }
        let types = (0..<PQnfields(result)).map { PQftype(result, $0) }
        var rows: [Row] = []
        for row in 0..<PQntuples(result) {
            var values: [SQLValue] = []
            for (column, type) in zip(Int32(0)..., types) {
                values.append(try value(of: result, row: row, column: column, type: type))
            }
            rows.append(Row(columns: columns, values: values))
        }
        return rows
    }

    func change(_ statement: SQLStatement) throws(StoreError) -> Int {
        let result = try execute(statement)
        defer { PQclear(result) }
        return Int(String(cString: PQcmdTuples(result))) ?? 0
    }

    /// Waits for notifications.
    /// - Parameter milliseconds: how long at most.
    /// - Returns: what came with them; nil if the connection broke.
    func notifications(within milliseconds: Int32) -> [String]? {
        var socket = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
        guard poll(&socket, 1, milliseconds) >= 0 || errno == EINTR, PQconsumeInput(handle) == 1 else { return nil }
        var heard: [String] = []
        while let notification = PQnotifies(handle) {
            heard.append(String(cString: notification.pointee.extra))
            PQfreemem(notification)
        }
        return heard
    }

    private func execute(_ statement: SQLStatement) throws(StoreError) -> OpaquePointer? {
        let name = try prepare(statement)
        let parameters = try Parameters(statement.bindings)
        defer { parameters.deallocate() }
        let binary: Int32 = 1
        let result = PQexecPrepared(
            handle, name, Int32(statement.bindings.count), parameters.values, parameters.lengths, parameters.formats, binary)
        do {
            try check(result)
        } catch {
            PQclear(result)
            throw error
        }
        return result
    }

    private func prepare(_ statement: SQLStatement) throws(StoreError) -> String {
        if let name = prepared[statement.text] { return name }
        let name = "s\(prepared.count)"
        let result = PQprepare(handle, name, statement.text, Int32(statement.bindings.count), nil)
        defer { PQclear(result) }
        try check(result)
        prepared[statement.text] = name
        return name
    }

    private func check(_ result: OpaquePointer?) throws(StoreError) {
        lastErrorAsksForRetry = false
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: return
        default: break
        }
        let state = field("C", of: result)
        // Serialization failure, deadlock (PostgreSQL appendix A, class 40).
        lastErrorAsksForRetry = state == "40001" || state == "40P01"
        if state == "23505" { throw .uniquenessViolation(constraint: field("n", of: result)) }
        // The primary message only: details quote values, and a reason is logged.
        throw .unavailable(reason: "PostgreSQL \(state): \(result == nil ? "connection lost" : field("M", of: result))")
    }

    private func field(_ code: Unicode.Scalar, of result: OpaquePointer?) -> String {
        PQresultErrorField(result, Int32(code.value)).map { String(cString: $0) } ?? ""
    }

    private func value(of result: OpaquePointer?, row: Int32, column: Int32, type: Oid) throws(StoreError) -> SQLValue {
        guard PQgetisnull(result, row, column) == 0, let start = PQgetvalue(result, row, column) else { return .null }
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(result, row, column)))
        switch type {
        // Object ids of pg_type: int8, int4, int2, bool; then bytea; then text, varchar, name, unknown.
        case 20, 23, 21, 16:
            let negative = bytes.first.map { $0 & 0x80 != 0 && type != 16 } ?? false
            return .integer(bytes.reduce(negative ? -1 : 0) { $0 << 8 | Int64($1) })
        case 17: return .blob(Array(bytes))
        case 25, 1043, 19, 705: return .text(String(decoding: bytes, as: UTF8.self))
        // void: a function that is called for what it does, such as taking a lock.
        case 2278: return .null
        default: throw .unavailable(reason: "PostgreSQL answered with type \(type), which no statement of ours asks for")
        }
    }
}

/// The C arrays that hold a statement's values while it runs: numbers and text as text, bytes as they are.
private struct Parameters {
    let values: UnsafeMutablePointer<UnsafePointer<CChar>?>
    let lengths: UnsafeMutablePointer<Int32>
    let formats: UnsafeMutablePointer<Int32>
    private let count: Int

    init(_ bindings: [SQLValue]) throws(StoreError) {
        for case .text(let text) in bindings where text.utf8.contains(0) {
            throw .unavailable(reason: "PostgreSQL can't hold a text with a NUL")
        }
        count = bindings.count
        values = .allocate(capacity: max(1, count))
        lengths = .allocate(capacity: max(1, count))
        formats = .allocate(capacity: max(1, count))
        for (index, binding) in bindings.enumerated() {
            let bytes: [UInt8]? =
                switch binding {
                case .null: nil
                case .integer(let number): Array(String(number).utf8) + [0]
                case .text(let text): Array(text.utf8) + [0]
                case .blob(let bytes): bytes
                }
            (values + index).initialize(to: bytes.map(copied))
            (lengths + index).initialize(to: Int32(clamping: bytes?.count ?? 0))
            var isBlob: Int32 = 0
            if case .blob = binding { isBlob = 1 }
            (formats + index).initialize(to: isBlob)
        }
    }

    func deallocate() {
        for index in 0..<count { values[index]?.deallocate() }
        values.deallocate()
        lengths.deallocate()
        formats.deallocate()
    }
}

/// Hands out C copies of some texts, ended by a null pointer, for the length of `body`.
private func withCStrings<Value>(_ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Value) -> Value {
    let pointers = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: texts.count + 1)
    defer {
        for index in texts.indices { pointers[index]?.deallocate() }
        pointers.deallocate()
    }
    for (index, text) in texts.enumerated() { (pointers + index).initialize(to: copied(Array(text.utf8) + [0])) }
    (pointers + texts.count).initialize(to: nil)
    return body(pointers)
}

private func copied(_ bytes: [UInt8]) -> UnsafePointer<CChar> {
    let copy = UnsafeMutablePointer<CChar>.allocate(capacity: max(1, bytes.count))
    for (index, byte) in bytes.enumerated() { (copy + index).initialize(to: CChar(bitPattern: byte)) }
    return UnsafePointer(copy)
}
