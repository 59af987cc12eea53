import Foundation
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

@Suite struct SecretsAtRestTests {
    private struct Place {
        let store: any Store
        let file: KeyRingFile
        var secrets: SecretsAtRest { SecretsAtRest(store: store, file: file, random: .system) }
    }

    private func place(_ engine: StoreUnderTest) async throws -> Place {
        let store = try await engine.make()
        _ = try await store.migrate(Migration.all, now: .now())
        return Place(store: store, file: KeyRingFile(path: try StoreUnderTest.freshFolder() + "/key-ring.json"))
    }

    @Test("the ring is made at the first start, readable by its owner alone, and the same at the next", arguments: StoreUnderTest.allCases)
    func first(engine: StoreUnderTest) async throws {
        let place = try await place(engine)
        let first = try await place.secrets.open(now: .now())
        #expect(try FileManager.default.attributesOfItem(atPath: place.file.path)[.posixPermissions] as? NSNumber == 0o600)
        let second = try await place.secrets.open(now: .now())
        #expect(first.keys.map(\.id) == second.keys.map(\.id))
        await place.store.close()
    }

    @Test("FT-29: a missing, wrong or damaged ring stops the start with its name, and changes nothing", arguments: StoreUnderTest.allCases)
    func wrong(engine: StoreUnderTest) async throws {
        let place = try await place(engine)
        _ = try await place.secrets.open(now: .now())
        let right = try Data(contentsOf: URL(filePath: place.file.path))
        func problem() async -> String {
            do {
                _ = try await place.secrets.open(now: .now())
                return ""
            } catch { return "\(error)" }
        }
        try FileManager.default.removeItem(atPath: place.file.path)
        #expect(await problem().contains("is missing"))
        #expect(!place.file.exists)
        let other = try #require(KeyRing(keys: [KeyRingFile.freshKey(.system)]))
        try place.file.write(other)
        #expect(await problem().contains("is not the one"))
        for damage in ["", "{}", "{\"keys\":[]}", "not json", "{\"keys\":[{\"id\":\"AAAA\",\"key\":\"AAAA\"}]}"] {
            try damage.write(toFile: place.file.path, atomically: true, encoding: .utf8)
            #expect(await !problem().isEmpty)
        }
        try right.write(to: URL(filePath: place.file.path))
        #expect(await problem().isEmpty)
        await place.store.close()
    }

    @Test("ST-08: a rotation seals everything anew; what was sealed before and after opens", arguments: StoreUnderTest.allCases)
    func rotation(engine: StoreUnderTest) async throws {
        let place = try await place(engine)
        let ring = try await place.secrets.open(now: .now())
        let holder = KeyRingHolder(ring, file: place.file)
        let jobs = (1...5).map { Job(.sendMail, payload: [UInt8($0)], keys: ring, now: .now(), random: .system) }
        try await place.store.write { (transaction) throws(StoreError) in
            for job in jobs { try transaction.enqueue(job) }
        }
        #expect(try await place.secrets.rotate(now: .now()) == 5)
        let rows = try await place.store.read { (transaction) throws(StoreError) in try transaction.run("SELECT id, payload FROM job") }
        for row in rows {
            let id: Job.ID = try row.id("id")
            let sealed = try row.blob("payload")
            #expect(throws: KeyRing.OpeningError.self) { try ring.open(sealed, at: Job.place(of: id)) }
            // A running server reads the ring again when it meets a key it doesn't know.
            let opened = try holder.open(sealed, at: Job.place(of: id)).exposed
            #expect(jobs.contains { $0.id == id && opened == [UInt8((jobs.firstIndex { $0.id == id } ?? 0) + 1)] })
        }
        #expect(holder.current.keys.count == 2)
        await place.store.close()
    }

    @Test("eight first starts, and eight rotations, at once leave one ring that opens", arguments: StoreUnderTest.allCases)
    func together(engine: StoreUnderTest) async throws {
        let place = try await place(engine)
        for rotates in [false, true] {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 1...8 {
                    group.addTask {
                        if rotates {
                            _ = try await place.secrets.rotate(now: .now())
                        } else {
                            _ = try await place.secrets.open(now: .now())
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await place.secrets.open(now: .now()).keys.count == (rotates ? 9 : 1))
        }
        // A second node with a ring of its own.
        let stranger = KeyRingFile(path: try StoreUnderTest.freshFolder() + "/key-ring.json")
        try stranger.write(try #require(KeyRing(keys: [KeyRingFile.freshKey(.system)])))
        await #expect(throws: SecretsAtRest.Problem.self) {
            try await SecretsAtRest(store: place.store, file: stranger, random: .system).open(now: .now())
        }
        await place.store.close()
    }
}
