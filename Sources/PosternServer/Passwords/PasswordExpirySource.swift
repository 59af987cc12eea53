import Storage

/// Passwords, for the daily run.
extension ExpirySource {
    /// Accounts looked at in one go.
    private static let pageSize: Int64 = 2_000

    static func passwords(_ calendar: PasswordCalendar, store: any Store, mails: PasswordMail) -> ExpirySource {
        ExpirySource(
            kind: .passwordExpires, thresholds: calendar.policy.reminders,
            page: { (until, after) throws(StoreError) in
                guard let bound = calendar.setBy(expiringUntil: until) else { return ([], nil) }
                return try await store.read { (transaction) throws(StoreError) in
                    let accounts = try transaction.accounts(withPasswordSetBy: bound, after: after?.number(), limit: Self.pageSize)
                    guard let first = accounts.first, let last = accounts.last else { return ([], nil) }
                    let groups = try transaction.memberships(from: first.id, to: last.id)
                    let holders = try transaction.holdersOfSecondFactor(from: first.id, to: last.id)
                    let since = try transaction.passwordRules()
                    let found = accounts.compactMap { account -> Expiring? in
                        let facts = PasswordCalendar.Facts(
                            account: account.id, setAt: account.setAt, groups: groups[account.id] ?? [],
                            hasFactor: holders.contains(account.id))
                        return calendar.expiry(facts, since: since).flatMap {
                            $0 <= until ? Expiring(account: account.id, email: account.email, expiresAt: $0) : nil
                        }
                    }
                    return (found, accounts.count < Int(Self.pageSize) ? nil : last.id.number())
                }
            },
            current: { (id, _) throws(StoreError) in
                try await store.read { (transaction) throws(StoreError) in
                    guard let account = try transaction.account(id), account.state == .active,
                        let expiry = try calendar.expiry(of: account, in: transaction)
                    else { return nil }
                    return Expiring(account: id, email: account.email, expiresAt: expiry)
                }
            },
            mail: { thing, email, days in mails.expires(to: email, at: thing.expiresAt, days: days) })
    }
}
