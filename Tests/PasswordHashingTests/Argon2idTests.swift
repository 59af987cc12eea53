import Support
import Testing

@testable import PasswordHashing

@Suite struct Argon2idTests {
    @Test("ST-02: the vector of RFC 9106 §5.3")
    func vector() throws {
        let parameters = try #require(Argon2id.Parameters(memoryKiB: 32, passes: 3, lanes: 4))
        let output = try Argon2id.raw(
            password: .init(repeating: 1, count: 32), salt: .init(repeating: 2, count: 16), secret: .init(repeating: 3, count: 8),
            associated: .init(repeating: 4, count: 12), parameters: parameters, length: 32, memory: WorkMemory())
        #expect(hex(output) == "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659")
    }

    @Test("kept memory gives the same hashes as fresh memory, also when it grows")
    func keptMemory() throws {
        let kept = WorkMemory()
        for memoryKiB in [UInt32(64), 256, 128, 1_024] {
            let parameters = try #require(Argon2id.Parameters(memoryKiB: memoryKiB, passes: 1, lanes: 1))
            let salt = [UInt8](repeating: 5, count: 16)
            let first = try Argon2id.hash(password: [1, 2, 3], salt: salt, parameters: parameters, memory: kept)
            #expect(try first == Argon2id.hash(password: [1, 2, 3], salt: salt, parameters: parameters, memory: WorkMemory()))
        }
    }

    @Test("PW-03, PW-04: passwords that differ in one byte, or after a NUL, never match")
    func noTruncation() throws {
        let memory = WorkMemory()
        let parameters = try #require(Argon2id.Parameters(memoryKiB: 64, passes: 1, lanes: 1))
        var generator = SeededGenerator(seed: 3)
        for length in [1, 8, 55, 56, 72, 73, 128, 255, 256, 1_024] {
            let password = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let hash = try PasswordHash(password: password, salt: .init(repeating: 1, count: 16), parameters: parameters, memory: memory)
            #expect(try hash.matches(password: password, memory: memory))
            var other = password
            other[length - 1] ^= 1
            #expect(try !hash.matches(password: other, memory: memory))
            #expect(try !hash.matches(password: Array(password.dropLast()), memory: memory))
            #expect(try !hash.matches(password: password + [0], memory: memory))
        }
        let ab = try PasswordHash(
            password: Array("a\0b".utf8), salt: .init(repeating: 1, count: 16), parameters: parameters, memory: memory)
        #expect(try !ab.matches(password: Array("a\0c".utf8), memory: memory))
        #expect(try !ab.matches(password: Array("a".utf8), memory: memory))
    }

    @Test("a hash made by the reference program verifies, and prints back the same text")
    func golden() throws {
        // printf 'correct horse' | argon2 0123456789abcdef -id -t 2 -k 19456 -p 1 -l 32 -e
        let text = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$rk2Mi3E4dgRMg0fHaYaptWVZRKqs//6b6k3/nntqGJk"
        let hash = try #require(PasswordHash(text: text))
        #expect(hash.text == text)
        #expect(try hash.matches(password: Array("correct horse".utf8), memory: WorkMemory()))
        #expect(try !hash.matches(password: Array("correct horsf".utf8), memory: WorkMemory()))
    }

    @Test(
        "a hash text has one spelling",
        arguments: [
            "", "$", "argon2id", "$argon2i$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=16$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=064,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=+64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$t=1,m=64,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=4294967296,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAB$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA$",
            "$argon2id$v=19$m=64,t=1,p=1$AA$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=1,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        ])
    func malformed(text: String) {
        #expect(PasswordHash(text: text) == nil)
    }

    @Test("parameters are weaker when any of them rose since")
    func weaker() throws {
        let standard = Argon2id.Parameters.standard
        #expect(!standard.areWeaker(than: standard))
        #expect(standard.areWeaker(than: try #require(Argon2id.Parameters(memoryKiB: 19_457, passes: 2, lanes: 1))))
        #expect(standard.areWeaker(than: try #require(Argon2id.Parameters(memoryKiB: 19_456, passes: 3, lanes: 1))))
        #expect(!standard.areWeaker(than: try #require(Argon2id.Parameters(memoryKiB: 64, passes: 1, lanes: 1))))
    }

    private func hex(_ bytes: [UInt8]) -> String { bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}
