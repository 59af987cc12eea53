import CZlib
import Crypto

/// An API key as it is written down: `pst_live_` or `pst_test_`, 33 random characters, six of a checksum.
///
/// A typo or a key that was cut short is refused without asking anybody, and scanners for lost secrets find it by its form.
public struct KeyText: Sendable {
    /// What a key is for: the real thing, or trying things out.
    public enum Mode: String, CaseIterable, Sendable { case live, test }

    /// The number of random bytes: 192 bits.
    public static let byteCount = 24
    /// In characters, all of them ASCII.
    public static let length = 48
    /// What every key begins with.
    public static let prefix = "pst_"

    private static let randomLength = 33
    private static let checksumLength = 6
    /// 0-9, A-Z, a-z: in the order of their bytes.
    private static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    public let mode: Mode
    private let bytes: [UInt8]

    /// - Parameter random: exactly ``byteCount`` bytes from the system's generator.
    public init(mode: Mode, random: [UInt8]) {
        precondition(random.count == Self.byteCount, "A key needs \(Self.byteCount) random bytes.")
        let start = Array("\(Self.prefix)\(mode.rawValue)_".utf8) + Self.base62(random)
        self.mode = mode
        bytes = start + Self.checksum(of: start)
    }

    /// Reads a key. One that is truncated, extended, mistyped or in another case is nil.
    public init?(text: some Collection<UInt8>) {
        guard text.count == Self.length else { return nil }
        let bytes = Array(text)
        guard let mode = Mode.allCases.first(where: { bytes.starts(with: "\(Self.prefix)\($0.rawValue)_".utf8) }),
            bytes.suffix(Self.randomLength + Self.checksumLength).allSatisfy(Self.digits.contains),
            Self.checksum(of: Array(bytes.dropLast(Self.checksumLength))) == Array(bytes.suffix(Self.checksumLength))
        else { return nil }
        self.mode = mode
        self.bytes = bytes
    }

    /// The text that is handed out once.
    public var text: Secret<String> { Secret(String(decoding: bytes, as: UTF8.self)) }

    /// What a key is told from others by, in lists: its last four characters, which are of the checksum.
    public var lastFour: String { String(decoding: bytes.suffix(4), as: UTF8.self) }

    /// SHA-256 of the text: what is stored. A fast hash is enough for 192 random bits.
    public var hash: [UInt8] { Array(SHA256.hash(data: bytes)) }

    /// The first 128 bits of ``hash``, for look-ups in memory.
    public var shortHash: (UInt64, UInt64) {
        SHA256.hash(data: bytes).withUnsafeBytes {
            ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
    }

    /// CRC-32 as zlib and PNG have it (RFC 1952 §8), in six base62 digits, the most significant first.
    private static func checksum(of bytes: [UInt8]) -> [UInt8] {
        var rest = UInt64(crc32(0, bytes, UInt32(bytes.count)))
        var text = [UInt8](repeating: digits[0], count: checksumLength)
        for place in text.indices.reversed() {
            text[place] = digits[Int(rest % 62)]
            rest /= 62
        }
        return text
    }

    /// A number of 192 bits in 33 digits, the most significant first.
    private static func base62(_ random: [UInt8]) -> [UInt8] {
        var number = random
        var text = [UInt8](repeating: digits[0], count: randomLength)
        for place in text.indices.reversed() {
            var rest = 0
            for index in number.indices {
                let value = rest << 8 | Int(number[index])
                number[index] = UInt8(value / 62)
                rest = value % 62
            }
            text[place] = digits[rest]
        }
        return text
    }
}

extension KeyText: CustomStringConvertible, CustomReflectable {
    public var description: String { "•••" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
