import Storage

extension Transaction {
    /// Writes a wrong password down, typed by somebody who is signed in: it is a failed sign-in, wherever it is typed (PW-12).
    borrowing func noteWrongPassword(of account: Account.ID, client: Client, now: Timestamp, random: Randomness) throws(StoreError) {
        try recordAttempt(
            SignInAttempt(
                id: SignInAttempt.ID(now: now, random: random.bytes(10)), at: now, account: account, identifierHash: nil, outcome: .refused,
                reason: "wrong-password", client: client, session: nil))
        try record(AuditEvent(.signInFailed, account: account, by: .account(account), from: client, at: now, detail: "wrong-password"))
    }
}
