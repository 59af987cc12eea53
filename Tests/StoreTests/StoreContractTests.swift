import Foundation
import Storage
import StorePostgres
import StoreSQLite
import Support
import Testing

/// What every engine promises, run on each real one.
@Suite struct StoreContractTests {
    private func storeWithTable(_ engine: StoreUnderTest, named name: String = "postern-test") async throws -> any Store {
        let store = try await engine.make(named: name)
        _ = try await store.write { (transaction) throws(StoreError) in
            try transaction.change(
                "CREATE TABLE thing (id BIGINT NOT NULL PRIMARY KEY, words TEXT UNIQUE, bytes BYTEA, count BIGINT NOT NULL DEFAULT 0)")
        }
        return store
    }

    @Test("values come back as they were stored", arguments: StoreUnderTest.allCases)
    func values(engine: StoreUnderTest) async throws {
        let store = try await storeWithTable(engine)
        let text = "x'; DROP TABLE thing; -- ä 🗝 \u{1F468}\u{200D}\u{1F469}"
        let blob = (0...255).map { UInt8($0) }
        for number in [Int64.min, -1, 0, 1, Int64.max] {
            try await store.write { (transaction) throws(StoreError) in
                try transaction.change("DELETE FROM thing")
                try transaction.change("INSERT INTO thing (id, words, bytes) VALUES (\(number), \(text), \(blob))")
            }
            let row = try await store.read { (transaction) throws(StoreError) in try transaction.run("SELECT * FROM thing")[0] }
            #expect(try row.integer("id") == number)
            #expect(try row.text("words") == text)
            #expect(try row.blob("bytes") == blob)
        }
        try await store.write { (transaction) throws(StoreError) in
            let nothing: String? = nil
            let empty: [UInt8] = []
            try transaction.change("UPDATE thing SET words = \(nothing), bytes = \(empty)")
        }
        let row = try await store.read { (transaction) throws(StoreError) in try transaction.run("SELECT * FROM thing")[0] }
        #expect(try row.optionalText("words") == nil)
        #expect(try row.blob("bytes") == [])
        await store.close()
    }

    @Test("a transaction that throws leaves nothing behind", arguments: StoreUnderTest.allCases)
    func rollback(engine: StoreUnderTest) async throws {
        let store = try await storeWithTable(engine)
        await #expect(throws: StoreError.unavailable(reason: "no")) {
            try await store.write { (transaction) throws(StoreError) in
                try transaction.change("INSERT INTO thing (id) VALUES (1)")
                throw .unavailable(reason: "no")
            }
        }
        #expect(try await count(store) == 0)
        await store.close()
    }

    @Test("a value that must be unique is told apart from other failures", arguments: StoreUnderTest.allCases)
    func uniqueness(engine: StoreUnderTest) async throws {
        let store = try await storeWithTable(engine)
        for statement: SQLStatement in ["INSERT INTO thing (id, words) VALUES (1, 'a')", "INSERT INTO thing (id, words) VALUES (2, 'a')"] {
            do {
                _ = try await store.write { (transaction) throws(StoreError) in try transaction.change(statement) }
            } catch {
                guard case StoreError.uniquenessViolation = error else { Issue.record("\(error)"); return }
            }
        }
        #expect(try await count(store) == 1)
        await store.close()
    }

    @Test("of 200 conditional updates at once exactly one changes a row", arguments: StoreUnderTest.allCases)
    func race(engine: StoreUnderTest) async throws {
        let store = try await storeWithTable(engine)
        _ = try await store.write { (transaction) throws(StoreError) in try transaction.change("INSERT INTO thing (id) VALUES (1)") }
        let winners = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 1...200 {
                group.addTask {
                    try await store.write { (transaction) throws(StoreError) in
                        try transaction.change("UPDATE thing SET count = 1 WHERE id = 1 AND count = 0")
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(winners == 1)
        await store.close()
    }

    @Test("200 upserts at once count to 200", arguments: StoreUnderTest.allCases)
    func counting(engine: StoreUnderTest) async throws {
        let store = try await storeWithTable(engine)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 1...200 {
                group.addTask {
                    _ = try await store.write { (transaction) throws(StoreError) in
                        try transaction.run(
                            """
                            INSERT INTO thing (id, count) VALUES (7, 1) ON CONFLICT (id) DO UPDATE SET count = thing.count + 1
                            RETURNING count
                            """)
                    }
                }
            }
            try await group.waitForAll()
        }
        let row = try await store.read { (transaction) throws(StoreError) in try transaction.run("SELECT count FROM thing")[0] }
        #expect(try row.integer("count") == 200)
        await store.close()
    }

    @Test("eight nodes that start at once migrate once", arguments: StoreUnderTest.allCases)
    func migrations(engine: StoreUnderTest) async throws {
        let store = try await engine.make()
        let steps = [
            Migration(1, "one", ["CREATE TABLE first (id BIGINT NOT NULL)"]),
            Migration(2, "two", ["CREATE TABLE second (id BIGINT NOT NULL)"]),
        ]
        let outcomes = try await withThrowingTaskGroup(of: MigrationOutcome.self) { group in
            for _ in 1...8 { group.addTask { try await store.migrate(steps, now: Timestamp(microseconds: 1)) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.filter { $0 == .migrated(2) }.count == 1)
        #expect(outcomes.filter { $0 == .migrated(0) }.count == 7)
        #expect(try await store.migrate([steps[0]], now: Timestamp(microseconds: 2)) == .schemaIsNewer(found: 2, known: 1))
        await store.close()
    }

    @Test("a migration that fails half-way leaves nothing behind", arguments: StoreUnderTest.allCases)
    func brokenMigration(engine: StoreUnderTest) async throws {
        let store = try await engine.make()
        let broken = [Migration(1, "one", ["CREATE TABLE first (id BIGINT NOT NULL)", "CREATE TABLE first (id BIGINT NOT NULL)"])]
        await #expect(throws: StoreError.self) { try await store.migrate(broken, now: Timestamp(microseconds: 1)) }
        let whole = [Migration(1, "one", ["CREATE TABLE first (id BIGINT NOT NULL)"])]
        #expect(try await store.migrate(whole, now: Timestamp(microseconds: 1)) == .migrated(1))
        await store.close()
    }

    @Test("reading can't write", arguments: StoreUnderTest.allCases)
    func readOnly(engine: StoreUnderTest) async throws {
        let store = try await storeWithTable(engine)
        await #expect(throws: StoreError.self) {
            try await store.read { (transaction) throws(StoreError) in try transaction.change("INSERT INTO thing (id) VALUES (1)") }
        }
        await #expect(throws: StoreError.self) {
            try await store.lookUp { (transaction) throws(StoreError) in try transaction.change("INSERT INTO thing (id) VALUES (2)") }
        }
        #expect(try await count(store) == 0)
        await store.close()
    }

    @Test("a text with a NUL is refused by PostgreSQL instead of cut")
    func nul() async throws {
        let store = try await storeWithTable(.postgres)
        let text = "a\u{0}b"
        await #expect(throws: StoreError.self) {
            _ = try await store.write { (transaction) throws(StoreError) in
                try transaction.change("INSERT INTO thing (id, words) VALUES (1, \(text))")
            }
        }
        #expect(try await count(store) == 0)
        await store.close()
    }

    @Test("connections that the server cut are replaced without a restart")
    func reconnection() async throws {
        let store = try await storeWithTable(.postgres, named: "postern-killed")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in Int64(1)...8 {
                group.addTask {
                    _ = try await store.write { (transaction) throws(StoreError) in
                        try transaction.change("INSERT INTO thing (id) VALUES (\(number))")
                    }
                }
            }
            try await group.waitForAll()
        }
        let killer = try await StoreUnderTest.postgres.make()
        let killed = try await killer.write { (transaction) throws(StoreError) in
            try transaction.run(
                "SELECT pg_terminate_backend(pid, 5000) AS gone FROM pg_stat_activity WHERE application_name = 'postern-killed'")
        }
        #expect(!killed.isEmpty)
        #expect(try await count(store) == 8)
        await killer.close()
        await store.close()
    }

    @Test("writes that meet are each whole: those that fail leave nothing behind, the others all stay", arguments: StoreUnderTest.allCases)
    func togetherAndApart(engine: StoreUnderTest) async throws {
        let store = try await storeWithTable(engine)
        let kept = await withTaskGroup(of: Bool.self) { group in
            for number in Int64(1)...Int64(rounds(3_000)) {
                group.addTask {
                    let outcome: Void? = try? await store.write { (transaction) throws(StoreError) in
                        try transaction.change("INSERT INTO thing (id) VALUES (\(number))")
                        // The same once more breaks the primary key.
                        if number % 3 == 0 { try transaction.change("INSERT INTO thing (id) VALUES (\(number))") }
                        // And this is a refusal of the caller's own.
                        if number % 7 == 0 { throw StoreError.unavailable(reason: "changed its mind") }
                    }
                    return outcome != nil
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(kept > 0)
        #expect(try await count(store) == kept)
        #expect(
            try await store.read { (transaction) throws(StoreError) in
                try transaction.run("SELECT COUNT(*) AS number FROM thing WHERE id % 3 = 0 OR id % 7 = 0")[0].integer("number")
            } == 0)
        await store.close()
    }

    @Test("FT-03: SQLite waits for the disk before a write returns")
    func durable() async throws {
        let store = try await storeWithTable(.sqlite)
        let level = try await store.write { (transaction) throws(StoreError) in
            try transaction.run("PRAGMA synchronous")[0].integer("synchronous")
        }
        // FULL: the write-ahead log is flushed at every commit (SQLite, PRAGMA synchronous).
        #expect(level == 2)
    }

    @Test("a database that isn't there is an error, not a wait")
    func missing() async throws {
        let store = PostgresStore(url: "postgres://nobody@127.0.0.1:1/none", connections: 2)
        let start = ContinuousClock.now
        await #expect(throws: StoreError.self) {
            try await store.read { (transaction) throws(StoreError) in try transaction.run("SELECT 1 AS one") }
        }
        // Of another order than a refused connection takes, so that no busy machine fails it.
        #expect(ContinuousClock.now - start < .seconds(60))
        await store.close()
        #expect(throws: StoreError.self) { try SQLiteStore(path: "/nowhere/at/all.sqlite") }
    }

    @Test("a backup is a whole copy, readable by its owner alone")
    func backup() async throws {
        let store = try await storeWithTable(.sqlite)
        _ = try await store.write { (transaction) throws(StoreError) in try transaction.change("INSERT INTO thing (id) VALUES (5)") }
        let path = try StoreUnderTest.freshFolder() + "/copy.sqlite"
        guard case .copied(let bytes) = try await store.backup(to: path) else { Issue.record("no copy"); return }
        #expect(bytes > 0)
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber == 0o600)
        let copy = try SQLiteStore(path: path)
        #expect(try await count(copy) == 1)
        await #expect(throws: StoreError.self) { try await store.backup(to: path) }
    }

    private func count(_ store: any Store) async throws -> Int64 {
        try await store.read { (transaction) throws(StoreError) in
            try transaction.run("SELECT COUNT(*) AS number FROM thing")[0].integer("number")
        }
    }
}
