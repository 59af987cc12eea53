import Secrets
import Storage

/// Takes somebody who is signed in at the portal to an app's host: a ticket there, and a session of that host for it.
struct EnterApp: Sendable {
    enum Outcome: Sendable {
        case entered(NewAppSession, returnTo: String)
        /// Used, too old, another host's or another browser's.
        /// - Parameter returnTo: where it would have led, if it is a ticket of this host that still lives.
        case refused(returnTo: String?)
    }

    let store: any Store
    let random: Randomness

    /// - Parameters:
    ///   - stateHash: of the cookie that the app's host gave this browser.
    ///   - returnTo: a path on the app's host.
    func issue(
        for session: LiveSession, to app: ServedApp, stateHash: [UInt8], returnTo: String, now: Timestamp
    ) async throws(StoreError) -> Token {
        let ticket = NewTicket(
            token: Token(random: random.bytes(Token.byteCount)), account: session.account, session: session.id,
            host: app.app.origin.authority, stateHash: stateHash, returnTo: returnTo, expiresAt: now + NewTicket.lifetime)
        try await store.write { (transaction) throws(StoreError) in try transaction.addTicket(ticket) }
        return ticket.token
    }

    func redeem(_ ticket: Token, at app: ServedApp, state: Token?, client: Client, now: Timestamp) async throws(StoreError) -> Outcome {
        let hash = ticket.hash(for: NewTicket.purpose)
        let host = app.app.origin.authority
        let stateHash = state?.hash(for: NewTicket.statePurpose) ?? []
        return try await store.write { (transaction) throws(StoreError) -> Outcome in
            guard let taken = try transaction.takeTicket(hash: hash, host: host, stateHash: stateHash, now: now) else {
                return .refused(returnTo: try transaction.returnTo(ofTicket: hash, host: host, now: now))
            }
            let opened = try open(
                of: taken.account, taken.session, cookieMaxAge: taken.cookieMaxAge, at: app, in: transaction, client: client, now: now)
            return .entered(opened, returnTo: taken.returnTo)
        }
    }

    /// For an app that can't hand `/auth/` on: a session of its whole domain, straight from the portal.
    func openForDomain(_ session: LiveSession, of app: ServedApp, client: Client, now: Timestamp) async throws(StoreError) -> NewAppSession
    {
        try await store.write { (transaction) throws(StoreError) in
            try open(
                of: session.account, session.id, cookieMaxAge: session.isKept ? (session.expiresAt - now).components.seconds : nil, at: app,
                in: transaction, client: client, now: now)
        }
    }

    private func open(
        of account: Account.ID, _ session: Session.ID, cookieMaxAge: Int64?, at app: ServedApp, in transaction: borrowing Transaction,
        client: Client, now: Timestamp
    ) throws(StoreError) -> NewAppSession {
        let new = NewAppSession(
            token: SessionToken(random: random.bytes(Token.byteCount), app: app.sessionPurpose), account: account, session: session,
            place: app.app.sessionPlace, createdAt: now, cookieMaxAge: cookieMaxAge)
        try transaction.openAppSession(new)
        try transaction.record(
            AuditEvent(.appEntered, account: account, by: .account(account), from: client, at: now, detail: app.app.name))
        return new
    }
}
