import Secrets
import Storage

/// Why a password is no new one.
enum RepeatedPassword: Equatable, Sendable {
    /// It is the one that is in use.
    case unchanged
    /// It is one of the last so many.
    case used(last: Int64)
}

/// Holds a new password against those that an account has and had.
struct PreviousPasswords: Sendable {
    enum Answer: Equatable, Sendable {
        case new
        case repeated(RepeatedPassword)
        case busy
    }

    let store: any Store
    let hasher: PasswordHasher
    let policy: PasswordPolicy

    /// Costs as many hashes as the history is long, one after the other (PW-13).
    func check(_ password: Password, against account: Account, groups: [String]) async throws(StoreError) -> Answer {
        guard let current = try? await hasher.verify(password, against: account.passwordHash ?? account.lockedPasswordHash) else {
            return .busy
        }
        guard !current.matches else { return .repeated(.unchanged) }
        let history = policy.rules(for: groups).history
        guard history > 1 else { return .new }
        let hashes = try await store.read { (transaction) throws(StoreError) in
            try transaction.previousPasswords(of: account.id, most: history - 1)
        }
        for hash in hashes {
            guard let checked = try? await hasher.verify(password, against: hash) else { return .busy }
            if checked.matches { return .repeated(.used(last: history)) }
        }
        return .new
    }
}
