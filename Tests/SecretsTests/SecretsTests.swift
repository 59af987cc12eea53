import Secrets
import Support
import Testing

@Suite struct SecretTests {
    @Test("a secret shows nothing, however it is printed")
    func printing() {
        let secret = Secret("hunter2")
        var dumped = ""
        dump([secret], to: &dumped)
        #expect("\(secret) \(secret.debugDescription) \(String(reflecting: secret)) \(dumped)".contains("hunter2") == false)
        let token = Token(random: [UInt8](repeating: 7, count: 32))
        #expect("\(token)\(String(reflecting: token))".contains("BwcH") == false)
    }

    @Test("ST-10: secrets compare by length and content, and an empty one equals nothing")
    func comparing() {
        #expect(isEqualInConstantTime([1, 2], [1, 2]))
        for (left, right) in [([UInt8]([]), [UInt8]([])), ([1], []), ([1, 2], [1]), ([1, 2], [1, 3]), ([], [0])] {
            #expect(!isEqualInConstantTime(left, right))
        }
    }
}

@Suite struct TokenTests {
    private let token = Token(random: (0..<32).map { UInt8($0 * 7) })

    @Test("AK-08: a token reads back from its text, and a truncated, extended or respelled one doesn't")
    func reading() throws {
        let text = token.text.exposed
        #expect(Token(text: text.utf8)?.text.exposed == text)
        for length in 0..<text.count { #expect(Token(text: text.prefix(length).utf8) == nil) }
        #expect(Token(text: (text + "A").utf8) == nil)
        #expect(Token(text: (text + "=").utf8) == nil)
        // The last character carries two bits that must be zero: no second spelling.
        let last = try #require(text.last)
        for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" where other != last {
            if let respelled = Token(text: (text.dropLast() + String(other)).utf8) {
                #expect(respelled.hash(for: .init(label: "a")) != token.hash(for: .init(label: "a")))
            }
        }
    }

    @Test("ST-12: a token's hash for one purpose is none for another")
    func purposes() {
        let hashes = [Token.Purpose(label: "session"), .init(label: "setup"), .init(label: "invitation")].map(token.hash)
        #expect(Set(hashes).count == 3)
        #expect(hashes[0].count == 32)
    }

    @Test("base64url has one text for each value and one value for each text")
    func base64() {
        var generator = SeededGenerator(seed: 1)
        for length in 0..<200 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(Base64URL.decode(Base64URL.encode(bytes).utf8) == bytes)
        }
        for _ in 1...20_000 {
            let text = (0..<Int.random(in: 0...6, using: &generator)).map { _ in UInt8.random(in: 32...126, using: &generator) }
            if let bytes = Base64URL.decode(text) { #expect(Base64URL.encode(bytes) == String(decoding: text, as: UTF8.self)) }
        }
    }
}

@Suite struct KeyRingTests {
    private let place = KeyRing.Place(table: "job", column: "payload", row: "1")
    private let nonce = [UInt8](repeating: 9, count: 12)

    private func key(_ seed: UInt8) throws -> KeyRing.Key {
        try #require(KeyRing.Key(id: [seed, 0, 0, 1], bytes: (0..<32).map { seed &+ $0 }))
    }

    @Test("what a ring sealed, the same place opens")
    func roundTrip() throws {
        let ring = try #require(KeyRing(keys: [key(1)]))
        for length in [0, 1, 16, 1_000] {
            let plaintext = [UInt8](repeating: 42, count: length)
            #expect(try ring.open(ring.seal(plaintext, at: place, nonce: nonce), at: place).exposed == plaintext)
        }
    }

    @Test("ST-05: a value that was moved to another row, column or table doesn't open")
    func moving() throws {
        let ring = try #require(KeyRing(keys: [key(1)]))
        let sealed = ring.seal([1, 2, 3], at: place, nonce: nonce)
        for other in [
            KeyRing.Place(table: "job", column: "payload", row: "2"), .init(table: "job", column: "other", row: "1"),
            .init(table: "jobpayload", column: "", row: "1"), .init(table: "jo", column: "bpayload", row: "1"),
        ] {
            #expect(throws: KeyRing.OpeningError.notAuthentic) { try ring.open(sealed, at: other) }
        }
    }

    @Test("ST-06: a value with any bit changed, or any byte missing, doesn't open")
    func tampering() throws {
        let ring = try #require(KeyRing(keys: [key(1)]))
        let sealed = ring.seal([1, 2, 3], at: place, nonce: nonce)
        for length in 0..<sealed.count {
            #expect(throws: KeyRing.OpeningError.self) { try ring.open(Array(sealed.prefix(length)), at: place) }
        }
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 1
            #expect(throws: KeyRing.OpeningError.self) { try ring.open(changed, at: place) }
        }
    }

    @Test("after a rotation the old opens and the new is sealed with the new key")
    func rotation() throws {
        let old = try #require(KeyRing(keys: [key(1)]))
        let rotated = try #require(KeyRing(keys: [key(1), key(2)]))
        let before = old.seal([1], at: place, nonce: nonce)
        #expect(try rotated.open(before, at: place).exposed == [1])
        let after = rotated.seal([1], at: place, nonce: nonce)
        #expect(throws: KeyRing.OpeningError.unknownKey(id: [2, 0, 0, 1])) { try old.open(after, at: place) }
        #expect(old.authenticator(for: "p").code(for: [1]) == rotated.authenticator(for: "p").code(for: [1]))
        #expect(old.authenticator(for: "p").code(for: [1]) != old.authenticator(for: "q").code(for: [1]))
    }

    @Test("ST-13: a short, empty or constant key is no key, and an empty ring no ring")
    func refusals() throws {
        #expect(KeyRing.Key(id: [1, 2, 3, 4], bytes: []) == nil)
        #expect(KeyRing.Key(id: [1, 2, 3, 4], bytes: [UInt8](repeating: 0, count: 32)) == nil)
        #expect(KeyRing.Key(id: [1, 2, 3, 4], bytes: Array(0..<31)) == nil)
        #expect(KeyRing.Key(id: [1], bytes: Array(0..<32)) == nil)
        #expect(KeyRing(keys: []) == nil)
        #expect(try KeyRing(keys: [key(1), key(1)]) == nil)
    }
}
