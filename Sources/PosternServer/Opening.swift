import Foundation
import Glibc
import Logging
import Secrets
package import Storage
import StorePostgres
import StoreSQLite

/// The settings, the database with today's schema and the key ring that belongs to it: what serving and every command start with.
package struct Opening: Sendable {
    let settings: Settings
    package let store: any Store
    package let keys: KeyRingHolder

    /// One sentence for a person at a terminal.
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    /// - Parameter listens: for what serves: whether it is woken by new work.
    package static func open(_ settings: Settings, random: Randomness = .system, listens: Bool = false) async throws -> Opening {
        let store = try openStore(settings, listens: listens)
        do {
            switch try await store.migrate(Migration.all, now: .now()) {
            case .migrated: break
            case .schemaIsNewer(let found, let known):
                throw Problem(
                    description:
                        "The database has schema \(found), and this Postern knows \(known): a newer one wrote it. Start that one. Nothing was changed."
                )
            }
            let file = KeyRingFile(path: settings.keyRingFile)
            let ring = try await SecretsAtRest(store: store, file: file, random: random).open(now: .now())
            return Opening(settings: settings, store: store, keys: KeyRingHolder(ring, file: file))
        } catch let error as StoreError {
            await store.close()
            throw Problem(description: "The database can't be used: \(words(error))")
        } catch {
            await store.close()
            throw error
        }
    }

    private static func openStore(_ settings: Settings, listens: Bool) throws -> any Store {
        // Readable by nobody else: the database and the keys lie there.
        if mkdir(settings.dataDirectory, 0o700) != 0, errno != EEXIST {
            throw Problem(
                description:
                    "The data directory \(settings.dataDirectory) can't be made: \(String(cString: strerror(errno))). Name another with --data-directory."
            )
        }
        switch settings.database {
        case .postgres(let url): return PostgresStore(url: url.exposed, listens: listens)
        case .sqlite(let path):
            do {
                return try SQLiteStore(path: path)
            } catch {
                throw Problem(description: "The database \(path) can't be opened: \(words(error))")
            }
        }
    }

    private static func words(_ error: StoreError) -> String {
        switch error {
        case .unavailable(let reason): reason
        case .uniquenessViolation(let constraint): "a row stands twice (\(constraint))"
        case .outcomeUnknown: "the connection broke"
        case .unexpectedColumn(let name): "its column \(name) isn't what it should be"
        }
    }
}
