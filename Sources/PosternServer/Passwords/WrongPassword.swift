import Storage

extension Transaction {
    /// Writes a wrong password down, typed by somebody who is signed in: it is a failed sign-in, wherever it is typed (PW-12).
    borrowing func noteWrongPassword(of account: Account.ID, client: Client, now: Timestamp, random: Randomness) throws(StoreError) {
        try recordAttempt(
            SignInAttempt(
                at: now, account: account, outcome: .refused, reason: "wrong-password", client: client, random: random))
        try record(AuditEvent(.signInFailed, account: account, by: .account(account), from: client, at: now, detail: "wrong-password"))
    }
}
