import NetworkAddress
import Storage
import Throttle

/// What rules would have made of attempts that were recorded.
struct PolicyReplay {
    /// What one rule would have done.
    struct Finding: Sendable {
        var refused = 0
        /// Accounts whose right password would have been refused.
        var lockedOut: Set<[UInt8]> = []
        /// Networks that were refused and never signed in to anything.
        var attackers: Set<AddressRange> = []
        /// The first few owners.
        var examples: [Example] = []
    }

    struct Example: Sendable {
        let at: Timestamp
        let who: [UInt8]
        let address: IPAddress
    }

    enum Rule: String, CaseIterable, Sendable {
        case blocklist
        case stuffing
        case perAddress = "sign-in-per-address"
        case accountLock = "account-lock"
        case failures
    }

    private struct Pair: Hashable {
        let who: Int
        let place: Int
    }

    private struct Failed {
        var last: [Int: Timestamp] = [:]
        var blockedUntil = Timestamp(microseconds: .min)
    }

    static let mostExamples = 3

    let limits: SignInLimits
    private let trustedProxies: [AddressRange]
    private let blocked: NetworkSet?
    private let safe: NetworkSet?
    private(set) var findings: [Rule: Finding] = [:]
    private(set) var attempts = 0
    private(set) var right = 0

    private var meters: [Int: Meter] = [:]
    private var ofPair: [Pair: LockoutCount] = [:]
    private var ofAccount: [Int: LockoutCount] = [:]
    private var failed: [Int: Failed] = [:]
    private var signedIn: Set<AddressRange> = []

    /// - Parameters:
    ///   - rules: of those on requests, the lists of addresses count; how often a page was opened isn't recorded.
    ///   - trustedProxies: whose own addresses nothing counts on.
    init(limits: SignInLimits, rules: [ThrottleRule], trustedProxies: [AddressRange]) {
        (self.limits, self.trustedProxies) = (limits, trustedProxies)
        func networks(_ kind: ThrottleRule.Kind) -> NetworkSet? {
            let lists = rules.filter {
                $0.kind == kind && $0.apps.isEmpty && $0.paths.isEmpty && $0.userAgents.isEmpty && $0.mode == .enforce
            }
            let all = lists.flatMap(\.addresses)
            return all.isEmpty ? nil : NetworkSet(all)
        }
        (blocked, safe) = (networks(.blocklist), networks(.safelist))
    }

    mutating func replay(_ attempt: TriedPassword) {
        guard attempt.isOfPassword else { return }
        attempts += 1
        if attempt.isRight {
            right += 1
            if let address = attempt.address { signedIn.insert(address.client) }
        }
        if let rule = refusal(attempt) {
            note(rule, attempt)
        } else if !attempt.isByKnownBrowser {
            settle(attempt)
        }
    }

    /// Which rule would have refused it; else it is counted.
    private mutating func refusal(_ attempt: TriedPassword) -> Rule? {
        if let address = attempt.address, safe?.index(of: address) == nil, blocked?.index(of: address) != nil { return .blocklist }
        // A known browser of the account is no part of what follows.
        if attempt.isByKnownBrowser { return nil }
        let (who, now) = (attempt.who.hashValue, attempt.at.microseconds)
        guard let place = place(of: attempt) else {
            return ofAccount[who, default: LockoutCount()].fail(at: now, under: limits.account) ? nil : .accountLock
        }
        if let place = failed[place], place.blockedUntil > attempt.at { return .stuffing }
        // Blocks are asked before anything is counted.
        let pair = Pair(who: who, place: place)
        if ofAccount[who]?.isLocked(at: now, under: limits.account) == true { return .accountLock }
        if ofPair[pair]?.isLocked(at: now, under: limits.pair) == true { return .failures }
        if !meters[place, default: Meter()].count(at: now, under: limits.perAddress).isAllowed { return .perAddress }
        guard ofAccount[who, default: LockoutCount()].fail(at: now, under: limits.account) else { return .accountLock }
        guard ofPair[pair, default: LockoutCount()].fail(at: now, under: limits.pair) else {
            ofAccount[who]?.giveBack(at: now)
            return .failures
        }
        return nil
    }

    /// - Returns: nil for an address that everybody may share: the server counts on none either; also for one that wasn't kept.
    private func place(of attempt: TriedPassword) -> Int? {
        guard let address = attempt.address else { return nil }
        let isShared = address.isLoopback || trustedProxies.contains { $0.contains(address) }
        return isShared ? nil : address.client.hashValue
    }

    private mutating func settle(_ attempt: TriedPassword) {
        let who = attempt.who.hashValue
        if attempt.isRight { ofAccount[who] = nil }
        guard let place = place(of: attempt) else { return }
        guard !attempt.isRight else {
            ofPair[Pair(who: who, place: place)] = nil
            failed[place]?.last[who] = nil
            return
        }
        failed[place, default: Failed()].last[who] = attempt.at
        guard let at = failed[place], Int64(at.last.count) >= limits.stuffing.accounts else { return }
        let since = attempt.at - limits.stuffing.within
        let recent = at.last.filter { $0.value > since }
        failed[place]?.last = recent
        if Int64(recent.count) >= limits.stuffing.accounts { failed[place]?.blockedUntil = attempt.at + limits.stuffingBlock }
    }

    private mutating func note(_ rule: Rule, _ attempt: TriedPassword) {
        var finding = findings[rule] ?? Finding()
        finding.refused += 1
        if attempt.isRight, attempt.isAccount {
            if finding.examples.count < Self.mostExamples, !finding.lockedOut.contains(attempt.who) {
                finding.examples.append(Example(at: attempt.at, who: attempt.who, address: attempt.address ?? .unknown))
            }
            finding.lockedOut.insert(attempt.who)
            // They would have had it released.
            let who = attempt.who.hashValue
            ofAccount[who] = nil
            if let address = attempt.address { ofPair[Pair(who: who, place: address.client.hashValue)] = nil }
        } else if !attempt.isRight, let address = attempt.address {
            finding.attackers.insert(address.client)
        }
        findings[rule] = finding
    }

    /// To be called once, after the last attempt.
    mutating func finish() {
        for rule in findings.keys { findings[rule]?.attackers.subtract(signedIn) }
    }
}
