import NetworkAddress
import Storage

extension Migration {
    static let audit = Migration(
        4, "audit",
        [
            // No foreign key: what happened to an account outlives it.
            """
            CREATE TABLE audit_event (
                at BIGINT NOT NULL, kind TEXT NOT NULL, account_id BYTEA, actor TEXT NOT NULL, actor_id BYTEA,
                address TEXT NOT NULL, detail TEXT NOT NULL)
            """,
            "CREATE INDEX audit_event_by_account ON audit_event (account_id, at)",
        ])
}

/// An audit event as it was written down.
struct AuditLine: Sendable {
    let at: Timestamp
    let kind: String
    let actor: String
    let actorID: Account.ID?
    let address: String
    let detail: String
}

extension Transaction {
    /// Writes an event down, in the transaction of its cause.
    borrowing func record(_ event: AuditEvent) throws(StoreError) {
        try change(
            """
            INSERT INTO audit_event (at, kind, account_id, actor, actor_id, address, detail)
            VALUES (\(event.at), \(event.kind.rawValue), \(event.account), \(event.actor.word), \(event.actor.id),
                \(event.client?.address.description ?? ""), \(event.detail))
            """)
    }

    /// What happened to an account, newest first.
    borrowing func auditLines(of account: Account.ID, limit: Int64) throws(StoreError) -> [AuditLine] {
        var lines: [AuditLine] = []
        for row in try run("SELECT * FROM audit_event WHERE account_id = \(account) ORDER BY at DESC LIMIT \(limit)") {
            lines.append(
                AuditLine(
                    at: try row.time("at"), kind: try row.text("kind"), actor: try row.text("actor"),
                    actorID: try row.optionalID("actor_id"), address: try row.text("address"), detail: try row.text("detail")))
        }
        return lines
    }
}
