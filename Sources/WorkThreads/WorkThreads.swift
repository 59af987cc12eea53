import Foundation
import Synchronization

/// Threads that each own one thing (a connection, work memory) and take work from one bounded queue.
///
/// For what blocks: a database, a password hash. Two wake-ups for each piece of work, where a dispatch queue under an actor costs about
/// twice that. Pieces that wait together may be done together, so that they share one wait for the disk.
///
/// `@unchecked Sendable`: all state is read and written under `condition`; a thing is only ever touched by its own thread.
package final class WorkThreads<Thing: ~Copyable>: @unchecked Sendable {
    private let condition = NSCondition()
    private var queue: [Work] = []
    private var idle = 0
    private var started = 0
    private var isClosed = false
    private let name: String
    private let count: Int
    private let longestQueue: Int
    private let niceness: Int32
    private let make: @Sendable () -> Thing
    private let batch: Int
    private let together: Together

    /// Does a batch: calls its last argument once, which performs the pieces one after the other. They are reported done when it returns.
    package typealias Together = @Sendable (borrowing Thing, _ perform: () -> Void) -> Void

    /// - Parameters:
    ///   - name: what the threads are called in the system's lists, 15 characters at most.
    ///   - count: threads at most; each is started when it is first needed.
    ///   - queue: pieces of work that may wait for a thread; more are refused.
    ///   - niceness: added to the threads' niceness: 10 leaves them about a tenth of a core that others want too.
    ///   - batch: how many waiting pieces a thread takes at once.
    ///   - make: makes a thread's own thing, on that thread.
    ///   - together: does the pieces of a batch.
    package init(
        name: String, count: Int, queue: Int, niceness: Int32 = 0, batch: Int = 1, make: @escaping @Sendable () -> Thing,
        together: @escaping Together = { $1() }
    ) {
        self.name = name
        self.count = count
        longestQueue = queue
        self.niceness = niceness
        self.make = make
        self.batch = batch
        self.together = together
    }

    /// Does a piece of work on one of the threads. It is done to its end, also when the caller's task is cancelled meanwhile.
    /// - Returns: nil when there is no room, or after ``close()``: then nothing was done.
    package func run<Value: Sendable>(_ body: @Sendable (borrowing Thing) -> Value) async -> Value? {
        let result = Result<Value>()
        await withoutActuallyEscaping(body) { body in
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let work = Work({ result.set(body($0)) }, done: { continuation.resume() })
                if !submit(work) { continuation.resume() }
            }
        }
        return result.value
    }

    /// Whether a piece of work would be taken now.
    package var hasRoom: Bool {
        condition.lock()
        defer { condition.unlock() }
        return isRoomLeft
    }

    /// Lets what waits be done, then ends all threads.
    package func close() {
        condition.lock()
        isClosed = true
        condition.broadcast()
        while started > 0 { condition.wait() }
        condition.unlock()
    }

    /// Under the lock. Work that a free thread takes at once isn't waiting.
    private var isRoomLeft: Bool { !isClosed && queue.count < longestQueue + idle + (count - started) }

    private func submit(_ work: Work) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        guard isRoomLeft else { return false }
        queue.append(work)
        if idle < queue.count, started < count { startThread() }
        condition.signal()
        return true
    }

    private func startThread() {
        started += 1
        Thread.detachNewThread { [self] in
            // Not by Thread.name: it has no effect where the new thread is faster than the one that is still filling in which it is.
            try? Data(name.utf8).write(to: URL(filePath: "/proc/thread-self/comm"))
            // On Linux a priority belongs to the thread, not the process: 0 is the calling one.
            if niceness != 0 { setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness) }
            serve()
            condition.lock()
            started -= 1
            condition.broadcast()
            condition.unlock()
        }
    }

    /// In a function of its own, so that the thing is let go of before the thread counts as ended.
    private func serve() {
        let thing = make()
        while let works = next() {
            together(thing) { for work in works { work.perform(on: thing) } }
            for work in works { work.done() }
        }
    }

    private func next() -> ArraySlice<Work>? {
        condition.lock()
        defer { condition.unlock() }
        idle += 1
        defer { idle -= 1 }
        while queue.isEmpty, !isClosed { condition.wait() }
        guard !queue.isEmpty else { return nil }
        defer { queue.removeFirst(min(batch, queue.count)) }
        return queue.prefix(batch)
    }

    /// Work, and whom to tell. The two are apart because a caller's closure must be let go of before it hears that the work is done: it was
    /// never meant to outlive the call.
    private final class Work {
        private var body: ((borrowing Thing) -> Void)?
        let done: () -> Void

        init(_ body: @escaping (borrowing Thing) -> Void, done: @escaping () -> Void) {
            self.body = body
            self.done = done
        }

        func perform(on thing: borrowing Thing) {
            body?(thing)
            body = nil
        }
    }

    /// Where a thread leaves what came out.
    private final class Result<Value: Sendable>: Sendable {
        private let stored = Mutex<Value?>(nil)

        var value: Value? { stored.withLock { $0 } }
        func set(_ value: Value) { stored.withLock { $0 = value } }
    }
}

/// Lets a task go on where the work ended that it waited for, instead of going back to its own executor in between: each change of threads
/// is a wake-up. Only for stretches that compute next to nothing between two pieces of work: the threads are needed for those.
package final class HandOver: TaskExecutor {
    package static let shared = HandOver()

    package func enqueue(_ job: consuming ExecutorJob) { UnownedJob(job).runSynchronously(on: asUnownedTaskExecutor()) }
}
