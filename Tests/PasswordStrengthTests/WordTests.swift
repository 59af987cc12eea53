import Support
import Testing

@testable import PasswordStrength

@Suite struct WordTests {
    private func forwards(_ password: String) -> [String] {
        var matches: [Match] = []
        Words(subject: Subject(password), known: builtInWords).forwards(into: &matches)
        return matches.map { $0.line(in: password) }
    }

    private func backwards(_ password: String) -> [String] {
        var matches: [Match] = []
        Words(subject: Subject(password), known: builtInWords).backwards(into: &matches)
        return matches.map { $0.line(in: password) }
    }

    private func substituted(_ password: String) -> [Match] {
        var matches: [Match] = []
        let subject = Subject(password)
        Words(subject: subject, known: builtInWords).substituted(Leet(subject.typed), into: &matches)
        return matches
    }

    private func substitutedLines(_ password: String) -> [String] { substituted(password).map { $0.line(in: password) } }

    @Test(
        "each list is whole: its first and last words have their places",
        arguments: [
            ("passwords", ["123456", "password", "12345678"], ["11234567", "rebon", "geekboy"], 30_000),
            ("english_wikipedia", ["the", "of", "and"], ["banna", "istrian", "evaporator"], 30_000),
            ("female_names", ["mary", "patricia", "linda"], ["angila", "alona", "allyn"], 3_712),
            ("surnames", ["smith", "johnson", "williams"], ["bracamonte", "bourdeau", "bonnette"], 10_000),
            ("us_tv_and_film", ["you", "i", "to"], ["aaaaaaaaah", "aaaaaaaaaa", "a'right"], 19_160),
            ("male_names", ["james", "john", "robert"], ["darell", "broderick", "alonso"], 983),
        ])
    func lists(list: String, first: [String], last: [String], size: Int) {
        for (index, word) in first.enumerated() { #expect(forwards(word).contains("\(word) \(list) \(index + 1)")) }
        for (index, word) in last.enumerated() { #expect(forwards(word).contains("\(word) \(list) \(size - 2 + index)")) }
    }

    @Test("every word within a password is found, also across others")
    func within() {
        #expect(Set(forwards("xsmithx")).contains("smith surnames 1"))
        #expect(Set(forwards("marysmith")).isSuperset(of: ["mary female_names 1", "smith surnames 1"]))
        #expect(forwards("żółć").isEmpty)
        #expect(forwards("").isEmpty)
    }

    @Test("a word is one word in any case")
    func anyCase() {
        for word in ["evaporator", "Evaporator", "EVAPORATOR", "evaPOrator"] {
            #expect(forwards(word).contains("\(word) english_wikipedia 30000"))
        }
        // KELVIN SIGN is a capital k.
        #expect(forwards("mon\u{212A}ey").contains("mon\u{212A}ey passwords 15"))
    }

    @Test("words are found from right to left")
    func reversed() {
        #expect(backwards("rotaropave").contains("rotaropave english_wikipedia 30000 reversed"))
        #expect(backwards("1ettennoB9").contains("ettennoB surnames 10000 reversed"))
        #expect(!backwards("evaporator").contains { $0.hasPrefix("evaporator ") })
    }

    @Test(
        "capitals double a word's cost at its start, at its end or all over; elsewhere they count one by one",
        arguments: [
            ("evaporator", 1), ("Evaporator", 2), ("evaporatoR", 2), ("EVAPORATOR", 2), ("eVaporator", 10), ("EvaPorator", 55),
            ("eVAPORATOR", 10), ("EVApoRaTOr", 385), ("EVAPOrator", 637),
        ])
    func capitals(word: String, factor: Int) {
        // Of ten letters: 10 ways to choose one, 45 for two, 120, 210, 252.
        #expect(estimator.estimate(word).guesses == Double(30_000 * factor + 1))
    }

    @Test("from right to left costs twice as much")
    func reversedCost() {
        #expect(estimator.estimate("rotaropave").guesses == 60_001)
        #expect(estimator.estimate("rotaropavE").guesses == 120_001)
    }

    @Test(
        "signs that stand for letters are read as letters",
        arguments: [
            ("p@ssword", "p@ssword passwords 2 @=a"), ("p4ssw0rd", "p4ssw0rd passwords 2 0=o 4=a"),
            ("4dm1n", "4dm1n passwords 715 1=i 4=a"),
            ("|0ve", "|0ve passwords 66 0=o |=l"), ("P@55W0RD", "P@55W0RD passwords 2 0=o 5=s @=a"),
            ("7rave1", "7rave1 passwords 953 1=l 7=t"),
            ("xw0rdx", "w0rd us_tv_and_film 308 0=o"), ("e1even", "e1even us_tv_and_film 1527 1=l"),
        ])
    func signs(password: String, line: String) {
        #expect(substitutedLines(password).contains(line))
    }

    @Test("a letter is written with one sign throughout a word")
    func oneSign() {
        #expect(substitutedLines("b4n4na").contains { $0.hasPrefix("b4n4na ") })
        #expect(!substitutedLines("b4n@na").contains { $0.hasPrefix("b4n@na ") })
        #expect(!substitutedLines("p@ssw4rd").contains { $0.hasPrefix("p@ssw4rd ") })
        // Which of two signs it is may differ from word to word.
        let both = substitutedLines("m4rysm1th@lonso")
        #expect(both.contains("m4ry female_names 1 4=a") && both.contains("@lonso male_names 983 @=a"))
    }

    @Test("1 and | are i or l, 7 is l or t, each one of the two throughout a word")
    func ambiguous() {
        #expect(substitutedLines("71me").contains("71me english_wikipedia 40 1=i 7=t"))
        #expect(substitutedLines("71me").contains("71me us_tv_and_film 4377 1=i 7=l"))
        #expect(substitutedLines("f1ll").contains("f1ll us_tv_and_film 957 1=i"))
        #expect(substitutedLines("fi1l").contains("fi1l us_tv_and_film 957 1=l"))
        #expect(!substitutedLines("f11l").contains { $0.hasPrefix("f11l ") })
        #expect(substitutedLines("f|1l").contains("f|1l us_tv_and_film 957 1=l |=i"))
        #expect(substitutedLines("|i77|e").contains("|i77|e us_tv_and_film 71 7=t |=l"))
        #expect(substitutedLines("7i77ie").contains("7i77ie female_names 230 7=l"))
        #expect(!substitutedLines("7i77ie").contains { $0.hasPrefix("7i77ie us_tv_and_film 71") })
    }

    @Test("a sign alone is no word, and a word without signs has none to read")
    func noSigns() {
        #expect(substitutedLines("1").isEmpty)
        #expect(substitutedLines("4").isEmpty)
        #expect(substitutedLines("password").isEmpty)
        #expect(substitutedLines("").isEmpty)
        #expect(substituted("p@ssword").allSatisfy { $0.range.count > 1 })
    }

    @Test("every sign that ever stands for a letter, all at once and again and again, still has an answer")
    func everySign() {
        let all = "4@8({[<3691!|0$5+7%2"
        #expect(covers(estimator.estimate(all).sequence, 20))
        #expect(covers(estimator.estimate(all + all + "p@ssw0rd" + all + all.backwards).sequence, 88))
        for sign in all { #expect(estimator.estimate(String(repeating: sign, count: 100)).guesses < 1e6) }
    }

    @Test(
        "signs multiply a word's cost: by two for all or none of a letter, else by the ways to choose them",
        arguments: [
            ("ev4porator", 2), ("ev4por4tor", 2), ("evaporat0r", 2), ("3vaporator", 2), ("evap0rat0r", 2), ("3v@p0r@70r", 16),
        ])
    func signCost(password: String, factor: Int) {
        #expect(estimator.estimate(password).guesses == Double(30_000 * factor + 1))
    }

    @Test("digits stand in listed passwords as themselves")
    func asThemselves() {
        #expect(forwards("11234567").contains("11234567 passwords 29998"))
        #expect(parts(of: "monkey1") == ["monkey1 passwords 859"])
    }
}

@Suite struct ListTests {
    @Test("words about a person or site are found in any script, any case, from right to left and with signs")
    func context() {
        let words = ["Łukasz", "ΑΘΗΝΑ", "Жанна", "Müller-Lüdenscheidt", "東京タワー", "Zeppelin"]
        for (index, word) in words.enumerated() {
            let rank = index + 1
            #expect(parts(of: word, context: words) == ["\(word) user_inputs \(rank)"])
            #expect(parts(of: word.lowercased(), context: words) == ["\(word.lowercased()) user_inputs \(rank)"])
            #expect(parts(of: word.uppercased(), context: words) == ["\(word.uppercased()) user_inputs \(rank)"])
            #expect(parts(of: word.backwards, context: words) == ["\(word.backwards) user_inputs \(rank) reversed"])
        }
        #expect(parts(of: "z3pp3lin", context: words) == ["z3pp3lin user_inputs 6 3=e"])
        #expect(parts(of: "łuk4sz", context: words) == ["łuk4sz user_inputs 1 4=a"])
        #expect(parts(of: "μάθημα ΑΘΗΝΑ", context: words).contains("ΑΘΗΝΑ user_inputs 2"))
    }

    @Test("words about one person say nothing about the next")
    func noTrace() {
        let before = estimator.estimate("zeppelin-hangar").guesses
        #expect(estimator.estimate("zeppelin-hangar", context: ["zeppelin-hangar"]).guesses == 2)
        #expect(estimator.estimate("zeppelin-hangar").guesses == before)
    }

    @Test("words about a person count within repeats too")
    func repeats() {
        #expect(parts(of: "Łukasz7Łukasz7", context: ["łukasz7"]) == ["Łukasz7Łukasz7 7 x2"])
        #expect(estimator.estimate("łukasz7łukasz7", context: ["łukasz7"]).guesses == 2 * 2 + 1)
    }

    @Test("the first 100 words about a person or site count, and no more")
    func most() {
        let words = (0..<101).map { "qv\(String($0 + 1_000, radix: 36))zk" }
        #expect(parts(of: words[99], context: words) == ["\(words[99]) user_inputs 100"])
        #expect(!parts(of: words[100], context: words).contains { $0.contains("user_inputs") })
        #expect(StrengthEstimator.mostContextWords == 100)
    }

    @Test("an empty word and one that is longer than any password match nothing")
    func oddWords() {
        #expect(parts(of: "kx9q", context: ["", ""]) == parts(of: "kx9q"))
        #expect(parts(of: "kx9q", context: [String(repeating: "k", count: 5_000)]) == parts(of: "kx9q"))
    }

    @Test("a list of the site's own is searched like the others, in the order it was given")
    func added() {
        let estimator = StrengthEstimator(adding: ["Zeppelin", "hangar-nord", "Łódź"])
        #expect(parts(of: "ZEPPELIN", by: estimator) == ["ZEPPELIN added 1"])
        #expect(parts(of: "dron-ragnah", by: estimator) == ["dron-ragnah added 2 reversed"])
        #expect(parts(of: "h@ng@r-nord", by: estimator) == ["h@ng@r-nord added 2 @=a"])
        #expect(parts(of: "łódź", by: estimator) == ["łódź added 3"])
        #expect(parts(of: "Łódź", context: ["łódź"], by: estimator) == ["Łódź user_inputs 1"])
    }

    @Test("a word that stands on the site's list twice keeps its lowest place; one of more than 100 code points is left out")
    func lowest() {
        let long = String(repeating: "qv", count: 51)
        let estimator = StrengthEstimator(adding: ["aqvzk", "bqvzk", "AQVZK", long])
        #expect(parts(of: "aqvzk", by: estimator) == ["aqvzk added 1"])
        #expect(estimator.verdict(on: long).refusal != .common)
        #expect(estimator.verdict(on: "bqvzk", policy: StrengthPolicy(fewestCodePoints: 1)).refusal == .common)
    }

    @Test("a text about a person counts whole, and so do its parts of three letters or digits or more")
    func splitting() {
        let words = { StrengthEstimator.contextWords(from: $0) }
        #expect(
            words(["ada.lovelace@example.com"]) == [
                "ada.lovelace@example.com", "ada.lovelace", "example.com", "ada", "lovelace", "example", "com",
            ])
        #expect(words(["Łukasz Żółw"]) == ["Łukasz Żółw", "Łukasz", "Żółw"])
        #expect(words(["Al", "x1", "a-b"]) == ["a-b"])
        #expect(words(["東京 タワー", "é1!"]) == ["東京 タワー", "タワー", "é1!"])
        #expect(words(["ada", "ada-ada", "ada"]) == ["ada", "ada-ada"])
        #expect(words(["", "   ", "..."]) == ["   ", "..."])
        #expect(words([]).isEmpty)
        #expect(words(["O'Neill2026"]) == ["O'Neill2026", "Neill2026"])
    }

    @Test("however much is known of a person, 100 words are made of it")
    func splittingLimits() {
        #expect(StrengthEstimator.contextWords(from: (0..<500).map { "word\($0)" }).count == 100)
        let long = StrengthEstimator.contextWords(from: [String(repeating: "ab ", count: 10_000) + "lovelace"])
        #expect(long.count == 1 && long[0].unicodeScalars.count == 100)
    }
}
