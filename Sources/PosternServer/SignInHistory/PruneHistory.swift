package import Storage

/// Deletes what is older than it is kept, each kind after its own time.
package struct PruneHistory: Sendable {
    let store: any Store
    let kept: Duration
    let refusalsKept: Duration

    package init(store: any Store, kept: Duration, refusalsKept: Duration) {
        (self.store, self.kept, self.refusalsKept) = (store, kept, refusalsKept)
    }

    /// Blocks at once: some two thousand attempts, and nobody waits for longer than a few milliseconds.
    private static let most: Int64 = 16
    /// Between two of them, for who signs in.
    private static let rest = Duration.milliseconds(5)

    /// - Returns: how many blocks were deleted or made smaller.
    package func run(now: Timestamp) async throws(StoreError) -> Int {
        var count = 0
        while true {
            let done = try await store.write { (transaction) throws(StoreError) in
                try transaction.dropAttempts(before: now - kept, most: Self.most)
            }
            if done == 0 { break }
            count += done
            try? await Task.sleep(for: Self.rest)
        }
        while refusalsKept < kept {
            let done = try await store.write { (transaction) throws(StoreError) in
                try transaction.dropRefusals(before: now - refusalsKept, most: Self.most)
            }
            if done == 0 { break }
            count += done
            try? await Task.sleep(for: Self.rest)
        }
        try await store.write { (transaction) throws(StoreError) in
            try transaction.pruneFindings(before: now - kept)
            try transaction.prunePlaceDays(beforeDay: (now - kept).day)
        }
        return count
    }
}
