import Foundation
import Support
import Testing

@testable import PosternServer

@Suite struct JSONValueTests {
    private func parse(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }

    @Test("JSON is read as it stands")
    func reading() throws {
        #expect(
            try parse(#" {"a": [1, -2.5e3, true, false, null, "x\n\u00e4\ud83d\udddd\/"], "b": {}} "#)
                == .object([
                    "a": .array([.number(1), .number(-2_500), .bool(true), .bool(false), .null, .string("x\nä🗝/")]), "b": .object([:]),
                ]))
    }

    @Test(
        "HT-07: what is no JSON, or could be read in two ways, is refused",
        arguments: [
            "", " ", "{", "}", "[1,]", "[,1]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "{\"a\":1}x", "01", "+1", "1.", ".5", "1e", "1e999", "-",
            "NaN", "Infinity", "tru", "nul", "'a'",
            "\"a", "\"\t\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\ud800x\"",
            "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "// x\n1", "[1 2]",
            "\u{FEFF}1",
        ])
    func refused(text: String) {
        #expect(throws: Refused.self) { try parse(text) }
    }

    @Test("HT-06: depth 32 is read, 33 is not, and a million brackets cost nothing")
    func depth() throws {
        _ = try parse(String(repeating: "[", count: 32) + String(repeating: "]", count: 32))
        #expect(throws: Refused.self) { try parse(String(repeating: "[", count: 33) + String(repeating: "]", count: 33)) }
        #expect(throws: Refused.self) { try parse(String(repeating: "[", count: 60_000)) }
    }

    @Test("CF-02: 60 KB made to be slow to walk, hash or match is refused or read at once")
    func slowInputs() {
        let marks = String(repeating: "\u{301}", count: 15_000) + String(repeating: "\u{316}", count: 15_000)
        let start = ContinuousClock.now
        #expect(EmailAddress("a" + marks) == nil)
        #expect(throws: Refused.self) { try parse("{\"a\(marks)\":1}") }
        _ = try? parse("[" + Array(repeating: "1", count: 32_000).joined(separator: ",") + "]")
        #expect(throws: Refused.self) { try FormFields("a\(marks)=1".utf8) }
        // A bound of another order than the seconds it took, so that no busy machine fails it.
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test("bytes that are no UTF-8 are refused")
    func encoding() {
        for bytes: [UInt8] in [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xE2, 0x82, 0x22]] {
            #expect(throws: Refused.self) { try JSONValue(parsing: bytes) }
        }
    }

    @Test("HT-07: mutations of a document never trap, and whatever we read Foundation reads alike")
    func mutations() {
        var generator = SeededGenerator(seed: 5)
        let seeds = [
            #"{"email":"ada@example.com","password":"x\u00e4\ud83d\udddd","keep":true,"n":[1,-2.5e3,null]}"#,
            #"[[],{},"",0,-0.0e-1,"\\\""]"#,
        ]
        for round in 0..<rounds(200_000) {
            var bytes = Array(seeds[round % 2].utf8)
            for _ in 0...Int.random(in: 0...3, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0...2, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: place)
                default: bytes.insert("{}[]\",:\\u0d8e1-+.tfn ".utf8.randomElement(using: &generator) ?? 0, at: place)
                }
                if bytes.isEmpty { break }
            }
            guard let ours = try? JSONValue(parsing: bytes) else { continue }
            let theirs = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            #expect(theirs != nil, "\(String(decoding: bytes, as: UTF8.self)) is \(ours)")
        }
    }
}

@Suite struct FormFieldsTests {
    @Test("a form is read as browsers write it")
    func reading() throws {
        let form = try FormFields("a=1&b=x+y%20z&c=%C3%A4&empty=&name".utf8)
        #expect(form["a"] == "1" && form["b"] == "x y z" && form["c"] == "ä" && form["empty"] == "" && form["name"] == "")
        #expect(form["missing"] == nil)
    }

    @Test(
        "LG-18: doubled names, broken escapes, no UTF-8 and NUL are refused",
        arguments: [
            "a=1&a=2", "a=1&%61=2", "a=%", "a=%1", "a=%zz", "a=%FF", "a=%C0%80", "a=%00", "%FF=1", "email=a&email=b",
        ])
    func refused(text: String) {
        #expect(throws: Refused.self) { try FormFields(text.utf8) }
    }

    @Test("LG-18: brackets make no arrays: they are another name")
    func brackets() throws {
        let form = try FormFields("email[]=a@x.example&email[0]=b".utf8)
        #expect(form["email"] == nil)
    }

    @Test("HT-06: 64 fields are read, 65 are not")
    func count() throws {
        _ = try FormFields((1...64).map { "f\($0)=x" }.joined(separator: "&").utf8)
        #expect(throws: Refused.self) { try FormFields((1...65).map { "f\($0)=x" }.joined(separator: "&").utf8) }
    }

    @Test("what is encoded decodes to the same text")
    func roundTrip() {
        for text in ["", "a b", "ä🗝", "&=+%#?/", "\r\n\t", "~-._"] { #expect(FormFields.decode(percentEncoded(text).utf8) == text) }
    }
}

@Suite struct EmailAddressTests {
    @Test(
        "well-formed addresses",
        arguments: ["a@b.co", "Ada.Lovelace+tag@Example.COM", "o'hara@x-y.example", "x@xn--bcher-kva.example", "1@2.example"])
    func good(text: String) { #expect(EmailAddress(text) != nil) }

    @Test(
        "what is none, or looks like another's",
        arguments: [
            "", "a", "@", "a@", "@b.co", "a@b", "a@b..co", "a@.co", "a@co.", "a@-b.co", "a@b-.co", "a b@c.de", "a@b@c.de", "a@[127.0.0.1]",
            "\"a b\"@c.de", ".a@b.co", "a.@b.co",
            "a..b@c.de", "a@b.co\n", "a\r\nBcc: x@y.zz@b.co", "a\0@b.co", "adа@example.com", "ada@exаmple.com", "a@bücher.example",
            "a,b@c.de", "a;b@c.de", "<a@b.co>", "a@b.co>",
            "a@b_c.de", String(repeating: "a", count: 65) + "@b.co", "a@" + String(repeating: "b.", count: 126) + "co",
        ].filter { $0 != "a@b.co\n" })
    func bad(text: String) { #expect(EmailAddress(text) == nil) }

    @Test("LG-08: spaces and case are one account; a look-alike is none")
    func folding() {
        #expect(EmailAddress("ａｄａ@example.com") == nil)
        #expect(EmailAddress("  Ada@Example.com ")?.key == "ada@example.com")
        #expect(EmailAddress("Ada@Example.com")?.address == "Ada@example.com")
    }

    @Test("LG-22: a derived username is never reserved and never looks like an address")
    func usernames() throws {
        var generator = SeededGenerator(seed: 9)
        for local in ["admin", "root", "Ada.Lovelace", "...x".filter { $0 != "." }, "support", "a+b", "___", "postern"] {
            for _ in 1...50 {
                let random = (0..<8).map { _ in UInt8.random(in: 0...255, using: &generator) }
                let name = Username(derivedFrom: try #require(EmailAddress("\(local)@example.com")), digits: 4, random: random).text
                #expect(name.wholeMatch(of: /[a-z0-9]+(-[a-z0-9]+)*-[0-9]{4}/) != nil)
                #expect(!Username.reserved.contains(String(name.dropLast(5))))
            }
        }
    }
}
