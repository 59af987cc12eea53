internal import CPasswordWords

/// Words that can be walked character by character.
protocol Trie {
    /// The node that `character` leads to; nil where no word goes on that way. The root is 0.
    func child(of node: Int, by character: UInt32) -> Int?

    /// The list and rank of the word that ends at a node.
    func word(at node: Int) -> RankedWord?
}

/// A word's place in a list: 1 is guessed first.
struct RankedWord {
    let list: WordList
    let rank: Int
}

/// The built-in lists as a level-ordered trie without pointers (LOUDS, Jacobson 1989), read where it lies in the program's image.
struct WordTrie: Trie, @unchecked Sendable {
    private struct Bits {
        let base: UnsafeRawPointer

        func word(_ index: Int) -> UInt64 { UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)) }
    }

    private static let placeBits = 17
    /// Every how many zeros of `degrees` a position is kept.
    private static let stride = 16

    private let degrees: Bits
    private let ends: Bits
    private let places: UnsafeRawPointer
    private let labels: UnsafeRawPointer
    /// Where every 16th zero of `degrees` is.
    private let zeros: [UInt32]
    /// How many words end before every 64th node.
    private let wordsBefore: [UInt32]
    private let listEnds: [Int]
    let capitals: Capitals

    /// Made once.
    static let standard = WordTrie()

    /// Reads the form that Scripts/password-words.py describes.
    init() {
        guard let base = postern_password_words() else { preconditionFailure("The word lists are part of the program.") }
        func number(at offset: Int) -> Int { Int(UInt32(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt32.self))) }
        let nodes = number(at: 8)
        let (words, ranges, lists) = (number(at: 12), number(at: 16), number(at: 20))
        var end = 0
        listEnds = (0..<lists).map { list in
            end += number(at: 24 + 4 * list)
            return end
        }
        func padded(_ bytes: Int) -> Int { (bytes + 7) & ~7 }
        var offset = padded(24 + 4 * lists)
        func section(_ bytes: Int) -> UnsafeRawPointer {
            defer { offset += padded(bytes) }
            return base + offset
        }
        degrees = Bits(base: section((2 * nodes - 1 + 7) / 8))
        ends = Bits(base: section((nodes + 7) / 8))
        places = section((words * Self.placeBits + 7) / 8 + 8)
        capitals = Capitals(base: section(16 * ranges), count: ranges)
        labels = section(nodes - 1)
        zeros = Self.everyZero(of: degrees, count: nodes)
        wordsBefore = Self.runningCount(of: ends, words: (nodes + 63) / 64)
    }

    private static func everyZero(of bits: Bits, count: Int) -> [UInt32] {
        var positions: [UInt32] = []
        positions.reserveCapacity(count / stride + 1)
        var (seen, word) = (0, 0)
        while seen < count {
            var left = ~bits.word(word)
            while left != 0, seen < count {
                if seen % stride == 0 { positions.append(UInt32(word * 64 + left.trailingZeroBitCount)) }
                seen += 1
                left &= left - 1
            }
            word += 1
        }
        return positions
    }

    private static func runningCount(of bits: Bits, words: Int) -> [UInt32] {
        var (sums, sum): ([UInt32], UInt32) = ([], 0)
        sums.reserveCapacity(words)
        for word in 0..<words {
            sums.append(sum)
            sum += UInt32(bits.word(word).nonzeroBitCount)
        }
        return sums
    }

    /// The position of a zero in `degrees`, counted from 0.
    private func zero(_ number: Int) -> Int {
        let known = Int(zeros[number / Self.stride])
        var wanted = number % Self.stride
        var word = known / 64
        var left = ~degrees.word(word) & (UInt64.max << UInt64(known % 64))
        while left.nonzeroBitCount <= wanted {
            wanted -= left.nonzeroBitCount
            word += 1
            left = ~degrees.word(word)
        }
        while wanted > 0 {
            left &= left - 1
            wanted -= 1
        }
        return word * 64 + left.trailingZeroBitCount
    }

    func child(of node: Int, by character: UInt32) -> Int? {
        guard character < 128 else { return nil }
        let start = node == 0 ? 0 : zero(node - 1) + 1
        // As many zeros stand before a node's ones as there are nodes before it.
        var edge = start - node
        var position = start
        var ones = degrees.word(position / 64) >> UInt64(position % 64)
        while ones & 1 == 1 {
            let label = UInt32(labels.load(fromByteOffset: edge, as: UInt8.self))
            // Labels ascend.
            if label >= character { return label == character ? edge + 1 : nil }
            edge += 1
            position += 1
            ones = position % 64 == 0 ? degrees.word(position / 64) : ones >> 1
        }
        return nil
    }

    func word(at node: Int) -> RankedWord? {
        let bits = ends.word(node / 64)
        let bit = UInt64(1) << UInt64(node % 64)
        guard bits & bit != 0 else { return nil }
        let number = Int(wordsBefore[node / 64]) + (bits & (bit - 1)).nonzeroBitCount
        let (byte, shift) = (number * Self.placeBits / 8, number * Self.placeBits % 8)
        let packed = UInt64(littleEndian: places.loadUnaligned(fromByteOffset: byte, as: UInt64.self))
        let place = Int(packed >> UInt64(shift) & (1 << UInt64(Self.placeBits) - 1))
        var (list, first) = (0, 0)
        while place >= listEnds[list] {
            first = listEnds[list]
            list += 1
        }
        return RankedWord(list: WordList.builtIn[list], rank: place - first + 1)
    }
}
