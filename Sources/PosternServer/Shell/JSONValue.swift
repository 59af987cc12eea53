/// JSON (RFC 8259) read strictly: no duplicate keys, no lone surrogates, depth 32 at most, nothing after the value.
///
/// The system's decoder takes the last of two equal keys, so that a proxy and we could read two different documents.
enum JSONValue: Equatable, Sendable {
    case null, bool(Bool), number(Double), string(String), array([JSONValue]), object([String: JSONValue])

    /// Throws ``Refused`` with the byte at which the text stops being JSON.
    init(parsing bytes: [UInt8]) throws {
        var parser = Parser(bytes: bytes)
        self = try parser.document()
    }
}

/// Reads the fields of a request's object: each by name and type, and no others.
struct JSONFields {
    private let object: [String: JSONValue]

    init(_ bytes: [UInt8], allowed: Set<String>) throws {
        guard case .object(let object) = try JSONValue(parsing: bytes) else {
            throw Refused(.malformed, detail: "Expected a JSON object.")
        }
        try self.init(object, allowed: allowed)
    }

    private init(_ object: [String: JSONValue], allowed: Set<String>) throws {
        if let stranger = object.keys.first(where: { !allowed.contains($0) }) {
            throw Refused(
                .malformed, field: String(stranger.prefix(40)), detail: "Unknown field. Known: \(allowed.sorted().joined(separator: ", "))."
            )
        }
        self.object = object
    }

    func has(_ name: String) -> Bool { object[name] != nil }

    func text(_ name: String) throws -> String {
        guard case .string(let text)? = object[name] else { throw Refused(.malformed, field: name, detail: "Expected a text.") }
        return text
    }

    /// A list of texts; none if the field is left out.
    /// - Parameter most: how many there may be.
    func texts(_ name: String, most: Int) throws -> [String] {
        guard let value = object[name] else { return [] }
        guard case .array(let items) = value, items.count <= most else {
            throw Refused(.malformed, field: name, detail: "Expected a list of at most \(most) texts.")
        }
        return try items.map { item in
            guard case .string(let text) = item else { throw Refused(.malformed, field: name, detail: "Expected a list of texts.") }
            return text
        }
    }

    func isNull(_ name: String) -> Bool { object[name] == .null }

    func number(_ name: String, in range: ClosedRange<Int>) throws -> Int {
        guard case .number(let number)? = object[name], let whole = Int(exactly: number), range.contains(whole) else {
            throw Refused(.malformed, field: name, detail: "Expected a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return whole
    }

    /// The fields of an object within.
    func fields(_ name: String, allowed: Set<String>) throws -> JSONFields {
        guard case .object(let inner)? = object[name] else { throw Refused(.malformed, field: name, detail: "Expected an object.") }
        return try JSONFields(inner, allowed: allowed)
    }

    func bool(_ name: String, default value: Bool) throws -> Bool {
        switch object[name] {
        case nil: return value
        case .bool(let bool)?: return bool
        default: throw Refused(.malformed, field: name, detail: "Expected true or false.")
        }
    }
}

private struct Parser {
    static let deepest = 32
    /// Of a key, in bytes: a key is hashed, and hashing a long one of combining marks costs seconds.
    static let longestKey = 64

    let bytes: [UInt8]
    var position = 0

    mutating func document() throws -> JSONValue {
        let value = try value(depth: 1)
        skipSpace()
        guard position == bytes.count else { throw broken("something after the value") }
        return value
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func broken(_ what: String) -> Refused { Refused(.malformed, detail: "Not JSON at byte \(position): \(what).") }

    private mutating func skipSpace() {
        while let byte = next, [32, 9, 10, 13].contains(byte) { position += 1 }
    }

    private mutating func value(depth: Int) throws -> JSONValue {
        guard depth <= Self.deepest else { throw broken("deeper than \(Self.deepest)") }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws -> JSONValue {
        guard bytes[position...].starts(with: word.utf8) else { throw broken("an unknown word") }
        position += word.utf8.count
        return value
    }

    private mutating func expect(_ character: Unicode.Scalar) throws {
        skipSpace()
        guard next == UInt8(ascii: character) else { throw broken("expected \(character)") }
        position += 1
    }

    private mutating func isAt(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        return next == UInt8(ascii: character)
    }

    private mutating func object(depth: Int) throws -> JSONValue {
        try expect("{")
        var object: [String: JSONValue] = [:]
        if isAt("}") { position += 1; return .object(object) }
        while true {
            skipSpace()
            let key = try string()
            guard key.utf8.count <= Self.longestKey else { throw broken("a key of more than \(Self.longestKey) bytes") }
            try expect(":")
            guard object.updateValue(try value(depth: depth + 1), forKey: key) == nil else { throw broken("a key that stands twice") }
            if isAt(",") { position += 1 } else { break }
        }
        try expect("}")
        return .object(object)
    }

    private mutating func array(depth: Int) throws -> JSONValue {
        try expect("[")
        var array: [JSONValue] = []
        if isAt("]") { position += 1; return .array(array) }
        while true {
            array.append(try value(depth: depth + 1))
            if isAt(",") { position += 1 } else { break }
        }
        try expect("]")
        return .array(array)
    }

    /// RFC 8259 §6: a minus, digits without a leading zero, a fraction, an exponent.
    private mutating func number() throws -> JSONValue {
        let start = position
        if next == UInt8(ascii: "-") { position += 1 }
        let isZero = next == UInt8(ascii: "0")
        var isNumber = digits() && !(isZero && position > start + (bytes[start] == UInt8(ascii: "-") ? 2 : 1))
        if next == UInt8(ascii: ".") {
            position += 1
            isNumber = digits() && isNumber
        }
        if let byte = next, byte | 0x20 == UInt8(ascii: "e") {
            position += 1
            if let sign = next, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position += 1 }
            isNumber = digits() && isNumber
        }
        guard isNumber, let number = Double(String(decoding: bytes[start..<position], as: UTF8.self)), number.isFinite else {
            position = start
            throw broken("no value, or a number out of range")
        }
        return .number(number)
    }

    /// - Returns: whether there was one at least.
    private mutating func digits() -> Bool {
        let start = position
        while let byte = next, (48...57).contains(byte) { position += 1 }
        return position > start
    }

    private mutating func string() throws -> String {
        guard next == UInt8(ascii: "\"") else { throw broken("expected a text") }
        position += 1
        var text: [UInt8] = []
        while let byte = next, byte != UInt8(ascii: "\"") {
            guard byte >= 32 else { throw broken("a control character in a text") }
            position += 1
            if byte == UInt8(ascii: "\\") { text += Array(String(try escape()).utf8) } else { text.append(byte) }
        }
        guard next != nil else { throw broken("a text without an end") }
        position += 1
        guard let string = String(validating: text, as: UTF8.self) else { throw broken("a text that is no UTF-8") }
        return string
    }

    private mutating func escape() throws -> Unicode.Scalar {
        guard let byte = next else { throw broken("a text without an end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicode()
        default: throw broken("an unknown escape")
        }
    }

    private mutating func unicode() throws -> Unicode.Scalar {
        let first = try codeUnit()
        if let scalar = Unicode.Scalar(UInt32(first)) { return scalar }
        guard (0xD800...0xDBFF).contains(first), bytes[position...].starts(with: [92, 117]) else { throw broken("half a character") }
        position += 2
        let second = try codeUnit()
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
        else { throw broken("half a character") }
        return scalar
    }

    private mutating func codeUnit() throws -> UInt16 {
        guard position + 4 <= bytes.count,
            bytes[position..<position + 4].allSatisfy({ (48...57).contains($0) || (65...70).contains($0) || (97...102).contains($0) }),
            let unit = UInt16(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
        else { throw broken("an escape without four hex digits") }
        position += 4
        return unit
    }
}
