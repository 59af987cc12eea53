/// The world failed: what a flow throws on and the shell answers with 503.
package enum StoreError: Error, Equatable, Sendable {
    /// Another row has this value already. `constraint` names the table and column, or the constraint.
    case uniquenessViolation(constraint: String)
    /// The database can't be reached, is full, is read-only or refused. Nothing of the transaction holds.
    case unavailable(reason: String)
    /// The connection broke after COMMIT was sent: the transaction may hold or not.
    case outcomeUnknown
    /// A column is missing or has another type: the statement and its reader disagree.
    case unexpectedColumn(String)
}

/// What an engine does with one statement while a transaction is open.
package protocol Connection {
    var dialect: Dialect { get }
    func run(_ statement: SQLStatement) throws(StoreError) -> [Row]
    /// The number of rows the statement changed: for a conditional update, that is the decision.
    func change(_ statement: SQLStatement) throws(StoreError) -> Int
}

/// Handed to a transaction body; it can't be copied out of it.
package struct Transaction: ~Copyable {
    private let connection: any Connection

    package init(_ connection: any Connection) { self.connection = connection }

    package var dialect: Dialect { connection.dialect }

    package borrowing func run(_ statement: SQLStatement) throws(StoreError) -> [Row] { try connection.run(statement) }

    @discardableResult
    package borrowing func change(_ statement: SQLStatement) throws(StoreError) -> Int { try connection.change(statement) }
}

extension Transaction {
    /// Whether the database answers at all.
    package borrowing func answers() throws(StoreError) -> Bool { try run("SELECT 1 AS one").count == 1 }
}

/// An SQL database. The bodies are synchronous on purpose: nothing slow can happen while a transaction is open.
package protocol Store: Sendable {
    /// All or nothing, and durable when it returns. The body may run more than once when the engine asks for a retry.
    func write<Value: Sendable>(
        _ body: @Sendable (borrowing Transaction) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value

    /// Reads only; on SQLite beside a writer, without waiting for it.
    func read<Value: Sendable>(
        _ body: @Sendable (borrowing Transaction) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value

    /// Reads a few rows by key. Where that costs less than a change of threads (SQLite: about 50 µs), it is done on the calling one.
    func lookUp<Value: Sendable>(
        _ body: @Sendable (borrowing Transaction) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value

    /// Writes a consistent copy to a new file, or says how to make one.
    func backup(to path: String) async throws(StoreError) -> BackupOutcome

    /// Rings when there is new work; nil where nothing rings and one has to look.
    var bell: Bell? { get }

    /// Ends all connections after what is under way.
    func close() async
}

package enum BackupOutcome: Equatable, Sendable {
    case copied(bytes: Int64)
    /// The engine has a tool of its own for it.
    case use(command: String)
}

extension Store {
    package var bell: Bell? { nil }

    package func lookUp<Value: Sendable>(
        _ body: @Sendable (borrowing Transaction) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await read(body)
    }
}
