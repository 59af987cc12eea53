import Secrets
import Storage

/// The end of a sign-in that needs another password: what was proved counts, and opens nothing but this (PW-15).
struct ChangeAtSignIn: Sendable {
    enum Outcome: Sendable {
        case signedIn(NewSession)
        /// It is the one that had to go.
        case unchanged
        /// Used, too old, tried too often, or the account changed: the password is asked for again.
        case over
        case busy
    }

    /// Whose sign-in waits.
    struct View: Sendable {
        let account: Account
        let groups: [String]
    }

    let store: any Store
    let desk: SessionDesk
    let hasher: PasswordHasher
    let completion: SignInCompletion
    let followUp: BreachFollowUp

    func view(of token: Token, now: Timestamp) async throws(StoreError) -> View? {
        let hash = token.hash(for: NewChallenge.purpose)
        return try await store.read { (transaction) throws(StoreError) in
            guard let challenge = try transaction.challenge(tokenHash: hash, now: now), challenge.changeAfter != nil,
                let account = try transaction.account(challenge.account)
            else { return nil }
            return View(account: account, groups: try transaction.groups(of: account.id))
        }
    }

    /// Ends a sign-in that its person breaks off: whoever sits there next finds nothing half made.
    func leave(_ token: Token, now: Timestamp) async throws(StoreError) {
        let hash = token.hash(for: NewChallenge.purpose)
        try await store.write { (transaction) throws(StoreError) in
            guard let challenge = try transaction.challenge(tokenHash: hash, now: now), challenge.changeAfter != nil else { return }
            _ = try transaction.spendChallenge(challenge)
        }
    }

    func finish(
        _ token: Token, with password: ChosenPassword, client: Client, replaced: SessionToken?, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        let tokenHash = token.hash(for: NewChallenge.purpose)
        let found = try await store.read { (transaction) throws(StoreError) in
            try transaction.challenge(tokenHash: tokenHash, now: now).map { (challenge) throws(StoreError) in
                (challenge: challenge, stored: try transaction.account(challenge.account)?.passwordHash)
            }
        }
        guard let challenge = found?.challenge, let means = challenge.changeAfter else { return .over }
        // The list that knew the old one may not answer now.
        guard let checked = try? await hasher.verify(password.password, against: found?.stored) else { return .busy }
        guard !checked.matches else { return .unchanged }
        guard let hash = try? await hasher.hash(password.password) else { return .busy }
        let done = try await store.write { (transaction) throws(StoreError) -> (NewSession, replacedOf: Account.ID?)? in
            let id = challenge.account
            // Checks challenge, password and state, each in the statement that uses it; only then is anything replaced.
            guard let opened = try completion.open(challenge, means, client: client, replaced: replaced, in: transaction, now: now),
                try transaction.replacePassword(of: id, setAt: challenge.passwordSetAt, with: hash, keeping: opened.0.id, now: now)
            else { return nil }
            try followUp.follow(password, of: id, setAt: now, in: transaction)
            try transaction.record(AuditEvent(.passwordChanged, account: id, by: .account(id), from: client, at: now))
            try followUp.tellOfChange(of: id, in: transaction, now: now)
            return opened
        }
        guard let done else { return .over }
        desk.forget(challenge.account)
        if let replacedOf = done.replacedOf { desk.forget(replacedOf) }
        return .signedIn(done.0)
    }
}
