/// A set of SHA-1 hashes that says of any hash "not in it", or "very likely in it": 2.25 bytes a hash at 16 bits.
///
/// It never misses a hash that it was made from. At 16 bits one of 65,536 others is taken for one, at 8 bits one of 256.
///
/// The form, little-endian: `"PBREACH1"`, u32 bits of a fingerprint, u32 bits of a shard's number, u64 hashes, i64 made at (microseconds
/// since 1970 UTC), then for each shard u64 seed, u32 segment length, u32 segments, u64 offset of its fingerprints from the file's start
/// (all 0 where it is empty), then the fingerprints.
public struct BreachFilter: Sendable {
    /// What a file must hold to be one.
    public enum Problem: Error, Equatable, Sendable { case notAFilter, tooShort, damaged }

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

    /// Reads head and shards of a file and holds them against its length, so that no look-up leaves it.
    public init(_ bytes: UnsafeRawBufferPointer) throws(Problem) {
        guard bytes.count >= Self.headerBytes else { throw .tooShort }
        guard bytes.prefix(8).elementsEqual(Self.mark) else { throw .notAFilter }
        let reader = Reader(bytes: bytes)
        fingerprintBits = Int(reader.u32(8))
        shardBits = Int(reader.u32(12))
        hashes = Int(truncatingIfNeeded: reader.u64(16))
        madeAt = Int64(bitPattern: reader.u64(24))
        guard fingerprintBits == 8 || fingerprintBits == 16, (0...Self.mostShardBits).contains(shardBits), hashes >= 0 else {
            throw .damaged
        }
        let table = Self.headerBytes + Self.shardBytes << shardBits
        guard bytes.count >= table else { throw .tooShort }
        for shard in 0..<1 << shardBits {
            let at = Self.headerBytes + shard * Self.shardBytes
            let offset = reader.u64(at + 16)
            if offset == 0 { continue }
            guard let shape = FuseShape(segmentLength: reader.u32(at + 8), segments: reader.u32(at + 12)) else { throw .damaged }
            guard offset >= table, offset <= bytes.count, shape.count * fingerprintBits / 8 <= bytes.count - Int(offset) else {
                throw .tooShort
            }
        }
    }

    /// Whether a hash is in the set.
    /// - Parameter bytes: those that this filter was made from.
    public func contains(_ hash: BreachedHash, in bytes: UnsafeRawBufferPointer) -> Bool { contains(key: hash.key, in: bytes) }

    func contains(key: UInt64, in bytes: UnsafeRawBufferPointer) -> Bool {
        let reader = Reader(bytes: bytes)
        let shard = shardBits == 0 ? 0 : Int(key >> UInt64(64 - shardBits))
        let at = Self.headerBytes + shard * Self.shardBytes
        let offset = Int(truncatingIfNeeded: reader.u64(at + 16))
        // Looked at again: a mapped file can be written to.
        guard offset > 0, offset <= bytes.count, let shape = FuseShape(segmentLength: reader.u32(at + 8), segments: reader.u32(at + 12)),
            shape.count * fingerprintBits / 8 <= bytes.count - offset
        else { return false }
        let hash = FuseShape.hash(key, seed: reader.u64(at))
        let places = shape.places(hash)
        if fingerprintBits == 8 {
            let found = bytes[offset + places.0] ^ bytes[offset + places.1] ^ bytes[offset + places.2]
            return found == UInt8(truncatingIfNeeded: FuseShape.fingerprint(hash))
        }
        let found = reader.u16(offset + 2 * places.0) ^ reader.u16(offset + 2 * places.1) ^ reader.u16(offset + 2 * places.2)
        return found == FuseShape.fingerprint(hash)
    }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer

        @inline(__always) func u16(_ at: Int) -> UInt16 { UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt16.self)) }
        @inline(__always) func u32(_ at: Int) -> UInt32 { UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)) }
        @inline(__always) func u64(_ at: Int) -> UInt64 { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)) }
    }
}

/// Makes a filter shard by shard, so that no more than one shard's hashes are in memory.
public struct BreachFilterWriter {
    /// A shard whose keys fit no seed: some stand in it twice.
    public struct KeysRepeat: Error, Sendable {}

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
    public mutating func add(_ keys: consuming [UInt64]) throws(KeysRepeat) -> [UInt8] {
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
        guard let built = FuseBuilder(keys: keys) else { throw KeysRepeat() }
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
