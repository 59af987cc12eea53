import Support
import Testing

@testable import PasswordStrength

@Suite struct KeyboardTests {
    private func walks(_ password: String) -> [String] {
        var matches: [Match] = []
        KeyWalks().matches(Subject(password), into: &matches)
        return matches.map { $0.line(in: password) }
    }

    @Test(
        "walks over neighbouring keys are found on each board, with their turns and shifted keys",
        arguments: [
            ("qwertyui", "qwertyui qwerty turns 1 shifted 0"), ("QWERTYUI", "QWERTYUI qwerty turns 1 shifted 8"),
            ("ZxCvBn", "ZxCvBn qwerty turns 1 shifted 3"), ("zxcvfr", "zxcvfr qwerty turns 2 shifted 0"),
            ("!QAZ2wsx", "!QAZ qwerty turns 1 shifted 4"), ("!QAZ2wsx", "2wsx qwerty turns 1 shifted 0"),
            ("rfvbgt", "rfvbgt qwerty turns 3 shifted 0"), ("vbGfDe", "vbGfDe qwerty turns 4 shifted 2"),
            ("aoeuid", "aoeuid dvorak turns 1 shifted 0"), ("',.pyf", "',.pyf dvorak turns 1 shifted 0"),
            ("1478963", "1478963 keypad turns 3 shifted 0"), ("789+", "789+ keypad turns 1 shifted 0"),
            ("/*-", "/*- keypad turns 1 shifted 0"),
            ("=/*", "=/* mac_keypad turns 1 shifted 0"), ("789+", "789+ mac_keypad turns 2 shifted 0"),
            ("x7532x", "7532 keypad turns 2 shifted 0"), ("qwe7rty", "qwe qwerty turns 1 shifted 0"),
            ("qwe7rty", "rty qwerty turns 1 shifted 0"),
        ])
    func found(password: String, line: String) {
        #expect(walks(password).contains(line), "\(walks(password))")
    }

    @Test("two keys are no walk, nor are keys apart", arguments: ["", "q", "qw", "qwxc", "qp", ";.>/", "пройти", "qéw"])
    func notFound(password: String) {
        #expect(!walks(password).contains { $0.contains("qwerty") })
    }

    @Test("neighbours are neighbours both ways, in opposite directions", arguments: Keyboard.allCases)
    func neighbours(board: Keyboard) {
        let keys = board.keys.compactMap(\.self)
        let directions = board.isSlanted ? 6 : 8
        for key in keys {
            #expect(board.direction(from: key, to: key) == nil)
            for other in keys {
                let (there, back) = (board.direction(from: key, to: other), board.direction(from: other, to: key))
                #expect(there.map { ($0 + directions / 2) % directions } == back)
            }
        }
    }

    @Test("the boards have as many keys and neighbours as the model counts", arguments: Keyboard.allCases)
    func sizes(board: Keyboard) {
        let keys = board.keys.compactMap(\.self)
        #expect(keys.count == [.qwerty: 94, .dvorak: 94, .keypad: 15, .macKeypad: 16][board])
        // On a slanted board each key has two characters.
        let ways = keys.map { key in keys.count { board.direction(from: key, to: $0) != nil } }.reduce(0, +) / (board.isSlanted ? 2 : 1)
        if board != .macKeypad && board != .dvorak { #expect(Double(ways) / Double(keys.count) == board.averageDegree) }
    }

    @Test("a walk costs its starts times its ways; longer, with more turns or shifted keys costs more")
    func cost() {
        func guesses(_ password: String, _ board: Keyboard) -> Double {
            var matches: [Match] = []
            KeyWalks().matches(Subject(password), into: &matches)
            return matches.filter { if case .keys(board, _, _) = $0.pattern { true } else { false } }.map(\.guesses).first ?? 0
        }
        let degree = 432.0 / 94.0
        #expect(isNear(guesses("zxcvbn", .qwerty), 94 * degree * 5))
        // One, two or three steps with one turn; the second turn at one of two or of three.
        #expect(isNear(guesses("zxcf", .qwerty), 94 * (degree * 3 + degree * degree * (2 + 3))))
        #expect(isNear(guesses("ZXCVBN", .qwerty), 94 * degree * 5 * 2))
        #expect(isNear(guesses("Zxcvbn", .qwerty), 94 * degree * 5 * 6))
        #expect(isNear(guesses("ZxCvbn", .qwerty), 94 * degree * 5 * (6 + 15)))
        #expect(isNear(guesses("789+", .keypad), 15 * (76.0 / 15.0) * 3))
        #expect(guesses("zxcvbnm", .qwerty) > guesses("zxcvbn", .qwerty))
        #expect(guesses("zxcvgt", .qwerty) > guesses("zxcvbn", .qwerty))
    }
}

@Suite struct RepeatTests {
    private func repeats(_ password: String) -> [String] {
        Repeats.stretches(Subject(password).typed).map { "\(password.part($0.range)) \($0.length) x\($0.range.count / $0.length)" }
    }

    @Test(
        "what stands there again and again is found whole, as its shortest part",
        arguments: [
            ("aaa", ["aaa 1 x3"]), ("aaaaa", ["aaaaa 1 x5"]), ("abcabc", ["abcabc 3 x2"]), ("aabaab", ["aabaab 3 x2"]),
            ("aabaabaabaab", ["aabaabaabaab 3 x4"]), ("abab1", ["abab 2 x2"]), ("aaabbb", ["aaa 1 x3", "bbb 1 x3"]),
            ("abcabcaa", ["abcabc 3 x2", "aa 1 x2"]), ("ababab", ["ababab 2 x3"]), ("mississippi", ["ississ 3 x2", "pp 1 x2"]),
            ("11aa11aa", ["11aa11aa 4 x2"]), ("aaAA", ["aa 1 x2", "AA 1 x2"]), ("ЖжЖж", ["ЖжЖж 2 x2"]), ("🚀🚀🚀", ["🚀🚀🚀 1 x3"]),
            ("abcd", []), ("a", []), ("", []), ("aA", []), ("e\u{301}e\u{301}", ["e\u{301}e\u{301} 2 x2"]),
            ("é\u{e9}e\u{301}", ["éé 1 x2"]),
        ] as [(String, [String])])
    func found(password: String, expected: [String]) {
        // Code points are compared: Swift calls two spellings of é equal.
        #expect(repeats(password).map { Array($0.unicodeScalars) } == expected.map { Array($0.unicodeScalars) })
    }

    @Test("repeats stand one behind the other, each its first part again and again")
    func random() {
        var generator = SeededGenerator(seed: 33)
        for _ in 0..<rounds(20_000) {
            let points = (0..<Int.random(in: 0...24, using: &generator)).map { _ in UInt32.random(in: 97...99, using: &generator) }
            var end = 0
            for stretch in Repeats.stretches(points) {
                #expect(stretch.range.lowerBound >= end && stretch.range.upperBound <= points.count)
                #expect(stretch.range.count >= 2 * stretch.length && stretch.range.count % stretch.length == 0)
                for index in stretch.range.dropFirst(stretch.length) { #expect(points[index] == points[index - stretch.length]) }
                // What is left out between them repeats nothing.
                #expect(Repeats.stretches(Array(points[end..<stretch.range.lowerBound])).isEmpty)
                end = stretch.range.upperBound
            }
        }
    }

    @Test("a repeat costs its part, as often as it stands there")
    func cost() throws {
        let rare = "kq7vzj"
        let once = estimator.estimate(rare).guesses
        for count in 2...5 {
            let password = String(repeating: rare, count: count)
            #expect(parts(of: password) == ["\(password) 6 x\(count)"])
            #expect(estimator.estimate(password).guesses == once * Double(count) + 1)
        }
        #expect(estimator.estimate("evaporatorevaporator").guesses == 30_001 * 2 + 1)
    }

    @Test("a repeat of a repeat ends, however deep")
    func nested() {
        var password = "xq"
        for _ in 0..<5 { password += password + "z" + password + "z" }
        #expect(covers(estimator.estimate(password).sequence, min(password.unicodeScalars.count, 100)))
        #expect(parts(of: String(repeating: "aab", count: 32)).allSatisfy { $0.hasSuffix(" 3 x32") })
        for unit in ["a", "ab", "aab", "abacaba"] {
            #expect(covers(estimator.estimate(String(repeating: unit, count: 100)).sequence, 100))
        }
    }
}

@Suite struct RunTests {
    private func runs(_ password: String) -> [String] {
        var matches: [Match] = []
        Sequences.matches(Subject(password), into: &matches)
        return matches.map { $0.line(in: password) }
    }

    @Test(
        "characters at equal distance are found, up and down, in every script",
        arguments: [
            ("abc", ["abc up"]), ("97531", ["97531 down"]), ("abcdb975zy", ["abcd up", "975 down", "zy down"]), ("cba", ["cba down"]),
            ("αβγδ", ["αβγδ up"]), ("жзий", ["жзий up"]), ("дгвб", ["дгвб down"]), ("ace", ["ace up"]), ("afk", ["afk up"]),
            ("ab", ["ab up"]),
            ("ABCcba", ["ABC up", "cba down"]), ("😀😁😂", ["😀😁😂 up"]), ("abcde", ["abcde up"]), ("1357a", ["1357 up"]),
        ] as [(String, [String])])
    func found(password: String, expected: [String]) {
        #expect(runs(password) == expected)
    }

    @Test("equal characters, far ones and two that aren't neighbours are no run", arguments: ["", "x", "aaa", "agm", "13", "acb7"])
    func notFound(password: String) {
        #expect(!runs(password).contains { $0.hasPrefix(password + " ") })
    }

    @Test(
        "a run costs four guesses a character where people start, ten for other digits, else 26; twice that downwards",
        arguments: [
            ("abcdefgh", 4), ("ABCDEFGH", 4), ("zyxwvuts", 8), ("ghijklmno", 26), ("onmlkjihg", 52), ("0246", 4), ("357", 10), ("8642", 20),
            ("97531", 8), ("γδεζηθ", 26), ("θηζεδγ", 52), ("٣٤٥", 26),
        ])
    func cost(password: String, each: Int) throws {
        var matches: [Match] = []
        Sequences.matches(Subject(password), into: &matches)
        let whole = try #require(matches.first { $0.range.count == password.unicodeScalars.count })
        #expect(whole.guesses == Double(each * whole.range.count))
    }
}

@Suite struct DateTests {
    private func dates(_ password: String) -> [String] {
        var matches: [Match] = []
        Dates.matches(Subject(password), into: &matches)
        return matches.map { $0.line(in: password) }
    }

    private func years(_ password: String) -> [String] {
        var matches: [Match] = []
        Dates.recentYears(Subject(password), into: &matches)
        return matches.map { $0.line(in: password) }
    }

    @Test(
        "years from 1900 to 2019 are found",
        arguments: [
            ("1900", ["1900"]), ("2019", ["2019"]), ("1899", []), ("2020", []), ("x1991y2001z", ["1991", "2001"]),
            ("19191919", ["1919", "1919"]),
            ("991", []), ("11991", ["1991"]), ("١٩٩١", []), ("１９９１", []), ("", []),
        ] as [(String, [String])])
    func recentYears(password: String, expected: [String]) {
        #expect(years(password) == expected)
    }

    @Test(
        "a year costs how far it is from 2017, and 20 at least",
        arguments: [(1_911, 106), (1_987, 30), (2_012, 20), (2_019, 20), (1_997, 20)])
    func yearCost(year: Int, guesses: Int) {
        #expect(parts(of: "\(year)") == ["\(year)"])
        #expect(estimator.estimate("\(year)").guesses == Double(guesses + 1))
    }

    @Test(
        "dates are found with every separator, if both are the same",
        arguments: ["/", "\\", "_", ".", "-", " ", "\t", "\u{a0}", "\u{3000}"])
    func separators(separator: String) {
        for (parts, date) in [
            (["13", "4", "91"], "1991-4-13"), (["13", "4", "1991"], "1991-4-13"), (["1991", "4", "13"], "1991-4-13"),
            (["04", "13", "1991"], "1991-4-13"), (["1", "1", "91"], "1991-1-1"), (["91", "12", "31"], "1991-12-31"),
        ] {
            let password = parts.joined(separator: separator)
            #expect(dates(password) == ["\(password) \(date) separated"])
            #expect(dates("a" + password + "b") == ["\(password) \(date) separated"])
        }
        #expect(dates("1\(separator)4,91").isEmpty)
        #expect(dates("1\(separator)4:91").isEmpty)
    }

    @Test(
        "dates without separators are read in every way that is one, as the year nearest to 2017",
        arguments: [
            ("1391", "2001-9-13"), ("1344", "2004-4-13"), ("9141", "2041-1-9"), ("41391", "1991-4-13"), ("91413", "2013-9-14"),
            ("130491", "1991-4-13"), ("111504", "2004-11-15"), ("199141", "1991-1-4"), ("1991413", "1991-4-13"), ("4131991", "1991-4-13"),
            ("19910413", "1991-4-13"), ("13041991", "1991-4-13"), ("04131991", "1991-4-13"),
        ])
    func unseparated(password: String, date: String) {
        #expect(dates(password) == ["\(password) \(date)"])
    }

    @Test(
        "two digits of a year are of this century up to 50, of the last from 51 on",
        arguments: [
            ("2.5.50", "2050-5-2"), ("2.5.51", "1951-5-2"), ("2.5.00", "2000-5-2"), ("32.1.1", "2032-1-1"), ("1/1/2050", "2050-1-1"),
        ])
    func centuries(password: String, date: String) {
        #expect(dates(password) == ["\(password) \(date) separated"])
    }

    @Test(
        "what is no date is none",
        arguments: [
            "", "1", "123", "0.1.91", "1.0.91", "1.32.91", "99.99.1", "13,4,91", "1.4-91", "1..91", ".1.91", "13.13.", "abcd", "0000",
            "٢٠١٥٠٦٠٤",
            "１３.４.９１", "1.4.٩١",
        ])
    func noDates(password: String) {
        #expect(dates(password).isEmpty)
    }

    @Test("a date within a date is dropped")
    func within() {
        #expect(dates("2015_06_04") == ["2015_06_04 2015-4-6 separated"])
        #expect(dates("12/12/2051") == ["2051 2001-5-20", "12/12/20 2020-12-12 separated"])
        #expect(dates("31.31.31") == ["31.31.3 2031-3-31 separated", "1.31.31 2031-1-31 separated"])
        #expect(dates("1.1.999") == ["1.1.99 1999-1-1 separated"])
    }

    @Test("of random digits and separators, no date lies within another")
    func random() {
        var generator = SeededGenerator(seed: 12)
        for _ in 0..<rounds(10_000) {
            let password = (0..<Int.random(in: 0...16, using: &generator)).map { _ in
                ["0", "1", "2", "9", "1", "3", ".", "/"].randomElement(using: &generator) ?? ""
            }.joined()
            var matches: [Match] = []
            Dates.matches(Subject(password), into: &matches)
            for (index, one) in matches.enumerated() {
                #expect((4...10).contains(one.range.count))
                for other in matches[(index + 1)...] {
                    #expect(!one.range.contains(other.range) && !other.range.contains(one.range), "\(password)")
                }
                guard case .date(let year, let month, let day, _) = one.pattern else { continue }
                #expect((1_000...2_050).contains(year) && (1...12).contains(month) && (1...31).contains(day), "\(password)")
            }
        }
    }

    @Test("a date costs 365 a year, four times that with separators", arguments: [("13.4.91", 26 * 4), ("19910413", 26), ("13042016", 20)])
    func cost(password: String, years: Int) throws {
        var matches: [Match] = []
        Dates.matches(Subject(password), into: &matches)
        #expect(try #require(matches.first).guesses == Double(years * 365))
        #expect(matches.count == 1)
    }
}
