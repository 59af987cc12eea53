import NetworkAddress
package import Storage
import Synchronization
import Throttle

/// What comes of the rules.
enum RuleVerdict: Equatable, Sendable {
    case pass
    case blocked(rule: String, answer: String?)
    case throttled(rule: String, Decision, limit: Int64, answer: String?)
}

/// Asks the rules of the settings about each request. What they count lies in this node's memory; what they decide is written down each
/// second.
package final class RequestRules: Sendable {
    /// A rule with what can be known before a request comes. A class, so that asking it copies nothing.
    private final class Compiled: Sendable {
        let rule: ThrottleRule
        let kind: ThrottleRule.Kind
        let rate: Rate?
        let seed: Int
        let networks: NetworkSet?
        let userAgents: [[UInt8]]
        let countsAddressAlone: Bool

        init(_ rule: ThrottleRule) {
            self.rule = rule
            (kind, rate, seed) = (rule.kind, rule.rate, [rule.name.hashValue, rule.rate.hashValue].hashValue)
            networks = rule.addresses.isEmpty ? nil : NetworkSet(rule.addresses)
            userAgents = rule.userAgents.map { Array($0.lowercased().utf8) }
            countsAddressAlone = rule.key == [.address]
        }
    }

    /// What tells at once that most rules are not for a request, in two words without a reference in them.
    private struct Glance: Sendable {
        let kind: ThrottleRule.Kind
        let isForApps: Bool
        let isForAllApps: Bool
        /// Bits of ``bit(method:)``.
        let methods: UInt8
        /// Bits of ``bit(segment:)``.
        let segments: UInt64

        init(_ rule: ThrottleRule) {
            (kind, isForApps, isForAllApps) = (rule.kind, !rule.apps.isEmpty, rule.apps.contains("*"))
            methods = rule.methods.isEmpty ? .max : rule.methods.reduce(0) { $0 | Self.bit(method: $1) }
            segments = rule.paths.isEmpty ? .max : rule.paths.reduce(0) { $0 | ($1.holdsAll ? .max : Self.bit(segment: $1.bytes)) }
        }

        static func bit(method: String) -> UInt8 {
            switch method {
            // Who asks for the head alone asks for the same.
            case "GET", "HEAD": 1
            case "POST": 4
            case "PUT": 8
            case "PATCH": 16
            case "DELETE": 32
            default: 64
            }
        }

        /// One of 64, by a path's first segment.
        static func bit(segment path: [UInt8]) -> UInt64 {
            var hash: UInt64 = 5_381
            for byte in path.dropFirst() {
                if byte == UInt8(ascii: "/") { break }
                hash = hash &* 33 &+ UInt64(byte)
            }
            return 1 << ((hash &* 0x9E37_79B9_7F4A_7C15) >> 58)
        }
    }

    private final class Rules: Sendable {
        let compiled: [Compiled]
        let glances: [Glance]
        let readsPaths: Bool

        /// In the order in which they are asked.
        init(_ rules: [ThrottleRule]) {
            let ordered = ThrottleRule.Kind.allCases.flatMap { kind in rules.filter { $0.kind == kind && $0.event == nil } }
            (compiled, glances) = (ordered.map(Compiled.init), ordered.map(Glance.init))
            readsPaths = ordered.contains { !$0.paths.isEmpty }
        }
    }

    /// What is read from a request once, and only if a rule asks for it.
    private struct Read {
        let path: ThrottledPath?
        var userAgent: [UInt8]?
    }

    private struct Noted {
        var number: Int64 = 0
        var count: Int64 = 0
        let account: Account.ID?
    }

    private let trustedProxies: [AddressRange]
    private let table: ThrottleTable
    private let rules = Mutex(Rules([]))
    private let count = Atomic(0)
    private let notes = Mutex<[Refusal: Noted]>([:])

    /// How many keys are counted at once, at 50 bytes each.
    private static let mostKeys = 1_000_000
    /// Different refusals that are remembered until they are written down; what is more is counted together.
    private static let mostNotes = 200

    init(_ rules: [ThrottleRule], trustedProxies: [AddressRange]) {
        self.trustedProxies = trustedProxies
        table = ThrottleTable(keys: Self.mostKeys)
        replace(rules)
    }

    /// Those of the settings.
    package convenience init(_ settings: Settings) { self.init(settings.throttleRules, trustedProxies: settings.trustedProxies) }

    /// Other rules from now on. Counts of those that stay go on.
    func replace(_ rules: [ThrottleRule]) {
        let made = Rules(rules)
        self.rules.withLock { $0 = made }
        count.store(made.compiled.count, ordering: .relaxed)
    }

    var areAny: Bool { count.load(ordering: .relaxed) > 0 }

    /// - Parameters:
    ///   - isBlocked: whether a block holds the address: only a safelist lets it pass.
    ///   - shared: gets the rules whose counts lie in the database too, each with the key that is counted there.
    func verdict(
        _ asked: AskedRequest, isBlocked: Bool, shared: inout [(rule: ThrottleRule, key: [UInt8])], now: Timestamp
    ) -> RuleVerdict {
        let rules = rules.withLock { $0 }
        // A rule never counts on, nor blocks, a proxy's own address.
        let isProxy = trustedProxies.contains { $0.contains(asked.client.address) }
        var read = Read(path: rules.readsPaths ? ThrottledPath(target: asked.target) : nil)
        let (method, segment) = (Glance.bit(method: asked.method), read.path.map { Glance.bit(segment: $0.bytes) } ?? .max)
        for (index, glance) in rules.glances.enumerated() {
            if isBlocked, glance.kind != .safelist { break }
            guard glance.methods & method != 0, glance.segments & segment != 0, glance.isForApps == (asked.app != nil) else { continue }
            let compiled = rules.compiled[index]
            guard glance.isForAllApps || asked.app.map(compiled.rule.apps.contains) ?? true,
                matches(compiled, asked, &read, isProxy: isProxy)
            else { continue }
            switch glance.kind {
            case .safelist, .blocklist:
                if compiled.rule.mode == .shadow || glance.kind == .blocklist { note(compiled.rule, asked, count: 1, limit: 0) }
                guard compiled.rule.mode == .enforce else { continue }
                return glance.kind == .safelist ? .pass : .blocked(rule: compiled.rule.name, answer: compiled.rule.answer)
            case .throttle, .watch:
                if let verdict = count(compiled, asked, &shared, isProxy: isProxy, now: now) { return verdict }
            }
        }
        return isBlocked ? .blocked(rule: "block", answer: nil) : .pass
    }

    /// - Returns: nil where it passes, or where the rule only looks.
    private func count(
        _ compiled: Compiled, _ asked: AskedRequest, _ shared: inout [(rule: ThrottleRule, key: [UInt8])], isProxy: Bool, now: Timestamp
    ) -> RuleVerdict? {
        guard let rate = compiled.rate, let key = Self.key(compiled, asked, isProxy: isProxy) else { return nil }
        let decision = table.count(key, at: now.microseconds, under: rate)
        guard !decision.isAllowed else {
            if compiled.rule.isShared { shared.append((compiled.rule, Self.sharedKey(compiled.rule, asked))) }
            return nil
        }
        note(compiled.rule, asked, count: Int64(decision.count), limit: Int64(rate.limit))
        guard compiled.kind == .throttle, compiled.rule.mode == .enforce else { return nil }
        return .throttled(rule: compiled.rule.name, decision, limit: Int64(rate.limit), answer: compiled.rule.answer)
    }

    /// Whether a request passes what this node counts by itself.
    package func passes(_ asked: AskedRequest, now: Timestamp) -> Bool {
        var shared: [(rule: ThrottleRule, key: [UInt8])] = []
        return verdict(asked, isBlocked: false, shared: &shared, now: now) == .pass
    }

    private func matches(_ compiled: Compiled, _ asked: AskedRequest, _ read: inout Read, isProxy: Bool) -> Bool {
        if let path = read.path, !compiled.rule.paths.isEmpty {
            // What lets pass goes by what was sent: some server behind may take another spelling for something else (HT-15).
            guard compiled.kind != .safelist || path.isAsSent, compiled.rule.paths.contains(where: { $0.matches(path) }) else {
                return false
            }
        }
        if let networks = compiled.networks {
            guard !(isProxy && compiled.kind != .safelist), networks.index(of: asked.client.address) != nil else { return false }
        }
        guard !compiled.userAgents.isEmpty else { return true }
        let agent = read.userAgent ?? Array(asked.client.browser.lowercased().utf8)
        read.userAgent = agent
        return compiled.userAgents.contains { Self.holds(agent, $0) }
    }

    private static func holds(_ text: [UInt8], _ part: [UInt8]) -> Bool {
        guard text.count >= part.count else { return false }
        return (0...text.count - part.count).contains { text[$0..<$0 + part.count].elementsEqual(part) }
    }

    /// - Returns: nil where a part of the key is missing: then there is nothing to count.
    private static func key(_ compiled: Compiled, _ asked: AskedRequest, isProxy: Bool) -> Int? {
        var hasher = Hasher()
        hasher.combine(compiled.seed)
        if compiled.countsAddressAlone {
            if isProxy { return nil }
            hasher.combine(asked.client.address.client)
            return hasher.finalize()
        }
        for part in compiled.rule.key {
            switch part {
            case .address:
                if isProxy { return nil }
                hasher.combine(asked.client.address.client)
            case .account:
                guard let account = asked.account else { return nil }
                hasher.combine(account)
            case .userAgent: hasher.combine(asked.client.browser)
            case .header(let name):
                guard let value = asked.header(name) else { return nil }
                hasher.combine(value)
            }
        }
        return hasher.finalize()
    }

    /// The same on every node.
    private static func sharedKey(_ rule: ThrottleRule, _ asked: AskedRequest) -> [UInt8] {
        var parts = [rule.name]
        for part in rule.key {
            switch part {
            case .address: parts.append("\(asked.client.address.client)")
            case .account: parts.append(asked.account.map { "\($0)" } ?? "")
            case .userAgent: parts.append(asked.client.browser)
            case .header(let name): parts.append(asked.header(name) ?? "")
            }
        }
        // With its length before each, so that no two keys are written alike.
        return parts.flatMap { Array("\($0.utf8.count):\($0)".utf8) }
    }

    // MARK: The record

    func note(_ rule: ThrottleRule, _ asked: AskedRequest, count: Int64, limit: Int64) {
        let mode: Refusal.Mode = rule.kind == .watch ? .watched : rule.mode == .enforce ? .enforced : .shadow
        let named = Refusal(
            rule: rule.name, key: asked.account.map { "\(asked.client.address.client) \($0)" } ?? "\(asked.client.address.client)",
            count: 0,
            limit: limit, mode: mode)
        notes.withLock { notes in
            let key =
                notes[named] == nil && notes.count >= Self.mostNotes
                ? Refusal(rule: rule.name, key: "others", count: 0, limit: limit, mode: mode) : named
            var noted = notes[key] ?? Noted(account: asked.account)
            (noted.number, noted.count) = (noted.number + 1, max(noted.count, count))
            notes[key] = noted
        }
    }

    /// They could not be written down.
    func putBack(_ lines: [(refusal: Refusal, number: Int64, account: Account.ID?)]) {
        notes.withLock { notes in
            for (refusal, number, account) in lines {
                let key = Refusal(rule: refusal.rule, key: refusal.key, count: 0, limit: refusal.limit, mode: refusal.mode)
                var noted = notes[key] ?? Noted(account: account)
                (noted.number, noted.count) = (noted.number + number, max(noted.count, refusal.count))
                notes[key] = noted
            }
        }
    }

    /// What was decided since the last call, and is now the caller's to write down.
    func takeNotes() -> [(refusal: Refusal, number: Int64, account: Account.ID?)] {
        let taken = notes.withLock { notes in
            defer { notes.removeAll(keepingCapacity: true) }
            return notes
        }
        return taken.map { key, noted in
            let refusal = Refusal(rule: key.rule, key: key.key, count: noted.count, limit: key.limit, mode: key.mode)
            return (refusal, noted.number, noted.account)
        }
    }
}
