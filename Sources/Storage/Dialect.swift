/// The few places where the engines differ, each with a name. Everything else is SQL that both read alike.
package struct Dialect: Sendable {
    /// A literal piece of SQL that goes into a statement as it is.
    package struct Suffix: Sendable {
        let text: StaticString
    }

    /// After the SELECT that claims rows: take what nobody else holds, without waiting. SQLite has one writer and needs none.
    package let skipLocked: Suffix
    /// After a SELECT whose rows nobody else may change until this transaction ends. SQLite has one writer and needs none.
    package let rowLock: Suffix
    /// Makes the transaction wait until no other node migrates.
    package let migrationLock: SQLStatement?
    /// Tells other nodes, once the transaction is done, that there is work. SQLite has one node, which looks often.
    package let ring: SQLStatement?

    /// What nodes listen to; the house is named by its schema.
    package static let channel = "postern_work"

    package static let sqlite = Dialect(skipLocked: Suffix(text: ""), rowLock: Suffix(text: ""), migrationLock: nil, ring: nil)
    package static let postgres = Dialect(
        skipLocked: Suffix(text: " FOR UPDATE SKIP LOCKED"),
        rowLock: Suffix(text: " FOR UPDATE"),
        // "PSTN" in ASCII: an advisory lock of our own for this schema, gone with the transaction. Another schema is another house.
        migrationLock: "SELECT pg_advisory_xact_lock(1347637326, hashtext(COALESCE(current_schema(), '')))",
        ring: "SELECT pg_notify('postern_work', current_schema())")
}
