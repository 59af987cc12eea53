import Secrets
import Storage

/// Tells an account's owner that strangers are locked out, with a link that ends it.
struct LockNotices: Sendable {
    let notices: Notices
    let mails: LockMail

    static let purpose = Token.Purpose(label: "unlock")
    static let lifetime = Duration.seconds(24 * 3_600)

    /// To a confirmed address only, and for each rule at most once a day: the same stranger may begin again.
    func tell(
        _ account: Account.ID, of rule: String, until: Timestamp?, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) {
        guard let found = try transaction.account(account), found.state == .active, let email = EmailAddress(found.email) else { return }
        let link = Token(random: notices.random.bytes(Token.byteCount))
        var made = notices.make(mails.locked(email, link: link, until: until, at: now), now: now)
        made[0].uniqueKey = "sign-in-locked/\(rule)/\(account)/\(now.secondsSinceEpoch / 86_400)"
        guard try transaction.send(made[0], of: account) else { return }
        try transaction.setUnlockLink(of: account, tokenHash: link.hash(for: Self.purpose), expiresAt: now + Self.lifetime)
        try transaction.send(Array(made.dropFirst()), of: account)
    }
}

/// Ends a lock, by the link that only the account's address got.
struct Unlock: Sendable {
    let store: any Store
    let locks: AccountLocks

    func isLive(_ link: Token, now: Timestamp) async throws(StoreError) -> Bool {
        let hash = link.hash(for: LockNotices.purpose)
        return try await store.read { (transaction) throws(StoreError) in try transaction.unlockLinkLives(tokenHash: hash, now: now) }
    }

    /// - Returns: false if it was used, replaced or too old.
    func unlock(_ link: Token, client: Client, now: Timestamp) async throws(StoreError) -> Bool {
        let hash = link.hash(for: LockNotices.purpose)
        return try await store.write { (transaction) throws(StoreError) in
            guard let account = try transaction.takeUnlockLink(tokenHash: hash, now: now) else { return false }
            try locks.release(account, by: .account(account), client: client, in: transaction, now: now)
            // Whoever reads the mail may try from here, whatever strangers do meanwhile.
            if let mark = client.mark { try transaction.knowBrowser(mark, of: account, now: now) }
            return true
        }
    }
}
