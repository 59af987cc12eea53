import GRDB
import Storage
import Synchronization

/// The writing thread's own: writes that wait together are committed together, with one wait for the disk for all of them.
///
/// Each is a savepoint of its own, so that one that fails takes back nothing of the others.
final class GroupCommit {
    /// What the writes of one commit have in common.
    final class Batch: Sendable {
        private let stored = Mutex<StoreError?>(nil)

        /// Why none of them was kept.
        var failure: StoreError? { stored.withLock { $0 } }

        fileprivate func fail(_ error: any Error) { stored.withLock { $0 = $0 ?? storeError(error) } }
    }

    private let pool: DatabasePool
    private var database: Database?
    private(set) var batch = Batch()

    init(pool: DatabasePool) { self.pool = pool }

    /// - Parameter perform: calls ``part(_:)`` for each write.
    func commit(_ perform: () -> Void) {
        batch = Batch()
        do {
            try pool.writeWithoutTransaction { database in
                self.database = database
                defer { self.database = nil }
                try database.perform("BEGIN IMMEDIATE")
                perform()
                do {
                    try database.perform("COMMIT")
                } catch {
                    batch.fail(error)
                    // SQLite may have rolled back by itself: a full disk, an input or output error.
                    if database.isInsideTransaction { try database.rollback() }
                }
            }
        } catch {
            batch.fail(error)
            // None of them has a database now: each answers why.
            perform()
        }
    }

    /// One write, within ``commit(_:)``.
    func part<Value>(_ body: (borrowing Transaction) throws(StoreError) -> Value) throws(StoreError) -> Value {
        guard let database, database.isInsideTransaction else {
            throw batch.failure ?? .unavailable(reason: "SQLite: the transaction was rolled back")
        }
        do {
            try database.perform("SAVEPOINT part")
            do {
                let value = try body(Transaction(SQLiteConnection(database: database)))
                try database.perform("RELEASE part")
                return value
            } catch {
                if database.isInsideTransaction {
                    try database.perform("ROLLBACK TO part")
                    try database.perform("RELEASE part")
                }
                throw error
            }
        } catch {
            throw storeError(error)
        }
    }
}

extension Database {
    /// Through GRDB itself: it keeps account of transactions.
    fileprivate func perform(_ statement: String) throws { try cachedStatement(sql: statement).execute() }
}
