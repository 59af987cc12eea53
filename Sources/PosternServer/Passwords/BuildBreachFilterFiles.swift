import Glibc

extension BuildBreachFilter {
    /// A file of a name that nobody else has, for this process alone.
    private static func newFile(besides target: String) throws(Problem) -> (descriptor: Int32, path: String) {
        // As mkstemp wants it: six of these become a name.
        var name = Array((target + "." + String(repeating: "X", count: 6)).utf8CString)
        let descriptor = mkstemp(&name)
        let path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard descriptor >= 0 else { throw Problem(description: "\(target) can't be written: \(String(cString: strerror(errno)))") }
        return (descriptor, path)
    }

    /// Keys sorted into files by shard, so that any number of them needs little memory.
    final class Spill {
        private let path: String
        private let file: Int32
        private var buffers: [[UInt64]]
        /// Where each shard's blocks lie in the one file.
        private var blocks: [[(offset: Int, count: Int)]]
        private var end = 0
        /// How many keys were added.
        private(set) var count = 0
        private static let blockKeys = 2_048

        /// One file without a name: it is gone when this process is.
        init(besides target: String, shards: Int) throws(Problem) {
            (file, path) = try BuildBreachFilter.newFile(besides: target)
            unlink(path)
            buffers = Array(repeating: [], count: shards)
            blocks = Array(repeating: [], count: shards)
        }

        deinit { close(file) }

        func add(_ key: UInt64, to shard: Int) throws(Problem) {
            buffers[shard].append(key)
            count += 1
            if buffers[shard].count == Self.blockKeys { try flush(shard) }
        }

        private func flush(_ shard: Int) throws(Problem) {
            let bytes = buffers[shard].count * 8
            let written = buffers[shard].withUnsafeBytes { pwrite(file, $0.baseAddress, bytes, end) }
            guard written == bytes else { throw Problem(description: "\(path) can't be written: \(String(cString: strerror(errno)))") }
            blocks[shard].append((end, buffers[shard].count))
            end += bytes
            buffers[shard].removeAll(keepingCapacity: true)
        }

        /// All keys of a shard, in the order they came.
        func keys(of shard: Int) throws(Problem) -> [UInt64] {
            var keys: [UInt64] = []
            keys.reserveCapacity(blocks[shard].reduce(0) { $0 + $1.count } + buffers[shard].count)
            for block in blocks[shard] {
                let read = [UInt64](unsafeUninitializedCapacity: block.count) { buffer, count in
                    let bytes = pread(file, buffer.baseAddress, block.count * 8, block.offset)
                    count = bytes == block.count * 8 ? block.count : 0
                }
                guard read.count == block.count else {
                    throw Problem(description: "\(path) can't be read: \(String(cString: strerror(errno)))")
                }
                keys += read
            }
            keys += buffers[shard]
            buffers[shard] = []
            return keys
        }
    }

    /// A file that appears whole or not at all.
    final class Output {
        private let path: String
        private let file: Int32

        init(besides target: String) throws(Problem) { (file, path) = try BuildBreachFilter.newFile(besides: target) }

        func discard() { unlink(path) }

        deinit { close(file) }

        private var failed: Problem { Problem(description: "\(path) can't be written: \(String(cString: strerror(errno)))") }

        func skip(_ bytes: Int) throws(Problem) { guard lseek(file, bytes, SEEK_SET) == bytes else { throw failed } }

        func write(_ bytes: [UInt8]) throws(Problem) {
            var written = 0
            while written < bytes.count {
                let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress?.advanced(by: written), bytes.count - written) }
                guard count > 0 else { throw failed }
                written += count
            }
        }

        func finish(head: [UInt8], as target: String) throws(Problem) {
            try skip(0)
            try write(head)
            guard fchmod(file, 0o644) == 0, fsync(file) == 0, rename(path, target) == 0 else { throw failed }
        }
    }
}
