import Storage

/// Chooses which of the notices that may be left out somebody gets.
struct ChooseNotices: Sendable {
    let store: any Store

    /// - Parameter wanted: kinds that aren't optional are passed over: they always come.
    func choose(_ wanted: [Notice.Kind: Bool], for account: Account.ID) async throws(StoreError) {
        try await store.write { (transaction) throws(StoreError) in
            for (kind, isWanted) in wanted where kind.isOptional {
                if isWanted { try transaction.allowNotice(kind, account) } else { try transaction.refuseNotice(kind, account) }
            }
        }
    }
}
