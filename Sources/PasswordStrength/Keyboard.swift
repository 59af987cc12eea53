/// Keys side by side.
public enum Keyboard: Sendable, CaseIterable {
    case qwerty, dvorak, keypad, macKeypad

    /// The name that zxcvbn gives it.
    public var name: StaticString {
        switch self {
        case .qwerty: "qwerty"
        case .dvorak: "dvorak"
        case .keypad: "keypad"
        case .macKeypad: "mac_keypad"
        }
    }

    /// How many characters can be typed on it, and how many neighbours a key has on average: those of QWERTY and of the plain keypad.
    var startingPositions: Double { isSlanted ? 94 : 15 }
    var averageDegree: Double { isSlanted ? 432.0 / 94.0 : 76.0 / 15.0 }

    /// Rows of keys, top first, each key plain and shifted. On slanted boards each row stands half a key further right.
    private var rows: [StaticString] {
        switch self {
        case .qwerty:
            ["`~1!2@3#4$5%6^7&8*9(0)-_=+", "  qQwWeErRtTyYuUiIoOpP[{]}\\|", "  aAsSdDfFgGhHjJkKlL;:'\"", "  zZxXcCvVbBnNmM,<.>/?"]
        case .dvorak:
            ["`~1!2@3#4$5%6^7&8*9(0)[{]}", "  '\",<.>pPyYfFgGcCrRlL/?=+\\|", "  aAoOeEuUiIdDhHtTnNsS-_", "  ;:qQjJkKxXbBmMwWvVzZ"]
        case .keypad: [" /*-", "789+", "456 ", "123 ", " 0. "]
        case .macKeypad: [" =/*", "789-", "456+", "123 ", " 0. "]
        }
    }

    var isSlanted: Bool { self == .qwerty || self == .dvorak }

    struct Key: Equatable {
        let column, row: Int8
        let isShifted: Bool
    }

    /// Every key by its ASCII code.
    var keys: [Key?] {
        var keys: [Key?] = Array(repeating: nil, count: 128)
        let characters = isSlanted ? 2 : 1
        for (row, text) in rows.enumerated() {
            text.withUTF8Buffer { bytes in
                for (index, byte) in bytes.enumerated() where byte != UInt8(ascii: " ") {
                    keys[Int(byte)] = Key(column: Int8(index / characters), row: Int8(row), isShifted: index % characters == 1)
                }
            }
        }
        return keys
    }

    /// The direction from one key to a neighbour, clockwise from the left; nil if they aren't neighbours.
    func direction(from key: Key, to other: Key) -> Int? {
        switch (other.column - key.column, other.row - key.row) {
        case (-1, 0): 0
        case (0, -1): isSlanted ? 1 : 2
        case (1, -1): isSlanted ? 2 : 3
        case (1, 0): isSlanted ? 3 : 4
        case (0, 1): isSlanted ? 4 : 6
        case (-1, 1): isSlanted ? 5 : 7
        case (-1, -1): isSlanted ? nil : 1
        case (1, 1): isSlanted ? nil : 5
        default: nil
        }
    }
}

/// Finds walks over neighbouring keys, such as `qwedsa` or `1478`.
struct KeyWalks {
    private let boards: [(board: Keyboard, keys: [Keyboard.Key?])]

    init() { boards = Keyboard.allCases.map { ($0, $0.keys) } }

    func matches(_ subject: Subject, into matches: inout [Match]) {
        for (board, keys) in boards {
            func key(_ index: Int) -> Keyboard.Key? { subject.typed[index] < 128 ? keys[Int(subject.typed[index])] : nil }
            var start = 0
            while start < subject.count - 1 {
                var (end, turns, last): (Int, Int, Int?) = (start + 1, 0, nil)
                var shifted = key(start)?.isShifted == true ? 1 : 0
                while end < subject.count, let from = key(end - 1), let to = key(end), let direction = board.direction(from: from, to: to) {
                    if to.isShifted { shifted += 1 }
                    if direction != last { turns += 1 }
                    last = direction
                    end += 1
                }
                if end - start > 2 {
                    let guesses = Self.guesses(board, length: end - start, turns: turns, shifted: shifted)
                    matches.append(
                        Match(
                            range: start..<end, pattern: .keys(board, turns: turns, shifted: shifted),
                            guesses: subject.atLeast(guesses, over: start..<end)))
                }
                start = end
            }
        }
    }

    /// How many walks there are of this length or less with as many turns or less.
    private static func guesses(_ board: Keyboard, length: Int, turns: Int, shifted: Int) -> Double {
        var guesses = 0.0
        for steps in 1..<length {
            // How many ways there are to place the turns, and to take them.
            var (places, ways) = (1.0, 1.0)
            // Every walk starts with a turn.
            for turn in 1...min(turns, steps) {
                ways *= board.averageDegree
                guesses += places * board.startingPositions * ways
                places = places * Double(steps - turn + 1) / Double(turn)
            }
        }
        guard shifted > 0 else { return guesses }
        let plain = length - shifted
        return guesses * (plain == 0 ? 2 : Combinations.upToHalf(shifted, plain))
    }
}
