import Storage

/// Ends sessions: this one, one of one's own, or all others.
struct EndSessions: Sendable {
    let store: any Store
    let desk: SessionDesk

    enum Outcome: Equatable, Sendable {
        case ended(Int)
        case noSuchSession
    }

    /// Signs out the session whose token this is; an app's token signs out everywhere.
    func signOut(_ token: SessionToken, client: Client, now: Timestamp) async throws(StoreError) {
        let hash = token.hash
        let account = try await store.write { (transaction) throws(StoreError) in
            let account =
                token.isOfApp
                ? try transaction.endSession(appTokenHash: hash, now: now) : try transaction.endSession(tokenHash: hash, now: now)
            if let account {
                try transaction.record(AuditEvent(.signedOut, account: account, by: .account(account), from: client, at: now))
            }
            return account
        }
        if let account { desk.forget(account) }
    }

    func one(_ id: Session.ID, of account: Account.ID, client: Client, now: Timestamp) async throws(StoreError) -> Outcome {
        let ended = try await store.write { (transaction) throws(StoreError) in
            guard try transaction.endSession(id, of: account, now: now) else { return false }
            try transaction.record(
                AuditEvent(.sessionEnded, account: account, by: .account(account), from: client, at: now, detail: id.description))
            return true
        }
        desk.forget(account)
        return ended ? .ended(1) : .noSuchSession
    }

    func all(of account: Account.ID, client: Client, now: Timestamp) async throws(StoreError) -> Outcome {
        try await end(of: account, except: nil, client: client, now: now)
    }

    func allOthers(of account: Account.ID, except current: Session.ID, client: Client, now: Timestamp) async throws(StoreError) -> Outcome {
        try await end(of: account, except: current, client: client, now: now)
    }

    private func end(
        of account: Account.ID, except current: Session.ID?, client: Client, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        let count = try await store.write { (transaction) throws(StoreError) in
            let count = try transaction.endSessions(of: account, except: current, now: now)
            try transaction.record(
                AuditEvent(.sessionsEnded, account: account, by: .account(account), from: client, at: now, detail: "\(count)"))
            return count
        }
        desk.forget(account)
        return .ended(count)
    }
}
