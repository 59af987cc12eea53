import CQREncode

/// A text as a QR code, for cameras (ISO/IEC 18004).
struct QRCode {
    /// Modules on each side, without the quiet zone.
    private let width: Int
    /// Row by row; true is dark.
    private let modules: [Bool]

    /// Empty modules around it: without four of them some cameras find nothing (§7.3.8).
    private static let quietZone = 4

    /// - Returns: nil for an empty text, or one of more than 2,331 bytes.
    init?(_ text: String) {
        guard let code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M) else { return nil }
        defer { QRcode_free(code) }
        let width = Int(code.pointee.width)
        guard let data = code.pointee.data else { return nil }
        self.width = width
        modules = (0..<width * width).map { data[$0] & 1 == 1 }
    }

    private var side: Int { width + 2 * Self.quietZone }

    private func isDark(_ x: Int, _ y: Int) -> Bool {
        let (column, row) = (x - Self.quietZone, y - Self.quietZone)
        guard (0..<width).contains(column), (0..<width).contains(row) else { return false }
        return modules[row * width + column]
    }

    /// One path of horizontal strokes, black on the white it stands on.
    func svg(label: String) -> String {
        var path = ""
        for y in 0..<side {
            var x = 0
            while x < side {
                let start = x
                while x < side, isDark(x, y) { x += 1 }
                if x > start { path += "M\(start) \(y).5h\(x - start)" }
                x += 1
            }
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="\(label)" viewBox="0 0 \(side) \(side)" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h\(side)v\(side)H0z"/><path stroke="#000" d="\(path)"/></svg>
            """
    }

    /// A picture of black and white (PNG, third edition): one bit for each of `scale` × `scale` dots of a module.
    func png(scale: Int = 8) -> [UInt8] {
        let dots = side * scale
        var rows: [UInt8] = []
        for y in 0..<dots {
            // Filter 0: each row as it is (§9.2).
            rows.append(0)
            for start in stride(from: 0, to: dots, by: 8) {
                var byte: UInt8 = 0
                for bit in 0..<8 where start + bit < dots && !isDark((start + bit) / scale, y / scale) { byte |= 0x80 >> UInt8(bit) }
                rows.append(byte)
            }
        }
        let size = Self.bigEndian(UInt32(dots))
        // One bit a dot, grey, deflate, no interlacing (§11.2.1).
        return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + Self.chunk("IHDR", size + size + [1, 0, 0, 0, 0])
            + Self.chunk("IDAT", Self.deflated(rows)) + Self.chunk("IEND", [])
    }

    private static func deflated(_ bytes: [UInt8]) -> [UInt8] {
        var count = compressBound(uLong(bytes.count))
        var packed = [UInt8](repeating: 0, count: Int(count))
        let result = compress(&packed, &count, bytes, uLong(bytes.count))
        precondition(result == Z_OK, "zlib refused a picture that has room: \(result).")
        return Array(packed.prefix(Int(count)))
    }

    private static func chunk(_ name: StaticString, _ data: [UInt8]) -> [UInt8] {
        let body = Array("\(name)".utf8) + data
        return bigEndian(UInt32(data.count)) + body + bigEndian(UInt32(crc32(0, body, uInt(body.count))))
    }

    private static func bigEndian(_ number: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> UInt32($0)) } }
}
