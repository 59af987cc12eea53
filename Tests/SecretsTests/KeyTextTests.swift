import Support
import Testing

@testable import Secrets

/// AK-01, AK-08: the form of an API key.
@Suite struct KeyTextTests {
    private func random() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<KeyText.byteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    @Test("AK-01: keys have one form, a checksum that fits, and none stands twice")
    func form() throws {
        let count = rounds(1_000_000)
        var seen: Set<String> = []
        seen.reserveCapacity(count)
        for index in 0..<count {
            let mode = KeyText.Mode.allCases[index % 2]
            let key = KeyText(mode: mode, random: random())
            let text = key.text.exposed
            // By hand: a regular expression for each of a million takes minutes.
            let bytes = Array(text.utf8)
            let isPlain = bytes.dropFirst(9).allSatisfy { (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) }
            guard bytes.count == KeyText.length, text.hasPrefix("pst_\(mode.rawValue)_"), isPlain, key.lastFour == text.suffix(4),
                let read = KeyText(text: bytes), read.text.exposed == text, read.hash == key.hash, seen.insert(text).inserted
            else {
                Issue.record("\(text.count) characters, not as they should be")
                return
            }
        }
        #expect(seen.count == count)
    }

    @Test("the checksum is zlib's CRC-32 in base62")
    func vectors() throws {
        // python3 -c "import zlib; ..." over the first 42 characters.
        for text in Self.known { #expect(KeyText(text: text.utf8)?.text.exposed == text, "\(text.prefix(12))…") }
        #expect(KeyText(mode: .live, random: [UInt8](repeating: 0, count: 24)).text.exposed == Self.known[0])
        #expect(KeyText(mode: .test, random: [UInt8](repeating: 255, count: 24)).text.exposed == Self.known[1])
    }

    private static let known = [
        "pst_live_0000000000000000000000000000000000pOyfc",
        "pst_test_2lFA6LboL2xx0ldQH2K1TdSrwuqMMiME32isMXC",
        "pst_live_00lBcKUCcfcQwiP5o8gk3nAfLmS9Zf5fb12cpuZ",
        "pst_test_0000000000000000000000EhzL6HwZ5ow3k6HWR",
    ]

    @Test("AK-08: one character typed wrongly, left out, added or in another case is no key")
    func typos() {
        let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-.".utf8)
        for _ in 0..<rounds(50) {
            let text = Array(KeyText(mode: .live, random: random()).text.exposed.utf8)
            for place in text.indices {
                for digit in digits where digit != text[place] {
                    var wrong = text
                    wrong[place] = digit
                    #expect(KeyText(text: wrong) == nil)
                }
                var shorter = text
                shorter.remove(at: place)
                #expect(KeyText(text: shorter) == nil)
                #expect(KeyText(text: text.prefix(place)) == nil && KeyText(text: text.suffix(place)) == nil)
                for digit in digits.prefix(8) {
                    var longer = text
                    longer.insert(digit, at: place)
                    #expect(KeyText(text: longer) == nil)
                }
            }
            for change in [String(decoding: text, as: UTF8.self).uppercased(), String(decoding: text, as: UTF8.self).lowercased()] {
                #expect(KeyText(text: change.utf8) == nil)
            }
            #expect(KeyText(text: text + [48]) == nil && KeyText(text: [32] + text) == nil && KeyText(text: text + [10]) == nil)
        }
    }

    @Test("a key doesn't show itself")
    func hidden() {
        let key = KeyText(mode: .test, random: random())
        #expect("\(key)" == "•••" && String(reflecting: key.text) == "•••")
        var shown = ""
        dump(key, to: &shown)
        #expect(!shown.contains("pst_"))
    }
}
