import BreachFilter
import Glibc

/// Turns lists of SHA-1 hashes into a filter file, in memory for one shard at a time.
struct BuildBreachFilter {
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    /// 8 or 16.
    let fingerprintBits: Int
    /// Told after each step of the work, from 0 to 1.
    let progress: (_ done: Double, _ words: String) -> Void

    /// About so many hashes a shard: few enough to stay in the processor's cache, many enough for small overhead.
    private static let hashesPerShard = 250_000
    /// The shortest line: 40 digits and a line feed.
    private static let bytesPerLine = 41
    private static let chunk = 1 << 20

    /// - Parameters:
    ///   - lists: files of lines with 40 hexadecimal digits, and perhaps `:` and a count. Lines with the count 0 are padding.
    ///   - target: written beside its place, and put there whole.
    ///   - madeAt: microseconds since 1970 UTC.
    /// - Returns: how many different hashes it holds.
    func build(_ lists: [String], target: String, madeAt: Int64) throws -> Int {
        let bytes = try lists.reduce(0) { try $0 + Self.size(of: $1, notThe: target) }
        let shardBits = Self.shardBits(hashes: bytes / Self.bytesPerLine)
        var writer = BreachFilterWriter(fingerprintBits: fingerprintBits, shardBits: shardBits)
        // Beside the target: that place has room for it, and a rename doesn't leave the file system.
        let spill = try Spill(besides: target, shards: 1 << shardBits)
        var done = 0
        for list in lists {
            try Self.read(list) { hash throws(Problem) in
                try spill.add(hash.key, to: writer.shard(of: hash.key))
            } progress: { count in
                done += count
                progress(0.5 * Double(done) / Double(max(bytes, 1)), "reading")
            }
        }
        guard spill.count > 0 else { throw Problem(description: "No hash was found. Nothing was written.") }
        let output = try Output(besides: target)
        do {
            try output.skip(writer.headBytes)
            for shard in 0..<1 << shardBits {
                try output.write(try writer.add(try spill.keys(of: shard)))
                progress(0.5 + 0.5 * Double(shard + 1) / Double(1 << shardBits), "building")
            }
            try output.finish(head: writer.head(madeAt: madeAt), as: target)
        } catch {
            output.discard()
            throw error
        }
        return writer.hashes
    }

    static func shardBits(hashes: Int) -> Int {
        var bits = 0
        while bits < BreachFilter.mostShardBits, hashes >> bits > hashesPerShard { bits += 1 }
        return bits
    }

    /// Of what is no plain file, such as a pipe, nobody knows: then as if it were large.
    private static let unknownSize = 8 << 30

    private static func size(of path: String, notThe target: String) throws(Problem) -> Int {
        var (status, old) = (stat(), stat())
        guard stat(path, &status) == 0 else { throw Problem(description: "\(path) can't be read: \(String(cString: strerror(errno)))") }
        if stat(target, &old) == 0, old.st_dev == status.st_dev, old.st_ino == status.st_ino {
            throw Problem(description: "\(target) is one of the lists. Nothing was written: name another file with --output.")
        }
        return status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : unknownSize
    }

    private static func read(
        _ path: String, take: (BreachedHash) throws -> Void, progress: (Int) -> Void
    ) throws {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Problem(description: "\(path) can't be read: \(String(cString: strerror(errno)))") }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: chunk)
        var (rest, number): ([UInt8], Int) = ([], 0)
        while true {
            let count = Glibc.read(file, &buffer, chunk)
            guard count >= 0 else { throw Problem(description: "\(path) can't be read: \(String(cString: strerror(errno)))") }
            if count == 0 { break }
            var start = 0
            while let end = buffer[start..<count].firstIndex(of: 10) {
                number += 1
                if rest.isEmpty {
                    try line(buffer[start..<end], number, path, take)
                } else {
                    try line((rest + buffer[start..<end])[...], number, path, take)
                    rest.removeAll(keepingCapacity: true)
                }
                start = end + 1
            }
            rest += buffer[start..<count]
            guard rest.count < 4_096 else { throw Problem(description: "\(path), line \(number + 1): too long for a hash") }
            progress(count)
        }
        if !rest.isEmpty { try line(rest[...], number + 1, path, take) }
    }

    private static func line(_ bytes: ArraySlice<UInt8>, _ number: Int, _ path: String, _ take: (BreachedHash) throws -> Void) throws {
        let text = bytes.last == 13 ? bytes.dropLast() : bytes
        if text.isEmpty { return }
        let digits = 2 * BreachedHash.byteCount
        guard let hash = BreachedHash(hex: text.prefix(digits)), text.count == digits || text.dropFirst(digits).first == UInt8(ascii: ":")
        else {
            throw Problem(
                description:
                    "\(path), line \(number): 40 hexadecimal digits are expected, and perhaps ':' and a count. Nothing was written.")
        }
        if text.dropFirst(digits).elementsEqual(":0".utf8) { return }
        try take(hash)
    }
}
