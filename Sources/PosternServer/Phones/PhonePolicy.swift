import PhoneNumbers
import Secrets
import Storage

/// A number that a code could go to now, and by which channels.
struct PhoneOption: Sendable {
    let phone: Phone
    let channels: [Delivery.Channel]
}

/// The last code that was sent for something, as its page tells of it.
struct CodeState: Sendable {
    let phone: Phone.ID
    let masked: String
    let channel: Delivery.Channel
    let sentAt: Timestamp
    /// From then on another may be asked for.
    let resendAt: Timestamp
    /// The number can't get it: another way is needed.
    let hasFailed: Bool
    let isOptedOut: Bool
}

/// Whose codes may come by telephone, and to which numbers.
struct PhonePolicy: Sendable {
    let factors: SecondFactorPolicy
    let desk: CodeDesk

    func isAllowed(_ account: Account.ID, in transaction: borrowing Transaction) throws(StoreError) -> Bool {
        factors.phoneForbidden.isEmpty ? true : factors.allowsPhones(try transaction.groups(of: account))
    }

    /// Numbers that sign in now, the last used first; none where a group forbids it.
    func options(of account: Account.ID, in transaction: borrowing Transaction, now: Timestamp) throws(StoreError) -> [PhoneOption] {
        guard desk.rules.settings.isOn else { return [] }
        let phones = try transaction.phones(of: account)
        guard !phones.isEmpty, try isAllowed(account, in: transaction) else { return [] }
        var options: [PhoneOption] = []
        for phone in phones where phone.isUsable(at: now) {
            let channels = desk.channels(to: phone)
            if !channels.isEmpty { options.append(PhoneOption(phone: phone, channels: channels)) }
        }
        return options
    }

    /// - Returns: nil where none was sent, or it is used.
    func state(
        of place: CodeWish.Place, _ account: Account.ID, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> CodeState? {
        guard let wish = try transaction.liveWish(place, now: now), wish.account == account,
            let last = try transaction.deliveries(of: wish.id).last,
            let phone = try transaction.phone(last.phone, of: account, now: now)?.phone
        else { return nil }
        // What was sent without a word back may still arrive.
        let hasFailed = last.state == .failed && !["no-reply", "garbled-answer", "sender-lost"].contains(last.reason)
        return CodeState(
            phone: phone.id, masked: phone.masked, channel: last.channel, sentAt: last.createdAt,
            resendAt: hasFailed ? now : last.createdAt + desk.resendAfter, hasFailed: hasFailed, isOptedOut: last.reason == "opted-out")
    }

    /// What a person should know before choosing a channel: "Texts to Germany are delayed".
    func delays(of options: [PhoneOption], now: Timestamp) -> [String] {
        var words: [String] = []
        for option in options {
            for channel in option.channels where desk.rules.isDelayed(channel, to: option.phone.country, now: now) {
                let sentence = "\(channel.words) to \(CountryNames.english(option.phone.country)) are delayed."
                if !words.contains(sentence) { words.append(sentence) }
            }
        }
        return words
    }
}
