import PhoneNumbers
import Secrets
import Storage

/// A telephone number of an account that codes are sent to: weaker than an app, for whoever takes over the number gets its codes.
struct Phone: Equatable, Sendable {
    typealias ID = Identifier<Phone>

    let id: ID
    /// Country code and last two digits.
    let masked: String
    /// ISO 3166-1.
    let country: String
    let takesTexts: Bool
    let addedAt: Timestamp
    /// From then on it signs in (OB-09).
    let usableFrom: Timestamp
    let usedAt: Timestamp?

    /// Of one account.
    static let most: Int64 = 5
    /// How long a new one may wait for its code.
    static let pendingLifetime = CodeWish.lifetime
    /// New ones of an account in a day, confirmed or not.
    static let mostPerDay = 3

    static func place(of id: ID) -> KeyRing.Place { KeyRing.Place(table: "phone", column: "number", row: id.description) }

    func isUsable(at now: Timestamp) -> Bool { usableFrom <= now }
}

/// One that was just added and waits for its code.
struct NewPhone: Sendable {
    let id: Phone.ID
    let account: Account.ID
    let number: PhoneNumber
    var masked: String { number.masked }
    var country: String { number.country }
    var takesTexts: Bool { number.deliveryChannels.contains(.sms) }
    let sealed: [UInt8]
    /// Keyed hash: who holds the database can't look numbers up.
    let key: [UInt8]
    let now: Timestamp
}

extension PhoneNumber {
    /// Ways to bring a code there; none for numbers that cost whoever calls them, or that many people share (OB-05).
    var deliveryChannels: [Delivery.Channel] {
        guard country != "001" else { return [] }
        switch kind {
        case .mobile, .fixedLineOrMobile: return [.sms, .voice]
        case .fixedLine: return [.voice]
        case .premium, .sharedCost, .tollFree, .voiceOverIP, .personal, .pager, .companyWide, .voiceMail, .unknown: return []
        }
    }
}
