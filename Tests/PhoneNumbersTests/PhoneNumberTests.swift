import Foundation
import PhoneNumbers
import Support
import Testing

@Suite struct PhoneNumberTests {
    @Test("numbers are read as people type them")
    func spellings() throws {
        for text in ["+49 171 1234567", "0049 171-123 45 67", "(0171) 1234567", "+491711234567", "tel:+49-171-1234567"] {
            let number = try PhoneNumber(text, in: "DE")
            #expect(number.e164 == "+491711234567" && number.country == "DE" && number.kind == .mobile, "\(text)")
        }
        let number = try PhoneNumber("+351 912 345 678")
        #expect(number.international == "+351 912 345 678" && number.national == "912 345 678" && number.country == "PT")
    }

    @Test("a number at home needs to know where home is")
    func home() {
        #expect(throws: PhoneNumber.Problem.notANumber) { try PhoneNumber("0171 1234567") }
    }

    @Test(
        "what can't be called is refused, and says which way it is wrong",
        arguments: [
            ("", PhoneNumber.Problem.notANumber), ("hello", .notANumber), ("+", .notANumber), ("112", .notInUse),
            ("+49 171 1234567 ext. 5", .notANumber), ("+999 123456", .notANumber), ("+1 555 0100", .notInUse),
            (String(repeating: "1", count: 61), .notANumber), ("+49\u{0}1711234567", .notANumber), ("\u{202E}", .notANumber),
        ])
    func refused(text: String, problem: PhoneNumber.Problem) {
        #expect(throws: problem, "\(text)") { try PhoneNumber(text, in: "DE") }
    }

    @Test(
        "the kind of a number is told, and what belongs to no country (OB-05)",
        arguments: [
            ("+447400123456", PhoneNumber.Kind.mobile, "GB"), ("+442083661177", .fixedLine, "GB"),
            ("+12015550123", .fixedLineOrMobile, "US"),
            ("+449012345678", .premium, "GB"), ("+498001234567", .tollFree, "DE"), ("+881612345678", .mobile, "001"),
            ("+883510012345678", .voiceOverIP, "001"), ("+4917012345678", .mobile, "DE"),
        ])
    func kinds(text: String, kind: PhoneNumber.Kind, country: String) throws {
        let number = try PhoneNumber(text)
        #expect(number.kind == kind && number.country == country, "\(number)")
    }

    @Test("what is shown of a number is its country and two digits")
    func masked() throws {
        let number = try PhoneNumber("+44 7400 123456")
        #expect(number.masked == "+44 ••• ••56")
        #expect(number.range(of: 3) == "+447400123")
    }

    @Test("no text ends the process")
    func garbage() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 0...70, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            _ = try? PhoneNumber(String(decoding: bytes, as: UTF8.self), in: "PT")
            let digits = (0..<Int.random(in: 1...20, using: &generator)).map { _ in
                "0123456789+-() /;x".randomElement(using: &generator) ?? "0"
            }
            _ = try? PhoneNumber("+" + String(digits))
        }
    }
}
