import Secrets
import Storage

/// Tells the account's owner by mail of every change of factors.
struct FactorNotices: Sendable {
    let notices: Notices
    let mails: SecondFactorMail

    /// - Parameter address: the account's own, as the database has it.
    func notice(_ event: SecondFactorMail.Event, to address: String, now: Timestamp) -> [Notice] {
        EmailAddress(address).map { notices.make(mails.notice(of: event, to: $0, at: now), now: now) } ?? []
    }
}

extension FactorNotices {
    /// Tells the owner, once, that so many wrong codes were typed that codes alone don't let in any more.
    func noteStop(
        of account: Account.ID, after verdict: CodeVerdict, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) {
        switch verdict {
        case .wrong, .clockOff: break
        case .used, .wait, .moreNeeded, .spent: return
        }
        guard try transaction.codeTries(of: account).failures == CodeLimits.stopAt,
            let email = try transaction.account(account)?.email
        else { return }
        try transaction.send(notice(.codesStopped, to: email, now: now), of: account)
    }

    /// Writes a used recovery code down, and tells the owner how many are left.
    func noteRecoveryCode(
        of account: Account.ID, _ client: Client, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) {
        let left = try transaction.recoveryCodesLeft(of: account)
        try transaction.record(
            AuditEvent(.recoveryCodeUsed, account: account, by: .account(account), from: client, at: now, detail: "\(left)"))
        guard let email = try transaction.account(account)?.email else { return }
        try transaction.send(notice(.recoveryCodeUsed(left: left), to: email, now: now), of: account)
    }
}
