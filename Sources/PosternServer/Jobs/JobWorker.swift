import Logging
import Secrets
import ServiceLifecycle
import Storage

/// Runs jobs, one of each kind at a time, and survives anything but the end of the process: then the lease runs out and another takes over.
final class JobWorker: Service {
    typealias Handler = @Sendable (Secret<[UInt8]>) async -> JobOutcome

    private let store: any Store
    private let keys: KeyRingHolder
    private let handlers: [Job.Kind: Handler]
    private let random: Randomness
    private let logger: Logger

    /// How long an idle worker waits before it looks again.
    private static let idleWait = Duration.milliseconds(250)

    init(store: any Store, keys: KeyRingHolder, handlers: [Job.Kind: Handler], random: Randomness, logger: Logger) {
        self.store = store
        self.keys = keys
        self.handlers = handlers
        self.random = random
        self.logger = logger
    }

    /// Each kind by itself: one whose work waits for a dead service keeps no other waiting.
    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            await withDiscardingTaskGroup { group in
                for kind in handlers.keys { group.addTask { await self.empty(kind) } }
                // A service that ends takes the server with it, and there may be no kind that can be done here.
                group.addTask { while !Task.isCancelled { try? await Task.sleep(for: .seconds(86_400)) } }
            }
        }
    }

    private func empty(_ kind: Job.Kind) async {
        while !Task.isCancelled {
            do {
                // A task of its own, so that being told to stop doesn't cut a job off between its work and its row: what was sent
                // would be sent again.
                if try await Task(operation: { try await self.runOne(kind) }).value { continue }
            } catch {
                logger.warning("the job queue can't be reached", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.idleWait)
        }
    }

    /// - Returns: whether there was one, of any kind.
    func runOne() async throws -> Bool {
        for kind in handlers.keys where try await runOne(kind) { return true }
        return false
    }

    private func runOne(_ kind: Job.Kind) async throws -> Bool {
        guard let handler = handlers[kind] else { return false }
        let lease = random.bytes(16)
        let claimed = try await store.write { (transaction) throws(StoreError) in
            try transaction.claimJob(kind, lease: lease, now: .now())
        }
        guard let job = claimed else { return false }
        try await end(job, with: await perform(job, handler))
        return true
    }

    private func end(_ job: ClaimedJob, with outcome: JobOutcome) async throws(StoreError) {
        let retryAt = Timestamp.now() + JobSchedule.wait(afterTries: job.tries, jitter: random.bytes(1)[0])
        try await store.write { (transaction) throws(StoreError) in
            switch outcome {
            case .done: _ = try transaction.finishJob(job, now: .now())
            case .failed(let error) where job.tries >= JobSchedule.mostTries: _ = try transaction.buryJob(job, now: .now(), error: error)
            case .failed(let error): _ = try transaction.retryJob(job, at: retryAt, error: error)
            }
        }
    }

    private func perform(_ job: ClaimedJob, _ handler: Handler) async -> JobOutcome {
        do {
            let outcome = await handler(try keys.open(job.sealedPayload, at: Job.place(of: job.id)))
            if case .failed(let error) = outcome {
                logger.warning(
                    "a job failed", metadata: ["job": "\(job.id)", "kind": "\(job.kind)", "tries": "\(job.tries)", "error": "\(error)"])
            }
            return outcome
        } catch {
            return .failed("its payload doesn't open: \(error)")
        }
    }
}
