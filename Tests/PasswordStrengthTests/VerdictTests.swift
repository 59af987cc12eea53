import Support
import Testing

@testable import PasswordStrength

@Suite struct VerdictTests {
    private func verdict(_ password: String, about: [String] = [], fewest: Int = 8, lowest: Int = 3, mostBytes: Int = 1_024) -> Verdict {
        estimator.verdict(
            on: password, about: about, policy: StrengthPolicy(fewestCodePoints: fewest, lowestScore: lowest, mostBytes: mostBytes))
    }

    @Test(
        "PW-01: length is counted in code points, however many bytes they are and however they are drawn",
        arguments: ["q", "7", "é", "ж", "語", "\u{301}", "\u{200d}", "🚀", "🇩", "\u{10FFFF}"], [1, 8, 12, 15, 64])
    func length(point: String, fewest: Int) {
        for count in [0, fewest - 1, fewest, fewest + 1] where count >= 0 {
            let verdict = verdict(String(repeating: point, count: count), fewest: fewest, lowest: 0)
            let missing = fewest - count
            #expect((verdict.refusal == .tooShort) == (missing > 0))
            guard missing > 0 else { continue }
            #expect(verdict.title == "Too short")
            #expect(verdict.sentences == ["It needs \(missing) more \(missing == 1 ? "character" : "characters")."])
            #expect(verdict.level == 0)
        }
    }

    @Test("PW-01: a letter with its accent behind it is two code points, and so is a line's end of two")
    func clusters() {
        #expect(verdict("xe\u{301}\r\nw🇩🇪", fewest: 8).refusal != .tooShort)
        #expect(verdict("xe\u{301}\r\nw🇩🇪", fewest: 9).sentences == ["It needs 1 more character."])
    }

    @Test("a password of more bytes than the limit is too long, and is told so")
    func tooLong() {
        #expect(verdict(String(repeating: "語", count: 100), mostBytes: 300).refusal != .tooLong)
        let verdict = verdict(String(repeating: "語", count: 100), mostBytes: 299)
        #expect(verdict.refusal == .tooLong)
        #expect(verdict.title == "Too long")
        #expect(verdict.sentences == ["It has more than 299 bytes."])
    }

    @Test(
        "each score has its title, and its level on the meter",
        arguments: [
            ("aaaaaaaaaa", 0, "Too easy to guess"), ("evaporator", 1, "Weak"), ("bonnette7x7", 2, "Nearly there"),
            ("evaporatorbonnette", 3, "Good"), ("evaporatorbonnettestaple", 4, "Strong"),
        ])
    func titles(password: String, score: Int, title: String) {
        for lowest in 0...4 {
            let verdict = verdict(password, lowest: lowest)
            #expect(verdict.estimate.score == score)
            #expect(verdict.title == title)
            #expect(verdict.level == score)
            #expect(verdict.refusal == (score < lowest ? .tooWeak : nil))
        }
        #expect(StrengthEstimator.title(of: score) == title)
    }

    @Test("a common password is refused whatever score is asked for, in any case")
    func common() {
        let listing = StrengthEstimator(adding: ["zeppelin-hangar"])
        for password in [
            "password", "PASSWORD", "PaSsWoRd", "passwordstandard", "12345678900987654321", "zeppelin-hangar", "Zeppelin-Hangar",
        ] {
            let verdict = listing.verdict(on: password, policy: StrengthPolicy(lowestScore: 0))
            #expect(verdict.refusal == .common, "\(password)")
            #expect(verdict.level == 0 && verdict.title == "Too easy to guess", "\(password)")
        }
        // A word of other lists, a password with more behind it, one from right to left.
        for password in ["evaporator", "password7x", "drowssapx", "passwordpasswordpassword"] {
            #expect(verdict(password, lowest: 0).refusal == nil, "\(password)")
        }
    }

    @Test("the verdict says how long it would hold, what is weak and what to do")
    func sentences() {
        #expect(
            verdict("password").sentences == [
                "Would hold less than a second.", "It is on every list of common passwords.", "Choose something nobody else would.",
            ])
        #expect(
            verdict("evaporator").sentences == [
                "Would hold about 3 seconds.", "It is a common word.", "Add two or three words that have nothing to do with each other.",
            ])
        #expect(
            verdict("bonnette7x7").sentences == [
                "Would hold about 33 minutes.", "It is a name and a few other characters.", "Add one more uncommon word.",
            ])
        #expect(verdict("evaporatorbonnette").sentences == ["Would hold about 17 hours, even if someone stole our database."])
        #expect(
            verdict("evaporatorbonnette", lowest: 4).sentences == [
                "Would hold about 17 hours, even if someone stole our database.", "This site asks for more. Add one more uncommon word.",
            ])
        #expect(verdict("correcthorsebatterystaple").sentences == ["Would hold for centuries, even if someone stole our database."])
    }

    @Test(
        "every kind of part has a name people understand",
        arguments: [
            ("password7x!", "a common password and a few other characters"), ("evaporator", "a common word"), ("bonnette", "a name"),
            ("a'rightx", "a word from films and a few other characters"), ("zxcdfrtg", "a row of keys"), ("abcabcabc", "a repeat"),
            ("abcdefgh", "a run like abc or 987"), ("kq7v1987", "a few other characters and a recent year"), ("13.4.1991", "a date"),
            ("zeppelinry", "something known about you or this site"), ("zeppelinryhangarium", "two things known about you or this site"),
        ])
    func kinds(password: String, words: String) throws {
        let sentences = verdict(password, about: ["zeppelinry", "hangarium"], lowest: 4).sentences
        try #require(sentences.count == 3)
        #expect(sentences[1] == "It is \(words).")
    }

    @Test("a word of the site's own list is told from others")
    func listed() throws {
        let listing = StrengthEstimator(adding: ["zeppelin"])
        #expect(try #require(listing.verdict(on: "zeppelin7").sentences.dropFirst().first).contains("a word this site expects"))
    }
}

@Suite struct ContextTests {
    /// What a site knows: its product, its organization, the person's username and address, and a word of its settings.
    private static let about = ["Postern", "Lovelace Engines", "countessada", "ada.byron@example.com", "tätigkeitsbericht"]

    private static let words = [
        "Postern", "Lovelace Engines", "Lovelace", "Engines", "countessada", "byron", "ada.byron@example.com", "tätigkeitsbericht",
    ]

    private func written(_ word: String) -> [String] {
        let leet = String(word.map { ["a": "4", "e": "3", "o": "0", "s": "5", "i": "1"][$0] ?? $0 })
        return [
            word, word.lowercased(), word.uppercased(), leet, word.backwards, word.lowercased().backwards, word + "1", word + "!",
            "1" + word, word + word,
            word + "2019",
        ]
    }

    @Test(
        "PW-07: what is known of the person and the site makes no password, whole or in part, with signs or from right to left",
        arguments: words)
    func refused(word: String) {
        for password in written(word) {
            let verdict = estimator.verdict(on: password, about: Self.about, policy: StrengthPolicy(fewestCodePoints: 1))
            #expect(verdict.refusal == .tooWeak || verdict.refusal == .common, "\(password): \(verdict.estimate.guesses)")
            #expect(verdict.estimate.score <= 1, "\(password): \(verdict.estimate.guesses)")
        }
    }

    @Test("PW-07: such a password is told to leave out what is known")
    func told() {
        for password in ["tätigkeitsbericht", "tät1gk31t5b3r1cht", "thcirebstiekgität", "Tätigkeitsbericht1"] {
            let sentences = estimator.verdict(on: password, about: Self.about).sentences
            #expect(sentences.last == "Leave out what is known about you or this site: that is tried first.")
            #expect(sentences.dropFirst().first?.contains("something known about you or this site") == true)
        }
    }

    @Test("PW-07: the same password is as good as others where nothing is known")
    func unknown() {
        for password in ["c0unte554da", "adassetnuoc", "thcirebstiekgität"] {
            let known = estimator.estimate(password, context: StrengthEstimator.contextWords(from: Self.about))
            #expect(estimator.estimate(password).guesses >= known.guesses)
        }
        #expect(estimator.verdict(on: "thcirebstiekgität").refusal == nil)
        #expect(estimator.verdict(on: "thcirebstiekgität", about: Self.about).refusal == .tooWeak)
    }

    @Test("to know more of a person never makes a password look better")
    func neverBetter() {
        var passwords = PasswordGenerator(seed: 70)
        for _ in 0..<rounds(5_000) {
            let password = passwords.next()
            let known = estimator.estimate(password, context: ["Łukasz", "жанна", "straße", "zxcvfr"])
            #expect(known.guesses <= estimator.estimate(password).guesses, "\(password)")
        }
    }
}
