import Secrets
import Storage

/// A proof that a person offers: a code of an app, a recovery code, or a code that was sent to a number.
enum OfferedProof: Sendable {
    case totp(Secret<String>)
    case recoveryCode(Secret<String>)
    case phone(Secret<String>, Delivery.Channel)

    /// As the API names methods.
    static let methods = ["totp", "recovery_code", "sms", "voice"]

    init?(method: String, code: String) {
        switch method {
        case "totp": self = .totp(Secret(code))
        case "recovery_code": self = .recoveryCode(Secret(code))
        default:
            guard let channel = Delivery.Channel(rawValue: method) else { return nil }
            self = .phone(Secret(code), channel)
        }
    }

    var method: String {
        switch self {
        case .totp: "totp"
        case .recoveryCode: "recovery_code"
        case .phone(_, let channel): channel.rawValue
        }
    }
}

/// What every second step has in common: look up, compute outside the transaction, settle inside the caller's.
struct FactorCheck: Sendable {
    /// An offered proof after the computing, ready to be counted or spent.
    enum Prepared: Sendable {
        case code(CodeMatch)
        /// Nil for what can't be a code: it is wrong without a hash.
        case recoveryHash([UInt8]?)
        case phoneCode(TypedPhoneCode, method: String)
    }

    enum Result: Equatable, Sendable {
        case accepted(SessionProof.Means)
        case refused(CodeVerdict)
    }

    let store: any Store
    let hasher: PasswordHasher
    let matcher: CodeMatcher
    let phones: PhonePolicy

    /// Costs an HMAC or one password hash.
    /// - Parameters:
    ///   - place: what a sent code must have been sent for.
    ///   - only: one authenticator whose code it must be; nil for any.
    /// - Returns: nil when the machine is too busy to hash.
    func prepare(
        _ offered: OfferedProof, of account: Account.ID, for place: CodeWish.Place, only: Authenticator.ID? = nil, now: Timestamp
    ) async throws(StoreError) -> Prepared? {
        switch offered {
        case .totp(let text):
            let secrets = try await store.lookUp { (transaction) throws(StoreError) in try transaction.authenticatorSecrets(of: account) }
            return .code(matcher.match(text.exposed, secrets.filter { only == nil || $0.id == only }, now: now))
        case .recoveryCode(let text):
            guard let code = RecoveryCode(text.exposed) else { return .recoveryHash(nil) }
            let set = try await store.lookUp { (transaction) throws(StoreError) in try transaction.recoverySet(of: account) }
            guard let set else { return .recoveryHash(nil) }
            let hash = try? await hasher.hashes(of: [code.characters], salt: set.salt, parameters: set.parameters).first
            return hash.map { .recoveryHash($0) }
        case .phone(let text, let channel):
            let code = SentCode(typed: text.exposed)
            let (wish, isAllowed) = try await store.lookUp { (transaction) throws(StoreError) in
                (try transaction.liveWish(place, now: now), try phones.isAllowed(account, in: transaction))
            }
            guard let wish, wish.account == account else {
                return .phoneCode(TypedPhoneCode(wish: nil, hash: nil), method: channel.rawValue)
            }
            let hash = isAllowed ? code.map { phones.desk.hash($0, for: wish.id) } : nil
            return .phoneCode(TypedPhoneCode(wish: wish.id, hash: hash), method: channel.rawValue)
        }
    }
}
