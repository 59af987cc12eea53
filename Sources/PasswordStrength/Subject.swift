/// A password on the table: its first code points, as typed and in lower case.
struct Subject {
    let typed: [UInt32]
    let lowercase: [UInt32]
    let capitals: Capitals

    init(_ typed: [UInt32], capitals: Capitals) {
        self.typed = typed
        self.capitals = capitals
        lowercase = typed.map { capitals.lowercase($0) }
    }

    var count: Int { typed.count }

    /// What a match costs at least: where it is a part only, another part may hide in it.
    func atLeast(_ guesses: Double, over range: Range<Int>) -> Double {
        guard range.count < count else { return max(guesses, 1) }
        return max(guesses, range.count == 1 ? 10 : 50)
    }
}

extension String {
    /// At most so many code points from the beginning. Written out, because a module for pages grows by what it takes from the library.
    func points(most: Int = .max) -> [UInt32] {
        var points: [UInt32] = []
        for scalar in unicodeScalars {
            if points.count == most { break }
            points.append(scalar.value)
        }
        return points
    }
}

extension UInt32 {
    var isDigit: Bool { self >= 48 && self <= 57 }
    var isCapital: Bool { self >= 65 && self <= 90 }
    var isSmall: Bool { self >= 97 && self <= 122 }
}
