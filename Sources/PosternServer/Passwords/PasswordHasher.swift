import PasswordHashing
import Secrets
import WorkThreads

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

    private let threads: WorkThreads<WorkMemory>
    let parameters: Argon2id.Parameters
    /// So that session checks keep their share of the cores.
    private static let niceness: Int32 = 10
    private let random: Randomness
    /// What an unknown account's password is compared with, so that it takes the same time (LG-02).
    private let decoy: PasswordHash

    init(settings: Settings.Hashing, random: Randomness) {
        threads = WorkThreads(
            name: "postern-hash", count: settings.threads, queue: settings.queue, niceness: Self.niceness, make: WorkMemory.init)
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
        return try await run { memory in
            try? PasswordHash(password: password.bytes.exposed, salt: salt, parameters: parameters, memory: memory).text
        }
    }

    /// Compares with a stored hash; with none, or one that can't be read, the work is the same and the answer no.
    func verify(_ password: Password, against stored: String?) async throws(Busy) -> Verification {
        let known = stored.flatMap { PasswordHash(text: $0) }
        if known == nil, let stored, let foreign = try? ForeignHash(text: stored) { return try await verify(password, against: foreign) }
        let salt = random.bytes(PasswordHash.saltBytes)
        let (decoy, parameters) = (decoy, parameters)
        return try await run { memory in
            let bytes = password.bytes.exposed
            guard let equal = try? (known ?? decoy).matches(password: bytes, memory: memory) else { return nil }
            guard equal, let known else { return Verification(matches: false, rehashed: nil) }
            guard known.parameters.areWeaker(than: parameters) else { return Verification(matches: true, rehashed: nil) }
            let stronger = try? PasswordHash(password: bytes, salt: salt, parameters: parameters, memory: memory)
            return Verification(matches: true, rehashed: stronger?.text)
        }
    }

    /// Compares with a hash that another system made; a right password gets one of our own. Others hashed what was typed, in no normal
    /// form or in this one.
    private func verify(_ password: Password, against foreign: ForeignHash) async throws(Busy) -> Verification {
        let salt = random.bytes(PasswordHash.saltBytes)
        let parameters = parameters
        return try await run { memory in
            let spellings = [password.typed, password.bytes].compactMap { $0 }
            guard spellings.contains(where: { foreign.matches(password: $0.exposed) }) else {
                return Verification(matches: false, rehashed: nil)
            }
            let own = try? PasswordHash(password: password.bytes.exposed, salt: salt, parameters: parameters, memory: memory)
            return Verification(matches: true, rehashed: own?.text)
        }
    }

    /// Hashes texts under one salt, one after the other: for codes that are found again by their hash.
    func hashes(of texts: [Secret<[UInt8]>], salt: [UInt8], parameters: Argon2id.Parameters) async throws(Busy) -> [[UInt8]] {
        var hashes: [[UInt8]] = []
        for text in texts {
            hashes.append(
                try await run { memory in
                    try? Argon2id.hash(password: text.exposed, salt: salt, parameters: parameters, memory: memory)
                })
        }
        return hashes
    }

    /// A machine without memory for one more hash is as busy as one without a thread for it.
    private func run<Value: Sendable>(_ work: @Sendable (borrowing WorkMemory) -> Value?) async throws(Busy) -> Value {
        guard let value = await threads.run(work) ?? nil else { throw Busy() }
        return value
    }

    /// Runs steps of which a hash is one, each where the one before it ended.
    func chaining<Value: Sendable, Failure: Error>(
        _ steps: @Sendable () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        try await withTaskExecutorPreference(HandOver.shared, operation: steps)
    }

    /// Whether a password would be refused now. To be asked before anything else is done for an attempt: a flood then costs next to
    /// nothing.
    var isFull: Bool { !threads.hasRoom }

    func stop() { threads.close() }
}
