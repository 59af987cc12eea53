import Support
import Testing

@testable import BreachFilter

struct BreachFilterTests {
    /// A filter over keys, as one file.
    private static func file(_ keys: [UInt64], bits: Int = 16, shardBits: Int = 0) throws -> [UInt8] {
        var writer = BreachFilterWriter(fingerprintBits: bits, shardBits: shardBits)
        var fingerprints: [UInt8] = []
        for shard in 0..<1 << shardBits { fingerprints += try writer.add(keys.filter { writer.shard(of: $0) == shard }) }
        return writer.head(madeAt: 1_700_000_000_000_000) + fingerprints
    }

    /// Reads it as the server does, from memory.
    private struct Reader {
        let filter: BreachFilter
        let file: [UInt8]

        init(_ file: [UInt8]) throws {
            self.file = file
            filter = try BreachFilter(head: file, fileBytes: file.count)
        }

        func contains(_ key: UInt64) -> Bool? {
            let width = filter.fingerprintBits / 8
            return filter.contains(key: key) { offset in
                guard offset + width <= file.count else { return nil }
                return width == 1 ? UInt16(file[offset]) : UInt16(file[offset]) | UInt16(file[offset + 1]) << 8
            }
        }
    }

    private static func keys(_ count: Int, seed: UInt64) -> [UInt64] {
        (0..<UInt64(count)).map { FuseShape.hash($0, seed: seed) }
    }

    @Test("no hash that a filter was made from is missed, whatever their number", arguments: [0, 1, 2, 3, 10, 100, 1_000, 50_000])
    func nothingIsMissed(count: Int) throws {
        let keys = Self.keys(count, seed: 7)
        for (bits, shardBits) in [(16, 0), (16, 3), (8, 0), (8, 5)] {
            let file = try Self.file(keys, bits: bits, shardBits: shardBits)
            let reader = try Reader(file)
            #expect(reader.filter.hashes == count)
            #expect(reader.filter.fingerprintBits == bits)
            #expect(reader.filter.madeAt == 1_700_000_000_000_000)
            #expect(keys.allSatisfy { reader.contains($0) == true })
        }
    }

    @Test("a million hashes: none is missed, and others are taken for one no oftener than the width of a fingerprint says")
    func aMillion() throws {
        let keys = Self.keys(1_000_000, seed: 1)
        for (bits, most) in [(16, 40), (8, 4_200)] {
            let file = try Self.file(keys, bits: bits, shardBits: 2)
            let reader = try Reader(file)
            #expect(keys.count { reader.contains($0) != true } == 0)
            // A million strangers: 15.3 are expected at 16 bits, 3,906 at 8; the limits are six deviations away, and 5.
            #expect(Self.keys(1_000_000, seed: 1 << 40).count { reader.contains($0) == true } <= most)
        }
    }

    @Test("hashes that stand twice count once")
    func repeats() throws {
        let keys = Self.keys(500, seed: 3)
        let file = try Self.file(keys + keys + keys)
        let reader = try Reader(file)
        #expect(reader.filter.hashes == 500)
        #expect(keys.allSatisfy { reader.contains($0) == true })
    }

    @Test("a file that is cut off, spoiled or something else is refused, and no look-up leaves it")
    func spoiledFiles() throws {
        let keys = Self.keys(2_000, seed: 4)
        let whole = try Self.file(keys, shardBits: 2)
        for length in stride(from: 0, to: whole.count, by: 97) {
            #expect(throws: BreachFilter.Problem.self) { try BreachFilter(head: Array(whole.prefix(length)), fileBytes: length) }
        }
        // Shortened afterwards: it can't be read, and says so.
        let reader = try Reader(whole)
        #expect(keys.allSatisfy { reader.filter.contains(key: $0) { _ in nil } == nil })
        var random = SeededGenerator(seed: 5)
        for _ in 0..<20_000 {
            var file = whole
            let place = Int(random.next() % UInt64(BreachFilter.headerBytes + 4 * BreachFilter.shardBytes))
            file[place] = UInt8(truncatingIfNeeded: random.next())
            guard let reader = try? Reader(file) else { continue }
            // Whatever it answers: it must not trap, and ask for nothing behind the end.
            for key in keys.prefix(20) { #expect(reader.contains(key) != nil) }
        }
    }

    @Test("a hash is SHA-1 as the lists have it, and gives five digits away")
    func hashes() throws {
        // FIPS 180-4, and haveibeenpwned.com's own example.
        #expect(BreachedHash(password: Array("abc".utf8)).hex == "A9993E364706816ABA3E25717850C26C9CD0D89D")
        let hash = BreachedHash(password: Array("password".utf8))
        #expect(hash.rangePrefix == "5BAA6")
        #expect(hash.rangeSuffix == "1E4C9B93F3F0682250B6CF8331B7EE68FD8")
        #expect(hash.key == 0x5BAA_61E4_C9B9_3F3F)
        #expect(BreachedHash(hex: Array("5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8".utf8)) == hash)
        for bad in ["", "5baa6", "5baa61e4c9b93f3f0682250b6cf8331b7ee68fdg", "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8a"] {
            #expect(BreachedHash(hex: Array(bad.utf8)) == nil, "\(bad)")
        }
    }
}
