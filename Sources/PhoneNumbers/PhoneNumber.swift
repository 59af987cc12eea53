import CPhoneNumber

/// A telephone number that is in use somewhere, as libphonenumber knows it (ITU-T E.164).
public struct PhoneNumber: Hashable, Sendable {
    /// What a number stands for. What may be sent to it, and at whose cost, follows from this.
    public enum Kind: String, Sendable, CaseIterable {
        case mobile
        case fixedLine = "fixed-line"
        /// Where the plan doesn't tell the two apart, as in the United States.
        case fixedLineOrMobile = "fixed-line-or-mobile"
        /// Whoever calls pays the owner: what codes are "pumped" to.
        case premium
        case sharedCost = "shared-cost"
        case tollFree = "toll-free"
        /// Given out over the internet, often without knowing to whom.
        case voiceOverIP = "voice-over-ip"
        case personal
        case pager
        case companyWide = "company-wide"
        case voiceMail = "voice-mail"
        case unknown
    }

    public enum Problem: Error, Equatable, Sendable {
        /// Not a telephone number, or one without its country where none is known.
        case notANumber
        /// It reads like one, and no such number is given out.
        case notInUse
    }

    /// With the plus and nothing else, such as `+491711234567`.
    public let e164: String
    /// As people abroad write it, such as `+49 171 1234567`.
    public let international: String
    /// As people at home write it.
    public let national: String
    /// ISO 3166-1; `001` for what belongs to no country, such as satellite telephones (+870, +881, +882, +883).
    public let country: String
    public let kind: Kind

    /// All countries that have numbers of their own, ISO 3166-1.
    public static let countries: Set<String> = {
        var bytes = [CChar](repeating: 0, count: 2_048)
        let count = min(bytes.count, postern_phone_countries(&bytes, bytes.count))
        let letters = bytes.prefix(count).map { UInt8(bitPattern: $0) }
        return Set(stride(from: 0, to: letters.count - 1, by: 2).map { String(decoding: letters[$0...($0 + 1)], as: UTF8.self) })
    }()

    /// More bytes than any spelling of a number needs.
    public static let mostBytes = 60

    /// - Parameters:
    ///   - text: as a person types it: with spaces, hyphens and brackets, or with letters in place of digits.
    ///   - country: ISO 3166-1, for a number without `+` or `00`; nil where none is known.
    public init(_ text: String, in country: String? = nil) throws(Problem) {
        var text = text
        guard text.utf8.count <= Self.mostBytes else { throw .notANumber }
        var found = postern_phone()
        let code = text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { postern_phone_parse($0.baseAddress, $0.count, country ?? "ZZ", &found) }
        }
        switch code {
        case 0: break
        case 2: throw .notInUse
        default: throw .notANumber
        }
        e164 = Self.text(&found.e164)
        international = Self.text(&found.international)
        national = Self.text(&found.national)
        self.country = Self.text(&found.region)
        kind = Self.kind(found.type)
    }

    /// The last two digits after dots: enough for its owner to know it, nothing for anybody else.
    public var masked: String {
        let code = international.split(separator: " ").first.map(String.init) ?? ""
        return "\(code) ••• ••\(e164.suffix(2))"
    }

    /// Without its last digits: numbers that follow each other share it.
    public func range(of digits: Int) -> String { String(e164.dropLast(min(digits, e164.count - 4))) }

    private static func text<Tuple>(_ tuple: inout Tuple) -> String {
        withUnsafeBytes(of: &tuple) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// The numbers of `PhoneNumberUtil::PhoneNumberType` in libphonenumber.
    private static func kind(_ type: Int32) -> Kind {
        let kinds: [Kind] = [
            .fixedLine, .mobile, .fixedLineOrMobile, .tollFree, .premium, .sharedCost, .voiceOverIP, .personal, .pager, .companyWide,
            .voiceMail,
        ]
        return kinds.indices.contains(Int(type)) ? kinds[Int(type)] : .unknown
    }
}
