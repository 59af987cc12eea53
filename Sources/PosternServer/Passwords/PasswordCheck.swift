import Secrets
import Storage

/// Checks the password of somebody who is known already, as every door must: counted before it is tried, and written down when wrong (PW-12).
struct PasswordCheck: Sendable {
    enum Outcome: Sendable {
        case right
        case wrong
        case refused(TryRefusal)
        case busy
    }

    let store: any Store
    let hasher: PasswordHasher
    let tries: PasswordTries

    /// - Parameter account: nil where it is gone by now: then any password is wrong.
    func check(
        _ password: Password, of account: Account?, _ id: Account.ID, at place: PasswordTries.Place, client: Client, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        let tried = TriedAccount(id)
        let verdict = try await store.write { (transaction) throws(StoreError) in
            try tries.begin(tried, at: place, client: client, in: transaction, now: now)
        }
        let ticket: PasswordTries.Ticket
        switch verdict {
        case .mayTry(let counted): ticket = counted
        case .refused(let refusal): return .refused(refusal)
        }
        guard let checked = try? await hasher.verify(password, against: account?.passwordHash) else {
            try await store.write { (transaction) throws(StoreError) in try tries.giveBack(ticket, in: transaction, now: now) }
            return .busy
        }
        return try await store.write { (transaction) throws(StoreError) in
            if checked.matches {
                try tries.succeeded(ticket, in: transaction, now: now)
                return .right
            }
            try tries.failed(ticket, client: client, in: transaction, now: now)
            try transaction.noteWrongPassword(of: id, client: client, now: now, random: tries.random)
            return .wrong
        }
    }
}
