import NetworkAddress
import Secrets
import Storage
import Throttle

/// Decides whether a password may be tried, and counts before it is: of 200 at once no more reach the hash than may (LG-04).
///
/// What a try counts on is written down before its outcome is known, and taken back when it was right. A server that dies in between has
/// counted it.
struct PasswordTries: Sendable {
    /// Where a password is typed.
    enum Place: Sendable {
        /// To sign in.
        case signIn
        /// By somebody who is signed in. Strangers have no part in that: it counts by itself (LG-10).
        case session(Session.ID)
        /// Beside a mailed link.
        case link
    }

    /// What a try counts on until its outcome is known.
    struct Ticket: Sendable {
        let account: TriedAccount
        fileprivate let counted: Counted

        /// By a browser that is known for the account.
        var isByKnownBrowser: Bool { if case .known = counted { true } else { false } }
    }

    fileprivate enum Counted: Sendable {
        case known(BrowserMark)
        case alone(place: String)
        case stranger(Stranger)
    }

    fileprivate struct Stranger: Sendable {
        /// Empty where the address is a proxy's own.
        let place: String
        /// How many of this place now.
        var ofPair: Int64 = 0
        let ofAccount: Int64
        /// Of rules that count failures alone.
        let rates: [String]
    }

    enum Verdict: Sendable {
        case mayTry(Ticket)
        case refused(TryRefusal)
    }

    let rules: RulesInForce
    let trustedProxies: [AddressRange]
    let blocks: BlockList
    let locks: LockNotices
    let random: Randomness

    private var limits: SignInLimits { rules.signInLimits }

    // MARK: Before

    func begin(
        _ account: TriedAccount, at place: Place, client: Client, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Verdict {
        switch place {
        case .session(let id): return try beginAlone(account, "session \(id)", in: transaction, now: now)
        case .link: return try beginAlone(account, "link", in: transaction, now: now)
        case .signIn: break
        }
        // Asked where there is no account too, so that both cost the same (LG-02).
        if let mark = client.mark, try transaction.countKnownBrowser(mark, of: account.id, now: now) {
            return .mayTry(Ticket(account: account, counted: .known(mark)))
        }
        // Nothing counts on, nor blocks, an address that everybody may share: a proxy's own, or this machine's.
        let isShared = client.address.isLoopback || trustedProxies.contains { $0.contains(client.address) }
        let network = isShared ? "" : "\(client.address.client)"
        if !isShared, blocks.find(client.address, now: now) != nil {
            return try refuse(.blocked(.network), account, client, in: transaction, now: now)
        }
        if try transaction.signInIsBlocked(account.key, network: network, now: now) {
            return try refuse(.blocked(.account), account, client, in: transaction, now: now)
        }
        var rates: [String] = []
        if let over = try countRates(account, network, client, &rates, in: transaction, now: now) {
            return try refuse(over, account, client, in: transaction, now: now)
        }
        return try beginStranger(account, network, rates, client, in: transaction, now: now)
    }

    /// - Returns: the first that is gone over and enforced.
    private func countRates(
        _ account: TriedAccount, _ network: String, _ client: Client, _ rates: inout [String], in transaction: borrowing Transaction,
        now: Timestamp
    ) throws(StoreError) -> TryRefusal? {
        if !network.isEmpty {
            let rate = limits.perAddress
            let decision = try transaction.countRate("per-address \(rate.limit)/\(rate.period) \(network)", rate, now: now)
            if !decision.isAllowed { return .throttled(rule: "sign-in-per-address", decision, rate, at: now) }
        }
        for rule in rules.signInRules {
            guard let rate = rule.rate, let key = rule.signInKey(account, network: network, client: client) else { continue }
            let name = "\(rule.name) \(rate.limit)/\(rate.period) \(key)"
            let decision = try transaction.countRate(name, rate, now: now)
            if rule.event == .failed { rates.append(name) }
            guard !decision.isAllowed else { continue }
            if rule.kind == .throttle, rule.mode == .enforce { return .throttled(rule: rule.name, decision, rate, at: now) }
            try transaction.noteRefusal(
                Refusal(
                    rule: rule.name, key: key, count: Int64(decision.count), limit: Int64(rate.limit),
                    mode: rule.kind == .watch ? .watched : .shadow), account: account.id, now: now)
        }
        return nil
    }

    private func beginStranger(
        _ account: TriedAccount, _ place: String, _ rates: [String], _ client: Client, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Verdict {
        guard let ofAccount = try transaction.countTry(account.key, place: "", limits.account, now: now) else {
            return try refuse(account, place: "", "account-lock", limits.account, client, in: transaction, now: now)
        }
        var stranger = Stranger(place: place, ofAccount: ofAccount, rates: rates)
        if !place.isEmpty {
            guard let ofPair = try transaction.countTry(account.key, place: place, limits.pair, now: now) else {
                // It isn't tried, so it doesn't count for the account either.
                try transaction.giveBackTry(account.key, place: "", now: now)
                return try refuse(account, place: place, "failures", limits.pair, client, in: transaction, now: now)
            }
            stranger.ofPair = ofPair
        }
        return .mayTry(Ticket(account: account, counted: .stranger(stranger)))
    }

    private func beginAlone(
        _ account: TriedAccount, _ place: String, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Verdict {
        guard try transaction.countTry(account.key, place: place, SignInLimits.inside, now: now) != nil else {
            return .refused(
                .waiting(rule: "failures", try transaction.tries(account.key, place: place), limit: SignInLimits.inside.waitFrom))
        }
        return .mayTry(Ticket(account: account, counted: .alone(place: place)))
    }

    private func refuse(
        _ account: TriedAccount, place: String, _ rule: String, _ lockout: Lockout, _ client: Client, in transaction: borrowing Transaction,
        now: Timestamp
    ) throws(StoreError) -> Verdict {
        let count = try transaction.tries(account.key, place: place)
        let isLocked = count.failures >= lockout.lockAt
        // Its block is missing where the server died after the last try, or while that is still looked at: then being right ends it.
        if isLocked { try block(account, network: place, rule: rule, lockout, in: transaction, now: now) }
        return try refuse(
            .waiting(rule: rule, count, limit: isLocked ? lockout.lockAt : lockout.waitFrom), account, client, in: transaction, now: now)
    }

    private func refuse(
        _ refusal: TryRefusal, _ account: TriedAccount, _ client: Client, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Verdict {
        try transaction.noteRefusal(
            Refusal(
                rule: refusal.rule, key: "\(client.address.client) \(account.id.map { "\($0)" } ?? "no account")", count: refusal.count,
                limit: refusal.limit, mode: .enforced), account: account.id, now: now)
        return .refused(refusal)
    }

    // MARK: Afterwards

    /// The password was right: the account's own counts of this place begin anew, and nobody else's (LG-13).
    func succeeded(_ ticket: Ticket, in transaction: borrowing Transaction, now: Timestamp) throws(StoreError) {
        switch ticket.counted {
        case .known(let mark):
            if let id = ticket.account.id { try transaction.clearKnownBrowser(mark, of: id) }
        case .alone(let place): try transaction.clearTries(ticket.account.key, place: place)
        case .stranger(let stranger):
            for name in stranger.rates { try transaction.giveBackRate(name) }
            try transaction.clearTries(ticket.account.key, place: "")
            // Others may have been refused meanwhile because this one might have been wrong too.
            try transaction.releaseBlocks(ofSignIn: ticket.account.key, network: stranger.place, now: now)
            guard !stranger.place.isEmpty else { return }
            try transaction.clearTries(ticket.account.key, place: stranger.place)
            try transaction.clearFailedAccount(ticket.account.key, place: stranger.place)
        }
    }

    /// The password was wrong: too many are blocked, and the owner is told.
    func failed(_ ticket: Ticket, client: Client, in transaction: borrowing Transaction, now: Timestamp) throws(StoreError) {
        guard case .stranger(let stranger) = ticket.counted else { return }
        if stranger.ofAccount == limits.account.lockAt {
            try block(ticket.account, network: "", rule: "account-lock", limits.account, in: transaction, now: now)
        }
        guard !stranger.place.isEmpty else { return }
        if stranger.ofPair == limits.pair.lockAt {
            try block(ticket.account, network: stranger.place, rule: "failures", limits.pair, in: transaction, now: now)
        }
        let since = now - limits.stuffing.within
        let accounts = try transaction.noteFailedAccount(ticket.account.key, place: stranger.place, since: since, now: now)
        guard accounts >= limits.stuffing.accounts else { return }
        let block = NewBlock(
            id: Block.ID(now: now, random: random.bytes(10)), subject: .network(client.address.client), rule: "stuffing",
            why: "wrong passwords for many accounts",
            evidence: "\(accounts) accounts in \(limits.stuffing.within.components.seconds / 60) minutes", actor: .server, at: now,
            until: now + limits.stuffingBlock)
        guard try transaction.addBlock(block) else { return }
        try transaction.record(AuditEvent(.blocked, account: nil, by: .server, from: client, at: now, detail: "stuffing"))
    }

    private func block(
        _ account: TriedAccount, network: String, rule: String, _ lockout: Lockout, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) {
        let until = lockout.lockFor.map { now + .seconds($0) }
        let block = NewBlock(
            id: Block.ID(now: now, random: random.bytes(10)), subject: .signIn(account.key, account.id, network: network), rule: rule,
            why: network.isEmpty ? "wrong passwords from browsers that aren’t known" : "wrong passwords from one address",
            evidence: "\(lockout.lockAt) in a row", actor: .server, at: now, until: until)
        guard try transaction.addBlock(block) else { return }
        try transaction.record(AuditEvent(.blocked, account: account.id, by: .server, from: nil, at: now, detail: rule))
        if let id = account.id { try locks.tell(id, of: rule, until: until, in: transaction, now: now) }
    }

    /// It could not be tried after all.
    func giveBack(_ ticket: Ticket, in transaction: borrowing Transaction, now: Timestamp) throws(StoreError) {
        switch ticket.counted {
        case .known(let mark):
            if let id = ticket.account.id { try transaction.giveBackKnownBrowser(mark, of: id) }
        case .alone(let place): try transaction.giveBackTry(ticket.account.key, place: place, now: now)
        case .stranger(let stranger):
            for name in stranger.rates { try transaction.giveBackRate(name) }
            try transaction.giveBackTry(ticket.account.key, place: "", now: now)
            if !stranger.place.isEmpty { try transaction.giveBackTry(ticket.account.key, place: stranger.place, now: now) }
        }
    }
}

/// Why a password isn't tried. The same for an address without an account, and for the right password (LG-12).
enum TryRefusal: Equatable, Sendable {
    enum Blocked: String, Sendable { case account, network }

    case throttled(rule: String, Decision, Rate, at: Timestamp)
    case waiting(rule: String, TryCount, limit: Int64)
    case blocked(Blocked)

    var rule: String {
        switch self {
        case .throttled(let rule, _, _, _), .waiting(let rule, _, _): rule
        case .blocked: "block"
        }
    }

    var count: Int64 {
        switch self {
        case .throttled(_, let decision, _, _): Int64(decision.count)
        case .waiting(_, let count, _): count.failures
        case .blocked: 1
        }
    }

    var limit: Int64 {
        switch self {
        case .throttled(_, _, let rate, _): Int64(rate.limit)
        case .waiting(_, _, let limit): limit
        case .blocked: 0
        }
    }

    /// From when on it makes sense to try again; nil where only a release or a known browser helps.
    var until: Timestamp? {
        switch self {
        case .throttled(_, let decision, _, let now): now + .microseconds(decision.wait)
        case .waiting(_, let count, _): count.nextAt.microseconds == .max ? nil : count.nextAt
        case .blocked: nil
        }
    }
}

/// How the tries of one account and place stand.
struct TryCount: Equatable, Sendable {
    let failures: Int64
    let nextAt: Timestamp
}
