/// Base64 with the standard alphabet and without padding, as PHC strings have it (RFC 4648 §4).
enum UnpaddedBase64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let chunk = bytes[start..<min(start + 3, bytes.count)]
            let group = chunk.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - chunk.count))
            for place in 0...chunk.count { text.append(alphabet[Int(group >> UInt32(18 - 6 * place) & 63)]) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The same with padding, and with `.` for `+`, as others write it.
    static func decode(loosely text: Substring) -> [UInt8]? {
        decode(text.utf8.filter { $0 != UInt8(ascii: "=") }.map { $0 == UInt8(ascii: ".") ? UInt8(ascii: "+") : $0 })
    }

    /// The bytes, or nil for anything that ``encode(_:)`` would not have written.
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer: UInt32 = 0
        var bits = 0
        for character in text {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            buffer = (buffer << 6 | UInt32(value)) & 0xFFFF
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
            }
        }
        return bits < 6 && buffer & ((1 << UInt32(bits)) - 1) == 0 ? bytes : nil
    }
}
