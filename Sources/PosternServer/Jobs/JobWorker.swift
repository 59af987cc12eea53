package import Logging
package import Secrets
import ServiceLifecycle
package import Storage

/// Runs jobs, each kind by itself, and survives anything but the end of the process: then the lease runs out and another takes over.
package final class JobWorker: Service {
    /// How one kind of job is done.
    package struct Handler: Sendable {
        /// How many are claimed together. Those that were done but not yet written down are done again if the process is killed.
        let batch: Int64
        /// Waited before each round's work, so that thousands of what nobody waits for leave the machine to who signs in.
        let rest: Duration?
        /// Done so often, once in each period.
        let period: PeriodicJob?
        let perform: @Sendable (Job.ID, Secret<[UInt8]>) async -> JobOutcome
        /// What else is written in the transaction that ends a try.
        let ended: (@Sendable (borrowing Transaction, ClaimedJob, JobEnd, Timestamp) throws(StoreError) -> Void)?

        package init(
            batch: Int64 = 1, rest: Duration? = nil, period: PeriodicJob? = nil,
            perform: @escaping @Sendable (Job.ID, Secret<[UInt8]>) async -> JobOutcome,
            ended: (@Sendable (borrowing Transaction, ClaimedJob, JobEnd, Timestamp) throws(StoreError) -> Void)? = nil
        ) {
            (self.batch, self.rest, self.period, self.perform, self.ended) = (batch, rest, period, perform, ended)
        }
    }

    private let store: any Store
    private let keys: KeyRingHolder
    private let handlers: [Job.Kind: Handler]
    private let random: Randomness
    private let logger: Logger

    /// How long an idle worker sleeps before it looks again, where nothing wakes it.
    private static let shortSleep = Duration.milliseconds(250)
    /// Where the database wakes it: for the clock, and in case a call got lost.
    private static let longSleep = Duration.seconds(30)

    package init(store: any Store, keys: KeyRingHolder, handlers: [Job.Kind: Handler], random: Randomness, logger: Logger) {
        self.store = store
        self.keys = keys
        self.handlers = handlers
        self.random = random
        self.logger = logger
    }

    /// Each kind by itself: one whose work waits for a dead service keeps no other waiting.
    package func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            await withDiscardingTaskGroup { group in
                for (kind, handler) in handlers { group.addTask { await self.serve(kind, handler) } }
                // A service that ends takes the server with it, and there may be no kind that can be done here.
                group.addTask { await self.keepCalendar() }
            }
        }
    }

    private struct Finished {
        let batch: ClaimedJobs
        let outcomes: [JobOutcome]
    }

    /// One transaction a round: it ends what was done and claims what is next.
    private func serve(_ kind: Job.Kind, _ handler: Handler) async {
        var finished: Finished?
        while true {
            let isStopping = Task.isCancelled
            do {
                if finished == nil {
                    if isStopping { return }
                    guard try await waitForJob(kind) else { continue }
                }
                let before = finished
                // A task of its own, so that being told to stop doesn't cut a job off between its work and its row: what was sent
                // would be sent again.
                finished = try await Task {
                    try await self.turn(kind, handler, ending: before, claiming: isStopping ? 0 : handler.batch)
                }.value
            } catch {
                logger.warning("the job queue can't be reached", metadata: ["error": "\(error)"])
                if isStopping { return }
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// - Returns: whether one is due; else after a sleep.
    private func waitForJob(_ kind: Job.Kind) async throws(StoreError) -> Bool {
        let heard = store.bell?.rings
        let due = try await store.lookUp { (transaction) throws(StoreError) in try transaction.nextJob(kind) }
        let now = Timestamp.now()
        if let due, due <= now { return true }
        let longest = store.bell == nil ? Self.shortSleep : Self.longSleep
        let sleep = due.map { min($0 - now, longest) } ?? longest
        if let bell = store.bell, let heard { await bell.wait(atMost: sleep, since: heard) } else { try? await Task.sleep(for: sleep) }
        return false
    }

    /// Does what waits of every kind, once.
    /// - Returns: whether there was anything.
    func runOne() async throws(StoreError) -> Bool {
        for (kind, handler) in handlers {
            guard let finished = try await turn(kind, handler, ending: nil, claiming: handler.batch) else { continue }
            _ = try await turn(kind, handler, ending: finished, claiming: 0)
            return true
        }
        return false
    }

    /// - Returns: what was done; it is written down by the next turn.
    private func turn(
        _ kind: Job.Kind, _ handler: Handler, ending finished: Finished?, claiming most: Int64
    ) async throws(StoreError) -> Finished? {
        let lease = random.bytes(16)
        let jitter = random.bytes(1)[0]
        let now = Timestamp.now()
        let jobs = try await store.write { (transaction) throws(StoreError) -> [ClaimedJob] in
            if let finished { try end(finished, handler, jitter: jitter, in: transaction, now: now) }
            return most > 0 ? try transaction.claimJobs(kind, most: most, lease: lease, now: now) : []
        }
        guard !jobs.isEmpty else { return nil }
        let batch = ClaimedJobs(kind: kind, lease: lease, claimedAt: now, jobs: jobs)
        let heart = Task { await self.beat(batch) }
        defer { heart.cancel() }
        if let rest = handler.rest { try? await Task.sleep(for: rest) }
        var outcomes: [JobOutcome] = []
        for job in jobs { outcomes.append(await perform(job, kind, handler)) }
        return Finished(batch: batch, outcomes: outcomes)
    }

    private func end(
        _ finished: Finished, _ handler: Handler, jitter: UInt8, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) {
        let lease = finished.batch.lease
        for (job, outcome) in zip(finished.batch.jobs, finished.outcomes) {
            let end: JobEnd
            switch outcome {
            case .done: end = .done
            case .dropped: end = .dropped
            case .failed(let error):
                let isLast = job.tries >= JobSchedule.mostTries
                end = .failed(error, isLast: isLast)
                let retryAt = now + JobSchedule.wait(afterTries: job.tries, jitter: jitter)
                let isOurs =
                    isLast
                    ? try transaction.buryJob(job.id, lease: lease, now: now, error: error)
                    : try transaction.retryJob(job.id, lease: lease, at: retryAt, error: error)
                guard isOurs else { continue }
            }
            guard let also = handler.ended else { continue }
            if end == .done || end == .dropped { guard try transaction.isLeased(job.id, lease: lease) else { continue } }
            try also(transaction, job, end, now)
        }
        try transaction.finishJobs(finished.batch.kind, lease: lease, claimedAt: finished.batch.claimedAt, now: now)
    }

    /// Keeps the lease while the work lasts.
    private func beat(_ batch: ClaimedJobs) async {
        while true {
            do { try await Task.sleep(for: JobSchedule.heartbeat) } catch { return }
            try? await store.write { (transaction) throws(StoreError) in
                try transaction.renewLease(batch.kind, batch.lease, claimedAt: batch.claimedAt, until: .now() + JobSchedule.lease)
            }
        }
    }

    private func perform(_ job: ClaimedJob, _ kind: Job.Kind, _ handler: Handler) async -> JobOutcome {
        do {
            let outcome = await handler.perform(job.id, try keys.open(job.sealedPayload, at: Job.place(of: job.id)))
            if case .failed(let error) = outcome {
                logger.warning(
                    "a job failed",
                    metadata: ["job": "\(job.id)", "kind": "\(kind.rawValue)", "tries": "\(job.tries)", "error": "\(error)"])
            }
            return outcome
        } catch {
            return .failed("its payload doesn't open: \(error)")
        }
    }

    /// Writes down what is due in this period, unless it, or another node, did so already.
    private func keepCalendar() async {
        while !Task.isCancelled {
            do {
                try await writeDue(now: .now())
            } catch {
                logger.warning("periodic jobs can't be written down", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.longSleep)
        }
    }

    /// - Returns: how many jobs were new.
    @discardableResult
    func writeDue(now: Timestamp) async throws(StoreError) -> Int {
        var new = 0
        for case let period? in handlers.values.map(\.period) {
            let key = period.uniqueKey(at: now)
            // Nearly always it is there: a look costs nobody anything.
            let isThere = try await store.read { (transaction) throws(StoreError) in try transaction.jobExists(uniqueKey: key) }
            guard !isThere else { continue }
            let job = Job(period.kind, payload: [], uniqueKey: key, keys: keys.current, now: now, random: random)
            if try await store.write({ (transaction) throws(StoreError) in try transaction.enqueue(job) }) { new += 1 }
        }
        return new
    }
}
