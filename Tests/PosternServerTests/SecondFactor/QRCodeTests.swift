import Foundation
import OneTimePassword
import Support
import Testing

@testable import PosternServer

@Suite struct QRCodeTests {
    @Test("TO-09: pictures of any name are read by a real scanner as exactly the URI")
    func scanned() throws {
        var generator = SeededGenerator(seed: 45)
        let traps = [":", "&", "#", "%", "?", "=", "\r\n", "\n", "\u{0}", "é", "日本", "👩‍🚀", "\u{202e}", " ", "ß", "\u{7f}"]
        let folder = try StoreUnderTest.freshFolder()
        var expected: [String] = []
        for number in 0..<rounds(1_000) {
            let name = (0..<Int.random(in: 1...12, using: &generator)).map { _ in
                Bool.random(using: &generator)
                    ? traps[Int.random(in: 0..<traps.count, using: &generator)]
                    : Unicode.Scalar(UInt32.random(in: 32...0x10FFFF, using: &generator)).map(String.init) ?? "x"
            }.joined()
            let secret = (0..<20).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let uri = OTPAuthURI(issuer: String(name.prefix(6)) + "i", account: name, secret: secret).text
            expected.append(uri)
            try Data(#require(QRCode(uri)).png(scale: 4)).write(to: URL(filePath: folder + "/\(1_000 + number).png"))
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { folder + "/" + $0 }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/zbarimg")
        process.arguments = ["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"] + files
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(output.split(separator: "\n").map(String.init) == expected)
        try FileManager.default.removeItem(atPath: folder)
    }

    @Test("the picture as SVG has the same dark modules as the PNG, with four empty ones around")
    func sameModules() throws {
        let code = try #require(QRCode("otpauth://totp/A:b?secret=GEZDGNBVGY3TQOJQ"))
        let svg = code.svg(label: "x")
        let side = try #require(svg.firstMatch(of: #/viewBox="0 0 (\d+) /#).flatMap { Int($0.1) })
        var dark = 0
        for stroke in svg.matches(of: #/M(\d+) (\d+)\.5h(\d+)/#) {
            let (x, y, length) = (Int(stroke.1) ?? 0, Int(stroke.2) ?? 0, Int(stroke.3) ?? 0)
            #expect(x >= 4 && y >= 4 && y < side - 4 && x + length <= side - 4)
            dark += length
        }
        #expect(dark > side)
        #expect(QRCode("") == nil && QRCode(String(repeating: "a", count: 3_000)) == nil)
    }
}
