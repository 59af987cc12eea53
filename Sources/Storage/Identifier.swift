/// The id of a `Tag`: a UUID of version 7 (RFC 9562 §5.7), sixteen bytes in the database, 36 characters for people.
///
/// It orders by time of creation. It is no secret and never stands for a right.
package struct Identifier<Tag>: Hashable, Sendable, SQLBindable {
    private let high: UInt64
    private let low: UInt64

    /// - Parameter random: at least 10 random bytes.
    package init(now: Timestamp, random: [UInt8]) {
        precondition(random.count >= 10, "An identifier needs 10 random bytes.")
        let milliseconds = UInt64(max(0, now.microseconds / 1_000)) & 0xFFFF_FFFF_FFFF
        let first = UInt64(random[0]) << 8 | UInt64(random[1])
        let rest = random[2..<10].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        high = milliseconds << 16 | 0x7000 | first & 0x0FFF
        low = 0x8000_0000_0000_0000 | rest & 0x3FFF_FFFF_FFFF_FFFF
    }

    /// From its two halves, as ``bytes`` has them one after the other.
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The same number, of another kind.
    package func number<Other>(of kind: Other.Type = Other.self) -> Identifier<Other> { Identifier<Other>(high: high, low: low) }

    package init?(bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        high = bytes[0..<8].reduce(0) { $0 << 8 | UInt64($1) }
        low = bytes[8..<16].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Reads the lower-case form with hyphens, nothing else.
    package init?(_ text: String) {
        let digits = text.utf8.filter { $0 != UInt8(ascii: "-") }
        guard digits.count == 32 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: 32, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16) else { return nil }
            bytes.append(byte)
        }
        self.init(bytes: bytes)
        guard description == text else { return nil }
    }

    package var bytes: [UInt8] {
        (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? high : low) >> UInt64(56 - 8 * ($0 % 8))) }
    }

    package var sqlValue: SQLValue { .blob(bytes) }
}

extension Identifier: CustomStringConvertible {
    package var description: String {
        String(unsafeUninitializedCapacity: 36) { text in
            var place = 0
            for index in 0..<16 {
                if index == 4 || index == 6 || index == 8 || index == 10 {
                    text[place] = UInt8(ascii: "-")
                    place += 1
                }
                let byte = UInt8(truncatingIfNeeded: (index < 8 ? high : low) >> UInt64(56 - 8 * (index % 8)))
                text[place] = Self.digit(byte >> 4)
                text[place + 1] = Self.digit(byte & 15)
                place += 2
            }
            return place
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }
}
