/// A form or a query, read strictly: `application/x-www-form-urlencoded` (WHATWG URL §5), each name once, valid UTF-8.
struct FormFields: Sendable {
    /// More than any page of ours has (HT-06).
    static let mostFields = 64

    /// In bytes as sent.
    static let longestName = 64

    private let fields: [String: String]

    /// Throws ``Refused`` for a name that stands twice, broken escapes, bytes that are no UTF-8, or a NUL.
    init(_ bytes: some Collection<UInt8>) throws {
        var fields: [String: String] = [:]
        for pair in bytes.split(separator: UInt8(ascii: "&")) {
            guard fields.count < Self.mostFields else { throw Refused(.tooLarge, detail: "More than \(Self.mostFields) fields.") }
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            // A name is hashed, and hashing a long one of combining marks costs seconds.
            guard parts[0].count <= Self.longestName else { throw Refused(.malformed, detail: "A field's name is too long.") }
            guard let name = Self.decode(parts[0]), let value = parts.count == 2 ? Self.decode(parts[1]) : "" else {
                throw Refused(.malformed, detail: "A field is not valid percent-encoded UTF-8.")
            }
            guard fields.updateValue(value, forKey: name) == nil else {
                throw Refused(.malformed, field: String(name.prefix(40)), detail: "A field stands twice.")
            }
        }
        self.fields = fields
    }

    subscript(_ name: String) -> String? { fields[name] }

    /// The field's text without spaces around it; empty if it isn't there.
    func text(_ name: String) -> String { fields[name].map(trimmed) ?? "" }

    static func decode(_ text: some Collection<UInt8>) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var rest = text.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(32)
            case UInt8(ascii: "%"):
                guard let high = rest.next().flatMap(hexDigit), let low = rest.next().flatMap(hexDigit) else { return nil }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        return bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
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

func trimmed(_ text: String) -> String {
    guard let start = text.firstIndex(where: { !$0.isWhitespace }), let end = text.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(text[start...end])
}

/// Whether a text stands on one line and can't reorder or end it: no control, format or separator characters.
func isPlainLine(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy {
        ![.control, .format, .lineSeparator, .paragraphSeparator].contains($0.properties.generalCategory)
    }
}

/// Percent-encodes all but unreserved characters (RFC 3986 §2.3).
func percentEncoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
        switch byte {
        case 48...57, 65...90, 97...122, 45, 46, 95, 126: bytes.append(byte)
        default: bytes += [37, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}

extension FormFields {
    /// All names with their values.
    var all: [String: String] { fields }

    /// As `application/x-www-form-urlencoded` (WHATWG URL §5.2), spaces as `%20`.
    static func encoded(_ fields: [(String, String)]) -> [UInt8] {
        Array(fields.map { "\(percentEncoded($0.0))=\(percentEncoded($0.1))" }.joined(separator: "&").utf8)
    }
}

/// Text that can't begin a tag or an entity, as XML and Slack want it.
func markupEscaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
}
