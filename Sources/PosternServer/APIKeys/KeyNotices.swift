import Storage
import Throttle

/// Tells whom a key's fate concerns: its person, or an organization's owners and managers.
struct KeyNotices: Sendable {
    let notices: Notices
    let mails: KeyMail

    /// Of one kind, of one owner.
    private static let mostAnHour = Rate.perHour(10)
    /// What a person is mailed; the rest goes to places of the site's own alone.
    private static let mailed: Set<Notice.Kind> = [.apiKeyLeaked, .apiKeyExposed, .apiKeyTried]

    func tell(
        _ kind: Notice.Kind, of key: APIKey, from place: String, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) {
        // Whoever makes and ends keys by the hundred fills nobody's mailbox.
        guard try transaction.countRate("key notices \(kind.rawValue) \(key.owner.id)", Self.mostAnHour, now: now).isAllowed else { return }
        let (owner, contacts) = try contacts(of: key.owner, in: transaction, now: now)
        var isFirst = true
        for (account, text) in contacts {
            guard let email = EmailAddress(text) else { continue }
            let mail = mails.key(kind, key, of: owner, from: place, to: email, now: now)
            // The site hears once, however many people do.
            let site = isFirst ? notices.forSite(mail, now: now) : []
            let isMailed = Self.mailed.contains(kind) || (kind == .apiKeyMade && key.owner.account != nil)
            try transaction.send(isMailed ? [notices.toPerson(mail, now: now)] + site : site, of: account)
            isFirst = false
        }
    }

    /// Whom to tell, and what the key is of, in words.
    private func contacts(
        of owner: APIKey.Owner, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> (owner: String, [(account: Account.ID, email: String)]) {
        switch owner {
        case .account(let id):
            guard let account = try transaction.account(id) else { return ("", []) }
            return ("your account", [(id, account.email)])
        case .organization(let id):
            guard let organization = try transaction.organization(id, now: now) else { return ("", []) }
            return (organization.name, try transaction.keyContacts(of: id))
        }
    }
}
