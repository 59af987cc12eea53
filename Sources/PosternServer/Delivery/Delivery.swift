import PhoneNumbers
import Secrets
import Storage

/// One try to bring one code by one provider.
package struct Delivery: Sendable {
    typealias ID = Identifier<Delivery>

    package enum Channel: String, CaseIterable, Sendable {
        case sms, voice

        /// As people read it, in the plural.
        var words: String { self == .sms ? "Texts" : "Calls" }
    }

    enum State: String, CaseIterable, Sendable {
        /// Written down, to be sent at once.
        case waiting
        /// Under way to the provider.
        case sending
        /// The provider took it.
        case accepted
        /// The provider says that it arrived.
        case delivered
        case failed
    }

    /// Why there is one.
    enum Cause: String, Sendable {
        case first
        /// "Send again".
        case resend
        /// "Call me instead", or a text instead of a call.
        case otherChannel = "other-channel"
        /// The one before failed for the moment, or gave no sign of life.
        case failover
    }

    let id: ID
    let wish: CodeWish.ID
    let phone: Phone.ID
    /// Which press of a button it belongs to, from 1 on.
    let request: Int64
    let channel: Channel
    /// ISO 3166-1.
    let country: String
    let provider: String
    /// Name of the experiment that chose the provider, or empty.
    let experiment: String
    let cause: Cause
    /// How the provider was chosen, in words.
    let choice: String
    /// When its code was made.
    let createdAt: Timestamp
    var expiresAt: Timestamp { createdAt + CodeWish.lifetime }

    static func codePlace(of id: ID) -> KeyRing.Place { KeyRing.Place(table: "delivery", column: "code", row: id.description) }
}

/// A delivery that is to be written down, with its code sealed for the way and hashed for ever.
struct NewDelivery: Sendable {
    let delivery: Delivery
    let sealedCode: [UInt8]
    let codeHash: [UInt8]
    /// Millionths of the currency's unit.
    let cost: Int64
}

/// What became of one before, as the next choice and the page need it.
struct PastDelivery: Sendable {
    let id: Delivery.ID
    let phone: Phone.ID
    let request: Int64
    let channel: Delivery.Channel
    let provider: String
    let state: Delivery.State
    let reason: String
    /// Whether the provider may bill it.
    let isBilled: Bool
    let codeHash: [UInt8]
    let createdAt: Timestamp
}

/// One sign-in, or one proof, for which codes are sent. All its codes stay good until one is used.
struct CodeWish: Sendable {
    typealias ID = Identifier<CodeWish>

    static let lifetime = Duration.seconds(600)
    /// Wrong codes, over all of them together (OB-02).
    static let mostTries: Int64 = 5
    /// Messages that may be billed for one press of a button (OB-07).
    static let mostBilled = 2
    /// Ways that are tried for it.
    static let mostWays = 3

    /// What its codes are good for, and nowhere else.
    enum Place: Equatable, Sendable {
        /// A half-made sign-in, by the hash of its token.
        case signIn([UInt8])
        case stepUp(Session.ID)
        /// A number that is to be confirmed.
        case confirm(Phone.ID)

        var purpose: String {
            switch self {
            case .signIn: "sign-in"
            case .stepUp: "step-up"
            case .confirm: "confirm"
            }
        }

        var key: [UInt8] {
            switch self {
            case .signIn(let hash): hash
            case .stepUp(let id): Array(id.description.utf8)
            case .confirm(let id): Array(id.description.utf8)
            }
        }
    }

    let id: ID
    let account: Account.ID
    let createdAt: Timestamp
}

/// Six digits that are sent to somebody.
struct SentCode: Sendable {
    let digits: Secret<String>

    /// - Parameter random: 8 bytes; the bias of the remainder is below 2^-43.
    init(random: [UInt8]) {
        let number = random.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } % 1_000_000
        let text = String(number)
        digits = Secret(String(repeating: "0", count: 6 - text.utf8.count) + text)
    }

    /// As a person typed it: spaces and a hyphen may stand between.
    init?(typed text: String) {
        guard text.utf8.count <= 20 else { return nil }
        let digits = text.utf8.filter { ![32, 45].contains($0) }
        guard digits.count == 6, digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        self.digits = Secret(String(decoding: digits, as: UTF8.self))
    }

    /// Bound to the one wish: the same digits for another sign-in are another hash.
    func hash(for wish: CodeWish.ID, _ key: KeyRing.Authenticator) -> [UInt8] {
        key.code(for: Array("\(wish)\u{0}\(digits.exposed)".utf8))
    }
}
