import Foundation
import Support
import Testing

@testable import PasswordHashing

@Suite struct ForeignHashTests {
    private static let vectors: [(password: String, hash: String)] = {
        let file = Bundle.module.url(forResource: "foreign-hashes", withExtension: "txt", subdirectory: "Vectors")
        let text = file.flatMap { try? String(contentsOf: $0, encoding: .utf8) } ?? ""
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            let parts = line.split(separator: "\t")
            return (String(parts[0]), String(parts[1]))
        }
    }()

    @Test("the right password matches what crypt, Django and passlib made, and no other does")
    func vectors() throws {
        #expect(Self.vectors.count > 50)
        for (password, text) in Self.vectors {
            let hash = try ForeignHash(text: text)
            #expect(hash.matches(password: Array(password.utf8)), "\(text)")
            var other = Array(password.utf8)
            other[0] ^= 1
            #expect(!hash.matches(password: other), "\(text)")
            #expect(!hash.matches(password: []), "\(text)")
            #expect(!hash.matches(password: Array(password.utf8) + [0]), "\(text)")
        }
    }

    @Test("what is dearer than the limits is refused before any work")
    func limits() {
        let dear = [
            "$2b$15$" + String(repeating: "a", count: 53), "$6$rounds=1000001$salt$" + String(repeating: "a", count: 86),
            "pbkdf2_sha256$2000001$salt$" + String(repeating: "A", count: 43) + "=",
            "$scrypt$ln=19,r=8,p=1$c2FsdHNhbHQ$" + String(repeating: "A", count: 43),
            "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$" + String(repeating: "A", count: 43),
            "$argon2i$v=19$m=64,t=1000000,p=1$c2FsdHNhbHQ$" + String(repeating: "A", count: 43),
            "$y$jFT$F5Jx5fExrKuPp53xLKQ..1$" + String(repeating: "a", count: 43),
            "$scrypt$ln=18,r=8,p=16$c2FsdHNhbHQ$" + String(repeating: "A", count: 43),
            "$argon2id$v=19$m=262144,t=16,p=16$c2FsdHNhbHQ$" + String(repeating: "A", count: 43),
            "pbkdf2_sha256$1000001$salt$" + String(repeating: "A", count: 86), "$7$I6..../....salt$" + String(repeating: "a", count: 43),
        ]
        for text in dear {
            #expect { try ForeignHash(text: text) } throws: { error in
                if case .tooDear? = error as? ForeignHash.Problem { true } else { false }
            }
        }
    }

    @Test("what is no known hash, or not whole, is refused in words and never traps")
    func damaged() throws {
        let a43 = String(repeating: "a", count: 43)
        let texts = [
            "", "secret", "$1$abc$def", "{SSHA}abc", "5f4dcc3b5aa765d61d8327deb882cf99", "$2b$", "$6$", "$y$", "$7$", "$argon2id$",
            "$2b$00$" + String(repeating: "a", count: 53), "$6$rounds=0$salt$" + String(repeating: "a", count: 86),
            "$argon2id$v=19$m=1,t=1,p=1$c2FsdA$AAAA", "$argon2id$v=19$m=64,t=0,p=1$c2FsdA$AAAA", "$argon2id$v=19$m=64,t=1,p=1$$AAAA",
            // More lanes, larger blocks or more time than the short form has.
            "$7$C6....zzzzzsalt$" + a43, "$7$Czzzzz/....salt$" + a43, "$y$j9TG/$salt$" + a43, "$y$jzT$salt$" + a43, "$y$j9zz$salt$" + a43,
        ]
        for text in texts {
            #expect(throws: ForeignHash.Problem.self, "\(text)") { try ForeignHash(text: text) }
        }
        var generator = SeededGenerator(seed: 11)
        for (_, text) in Self.vectors {
            for _ in 0..<rounds(200) {
                var bytes = Array(text.utf8)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes = Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &generator)))
                case 1: bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
                default: bytes.insert(UInt8.random(in: 32...126, using: &generator), at: Int.random(in: 0..<bytes.count, using: &generator))
                }
                _ = try? ForeignHash(text: String(decoding: bytes, as: UTF8.self))
            }
        }
    }
}
