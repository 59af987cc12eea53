/// The text of an authenticator's QR code: `otpauth://totp/Issuer:account?secret=…&issuer=…` (Key URI format of Google Authenticator).
///
/// Every byte of issuer and account that is no unreserved character (RFC 3986 §2.3) is percent-encoded, so that no name can end a label
/// or add a parameter.
public struct OTPAuthURI: Equatable, Sendable {
    public let issuer: String
    public let account: String
    public let secret: [UInt8]
    public let password: OneTimePassword

    public init(issuer: String, account: String, secret: [UInt8], password: OneTimePassword = .standard) {
        self.issuer = issuer
        self.account = account
        self.secret = secret
        self.password = password
    }

    /// The URI. What every app assumes (SHA-1, 6 digits, 30 seconds) is written all the same: some assume otherwise.
    public var text: String {
        "otpauth://totp/\(Self.encoded(issuer)):\(Self.encoded(account))?secret=\(Base32.encode(secret))&issuer=\(Self.encoded(issuer))"
            + "&algorithm=\(password.algorithm.rawValue)&digits=\(password.digits.rawValue)&period=\(password.period)"
    }

    /// Reads a URI strictly: type `totp`, an issuer that is the same in label and parameter, no parameter twice and none unknown.
    public init?(_ text: String) {
        let start = "otpauth://totp/"
        guard text.utf8.count <= 4_096, text.hasPrefix(start), text.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "#") })
        else { return nil }
        let parts = text.dropFirst(start.count).split(separator: "?", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let label = parts[0].split(separator: ":", omittingEmptySubsequences: false)
        guard label.count == 2, let labelIssuer = Self.decoded(label[0]), let account = Self.decoded(label[1]) else { return nil }
        var parameters: [String: String] = [:]
        for pair in parts[1].split(separator: "&", omittingEmptySubsequences: false) {
            let sides = pair.split(separator: "=", omittingEmptySubsequences: false)
            guard sides.count == 2, let value = Self.decoded(sides[1]),
                ["secret", "issuer", "algorithm", "digits", "period"].contains(String(sides[0])),
                parameters.updateValue(value, forKey: String(sides[0])) == nil
            else { return nil }
        }
        guard let secret = parameters["secret"].flatMap({ Base32.decode($0) }), !secret.isEmpty, parameters["issuer"] == labelIssuer,
            let algorithm = OneTimePassword.Algorithm(rawValue: parameters["algorithm"] ?? "SHA1"),
            let digits = OneTimePassword.Digits.allCases.first(where: { "\($0.rawValue)" == parameters["digits"] ?? "6" }),
            let period = Int64(parameters["period"] ?? "30"), OneTimePassword.periods.contains(period),
            "\(period)" == parameters["period"] ?? "30"
        else { return nil }
        self.init(
            issuer: labelIssuer, account: account, secret: secret,
            password: OneTimePassword(algorithm: algorithm, digits: digits, period: period))
    }

    private static func encoded(_ text: String) -> String {
        let hex = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Nil for a broken escape, or bytes that are no UTF-8.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else { bytes.append(byte); continue }
            guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
