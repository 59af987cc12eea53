import Secrets
import Storage

/// Ends what is counted and blocked against an account.
struct AccountLocks: Sendable {
    let identifiers: KeyRing.Authenticator

    init(_ keys: KeyRing) { identifiers = keys.authenticator(for: "identifier of a sign-in") }

    /// Every count of wrong passwords, every wait and every block that a rule made. Second factors have counts of their own, which stay (TO-06).
    func release(
        _ account: Account.ID, by actor: AuditEvent.Actor, client: Client?, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) {
        guard let found = try transaction.account(account), let email = EmailAddress(found.email) else { return }
        let tried = TriedAccount(account, email: email, identifiers: identifiers)
        try transaction.clearTries(tried.key)
        try transaction.clearTries(TriedAccount(account).key)
        try transaction.clearKnownBrowsers(of: account)
        try transaction.voidUnlockLink(of: account)
        let count = try transaction.releaseBlocks(ofSignIn: tried.key, by: actor, now: now)
        try transaction.record(AuditEvent(.locksReleased, account: account, by: actor, from: client, at: now, detail: "\(count)"))
    }
}
