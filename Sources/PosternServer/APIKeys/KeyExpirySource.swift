import Storage

/// Keys, for the daily run.
extension ExpirySource {
    /// Keys looked at in one go.
    private static let keysPerPage: Int64 = 500
    /// Days ahead.
    private static let thresholdsOfKeys = [15, 7, 1]

    static func keys(store: any Store, mails: KeyMail) -> ExpirySource {
        ExpirySource(
            kind: .apiKeyExpires, thresholds: thresholdsOfKeys,
            page: { (until, after) throws(StoreError) in
                try await store.read { (transaction) throws(StoreError) in
                    let keys = try transaction.keysExpiring(
                        until: until, after: after?.number(), limit: Self.keysPerPage,
                        now: until - .seconds(Int64(Self.thresholdsOfKeys[0]) * 86_400))
                    var found: [Expiring] = []
                    for key in keys { found += try Self.reminders(of: key, in: transaction) }
                    return (found, keys.count < Int(Self.keysPerPage) ? nil : keys.last.map { $0.id.number() })
                }
            },
            current: { (account, subject) throws(StoreError) in
                try await store.read { (transaction) throws(StoreError) in
                    guard let id = APIKey.ID(subject), let key = try transaction.key(id), key.end == nil else { return nil }
                    return try Self.reminders(of: key, in: transaction).first { $0.account == account }
                }
            },
            mail: { thing, email, days in mails.expires(thing, to: email, days: days) })
    }

    /// One for each person whom a key concerns.
    private static func reminders(
        of key: APIKey, in transaction: borrowing Transaction
    ) throws(StoreError) -> [Expiring] {
        guard let expiresAt = key.terms.expiresAt else { return [] }
        var people: [(account: Account.ID, email: String)] = []
        switch key.owner {
        case .account(let id):
            if let account = try transaction.account(id), account.state == .active { people = [(id, account.email)] }
        case .organization(let id): people = try transaction.keyContacts(of: id)
        }
        return people.map {
            Expiring(account: $0.account, email: $0.email, expiresAt: expiresAt, subject: key.id.description, name: key.terms.name)
        }
    }
}
