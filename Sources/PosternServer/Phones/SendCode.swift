import PhoneNumbers
import Secrets
import Storage

/// Has a code sent for something that is under way: a sign-in whose password was right, or "confirm it's you" (OB-06).
struct SendCode: Sendable {
    enum Place: Sendable {
        case signIn(Token)
        case stepUp(LiveSession)
    }

    struct Sent: Equatable, Sendable {
        let delivery: Delivery.ID
        let resendAfter: Duration
    }

    enum Outcome: Equatable, Sendable {
        case sent(Sent)
        /// The sign-in took too long.
        case over
        /// The account has no number that could get it.
        case noPhone
        case refused(CodeDesk.Asked)
    }

    let store: any Store
    let policy: PhonePolicy
    let keys: KeyRingHolder
    let wake: @Sendable () -> Void

    /// - Parameter id: which number; nil for the one used last.
    func send(
        _ channel: Delivery.Channel, to id: Phone.ID?, for place: Place, client: Client, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        let outcome = try await store.write { (transaction) throws(StoreError) -> Outcome in
            let account: Account.ID
            let wanted: CodeWish.Place
            switch place {
            case .signIn(let token):
                let hash = token.hash(for: NewChallenge.purpose)
                guard let challenge = try transaction.challenge(tokenHash: hash, now: now), challenge.changeAfter == nil,
                    !challenge.mustEnrol
                else { return .over }
                (account, wanted) = (challenge.account, .signIn(hash))
            case .stepUp(let session): (account, wanted) = (session.account, .stepUp(session.id))
            }
            // One after the other: what is counted below is counted once.
            try transaction.lockFactors(of: account)
            let options = try policy.options(of: account, in: transaction, now: now)
            guard let option = options.first(where: { (id == nil || $0.phone.id == id) && $0.channels.contains(channel) }),
                let known = try transaction.phone(option.phone.id, of: account, now: now),
                let text = try? keys.open(known.sealed, at: Phone.place(of: option.phone.id)),
                let number = try? PhoneNumber(String(decoding: text.exposed, as: UTF8.self))
            else { return .noPhone }
            let request = SendRequest(
                account: account, phone: option.phone.id, number: number, numberKey: known.key, channel: channel, client: client)
            switch try policy.desk.ask(request, for: wanted, in: transaction, now: now) {
            case .written(let delivery):
                try transaction.record(
                    AuditEvent(
                        .codeSent, account: account, by: .account(account), from: client, at: now,
                        detail: "\(channel.rawValue) \(option.phone.masked)"))
                return .sent(Sent(delivery: delivery, resendAfter: policy.desk.resendAfter))
            case let other: return .refused(other)
            }
        }
        if case .sent = outcome { wake() }
        return outcome
    }
}
