/// Where the fingerprints of a 3-wise binary fuse filter lie (Graf and Lemire, "Binary Fuse Filters: Fast and Smaller Than Xor Filters",
/// ACM JEA 27, 2022): each key has one place in each of three neighbouring segments, and the three fingerprints there xor to its own.
struct FuseShape: Equatable {
    let segmentLength: UInt32
    /// Segments that a key's first place may be in; two more follow.
    let segments: UInt32

    /// For a number of different keys.
    init(keys: Int) {
        // 2^⌊ln n / ln 3.33 + 2.25⌋, and at most 2¹⁸: §4 of the paper.
        var (exponent, limit) = (UInt32(2), 1.349_9)
        while exponent < 18, limit * 3.33 <= Double(max(keys, 1)) * 1.822_4 {
            limit *= 3.33
            exponent += 1
        }
        segmentLength = 1 << exponent
        // 0.875 + 0.25 · ln 10⁶ / ln n, and at least 1.125. The logarithm is rounded down, which is the safe side.
        let bits = Double(max(keys, 2).bitWidth - max(keys, 2).leadingZeroBitCount - 1)
        let factor = max(1.125, 0.875 + 0.25 * 19.93 / bits)
        let places = Double(keys) * factor
        segments = max(1, UInt32((places / Double(segmentLength)).rounded(.up)).subtractingSafely(2))
    }

    /// - Returns: nil if no filter has such a shape.
    init?(segmentLength: UInt32, segments: UInt32) {
        guard segmentLength.nonzeroBitCount == 1, segmentLength <= 1 << 18, segments > 0, segments <= 1 << 20 else { return nil }
        self.segmentLength = segmentLength
        self.segments = segments
    }

    /// How many fingerprints there are.
    var count: Int { (Int(segments) + 2) * Int(segmentLength) }

    /// A key's three places.
    @inline(__always)
    func places(_ hash: UInt64) -> (Int, Int, Int) {
        let mask = UInt64(segmentLength - 1)
        let first = hash.multipliedFullWidth(by: UInt64(segments) * UInt64(segmentLength)).high
        let second = (first + UInt64(segmentLength)) ^ (hash >> 18 & mask)
        let third = (first + 2 * UInt64(segmentLength)) ^ (hash & mask)
        return (Int(first), Int(second), Int(third))
    }

    /// The finalizer of MurmurHash3 (Appleby, public domain): every bit of the key moves every bit of the hash.
    @inline(__always)
    static func hash(_ key: UInt64, seed: UInt64) -> UInt64 {
        var hash = key &+ seed
        hash = (hash ^ hash >> 33) &* 0xff51_afd7_ed55_8ccd
        hash = (hash ^ hash >> 33) &* 0xc4ce_b9fe_1a85_ec53
        return hash ^ hash >> 33
    }

    @inline(__always)
    static func fingerprint(_ hash: UInt64) -> UInt16 { UInt16(truncatingIfNeeded: hash ^ hash >> 32) }
}

extension UInt32 {
    fileprivate func subtractingSafely(_ other: UInt32) -> UInt32 { self > other ? self - other : 0 }
}
