/// The path of a request as access rules read it: decoded once, and known to be in normal form or not (HT-15).
///
/// Proxies and apps disagree on what `/a//b`, `/a/%2e%2e/b`, `/a;x/b` or `/a\b` mean. Where two could disagree, the path is not normal, and no
/// rule may open it.
struct RequestPath: Equatable, Sendable {
    /// Decoded, without the query; where it isn't normal, only for showing.
    let text: String
    let isNormal: Bool

    /// - Parameter target: what stands in the request line after the host: path and query, as sent.
    init(target: some StringProtocol) {
        let raw = target.utf8.prefix { $0 != UInt8(ascii: "?") }
        guard let bytes = Self.decode(raw) else {
            text = String(decoding: raw, as: UTF8.self)
            isNormal = false
            return
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            text = String(decoding: bytes, as: UTF8.self)
            isNormal = false
            return
        }
        text = decoded
        isNormal = Self.isPlain(bytes)
    }

    /// - Returns: nil for an escape that hides a separator, a dot, a letter or a control character, that is broken, or that is encoded
    ///   twice; for a byte that may not stand in a path as it is (RFC 3986 §3.3).
    private static func decode(_ raw: some Collection<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(raw.count)
        var rest = raw.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                guard mayStand(byte) else { return nil }
                bytes.append(byte)
                continue
            }
            guard let high = rest.next().flatMap(hexDigit), let low = rest.next().flatMap(hexDigit) else { return nil }
            let decoded = high << 4 | low
            guard mayBeEncoded(decoded) else { return nil }
            bytes.append(decoded)
        }
        return bytes
    }

    private static func mayStand(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        // Unreserved, sub-delimiters but the semicolon, and what a segment may have besides.
        default: Array("-._~!$&'()*+,=:@/".utf8).contains(byte)
        }
    }

    /// What has a reason to be encoded: letters of other scripts, and signs that may not stand or that people encode by habit.
    private static func mayBeEncoded(_ byte: UInt8) -> Bool {
        byte >= 128 || Array(" \"<>^`{|}[]#!$&'()*+,=:@".utf8).contains(byte)
    }

    /// One slash at a time, and no segment that ends in a dot or a space.
    private static func isPlain(_ bytes: [UInt8]) -> Bool {
        guard bytes.first == UInt8(ascii: "/") else { return false }
        let segments = bytes.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return segments.enumerated().allSatisfy { index, segment in
            if segment.isEmpty { return index == segments.count - 1 }
            // Some servers cut dots and spaces off a segment's end: `..` and `admin.` are other segments to them.
            return segment.last != UInt8(ascii: ".") && segment.last != UInt8(ascii: " ")
        }
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}
