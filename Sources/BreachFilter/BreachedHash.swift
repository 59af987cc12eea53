internal import Crypto

/// A password's SHA-1, by which lists of stolen passwords are kept and asked for. Nothing is protected by it.
public struct BreachedHash: Equatable, Sendable {
    public static let byteCount = 20

    public let bytes: [UInt8]

    /// - Parameter password: UTF-8, as lists have it: neither cut nor trimmed.
    public init(password: [UInt8]) { bytes = Array(Insecure.SHA1.hash(data: password)) }

    /// 20 bytes, or nil.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// 40 hexadecimal digits, or nil.
    public init?(hex: some Collection<UInt8>) {
        guard hex.count == 2 * Self.byteCount else { return nil }
        var bytes: [UInt8] = []
        var high: UInt8?
        for digit in hex {
            guard let value = Self.value(digit) else { return nil }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        self.bytes = bytes
    }

    static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 48...57: digit - 48
        case 65...70: digit - 55
        case 97...102: digit - 87
        default: nil
        }
    }

    /// In capitals.
    public var hex: String {
        let digits = Array("0123456789ABCDEF".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// All that a range query sends: the first 5 of 40 hexadecimal digits.
    public var rangePrefix: String { String(hex.prefix(5)) }
    /// What the answer to a range query lists.
    public var rangeSuffix: String { String(hex.dropFirst(5)) }

    /// What a filter knows it by: the first 8 bytes, big-endian.
    public var key: UInt64 { bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
}
