import NetworkAddress
import Storage

/// Blocks and releases by hand.
struct ManageBlocks: Sendable {
    enum Target: Sendable {
        case network(AddressRange)
        case account(EmailAddress)
    }

    enum Addition: Sendable {
        case added(Block.ID)
        case exists
        /// A proxy stands there: everybody would be blocked.
        case holdsProxy(AddressRange)
        case noSuchAccount
        case notAllowed
        /// Whoever blocks stands there.
        case holdsYou
        case stepUpNeeded
    }

    enum Release: Equatable, Sendable {
        case released
        case unknown
        case notLive
        case notAllowed
        case stepUpNeeded
    }

    let store: any Store
    let trustedProxies: [AddressRange]
    let locks: AccountLocks
    let random: Randomness

    /// - Parameter until: nil until it is released.
    func add(
        _ target: Target, why: String, until: Timestamp?, by actor: AdministerAccount.Actor, now: Timestamp
    ) async throws(StoreError) -> Addition {
        if case .network(let range) = target {
            if let proxy = proxy(in: range) { return .holdsProxy(proxy) }
            if let client = actor.client, range.contains(client.address) { return .holdsYou }
        }
        let id = Block.ID(now: now, random: random.bytes(10))
        return try await store.write { (transaction) throws(StoreError) in
            guard try isProven(actor, in: transaction, now: now) else { return .stepUpNeeded }
            var account: Account?
            let subject: Block.Subject
            switch target {
            case .network(let range): subject = .network(range)
            case .account(let email):
                account = try transaction.account(email: email)
                guard let account else { return .noSuchAccount }
                subject = .account(account.id)
            }
            guard try mayAct(actor, on: account?.id, in: transaction) else { return .notAllowed }
            if let account { try transaction.endChallenges(of: account.id) }
            let block = NewBlock(
                id: id, subject: subject, rule: "", why: why, evidence: "", actor: actor.inAudit, at: now, until: until)
            guard try transaction.addBlock(block) else { return .exists }
            try transaction.record(
                AuditEvent(.blocked, account: account?.id, by: actor.inAudit, from: actor.client, at: now, detail: "\(id)"))
            return .added(id)
        }
    }

    /// From the command line: many networks in one transaction.
    func addAll(
        _ entries: [BlockImport.Entry], why: String, until: Timestamp?, now: Timestamp
    ) async throws(StoreError) -> (added: Int, known: Int, proxies: Int) {
        let new = entries.filter { proxy(in: $0.network) == nil }.map { entry in
            let end: Timestamp? =
                switch entry.end {
                case .unsaid: until
                case .never: nil
                case .at(let time): time
                }
            return NewBlock(
                id: Block.ID(now: now, random: random.bytes(10)), subject: .network(entry.network), rule: "", why: why, evidence: "",
                actor: .commandLine, at: now, until: end)
        }
        let added = try await store.write { (transaction) throws(StoreError) in
            var added = 0
            for block in new where try transaction.addBlock(block) { added += 1 }
            if added > 0 {
                try transaction.record(
                    AuditEvent(.blocked, account: nil, by: .commandLine, from: nil, at: now, detail: "\(added) imported"))
            }
            return added
        }
        return (added, new.count - added, entries.count - new.count)
    }

    private func proxy(in range: AddressRange) -> AddressRange? {
        trustedProxies.first { range.contains($0.first) || $0.contains(range.first) }
    }

    /// Ends a block, and what was counted towards it.
    func release(_ id: Block.ID, by actor: AdministerAccount.Actor, now: Timestamp) async throws(StoreError) -> Release {
        try await store.write { (transaction) throws(StoreError) in
            guard try isProven(actor, in: transaction, now: now) else { return .stepUpNeeded }
            guard let block = try transaction.block(id) else { return .unknown }
            guard try mayAct(actor, on: block.account, in: transaction) else { return .notAllowed }
            guard try transaction.releaseBlock(id, by: actor.inAudit, now: now) else { return .notLive }
            if block.accountKey.isEmpty {
                try transaction.clearFailedAccounts(place: block.network)
            } else if !block.isByHand {
                try transaction.clearTries(block.accountKey, place: block.network)
            }
            if block.network.isEmpty, !block.isByHand, let account = block.account {
                try locks.release(account, by: actor.inAudit, client: actor.client, in: transaction, now: now)
            }
            try transaction.record(
                AuditEvent(.blockReleased, account: block.account, by: actor.inAudit, from: actor.client, at: now, detail: "\(id)"))
            return .released
        }
    }

    private func isProven(
        _ actor: AdministerAccount.Actor, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Bool {
        guard case .account(let id, let session, _) = actor else { return true }
        return try transaction.isFreshlyProven(session, of: id, now: now)
    }

    /// Administrators don't act on owners (AZ-06). What they may do is read here: a session may know a role that was taken away.
    /// - Parameter account: whom it is about; nil for a network.
    private func mayAct(
        _ actor: AdministerAccount.Actor, on account: Account.ID?, in transaction: borrowing Transaction
    ) throws(StoreError) -> Bool {
        guard let id = actor.account else { return true }
        let accounts = try transaction.lockedAccounts(account ?? id, and: id)
        guard let role = accounts.first(where: { $0.id == id && $0.state == .active })?.role, role.mayAdminister else { return false }
        return account == nil || role == .owner || accounts.first { $0.id == account }?.role != .owner
    }
}
