/// Which signs stand for which letters, and which readings of a password an attacker tries.
///
/// zxcvbn tries each letter with one of its signs at a time, and reads the whole password anew for each choice: 736 times if all signs
/// occur. Here the choices are bits, and one walk over the words keeps the set of choices that are still possible.
struct Leet {
    static let pairs: [(sign: UInt8, letter: UInt8)] = {
        let signs = Array("4@8({[<3691!|1|70$5+7%2".utf8)
        let letters = Array("aabcccceggiiilllossttxz".utf8)
        return signs.indices.map { (signs[$0], letters[$0]) }
    }()

    /// Letters that share no sign with letters of another group choose by themselves.
    private static let groups: [[UInt8]] = ["a", "b", "c", "e", "g", "ilt", "o", "s", "x", "z"].map { Array($0.utf8) }

    /// One way to read a sign.
    struct Reading {
        /// As a letter, or as itself.
        let character: UInt32
        /// Of `pairs`; none if it is read as itself.
        let pair: UInt32
        /// The choices under which it is read so, among those of its group; all those of other groups.
        let choices: UInt64
        let group: UInt64
    }

    /// By ASCII code; empty for what is no sign in this password.
    private var readings: [[Reading]] = []
    private(set) var allChoices: UInt64 = 0

    /// - Parameter password: as it was typed.
    init(_ password: [UInt32]) {
        var present: UInt32 = 0
        for point in password where point < 128 {
            for (index, pair) in Self.pairs.enumerated() where UInt32(pair.sign) == point { present |= 1 << UInt32(index) }
        }
        guard present != 0 else { return }
        readings = Array(repeating: [], count: 128)
        var first = 0
        for letters in Self.groups {
            let choices = Self.choices(letters, present)
            guard !choices.isEmpty else { continue }
            add(choices, first: first)
            first += choices.count
        }
        allChoices = (1 << UInt64(first)) - 1
    }

    /// The readings of a character; empty if it stands for itself alone.
    func readings(of point: UInt32) -> [Reading] { point < 128 && !readings.isEmpty ? readings[Int(point)] : [] }

    private mutating func add(_ choices: [UInt32], first: Int) {
        let group = ((UInt64(1) << UInt64(choices.count)) - 1) << UInt64(first)
        func mask(_ holds: (UInt32) -> Bool) -> UInt64 {
            var mask: UInt64 = 0
            for (index, choice) in choices.enumerated() where holds(choice) { mask |= 1 << UInt64(first + index) }
            return mask | ~group
        }
        var used: UInt32 = 0
        for choice in choices { used |= choice }
        var (seen, signs): (UInt32, [UInt8]) = (0, [])
        for (index, pair) in Self.pairs.enumerated() where used & (1 << UInt32(index)) != 0 {
            let bit = UInt32(1) << UInt32(index)
            seen |= bit
            readings[Int(pair.sign)].append(
                Reading(character: UInt32(pair.letter), pair: bit, choices: mask { $0 & bit != 0 }, group: group))
            if !signs.contains(pair.sign) { signs.append(pair.sign) }
        }
        for sign in signs {
            var bits: UInt32 = 0
            for (index, pair) in Self.pairs.enumerated() where pair.sign == sign { bits |= 1 << UInt32(index) }
            let asItself = mask { $0 & bits == 0 }
            if asItself & group != 0 {
                readings[Int(sign)].append(Reading(character: UInt32(sign), pair: 0, choices: asItself, group: group))
            }
        }
    }

    /// Every choice that zxcvbn tries for letters that share signs: each letter takes one of its signs that occur, in turn; a sign that
    /// another letter took already stays with it, or changes over.
    private static func choices(_ letters: [UInt8], _ present: UInt32) -> [UInt32] {
        var choices: [UInt32] = []
        for letter in letters {
            var next: [UInt32] = []
            func add(_ choice: UInt32) { if !next.contains(choice) { next.append(choice) } }
            var isRelevant = false
            for (index, pair) in pairs.enumerated() where pair.letter == letter && present & (1 << UInt32(index)) != 0 {
                isRelevant = true
                for choice in choices.isEmpty ? [0] : choices {
                    let taken = holders(of: pair.sign, in: choice)
                    if taken != 0 { add(choice) }
                    add(choice & ~taken | 1 << UInt32(index))
                }
            }
            if isRelevant { choices = next }
        }
        return choices
    }

    private static func holders(of sign: UInt8, in choice: UInt32) -> UInt32 {
        var bits: UInt32 = 0
        for (index, pair) in pairs.enumerated() where pair.sign == sign && choice & (1 << UInt32(index)) != 0 { bits |= 1 << UInt32(index) }
        return bits
    }
}
