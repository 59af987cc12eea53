/// Lower case, one code point for one code point (Unicode's simple case mapping), so that positions stay what they are.
///
/// The table is part of the word lists' file: a browser's module needs no other Unicode data.
struct Capitals: @unchecked Sendable {
    /// Runs of `first`, `last`, `step` and the distance to lower case, four bytes each, ascending.
    private let base: UnsafeRawPointer
    private let count: Int

    init(base: UnsafeRawPointer, count: Int) {
        (self.base, self.count) = (base, count)
    }

    private struct Run {
        let first, last, step: UInt32
        let distance: Int32
    }

    private func run(_ index: Int) -> Run {
        func field(_ number: Int) -> UInt32 {
            UInt32(littleEndian: base.loadUnaligned(fromByteOffset: index * 16 + number * 4, as: UInt32.self))
        }
        return Run(first: field(0), last: field(1), step: field(2), distance: Int32(bitPattern: field(3)))
    }

    /// A sigma is one letter, wherever in a word it stands.
    func lowercase(_ point: UInt32) -> UInt32 {
        if point == 0x3C2 { return 0x3C3 }
        if point < 128 { return point >= 65 && point <= 90 ? point + 32 : point }
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            let run = run(middle)
            if point > run.last {
                low = middle + 1
            } else if point < run.first {
                high = middle
            } else {
                return (point - run.first) % run.step == 0 ? UInt32(bitPattern: Int32(bitPattern: point) + run.distance) : point
            }
        }
        return point
    }

    func isUppercase(_ point: UInt32) -> Bool { lowercase(point) != point && point != 0x3C2 }

    /// Whether it is the lower case of something.
    func isLowercase(_ point: UInt32) -> Bool {
        if point < 128 { return point >= 97 && point <= 122 }
        return (0..<count).contains { index in
            let run = run(index)
            let capital = Int64(point) - Int64(run.distance)
            return capital >= run.first && capital <= run.last && (capital - Int64(run.first)) % Int64(run.step) == 0
        }
    }
}
