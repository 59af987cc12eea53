/// One numbered step of the schema, the same on both engines.
package struct Migration: Sendable {
    package let number: Int64
    package let name: String
    package let statements: [SQLStatement]

    package init(_ number: Int64, _ name: String, _ statements: [SQLStatement]) {
        self.number = number
        self.name = name
        self.statements = statements
    }
}

package enum MigrationOutcome: Equatable, Sendable {
    /// How many steps were run now.
    case migrated(Int)
    /// The database was written by a newer Postern.
    case schemaIsNewer(found: Int64, known: Int64)
}

extension Store {
    /// Brings the schema up to date: all missing steps in one transaction, under a lock, so that nodes that start together don't collide
    /// and a killed one leaves nothing half done.
    package func migrate(_ migrations: [Migration], now: Timestamp) async throws(StoreError) -> MigrationOutcome {
        try await write { (transaction) throws(StoreError) in
            if let lock = transaction.dialect.migrationLock { _ = try transaction.run(lock) }
            try transaction.change(
                """
                CREATE TABLE IF NOT EXISTS schema_migration (
                    number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)
                """)
            let found = try transaction.run("SELECT COALESCE(MAX(number), 0) AS number FROM schema_migration")[0].integer("number")
            let known = migrations.last?.number ?? 0
            guard found <= known else { return .schemaIsNewer(found: found, known: known) }
            let missing = migrations.filter { $0.number > found }
            for migration in missing {
                for statement in migration.statements { try transaction.change(statement) }
                try transaction.change(
                    "INSERT INTO schema_migration (number, name, applied_at) VALUES (\(migration.number), \(migration.name), \(now))")
            }
            return .migrated(missing.count)
        }
    }
}
