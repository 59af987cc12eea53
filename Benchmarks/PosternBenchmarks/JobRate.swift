import Logging
import PosternServer
import ServiceLifecycle
import Storage
import Synchronization
import UnixSignals

/// How many jobs that do nothing one worker does in a second, each written down before and after.
struct JobRate {
    let directory: String
    /// Empty for SQLite in the directory.
    let database: String
    let jobs: Int
    let batch: Int

    func run() async throws {
        let settings = try Settings.load(
            file: nil, environment: [:],
            overrides: .init(dataDirectory: directory, database: database.isEmpty ? nil : database), cores: 2)
        let opening = try await Opening.open(settings, listens: true)
        let (store, keys, random) = (opening.store, opening.keys, Randomness.system)
        for start in stride(from: 0, to: jobs, by: 1_000) {
            let count = min(1_000, jobs - start)
            try await store.write { (transaction) throws(StoreError) in
                for _ in 0..<count {
                    try transaction.enqueue(Job(.findExpiring, payload: [1], keys: keys.current, now: .now(), random: random))
                }
            }
        }
        let done = Mutex(0)
        let ended = AsyncStream<Void>.makeStream()
        let handler = JobWorker.Handler(batch: Int64(batch)) { [jobs] _, _ in
            let count = done.withLock { count in
                count += 1
                return count
            }
            if count == jobs { ended.continuation.finish() }
            return .done
        }
        let worker = JobWorker(store: store, keys: keys, handlers: [.findExpiring: handler], random: random, logger: Logger(label: "bench"))
        let start = OpenLoopClient.now()
        let running = Task { try await worker.run() }
        for await _ in ended.stream {}
        let took = OpenLoopClient.now() - start
        running.cancel()
        print("{\"per_second\":\(Int(Double(jobs) / took))}")
    }
}
