import Foundation
import OneTimePassword
import Support
import Testing

private func vectors(_ name: String) throws -> [[String]] {
    let url = try #require(Bundle.module.url(forResource: name, withExtension: "txt", subdirectory: "Vectors"))
    return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("#") }
        .map { $0.split(separator: " ").map(String.init) }
}

@Suite struct OneTimePasswordTests {
    @Test("TO-01: the codes of RFC 4226")
    func hotp() throws {
        let lines = try vectors("rfc4226")
        #expect(lines.count == 10)
        for line in lines {
            let counter = try #require(Int64(line[0]))
            #expect(OneTimePassword.standard.code(secret: Array("12345678901234567890".utf8), counter: counter).description == line[1])
        }
    }

    @Test("TO-01: the codes of RFC 6238, with all three hashes")
    func totp() throws {
        let lines = try vectors("rfc6238")
        #expect(lines.count == 18)
        for line in lines {
            let seconds = try #require(Int64(line[0]))
            let algorithm = try #require(OneTimePassword.Algorithm(rawValue: line[1]))
            let password = OneTimePassword(algorithm: algorithm, digits: .eight)
            let length = [.sha1: 20, .sha256: 32, .sha512: 64][algorithm] ?? 0
            let secret = (0..<length).map { UInt8(ascii: "0") + UInt8(($0 + 1) % 10) }
            #expect(password.code(secret: secret, counter: password.step(at: seconds)).description == line[2])
        }
    }

    @Test("Base32 as RFC 4648 has it, and back")
    func base32() throws {
        for line in try vectors("rfc4648") {
            #expect(Base32.encode(Array(line[0].utf8)) == line[1])
            #expect(Base32.decode(line[1]) == Array(line[0].utf8))
            #expect(Base32.decode(line[1].lowercased()) == Array(line[0].utf8))
        }
        var generator = SeededGenerator(seed: 32)
        for length in 0..<200 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(Base32.decode(Base32.encode(bytes)) == bytes)
        }
        for foreign in ["0", "M", "MYA", "MY======", "M Y", "M1", "ＭＹ", "MZ"] { #expect(Base32.decode(foreign) == nil, "\(foreign)") }
    }

    @Test("TO-01: as oathtool makes them, for random secrets, times, digits, hashes and periods")
    func oathtool() throws {
        var generator = SeededGenerator(seed: 4_226)
        var cases: [(password: OneTimePassword, secret: [UInt8], seconds: Int64)] = []
        // One run of oathtool prints this many codes in a row.
        let row = 20
        for _ in 0..<rounds(5_000) {
            let algorithm = try #require(OneTimePassword.Algorithm.allCases.randomElement(using: &generator))
            let digits = try #require(OneTimePassword.Digits.allCases.randomElement(using: &generator))
            let password = OneTimePassword(algorithm: algorithm, digits: digits, period: Int64.random(in: 1...300, using: &generator))
            let secret = (0..<Int.random(in: 16...64, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            cases.append((password, secret, Int64.random(in: 0...4_000_000_000, using: &generator)))
        }
        for (password, secret, seconds) in cases {
            let codes = try run(
                "/usr/bin/oathtool",
                [
                    "--totp=\(password.algorithm.rawValue)", "--digits=\(password.digits.rawValue)", "--time-step-size=\(password.period)s",
                    "--now=@\(seconds)", "--window=\(row - 1)", "--base32", Base32.encode(secret),
                ]
            ).split(separator: "\n")
            #expect(codes.count == row)
            let first = password.step(at: seconds)
            for (offset, code) in codes.enumerated() {
                #expect(password.code(secret: secret, counter: first + Int64(offset)).description == code)
            }
        }
    }

    @Test("TO-04: a code matches its step within the reach and nowhere else")
    func window() throws {
        let secret = Array("12345678901234567890".utf8)
        let password = OneTimePassword.standard
        for now in Int64(1_000)..<1_050 {
            for offset in Int64(-5)...5 {
                let code = password.code(secret: secret, counter: now + offset)
                let match = password.matchingStep(of: code, secret: secret, around: now, reach: 1)
                // Two steps may have one code by chance; with this secret and these steps none do.
                #expect(match == (abs(offset) <= 1 ? now + offset : nil))
            }
        }
        #expect(password.matchingStep(of: try #require(OneTimePassword.Code("12345678")), secret: secret, around: 1, reach: 1) == nil)
    }

    @Test("a step has one length, also before 1970")
    func steps() {
        let password = OneTimePassword.standard
        #expect([-61, -60, -31, -30, -1, 0, 29, 30].map { password.step(at: $0) } == [-3, -2, -2, -1, -1, 0, 0, 1])
    }

    @Test("TO-12: a code is ASCII digits and spaces, six or eight, and nothing else")
    func strictDigits() {
        #expect(OneTimePassword.Code("000 123")?.description == "000123")
        #expect(OneTimePassword.Code(" 00000123 ")?.description == "00000123")
        for wrong in ["", "12345", "1234567", "123456789", "12345a", "-12345", "+12345", "1e5000", "123\u{a0}456", "123,456", "0x1234"] {
            #expect(OneTimePassword.Code(wrong) == nil, "\(wrong)")
        }
        // Every digit of every other script, in each place of a code.
        for scalar in (UInt32(128)...0x10FFFF).compactMap(Unicode.Scalar.init) where scalar.properties.generalCategory == .decimalNumber {
            #expect(OneTimePassword.Code("12345\(scalar)") == nil)
            #expect(OneTimePassword.Code("\(scalar)12345") == nil)
        }
    }

    private func run(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return String(decoding: output, as: UTF8.self)
    }
}

@Suite struct OTPAuthURITests {
    static let secret = Array("12345678901234567890".utf8)

    @Test("the URI is what every app reads")
    func text() {
        let uri = OTPAuthURI(issuer: "Example Shop", account: "ada@example.com", secret: Self.secret)
        #expect(
            uri.text
                == "otpauth://totp/Example%20Shop:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example%20Shop&algorithm=SHA1&digits=6&period=30"
        )
    }

    @Test("TO-09: no name can end the label, add a parameter or change one")
    func names() throws {
        var generator = SeededGenerator(seed: 9)
        let traps = [
            ":", "&", "#", "%", "?", "=", "/", "\r\n", "\u{0}", "&secret=AAAA", "%26secret%3DAAAA", " ", "+", "\u{202e}", "é", "👩‍🚀",
        ]
        for _ in 0..<rounds(20_000) {
            let name = { (generator: inout SeededGenerator) in
                (0..<Int.random(in: 1...12, using: &generator)).map { _ in
                    Bool.random(using: &generator)
                        ? traps[Int.random(in: 0..<traps.count, using: &generator)]
                        : Unicode.Scalar(UInt32.random(in: 0...0x10FFFF, using: &generator)).map(String.init) ?? "x"
                }.joined()
            }
            let uri = OTPAuthURI(issuer: name(&generator), account: name(&generator), secret: Self.secret)
            #expect(uri.text.utf8.allSatisfy { $0 > 32 && $0 < 127 })
            let parameters = try #require(URLComponents(string: uri.text)?.queryItems)
            #expect(parameters.map(\.name) == ["secret", "issuer", "algorithm", "digits", "period"])
            #expect(parameters[0].value == Base32.encode(Self.secret))
            #expect(parameters[1].value.map { Array($0.unicodeScalars) } == Array(uri.issuer.unicodeScalars))
            #expect(OTPAuthURI(uri.text) == uri)
        }
    }

    @Test("a URI with anything wrong is none")
    func strict() {
        let secret = Base32.encode(Self.secret)
        let wrong = [
            "", "otpauth://hotp/A:b?secret=\(secret)&issuer=A", "otpauth://totp/A:b", "otpauth://totp/b?secret=\(secret)",
            "otpauth://totp/A:b?secret=\(secret)&issuer=B", "otpauth://totp/A:b?secret=\(secret)&issuer=A&secret=\(secret)",
            "otpauth://totp/A:b?secret=\(secret)&issuer=A&x=1", "otpauth://totp/A:b?secret=&issuer=A",
            "otpauth://totp/A:b?secret=1&issuer=A", "otpauth://totp/A:b?secret=\(secret)&issuer=A&digits=7",
            "otpauth://totp/A:b?secret=\(secret)&issuer=A&period=0", "otpauth://totp/A:b?secret=\(secret)&issuer=A&algorithm=MD5",
            "otpauth://totp/A%:b?secret=\(secret)&issuer=A%", "otpauth://totp/%FF:b?secret=\(secret)&issuer=%FF",
            "otpauth://totp/A:b:c?secret=\(secret)&issuer=A",
        ]
        for text in wrong { #expect(OTPAuthURI(text) == nil, "\(text)") }
        #expect(OTPAuthURI("otpauth://totp/A:b?secret=\(secret)&issuer=A")?.password == .standard)
    }
}
