/// A set of SHA-1 hashes that says of any hash "not in it", or "very likely in it": about 2.4 bytes a hash at 16 bits.
///
/// It never misses a hash that it was made from. At 16 bits one of 65,536 others is taken for one, at 8 bits one of 256. Head and shards
/// are kept; the fingerprints stay in the file and are read three at a time, so that a file of any size needs 2 MB of memory at most.
///
/// The form, little-endian: `"PBREACH1"`, u32 bits of a fingerprint, u32 bits of a shard's number, u64 hashes, i64 made at (microseconds
/// since 1970 UTC), then for each shard u64 seed, u32 segment length, u32 segments, u64 offset of its fingerprints from the file's start
/// (all 0 where it is empty), then the fingerprints.
public struct BreachFilter: Sendable {
    /// What a file must hold to be one.
    public enum Problem: Error, Equatable, Sendable { case notAFilter, tooShort, damaged }

    /// Of what says how long the rest of the head is.
    public static let headerBytes = 32
    static let shardBytes = 24
    static let mark = Array("PBREACH1".utf8)
    /// Shards are taken by the first bits of a hash.
    public static let mostShardBits = 16

    public let fingerprintBits: Int
    public let hashes: Int
    /// Microseconds since 1970 UTC.
    public let madeAt: Int64
    private let shardBits: Int
    private let shards: [Shard?]

    private struct Shard {
        let seed: UInt64
        let shape: FuseShape
        let offset: Int
    }

    /// How many bytes head and shards take, by the first ``headerBytes``.
    public static func headBytes(of header: [UInt8]) throws(Problem) -> Int {
        guard header.count >= headerBytes else { throw .tooShort }
        guard header.prefix(8).elementsEqual(mark) else { throw .notAFilter }
        let shardBits = Int(number(header, 12, as: UInt32.self))
        guard shardBits <= mostShardBits else { throw .damaged }
        return headerBytes + shardBytes << shardBits
    }

    /// Reads head and shards and holds them against the file's length.
    /// - Parameters:
    ///   - head: as many bytes as ``headBytes(of:)`` says, or more.
    ///   - fileBytes: the whole file's length.
    public init(head: [UInt8], fileBytes: Int) throws(Problem) {
        let headBytes = try Self.headBytes(of: head)
        guard head.count >= headBytes, fileBytes >= headBytes else { throw .tooShort }
        let bits = Int(Self.number(head, 8, as: UInt32.self))
        guard bits == 8 || bits == 16 else { throw .damaged }
        fingerprintBits = bits
        shardBits = Int(Self.number(head, 12, as: UInt32.self))
        guard let hashes = Int(exactly: Self.number(head, 16, as: UInt64.self)) else { throw .damaged }
        self.hashes = hashes
        madeAt = Self.number(head, 24, as: Int64.self)
        var shards: [Shard?] = []
        for at in stride(from: Self.headerBytes, to: headBytes, by: Self.shardBytes) {
            let offset = Self.number(head, at + 16, as: UInt64.self)
            if offset == 0 {
                shards.append(nil)
                continue
            }
            guard
                let shape = FuseShape(
                    segmentLength: Self.number(head, at + 8, as: UInt32.self), segments: Self.number(head, at + 12, as: UInt32.self))
            else { throw .damaged }
            guard offset >= headBytes, offset <= fileBytes, shape.count * bits / 8 <= fileBytes - Int(offset) else { throw .tooShort }
            shards.append(Shard(seed: Self.number(head, at, as: UInt64.self), shape: shape, offset: Int(offset)))
        }
        self.shards = shards
    }

    private static func number<Number: FixedWidthInteger>(_ bytes: [UInt8], _ at: Int, as: Number.Type) -> Number {
        Number(littleEndian: bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: Number.self) })
    }

    /// Whether a hash is in the set.
    /// - Parameter read: gives the fingerprint at an offset of the file, of as many bytes as ``fingerprintBits`` says, little-endian; nil
    ///   if the file has become shorter.
    /// - Returns: nil if something could not be read.
    public func contains(_ hash: BreachedHash, read: (_ offset: Int) -> UInt16?) -> Bool? { contains(key: hash.key, read: read) }

    func contains(key: UInt64, read: (_ offset: Int) -> UInt16?) -> Bool? {
        guard let shard = shards[shardBits == 0 ? 0 : Int(key >> UInt64(64 - shardBits))] else { return false }
        let hash = FuseShape.hash(key, seed: shard.seed)
        let places = shard.shape.places(hash)
        let width = fingerprintBits / 8
        guard let one = read(shard.offset + width * places.0), let two = read(shard.offset + width * places.1),
            let three = read(shard.offset + width * places.2)
        else { return nil }
        let wanted = FuseShape.fingerprint(hash)
        let found = one ^ two ^ three
        return width == 1 ? UInt8(truncatingIfNeeded: found) == UInt8(truncatingIfNeeded: wanted) : found == wanted
    }
}

/// Makes a filter shard by shard, so that no more than one shard's hashes are in memory.
public struct BreachFilterWriter {
    /// A hundred seeds would not do for a shard, which chance doesn't bring about.
    public struct NoSeed: Error, Sendable {}

    public let fingerprintBits: Int
    public let shardBits: Int
    public private(set) var hashes = 0
    private var shards: [UInt8] = []
    private var offset: Int

    /// - Parameters:
    ///   - fingerprintBits: 8 or 16.
    ///   - shardBits: 0 to 16; about a million hashes a shard are quick.
    public init(fingerprintBits: Int, shardBits: Int) {
        precondition(fingerprintBits == 8 || fingerprintBits == 16, "Fingerprints have 8 or 16 bits.")
        precondition((0...BreachFilter.mostShardBits).contains(shardBits), "A filter has at most 65,536 shards.")
        self.fingerprintBits = fingerprintBits
        self.shardBits = shardBits
        offset = BreachFilter.headerBytes + BreachFilter.shardBytes << shardBits
    }

    /// How many bytes head and shards take: fingerprints follow them.
    public var headBytes: Int { BreachFilter.headerBytes + BreachFilter.shardBytes << shardBits }

    public func shard(of key: UInt64) -> Int { shardBits == 0 ? 0 : Int(key >> UInt64(64 - shardBits)) }

    /// Adds the next shard.
    /// - Parameter keys: all of that shard, in any order, repeated or not.
    /// - Returns: its fingerprints, to be written behind those before.
    public mutating func add(_ keys: consuming [UInt64]) throws(NoSeed) -> [UInt8] {
        var keys = keys
        keys.sort()
        var last: UInt64?
        keys.removeAll { key in
            defer { last = key }
            return key == last
        }
        guard !keys.isEmpty else {
            shards += [UInt8](repeating: 0, count: BreachFilter.shardBytes)
            return []
        }
        guard let built = FuseBuilder(keys: keys) else { throw NoSeed() }
        append(built.seed)
        append(built.shape.segmentLength)
        append(built.shape.segments)
        append(UInt64(offset))
        hashes += keys.count
        offset += built.fingerprints.count * fingerprintBits / 8
        if fingerprintBits == 8 { return built.fingerprints.map { UInt8(truncatingIfNeeded: $0) } }
        return built.fingerprints.withUnsafeBytes { bytes in
            #if _endian(little)
            Array(bytes)
            #else
            built.fingerprints.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
            #endif
        }
    }

    private mutating func append(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.littleEndian) { shards += $0 }
    }

    /// Head and shards, once all shards are added.
    public func head(madeAt: Int64) -> [UInt8] {
        var head = BreachFilter.mark
        withUnsafeBytes(of: UInt32(fingerprintBits).littleEndian) { head += $0 }
        withUnsafeBytes(of: UInt32(shardBits).littleEndian) { head += $0 }
        withUnsafeBytes(of: UInt64(hashes).littleEndian) { head += $0 }
        withUnsafeBytes(of: madeAt.littleEndian) { head += $0 }
        return head + shards
    }
}
