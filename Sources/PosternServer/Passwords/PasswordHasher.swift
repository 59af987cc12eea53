import Foundation
import Glibc
import PasswordHashing
import Secrets

/// Hashes passwords on a bounded set of threads with a bounded queue: the only place where a sign-in costs real work.
///
/// The threads run at a lower priority, so that session checks keep their speed while passwords are tried. Work belongs to the task,
/// not to the request: a client that goes away frees nothing early.
final class PasswordHasher: Sendable {
    /// The queue is full. Nothing was tried.
    struct Busy: Error, Equatable {}

    struct Verification: Sendable {
        let matches: Bool
        /// A new hash of the same password, where the stored one is weaker than today's parameters.
        let rehashed: String?
    }

    private let threads: HashingThreads
    private let parameters: Argon2id.Parameters
    private let random: Randomness
    /// What an unknown account's password is compared with, so that it takes the same time (LG-02).
    private let decoy: PasswordHash

    init(settings: Settings.Hashing, random: Randomness) {
        threads = HashingThreads(count: settings.threads, queue: settings.queue)
        parameters = settings.parameters
        self.random = random
        let weakest = try? PasswordHash(
            password: random.bytes(32), salt: random.bytes(16), parameters: settings.parameters, memory: WorkMemory())
        guard let weakest else { preconditionFailure("Argon2id needs \(settings.parameters.memoryKiB) KiB of memory.") }
        decoy = weakest
    }

    /// A new hash for a password that is being set.
    func hash(_ password: Password) async throws(Busy) -> String {
        let salt = random.bytes(PasswordHash.saltBytes)
        let parameters = parameters
        return try await threads.run { memory in
            try? PasswordHash(password: password.bytes.exposed, salt: salt, parameters: parameters, memory: memory).text
        }
    }

    /// Compares with a stored hash; with none, or one that can't be read, the work is the same and the answer no.
    func verify(_ password: Password, against stored: String?) async throws(Busy) -> Verification {
        let known = stored.flatMap { PasswordHash(text: $0) }
        let salt = random.bytes(PasswordHash.saltBytes)
        let (decoy, parameters) = (decoy, parameters)
        return try await threads.run { memory in
            let bytes = password.bytes.exposed
            guard let equal = try? (known ?? decoy).matches(password: bytes, memory: memory) else { return nil }
            guard equal, let known else { return Verification(matches: false, rehashed: nil) }
            guard known.parameters.areWeaker(than: parameters) else { return Verification(matches: true, rehashed: nil) }
            let stronger = try? PasswordHash(password: bytes, salt: salt, parameters: parameters, memory: memory)
            return Verification(matches: true, rehashed: stronger?.text)
        }
    }

    /// Whether a password would be refused now. To be asked before anything else is done for an attempt: a flood then costs next to
    /// nothing.
    var isFull: Bool { threads.isFull }

    func stop() { threads.stop() }
}

/// Threads that each keep their work memory, and one queue before them.
///
/// `@unchecked Sendable`: all state is read and written under `condition`.
private final class HashingThreads: @unchecked Sendable {
    typealias Work = (borrowing WorkMemory) -> Void

    /// Added to the niceness of the hashing threads: 10 leaves them about a tenth of a core that others want too.
    private static let niceness: Int32 = 10

    private let condition = NSCondition()
    private var queue: [Work] = []
    private var idle = 0
    private var started = 0
    private var isStopped = false
    private let count: Int
    private let longestQueue: Int

    init(count: Int, queue: Int) {
        self.count = count
        longestQueue = queue
    }

    func run<Value: Sendable>(
        _ work: @escaping @Sendable (borrowing WorkMemory) -> Value?
    ) async throws(PasswordHasher.Busy) -> Value {
        let value = await withCheckedContinuation { (continuation: CheckedContinuation<Value?, Never>) in
            if !submit({ continuation.resume(returning: work($0)) }) { continuation.resume(returning: nil) }
        }
        guard let value else { throw PasswordHasher.Busy() }
        return value
    }

    private func submit(_ work: @escaping Work) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        guard hasRoom else { return false }
        queue.append(work)
        if idle < queue.count, started < count { startThread() }
        condition.signal()
        return true
    }

    var isFull: Bool {
        condition.lock()
        defer { condition.unlock() }
        return !hasRoom
    }

    /// Under the lock. Work that a free thread takes at once isn't waiting.
    private var hasRoom: Bool { !isStopped && queue.count < longestQueue + idle + (count - started) }

    func stop() {
        condition.lock()
        isStopped = true
        condition.broadcast()
        condition.unlock()
    }

    private func startThread() {
        started += 1
        let thread = Thread { [self] in
            // On Linux a priority belongs to the thread, not the process: 0 is the calling one.
            Thread.current.name = "postern-hash"
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
            let memory = WorkMemory()
            while let work = next() { work(memory) }
        }
        thread.start()
    }

    private func next() -> Work? {
        condition.lock()
        defer { condition.unlock() }
        idle += 1
        defer { idle -= 1 }
        while queue.isEmpty, !isStopped { condition.wait() }
        return queue.isEmpty ? nil : queue.removeFirst()
    }
}
