import Foundation
package import Storage
import StorePostgres
import StoreSQLite

/// The engines that every contract and every room is tested on. Both are real.
public enum StoreUnderTest: String, CaseIterable, Sendable, CustomStringConvertible {
    case sqlite, postgres

    public var description: String { self == .sqlite ? "SQLite" : "PostgreSQL" }

    /// A missing engine is an error, never a skip.
    struct Missing: Error, CustomStringConvertible {
        let description = "POSTERN_TEST_POSTGRES is not set: run 'make test', or 'Scripts/postgres.sh start' and export what it prints."
    }

    /// An empty database of this engine, used by nobody else.
    /// - Parameter name: how its connections are named in PostgreSQL's pg_stat_activity.
    package func make(named name: String = "postern-test") async throws -> any Store {
        switch self {
        case .sqlite: return try SQLiteStore(path: Self.freshFolder() + "/test.sqlite")
        case .postgres:
            guard let url = ProcessInfo.processInfo.environment["POSTERN_TEST_POSTGRES"] else { throw Missing() }
            let schema = "t" + UUID().uuidString.lowercased().filter { $0 != "-" }
            let maker = PostgresStore(url: url, connections: 1)
            // The function was made with the cluster: a name can't be bound in CREATE SCHEMA.
            _ = try await maker.write { (transaction) throws(StoreError) in
                try transaction.run("SELECT make_schema(\(schema)) AS done")
            }
            await maker.close()
            return PostgresStore(url: url + "&options=-csearch_path%3D\(schema)&application_name=\(name)", connections: 4)
        }
    }

    /// Of this run; it goes with the process.
    private static let folders: URL = {
        atexit { try? FileManager.default.removeItem(at: StoreUnderTest.folders) }
        return FileManager.default.temporaryDirectory.appending(path: "postern-test-" + UUID().uuidString)
    }()

    public static func freshFolder() throws -> String {
        let folder = folders.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder.path
    }
}

/// Numbers that look random and are the same in every run of one seed.
public struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    /// SplitMix64.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// How much of a long round to run: all of it in `make soak`, a tenth in `make test`.
public func rounds(_ full: Int) -> Int {
    ProcessInfo.processInfo.environment["POSTERN_SOAK"] == nil ? max(1, full / 10) : full
}
