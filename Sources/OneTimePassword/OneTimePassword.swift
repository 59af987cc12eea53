import Crypto

/// How codes are made from a secret: HOTP (RFC 4226), and TOTP (RFC 6238) with a period.
public struct OneTimePassword: Equatable, Sendable {
    /// The hash of the HMAC. Apps in the field know SHA-1 at least; as an HMAC's hash it is sound.
    public enum Algorithm: String, CaseIterable, Sendable {
        case sha1 = "SHA1"
        case sha256 = "SHA256"
        case sha512 = "SHA512"
    }

    /// How many digits a code has.
    public enum Digits: Int, CaseIterable, Sendable {
        case six = 6
        case eight = 8

        fileprivate var modulus: UInt32 { self == .six ? 1_000_000 : 100_000_000 }
    }

    public let algorithm: Algorithm
    public let digits: Digits
    /// Seconds that a time-based code stands for: 1 to 86,400.
    public let period: Int64

    /// What every authenticator app understands: SHA-1, 6 digits, 30 seconds.
    public static let standard = OneTimePassword()

    /// The periods there are, in seconds.
    public static let periods: ClosedRange<Int64> = 1...86_400

    /// - Parameter period: seconds, one of ``periods``.
    public init(algorithm: Algorithm = .sha1, digits: Digits = .six, period: Int64 = 30) {
        precondition(Self.periods.contains(period), "A period has 1 to 86,400 seconds.")
        self.algorithm = algorithm
        self.digits = digits
        self.period = period
    }

    /// The step that a moment belongs to (RFC 6238 §4.2), with T0 = 0.
    /// - Parameter seconds: since 1970 UTC.
    public func step(at seconds: Int64) -> Int64 {
        // Down also for times before 1970, so that no step has twice the length.
        let step = seconds / period
        return seconds % period < 0 ? step - 1 : step
    }

    /// The code of a counter (RFC 4226 §5.3) or of a step (RFC 6238 §4.2).
    ///
    /// - Parameters:
    ///   - secret: the shared key as it is; RFC 4226 §4 asks for at least 128 bits and recommends 160.
    ///   - counter: the moving factor, as the 64 bits that it is.
    public func code(secret: [UInt8], counter: Int64) -> Code {
        Key(secret: secret, algorithm: algorithm).code(counter: counter, digits: digits)
    }

    /// Which step around `center` the code belongs to: the centre first, then outwards, the earlier of two at one distance first.
    ///
    /// That a step matches says nothing of replay: whoever asks must refuse steps up to the last accepted one (RFC 6238 §5.2).
    /// - Parameter reach: how many steps to each side of the centre; 0 for the centre alone.
    /// - Returns: nil if it is the code of none of them, or has another number of digits.
    public func matchingStep(of code: Code, secret: [UInt8], around center: Int64, reach: Int64) -> Int64? {
        guard code.digits == digits, reach >= 0 else { return nil }
        let key = Key(secret: secret, algorithm: algorithm)
        if key.code(counter: center, digits: digits) == code { return center }
        for distance in stride(from: Int64(1), through: reach, by: 1) {
            for step in [center &- distance, center &+ distance] where key.code(counter: step, digits: digits) == code { return step }
        }
        return nil
    }

    /// A code as a number with its number of digits, so that leading zeros count.
    public struct Code: Equatable, Sendable, CustomStringConvertible {
        fileprivate let number: UInt32
        public let digits: Digits

        fileprivate init(number: UInt32, digits: Digits) {
            self.number = number
            self.digits = digits
        }

        /// Reads what a person typed: exactly 6 or 8 ASCII digits, with spaces anywhere. Digits of other scripts are refused.
        public init?(_ text: some StringProtocol) {
            var number: UInt32 = 0
            var count = 0
            for byte in text.utf8 where byte != UInt8(ascii: " ") {
                guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), count < Digits.eight.rawValue else { return nil }
                number = number * 10 + UInt32(byte - UInt8(ascii: "0"))
                count += 1
            }
            guard let digits = Digits(rawValue: count) else { return nil }
            self.init(number: number, digits: digits)
        }

        /// With its leading zeros.
        public var description: String {
            let text = String(number)
            return String(repeating: "0", count: digits.rawValue - text.utf8.count) + text
        }
    }

    /// A secret that was made ready for its HMAC once, for several codes.
    private struct Key {
        let key: SymmetricKey
        let algorithm: Algorithm

        init(secret: [UInt8], algorithm: Algorithm) {
            key = SymmetricKey(data: secret)
            self.algorithm = algorithm
        }

        func code(counter: Int64, digits: Digits) -> Code {
            let number =
                switch algorithm {
                case .sha1: truncated(HMAC<Insecure.SHA1>.self, counter)
                case .sha256: truncated(HMAC<SHA256>.self, counter)
                case .sha512: truncated(HMAC<SHA512>.self, counter)
                }
            return Code(number: number % digits.modulus, digits: digits)
        }

        /// Dynamic truncation (RFC 4226 §5.3).
        private func truncated<Hash: HashFunction>(_ type: HMAC<Hash>.Type, _ counter: Int64) -> UInt32 {
            var hmac = HMAC<Hash>(key: key)
            withUnsafeBytes(of: counter.bigEndian) { hmac.update(data: $0) }
            return hmac.finalize().withUnsafeBytes { bytes in
                // Four bits point at most to byte 15, and the shortest of the hashes has 20.
                let offset = Int(bytes[bytes.count - 1] & 0x0F)
                return UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) & 0x7FFF_FFFF
            }
        }
    }
}
