import Storage

/// Renames and removes one's own authenticators, and ends the trust in one's browsers.
struct ManageAuthenticators: Sendable {
    enum Renaming: Equatable, Sendable { case renamed, nameInvalid, noSuchAuthenticator }

    enum Removal: Equatable, Sendable {
        case removed
        case noSuchAuthenticator
        /// Only with a fresh code of that very app, or a recovery code (TO-11).
        case proofNeeded
    }

    let store: any Store
    let desk: SessionDesk
    let notices: FactorNotices

    func rename(
        _ id: Authenticator.ID, of account: Account.ID, to text: String, client: Client, now: Timestamp
    ) async throws(StoreError) -> Renaming {
        guard let name = Authenticator.name(text) else { return .nameInvalid }
        return try await store.write { (transaction) throws(StoreError) in
            guard try transaction.renameAuthenticator(id, of: account, to: name) else { return .noSuchAuthenticator }
            try transaction.record(
                AuditEvent(.authenticatorRenamed, account: account, by: .account(account), from: client, at: now, detail: id.description))
            return .renamed
        }
    }

    func remove(_ id: Authenticator.ID, in session: LiveSession, client: Client, now: Timestamp) async throws(StoreError) -> Removal {
        let account = session.account
        let outcome = try await store.write { (transaction) throws(StoreError) -> Removal in
            try transaction.lockFactors(of: account)
            let all = try transaction.authenticators(of: account)
            guard let authenticator = all.first(where: { $0.id == id }) else { return .noSuchAuthenticator }
            let codes = try transaction.recoverySet(of: account)
            // With a number beside it, the app isn't the only thing that a proof could come from.
            let isAlone = all.count == 1 ? try transaction.phones(of: account).isEmpty : false
            let codesMayStandIn = isAlone || codes?.mayRemove(id, now: now) == true
            guard
                try transaction.proof(of: session.id, account: account)?.isFresh(by: id, codesMayStandIn: codesMayStandIn, now: now) == true
            else { return .proofNeeded }
            guard try transaction.removeAuthenticator(id, of: account) else { return .noSuchAuthenticator }
            // Without a first factor there is nothing that recovery codes stand in for.
            if try !transaction.hasSecondFactor(account) { _ = try transaction.removeAllFactors(of: account) }
            try transaction.removePendingAuthenticators(of: account)
            try transaction.forgetFactorProofs(by: id, of: account, except: session.id)
            try transaction.endTrust(of: account)
            try transaction.endChallenges(of: account)
            try transaction.noteSessionChange(of: account, now: now)
            try transaction.record(
                AuditEvent(.authenticatorRemoved, account: account, by: .account(account), from: client, at: now, detail: id.description))
            try transaction.send(
                notices.notice(.authenticatorRemoved(name: authenticator.name), to: session.email, now: now), of: session.account)
            return .removed
        }
        desk.forget(account)
        return outcome
    }

    /// - Returns: false if it wasn't trusted any more.
    func endTrust(_ id: TrustedBrowser.ID, of account: Account.ID, client: Client, now: Timestamp) async throws(StoreError) -> Bool {
        try await store.write { (transaction) throws(StoreError) in
            guard try transaction.endTrust(id, of: account) else { return false }
            try transaction.record(AuditEvent(.trustEnded, account: account, by: .account(account), from: client, at: now))
            return true
        }
    }
}
