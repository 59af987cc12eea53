import Secrets
import Storage

/// What another password ends, whichever way it came: verbs in the right order, without SQL of its own.
extension Transaction {
    /// Sets another password, if the one that was set at `before` is still the account's, and ends what was opened with it (RC-08, SE-06).
    /// - Parameters:
    ///   - session: the one that goes on; nil for none.
    ///   - history: how many passwords can't be chosen again, this one among them.
    /// - Returns: false if the account has another password by now, or is closed.
    borrowing func replacePassword(
        of account: Account.ID, setAt before: Timestamp, with hash: String, keeping session: Session.ID?, history: Int64, now: Timestamp
    ) throws(StoreError) -> Bool {
        try keepPassword(of: account, setAt: before, most: history - 1)
        // Later than the one before, also where the clock went back: the history is in the order of these times.
        let now = max(now, before + .microseconds(1))
        guard try setPassword(of: account, setAt: before, to: hash, now: now) else { return false }
        _ = try endSessions(of: account, except: session, now: now)
        try endTrust(of: account)
        try forgetBrowsers(of: account)
        try endChallenges(of: account)
        try voidPasswordReset(of: account)
        return true
    }
}
