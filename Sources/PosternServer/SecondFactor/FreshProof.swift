import Storage

extension Transaction {
    /// Whether the strongest factor that an account holds was proved in a session minutes ago: before anything that can't be taken back.
    borrowing func isFreshlyProven(_ session: Session.ID, of account: Account.ID, now: Timestamp) throws(StoreError) -> Bool {
        let hasFactor = try hasSecondFactor(account)
        return try proof(of: session, account: account)?.isFresh(hasFactor: hasFactor, now: now) == true
    }
}
