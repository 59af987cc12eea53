import Secrets
import Storage
import Throttle
import UnusualSignIns

/// Tells an account's owner of a sign-in, once, with all that is unusual about it.
struct SignInNotices: Sendable {
    struct Event: Sendable {
        enum Done: Sendable { case nothing, held, ended, refused }

        let number: SignInAttempt.Number
        let findings: [Finding]
        let place: AddressPlace
        let address: String
        let program: Program
        let done: Done

        var isHalfWay: Bool { findings.contains { $0.kind == .halfWay } }
    }

    let notices: Notices
    let mails: SignInMail

    private static let mostAnHour = Rate.perHour(5)

    /// - Parameter client: what the sign-in came from, to be known from now on if its owner says that it was them.
    func tell(
        _ event: Event, _ client: Client?, _ account: Account.ID, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) {
        guard let found = try transaction.account(account), found.state == .active, let email = EmailAddress(found.email) else { return }
        // Who holds the password could otherwise fill the mailbox that the warning stands in.
        guard try transaction.countRate("sign-in notices \(account)", Self.mostAnHour, now: now).isAllowed else { return }
        let token = Token(random: notices.random.bytes(Token.byteCount))
        let isNew = try transaction.makeSignInLink(
            NewSignInLink(
                tokenHash: token.hash(for: SignInLink.purpose), number: event.number, account: account, email: email.address,
                mark: client?.mark, createdAt: now, expiresAt: now + SignInLink.lifetime))
        guard isNew else { return }
        try transaction.send(notices.make(mails.notice(of: event, to: email, link: token), now: now), of: account)
    }
}
