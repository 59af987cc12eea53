import Foundation
import Support
import Testing

@testable import PasswordStrength

@Suite struct EstimateTests {
    @Test("scores change five guesses past 10³, 10⁶, 10⁸ and 10¹⁰", arguments: [(1, 1e3), (2, 1e6), (3, 1e8), (4, 1e10)])
    func limits(score: Int, limit: Double) {
        func scored(_ guesses: Double) -> Int { Estimate(guesses: guesses, sequence: []).score }
        #expect(scored(limit + 5) == score)
        #expect(scored((limit + 5).nextDown) == score - 1)
        #expect(scored(limit) == score - 1)
        #expect(scored(limit * 10) == score)
    }

    @Test("nothing scores less than 0 or more than 4")
    func extremes() {
        #expect(Estimate(guesses: 1, sequence: []).score == 0)
        #expect(Estimate(guesses: .greatestFiniteMagnitude, sequence: []).score == 4)
    }

    @Test("the logarithm of guesses is the logarithm of the guesses")
    func logarithm() {
        for password in ["password", "evaporator", "evaporatorbonnette", "correcthorsebatterystaple"] {
            let estimate = estimator.estimate(password)
            #expect(abs(estimate.guessesLog10 - log10(estimate.guesses)) < 1e-12)
        }
    }

    @Test("who guesses faster needs less time")
    func attacks() {
        let estimate = estimator.estimate("evaporatorbonnette")
        let seconds = Attack.allCases.map { estimate.crackTime($0).seconds }
        #expect(seconds == seconds.sorted(by: >))
        #expect(Set(Attack.allCases.map { "\($0.name)" }).count == 4)
        let hundred = Estimate(guesses: 100, sequence: [])
        #expect(Attack.allCases.map { hundred.crackTime($0).text } == ["1 hour", "10 seconds", "less than a second", "less than a second"])
    }

    private let day = 86_400.0

    @Test("times are said as people say them, halves rounded to the even number")
    func words() {
        let said: [(Double, String)] = [
            (0, "less than a second"), (0.999, "less than a second"), (1, "1 second"), (1.49, "1 second"), (1.5, "2 seconds"),
            (2.5, "2 seconds"), (2.51, "3 seconds"), (3.5, "4 seconds"), (59.9, "60 seconds"), (60, "1 minute"), (89, "1 minute"),
            (90, "2 minutes"), (150, "2 minutes"), (210, "4 minutes"), (3_599, "60 minutes"), (3_600, "1 hour"), (9_000, "2 hours"),
            (12_600, "4 hours"), (day - 1, "24 hours"), (day, "1 day"), (2.5 * day, "2 days"), (31 * day - 1, "31 days"),
            (31 * day, "1 month"),
            (77.5 * day, "2 months"), (372 * day - 1, "12 months"), (372 * day, "1 year"), (930 * day, "2 years"), (1_302 * day, "4 years"),
            (37_200 * day - 1, "100 years"), (37_200 * day, "centuries"), (1e300, "centuries"), (.infinity, "centuries"),
        ]
        for (seconds, text) in said { #expect(CrackTime(seconds: seconds).text == text, "\(seconds)") }
    }

    @Test("one of anything is singular, two are plural")
    func singular() {
        for seconds in [1.0, 60, 3_600, day, 31 * day, 372 * day] {
            #expect(CrackTime(seconds: seconds).text.hasPrefix("1 ") && !CrackTime(seconds: seconds).text.hasSuffix("s"))
            #expect(CrackTime(seconds: seconds * 2).text.hasPrefix("2 ") && CrackTime(seconds: seconds * 2).text.hasSuffix("s"))
        }
    }

    @Test("only an empty password is guessed at once")
    func onlyEmpty() {
        var passwords = PasswordGenerator(seed: 21)
        for _ in 0..<rounds(1_000) {
            let password = passwords.next()
            for count in 1...max(1, password.unicodeScalars.count) {
                #expect(estimator.estimate(password.part(0..<count)).guesses >= 2)
            }
        }
    }
}

@Suite struct FeedbackTests {
    private typealias Row = (password: String, warning: Feedback.Warning?, suggestions: [Feedback.Suggestion])

    private let rows: [Row] = [
        ("", nil, [.fewWords, .noNeedForSymbols]),
        ("kq7vzj", nil, [.anotherWord]),
        ("aoeuidhtns", .straightRow, [.anotherWord, .longerKeyPattern]),
        ("zxcdfrt", .keyPattern, [.anotherWord, .longerKeyPattern]),
        ("aaaaaa", .characterRepeat, [.anotherWord, .noRepeats]),
        ("abcabcabc", .wordRepeat, [.anotherWord, .noRepeats]),
        ("abcdef", .sequence, [.anotherWord, .noSequences]),
        ("1911", .recentYear, [.anotherWord, .noRecentYears, .noOwnYears]),
        ("13.4.91", .date, [.anotherWord, .noOwnDates]),
        // Places 1, 10, 11, 100 and 101 of the passwords, and the last.
        ("123456", .topTen, [.anotherWord]),
        ("dragon", .topTen, [.anotherWord]),
        ("123123", .topHundred, [.anotherWord]),
        ("mickey", .topHundred, [.anotherWord]),
        ("bigdog", .veryCommon, [.anotherWord]),
        ("geekboy", .veryCommon, [.anotherWord]),
        ("DRAGON", .topTen, [.anotherWord, .allCapitalsHelpLittle]),
        ("p@ssword", .similarToCommon, [.anotherWord, .signsHelpLittle]),
        ("drowssap", .similarToCommon, [.anotherWord, .reversingHelpsLittle]),
        ("password7", .similarToCommon, [.anotherWord]),
        ("yobkeeg", nil, [.anotherWord, .reversingHelpsLittle]),
        // Places 5,000 and 5,002, from right to left: 10,000 guesses and more.
        ("rewq54321", .similarToCommon, [.anotherWord, .reversingHelpsLittle]),
        ("notalp", nil, [.anotherWord, .reversingHelpsLittle]),
        // Of three letters nobody says much.
        ("eht", .wordAlone, [.anotherWord]),
        ("evaporator", .wordAlone, [.anotherWord]),
        ("Evaporator", .wordAlone, [.anotherWord, .capitalsHelpLittle]),
        ("EVAPORATOR", .wordAlone, [.anotherWord, .allCapitalsHelpLittle]),
        ("evaporatoR", .wordAlone, [.anotherWord]),
        ("3v4porator", .wordAlone, [.anotherWord, .signsHelpLittle]),
        ("Evaporator1987", nil, [.anotherWord, .capitalsHelpLittle]),
        ("bonnette", .nameAlone, [.anotherWord]),
        ("allyn", .nameAlone, [.anotherWord]),
        ("broderick", .nameAlone, [.anotherWord]),
        ("bonnette7", .commonName, [.anotherWord]),
        ("bonnette7x7", .commonName, [.anotherWord]),
        ("a'right", nil, [.anotherWord]),
    ]

    private func feedback(_ password: String, context: [String] = []) -> Feedback {
        estimator.feedback(on: password, estimator.estimate(password, context: context))
    }

    @Test("each weakness has its warning and its advice")
    func table() {
        for row in rows {
            let feedback = feedback(row.password)
            #expect(feedback.warning == row.warning, "\(row.password)")
            #expect(feedback.suggestions == row.suggestions, "\(row.password)")
        }
    }

    @Test("every warning and every suggestion is given to somebody")
    func all() {
        #expect(Set(rows.compactMap { feedback($0.password).warning }) == Set(Feedback.Warning.allCases))
        #expect(Set(rows.flatMap { feedback($0.password).suggestions }) == Set(Feedback.Suggestion.allCases))
    }

    @Test("a good password gets neither warning nor advice")
    func none() {
        var passwords = PasswordGenerator(seed: 34)
        var seen: Set<Int> = []
        for _ in 0..<rounds(5_000) {
            let password = passwords.next()
            let estimate = estimator.estimate(password)
            let feedback = estimator.feedback(on: password, estimate)
            seen.insert(estimate.score)
            guard estimate.score >= 3 else {
                #expect(!feedback.suggestions.isEmpty, "\(password)")
                continue
            }
            #expect(feedback.warning == nil && feedback.suggestions.isEmpty, "\(password)")
        }
        #expect(seen == [0, 1, 2, 3, 4])
    }

    @Test("the longest part is spoken about, of equals the first")
    func longest() {
        #expect(feedback("13.4.91bob").warning == .date)
        #expect(feedback("bob13.4.91").warning == .date)
        #expect(feedback("mary1911").warning == .commonName)
        #expect(feedback("1911mary").warning == .recentYear)
    }

    @Test("what is known of a person has no warning of its own, and capitals in any script are seen")
    func context() {
        #expect(feedback("Łukasz", context: ["łukasz"]).warning == nil)
        #expect(feedback("ΑΘΗΝΑ", context: ["αθηνα"]).suggestions == [.anotherWord, .allCapitalsHelpLittle])
        #expect(feedback("αθηνα", context: ["αθηνα"]).suggestions == [.anotherWord])
        #expect(feedback("東京タワー", context: ["東京タワー"]).suggestions == [.anotherWord])
    }

    @Test("every warning and every suggestion is a sentence")
    func sentences() {
        for text in Feedback.Warning.allCases.map({ "\($0.text)" }) + Feedback.Suggestion.allCases.map({ "\($0.text)" }) {
            #expect(text.hasSuffix(".") && text.first?.isUppercase == true, "\(text)")
        }
    }
}
