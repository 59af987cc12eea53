import Secrets
import Storage

extension Migration {
    /// Both go with the portal's session that they came from.
    static let entry = Migration(
        16, "entry",
        [
            """
            CREATE TABLE ticket (
                token_hash BYTEA NOT NULL PRIMARY KEY, account_id BYTEA NOT NULL, session_id BYTEA NOT NULL, host TEXT NOT NULL,
                state_hash BYTEA NOT NULL, return_to TEXT NOT NULL, expires_at BIGINT NOT NULL,
                FOREIGN KEY (account_id, session_id) REFERENCES session (account_id, id) ON DELETE CASCADE)
            """,
            "CREATE INDEX ticket_by_session ON ticket (account_id, session_id)",
            "CREATE INDEX ticket_by_expiry ON ticket (expires_at)",
            """
            CREATE TABLE app_session (
                account_id BYTEA NOT NULL, session_id BYTEA NOT NULL, place TEXT NOT NULL, token_hash BYTEA NOT NULL UNIQUE,
                created_at BIGINT NOT NULL, PRIMARY KEY (account_id, session_id, place),
                FOREIGN KEY (account_id, session_id) REFERENCES session (account_id, id) ON DELETE CASCADE)
            """,
        ])
}

/// A ticket that was just used up.
struct TakenTicket: Sendable {
    let account: Account.ID
    let session: Session.ID
    let returnTo: String
    let cookieMaxAge: Int64?
}

extension Transaction {
    borrowing func addTicket(_ ticket: NewTicket) throws(StoreError) {
        try change(
            """
            INSERT INTO ticket (token_hash, account_id, session_id, host, state_hash, return_to, expires_at)
            VALUES (\(ticket.token.hash(for: NewTicket.purpose)), \(ticket.account), \(ticket.session), \(ticket.host),
                \(ticket.stateHash), \(ticket.returnTo), \(ticket.expiresAt))
            """)
    }

    /// Uses a ticket up: of any number who try, one gets it.
    borrowing func takeTicket(hash: [UInt8], host: String, stateHash: [UInt8], now: Timestamp) throws(StoreError) -> TakenTicket? {
        let rows = try run(
            """
            DELETE FROM ticket WHERE token_hash = \(hash) AND host = \(host) AND state_hash = \(stateHash) AND expires_at > \(now)
            RETURNING account_id, session_id, return_to
            """)
        guard let row = rows.first else { return nil }
        let account: Account.ID = try row.id("account_id")
        let session: Session.ID = try row.id("session_id")
        let lives = try run("SELECT expires_at, idle FROM session WHERE account_id = \(account) AND id = \(session)")
        guard let life = lives.first else { return nil }
        let maxAge = life["idle"] == .null ? (try life.time("expires_at") - now).components.seconds : nil
        return TakenTicket(account: account, session: session, returnTo: try row.text("return_to"), cookieMaxAge: maxAge)
    }

    /// Where a ticket leads that still lives. It is not used up.
    borrowing func returnTo(ofTicket hash: [UInt8], host: String, now: Timestamp) throws(StoreError) -> String? {
        try run("SELECT return_to FROM ticket WHERE token_hash = \(hash) AND host = \(host) AND expires_at > \(now)").first
            .map { (row) throws(StoreError) in try row.text("return_to") }
    }

    borrowing func pruneTickets(now: Timestamp) throws(StoreError) { try change("DELETE FROM ticket WHERE expires_at <= \(now)") }

    /// One for each portal session and place: the newest counts.
    borrowing func openAppSession(_ new: NewAppSession) throws(StoreError) {
        try change(
            """
            INSERT INTO app_session (account_id, session_id, place, token_hash, created_at)
            VALUES (\(new.account), \(new.session), \(new.place), \(new.token.hash), \(new.createdAt))
            ON CONFLICT (account_id, session_id, place)
            DO UPDATE SET token_hash = excluded.token_hash, created_at = excluded.created_at
            """)
        // Its earlier token there is no longer good, also in other nodes' memory.
        try noteSessionChange(of: new.account, now: new.createdAt)
    }
}
