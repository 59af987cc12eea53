import Secrets
import Storage

/// Tells an account's owner of a change of numbers: by mail, and by a text to the numbers that were there before (OB-09).
struct PhoneNotices: Sendable {
    enum Event: Sendable {
        case added(Phone)
        case removed(Phone)
    }

    let notices: Notices
    let mails: PhoneMail
    let keys: KeyRingHolder

    /// - Parameter phones: the numbers that were there before.
    func tell(
        _ event: Event, _ phones: [Phone], _ account: Account.ID, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) {
        guard let email = try transaction.account(account).flatMap({ EmailAddress($0.email) }) else { return }
        var all = notices.make(mails.notice(of: event, to: email, at: now), now: now)
        for phone in phones where phone.takesTexts {
            guard let known = try transaction.phone(phone.id, of: account, now: now),
                let number = try? keys.open(known.sealed, at: Phone.place(of: phone.id))
            else { continue }
            all.append(
                notices.makeText(
                    event.kind, to: String(decoding: number.exposed, as: UTF8.self), masked: phone.masked,
                    words: mails.text(of: event, at: now), now: now))
        }
        try transaction.send(all, of: account)
    }
}

extension PhoneNotices.Event {
    var kind: Notice.Kind {
        switch self {
        case .added: .phoneAdded
        case .removed: .phoneRemoved
        }
    }

    var phone: Phone {
        switch self {
        case .added(let phone), .removed(let phone): phone
        }
    }
}
