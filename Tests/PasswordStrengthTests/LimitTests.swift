import Support
import Testing

@testable import PasswordStrength

@Suite struct LimitTests {
    private func random(_ count: Int, _ generator: inout SeededGenerator) -> String {
        let odd: [UInt32] = [
            0, 9, 10, 13, 0x130, 0x131, 0x3A3, 0x3C2, 0x3C3, 0xDF, 0x1E9E, 0x149, 0x1C5, 0x212A, 0x301, 0x200D, 0xFE0F, 0x1F1E9, 0x1F1EA,
            0x1F468,
            0x378, 0xFFFE, 0xFFFF, 0xE000, 0x10FFFF, 0xFF11, 0x661, 0x61, 0x31, 0x40, 0x7C,
        ]
        var text = String.UnicodeScalarView()
        while text.count < count {
            let point =
                switch Int.random(in: 0...4, using: &generator) {
                case 0: UInt32.random(in: 0...0x10FFFF, using: &generator)
                case 1: UInt32.random(in: 0...0x2FFF, using: &generator)
                case 2: odd.randomElement(using: &generator) ?? 0
                default: UInt32.random(in: 32...126, using: &generator)
                }
            if let scalar = Unicode.Scalar(point) { text.append(scalar) }
        }
        return String(text)
    }

    @Test("whatever code points a password is made of, it has an estimate, a verdict and parts that cover it")
    func anything() {
        var generator = SeededGenerator(seed: 1_000)
        for _ in 0..<rounds(20_000) {
            var password = random(Int.random(in: 0...40, using: &generator), &generator)
            if Int.random(in: 0...5, using: &generator) == 0 { password += password }
            let context = (0..<2).map { _ in random(Int.random(in: 0...6, using: &generator), &generator) } + [password.part(1..<5)]
            let estimate = estimator.estimate(password, context: context)
            #expect(estimate.guesses >= 1 && estimate.guesses.isFinite, "\(password.unicodeScalars.map(\.value))")
            #expect(covers(estimate.sequence, password.unicodeScalars.count), "\(password.unicodeScalars.map(\.value))")
            #expect(isNear(estimate.guesses, cost(estimate.sequence)), "\(password.unicodeScalars.map(\.value))")
            #expect(estimate.score == [1_005, 1_000_005, 100_000_005, 10_000_000_005].count { estimate.guesses >= $0 })
            #expect(estimator.estimate(password, context: context).guesses == estimate.guesses)
            #expect(!estimator.verdict(on: password, about: context).sentences.isEmpty)
        }
    }

    @Test("PW-11: the first 100 code points are looked at; whatever follows changes nothing")
    func hundred() {
        var generator = SeededGenerator(seed: 1_100)
        var passwords = PasswordGenerator(seed: 11)
        for _ in 0..<rounds(500) {
            var long = random(5, &generator)
            while long.unicodeScalars.count < 100 { long += passwords.next() }
            let prefix = long.part(0..<100)
            let expected = estimator.estimate(prefix, context: ["Łukasz"])
            for more in ["", "\u{301}", "a", "password", random(50, &generator), prefix] {
                let estimate = estimator.estimate(prefix + more, context: ["Łukasz"])
                #expect(estimate.guesses == expected.guesses)
                #expect(estimate.sequence.map { $0.line(in: long) } == expected.sequence.map { $0.line(in: long) })
                #expect(covers(estimate.sequence, 100))
            }
        }
    }

    @Test("PW-11: the 100th code point is looked at, the 101st isn't")
    func boundary() {
        let noise = "kq7vzj9xwq3hbgf2mfu8"
        let text = (noise + noise.backwards + noise.uppercased() + "rzt5" + noise.backwards.uppercased() + "w8d6").part(0..<88)
        let whole = text + "zeppelinhang"
        #expect(whole.unicodeScalars.count == 100)
        let ends = { (password: String) in parts(of: password, context: ["zeppelinhang"]).last }
        #expect(ends(whole) == "zeppelinhang user_inputs 1")
        #expect(ends(whole + "x") == "zeppelinhang user_inputs 1")
        #expect(ends("x" + whole)?.contains("user_inputs") == false)
    }

    @Test(
        "PW-11: a megabyte is answered like its beginning",
        arguments: ["a", "aB3éЖ🚀", "4@8({[<3691!|0$5+7%2", "19", "e\u{301}", "\r\n", "🇩🇪"])
    func megabyte(unit: String) {
        let long = String(repeating: unit, count: (1 << 20) / unit.utf8.count)
        let estimate = estimator.estimate(long)
        #expect(estimate.guesses == estimator.estimate(long.part(0..<100)).guesses)
        #expect(covers(estimate.sequence, 100))
        #expect(estimator.feedback(on: long, estimate).suggestions == estimator.feedback(on: long.part(0..<100), estimate).suggestions)
        #expect(estimator.verdict(on: long).refusal == .tooLong)
        #expect(estimator.verdict(on: long, about: [long, long], policy: StrengthPolicy(mostBytes: 1 << 30)).estimate.guesses >= 1)
    }

    @Test("the worst passwords of 100 code points have an answer")
    func worst() {
        let units = ["4@8({[<3691!|0$5+7%2", "1|7!l", "ab", "a1", "12", "1.1.11", "zxcvfr", "thethethe", "\u{0}", "aaaaab"]
        for unit in units {
            let password = String(repeating: unit, count: 100).part(0..<100)
            #expect(covers(estimator.estimate(password, context: units).sequence, 100), "\(unit)")
        }
    }
}

@Suite struct CodePointTests {
    @Test(
        "what a reader sees as one character doesn't hide what it is made of",
        arguments: [
            ("evaporator\u{301}", "evaporator english_wikipedia 30000"), ("\u{301}evaporator", "evaporator english_wikipedia 30000"),
            ("evaporator\u{fe0f}", "evaporator english_wikipedia 30000"), ("evaporator\r\n", "evaporator english_wikipedia 30000"),
            ("\u{200d}evaporator\u{200d}", "evaporator english_wikipedia 30000"), ("🇩evaporator🇪", "evaporator english_wikipedia 30000"),
            ("\u{1F468}\u{200d}evaporator", "evaporator english_wikipedia 30000"),
        ])
    func clusters(password: String, line: String) {
        let lines = estimator.estimate(password).sequence.map { $0.line(in: password) }
        #expect(lines.contains(line), "\(lines)")
    }

    @Test("a line feed is a character like others")
    func lineFeed() {
        #expect(parts(of: "qv\nqv\n") == ["qv\nqv\n 3 x2"])
        #expect(parts(of: "\n\n\n\n") == ["\n\n\n\n 1 x4"])
        #expect(parts(of: "1991\n") == ["1991", "\n unknown"])
        #expect(parts(of: "\nevaporator\n") == ["\n unknown", "evaporator english_wikipedia 30000", "\n unknown"])
    }

    @Test("two spellings of one letter are two passwords")
    func spellings() {
        #expect(parts(of: "caf\u{e9}qv", context: ["caf\u{e9}qv"]).count == 1)
        #expect(estimator.estimate("cafe\u{301}qv", context: ["caf\u{e9}qv"]).guesses > 1_000)
        #expect(estimator.estimate("caf\u{e9}qv", context: ["cafe\u{301}qv"]).guesses > 1_000)
        #expect(StrengthEstimator.contextWords(from: ["caf\u{e9}", "cafe\u{301}"]).count == 2)
    }

    @Test("lower case is one code point for one, whatever stands beside it")
    func lowercase() {
        let capitals = builtInWords.capitals
        for (capital, small) in [
            ("A", "a"), ("É", "é"), ("Ж", "ж"), ("Σ", "σ"), ("Ł", "ł"), ("\u{1E9E}", "ß"), ("\u{212A}", "k"), ("Ǆ", "ǆ"), ("𐐀", "𐐨"),
        ] {
            for (one, other) in zip(capital.unicodeScalars, small.unicodeScalars) {
                #expect(capitals.lowercase(one.value) == other.value)
                #expect(capitals.isUppercase(one.value) && !capitals.isUppercase(other.value))
                #expect(capitals.isLowercase(other.value) && !capitals.isLowercase(one.value))
            }
        }
        // It has no lower case of one code point.
        #expect(capitals.lowercase(0x130) == 0x130)
    }

    @Test("lower case is Unicode's, for every code point whose lower case is one code point")
    func unicode() {
        let capitals = builtInWords.capitals
        // No script with two cases lies beyond.
        for point in UInt32(0)...0x1FFFF {
            // A sigma at a word's end is the same letter.
            guard let scalar = Unicode.Scalar(point), point != 0x3C2 else { continue }
            let lower = Array(scalar.properties.lowercaseMapping.unicodeScalars)
            // The lists' file may be of an older Unicode than this Swift.
            guard let age = scalar.properties.age, age.major <= 14 else { continue }
            #expect(capitals.lowercase(point) == (lower.count == 1 ? lower[0].value : point), "\(String(point, radix: 16))")
        }
    }
}
