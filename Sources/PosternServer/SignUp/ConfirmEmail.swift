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
        case tooManyTries(TryRefusal)
        /// Used, replaced, too old, or never ours.
        case linkInvalid
        case busy
    }

    let store: any Store
    let check: PasswordCheck

    func confirm(_ link: Token, password: Password, client: Client, now: Timestamp) async throws(StoreError) -> Outcome {
        let tokenHash = link.hash(for: SignUp.linkPurpose)
        let account = try await store.read { (transaction) throws(StoreError) in
            try transaction.confirmationAccount(tokenHash: tokenHash, now: now).flatMap { (id) throws(StoreError) in
                try transaction.account(id)
            }
        }
        guard let account, let hash = account.passwordHash else { return .linkInvalid }
        switch try await check.check(password, of: account, account.id, at: .link, client: client, now: now) {
        case .right: break
        case .wrong: return .wrongPassword
        case .refused(let refusal): return .tooManyTries(refusal)
        case .busy: return .busy
        }
        return try await store.write { (transaction) throws(StoreError) in
            guard try transaction.spendConfirmationLink(of: account.id, tokenHash: tokenHash, now: now),
                try transaction.confirmAccount(account.id, passwordHash: hash, now: now)
            else { return .linkInvalid }
            // Whoever reads the mail may try from here, whatever strangers did before.
            if let mark = client.mark { try transaction.knowBrowser(mark, of: account.id, now: now) }
            try transaction.learnBrowser(client, of: account.id, now: now)
            try transaction.record(AuditEvent(.emailConfirmed, account: account.id, by: .account(account.id), from: client, at: now))
            return .confirmed
        }
    }
}
