import Secrets
import Storage

/// Opens an account: by the link that only its address got, and the password of that sign-up.
///
/// The password is asked because anybody may sign up with a stranger's address: who opens the link without having signed up would
/// otherwise open an account that somebody else has the password of.
struct ConfirmEmail: Sendable {
    enum Outcome: Equatable, Sendable {
        case confirmed
        case wrongPassword
        /// Used, replaced, too old, or never ours.
        case linkInvalid
        case busy
    }

    let store: any Store
    let hasher: PasswordHasher

    func confirm(_ link: Token, password: Password, client: Client, now: Timestamp) async throws(StoreError) -> Outcome {
        let tokenHash = link.hash(for: SignUp.linkPurpose)
        let account = try await store.read { (transaction) throws(StoreError) in
            try transaction.confirmationAccount(tokenHash: tokenHash, now: now).flatMap { (id) throws(StoreError) in
                try transaction.account(id)
            }
        }
        guard let account, let hash = account.passwordHash else { return .linkInvalid }
        guard let checked = try? await hasher.verify(password, against: hash) else { return .busy }
        guard checked.matches else { return .wrongPassword }
        return try await store.write { (transaction) throws(StoreError) in
            guard try transaction.spendConfirmationLink(of: account.id, tokenHash: tokenHash, now: now),
                try transaction.confirmAccount(account.id, passwordHash: hash, now: now)
            else { return .linkInvalid }
            try transaction.record(AuditEvent(.emailConfirmed, account: account.id, by: .account(account.id), from: client, at: now))
            return .confirmed
        }
    }
}
