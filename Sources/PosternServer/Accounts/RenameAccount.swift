import Storage

/// Changes the name that a person is shown by.
struct RenameAccount: Sendable {
    enum Outcome: Equatable, Sendable { case renamed, nameInvalid, noSuchAccount }

    let store: any Store
    let desk: SessionDesk

    /// In code points.
    private static let longestName = 100

    /// Without space around it; nil if it can't be anybody's.
    static func name(_ text: String) -> String? {
        guard text.utf8.count <= 4 * longestName + 100 else { return nil }
        let name = trimmed(text)
        return isPlainLine(name) && name.unicodeScalars.count <= longestName ? name : nil
    }

    func rename(_ id: Account.ID, to text: String, client: Client, now: Timestamp) async throws(StoreError) -> Outcome {
        guard let name = Self.name(text) else { return .nameInvalid }
        let isRenamed = try await store.write { (transaction) throws(StoreError) in
            guard try transaction.rename(id, to: name) else { return false }
            try transaction.record(AuditEvent(.renamed, account: id, by: .account(id), from: client, at: now))
            try transaction.noteSessionChange(of: id, now: now)
            return true
        }
        desk.forget(id)
        return isRenamed ? .renamed : .noSuchAccount
    }
}
