import Secrets
import Storage

/// Takes people over from another system, with the password hashes that it made. Whoever is there already is left as they are, so that an
/// import that was broken off is simply run again.
struct ImportAccounts: Sendable {
    struct Counts: Equatable, Sendable {
        var made = 0
        var there = 0
    }

    let store: any Store
    let random: Randomness

    /// Made in one transaction.
    static let batch = 500

    func make(_ rows: [ImportRow], now: Timestamp) async throws(StoreError) -> Counts {
        let random = random
        let people = rows.map { row in
            (row, NewAccount(email: row.email, state: .active, passwordHash: row.passwordHash, now: now, random: random))
        }
        return try await store.write { (transaction) throws(StoreError) in
            var counts = Counts()
            for (row, account) in people {
                // A sign-up that nobody confirmed gives way.
                try transaction.removeUnconfirmed(row.email)
                guard try transaction.createAccountUnderFreeName(account, random: random) else {
                    counts.there += 1
                    continue
                }
                counts.made += 1
                if !row.name.isEmpty { _ = try transaction.rename(account.id, to: row.name) }
                if let setAt = row.passwordSetAt { try transaction.datePassword(of: account.id, setAt: setAt) }
                for group in row.groups { _ = try transaction.addToGroup(group, account.id, now: now) }
                try transaction.record(
                    AuditEvent(.created, account: account.id, by: .commandLine, from: nil, at: now, detail: "imported"))
            }
            return counts
        }
    }
}
