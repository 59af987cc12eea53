import Storage
import UnusualSignIns

/// What the settings say of unusual sign-ins.
struct UnusualPolicy: Equatable, Sendable {
    enum Mode: String, CaseIterable, Sendable {
        case enforce
        /// Nothing is done; what would have been is counted and shown.
        case shadow
    }

    struct Section: Equatable, Sendable {
        var mode = Mode.enforce
        var rules: Rules
    }

    var general = Section(rules: Rules(measures: [.newBrowser: .tell, .halfWay: .tell, .failuresBefore: .record]))
    var ofGroups: [String: Section] = [:]

    /// What applies to a member of `groups`: the strictest of those that say something, else the general section.
    func section(for groups: [String]) -> Section {
        let own = groups.compactMap { ofGroups[$0] }
        guard let first = own.first else { return general }
        return own.dropFirst().reduce(first) { all, next in
            Section(mode: all.mode == .enforce ? .enforce : next.mode, rules: all.rules.strictest(with: next.rules))
        }
    }

    /// Whether anything known at once may change how somebody's sign-in goes on: else nobody's needs to be looked at before.
    var actsAtOnce: Bool { ([general] + ofGroups.values).contains { $0.mode == .enforce && $0.rules.actsAtOnce } }
}

extension UnusualPolicy {
    /// What is done in the moment of a sign-in, by what is known then.
    func measureAtOnce(
        of account: Account.ID, _ groups: [String], _ client: Client, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Measure {
        let section = section(for: groups)
        guard section.mode == .enforce, section.rules.actsAtOnce else { return .record }
        let findings = Findings.atOnce(
            isKnownBrowser: try transaction.habits(of: account).knows(client),
            failures: try transaction.failures(of: account, before: nil, since: now - SettleAttempts.failuresWithin))
        return section.rules.measure(for: findings)
    }
}

extension Rules {
    fileprivate var actsAtOnce: Bool { measures.contains { !$0.key.isOfPlace && $0.key != .halfWay && $0.value >= .ask } }
}

extension Settings {
    mutating func readUnusual(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        unusual.general = try Self.section("unusual", unusual.general, raw)
        for name in raw.names(under: "groups") where raw.hasKeys(under: "groups.\(name).unusual") {
            unusual.ofGroups[name] = try Self.section("groups.\(name).unusual", unusual.general, raw)
        }
        historyKept = try Self.kept("sign-in-history.kept", raw) ?? historyKept
        refusalsKept = try Self.kept("sign-in-history.refusals-kept", raw) ?? min(refusalsKept, historyKept)
        guard refusalsKept <= historyKept else {
            throw raw.problem(
                "sign-in-history.refusals-kept", found: raw.text("sign-in-history.refusals-kept") ?? "",
                allowed: "no longer than sign-in-history.kept")
        }
    }

    private static func kept(_ key: String, _ raw: SettingsReader) throws(SettingsFile.Problem) -> Duration? {
        guard let time = try raw.duration(key) else { return nil }
        guard time >= .seconds(86_400) else { throw raw.problem(key, found: raw.text(key) ?? "", allowed: "1d or more") }
        return time
    }

    private static func section(
        _ prefix: String, _ standard: UnusualPolicy.Section, _ raw: SettingsReader
    ) throws(SettingsFile.Problem) -> UnusualPolicy.Section {
        var section = standard
        section.mode = try raw.choice(prefix + ".mode") ?? section.mode
        for kind in Finding.Kind.allCases {
            let key = "\(prefix).\(kind.rawValue)"
            guard let word = try raw.choice(key, among: Measure.allCases.map(\.rawValue)), let measure = Measure(rawValue: word) else {
                continue
            }
            guard kind != .halfWay || measure <= .tell else {
                throw raw.problem(key, found: word, allowed: "record or tell: nobody is signed in yet")
            }
            section.rules.measures[kind] = measure
        }
        section.rules.confidence = try raw.number(prefix + ".confidence", in: 0...100) ?? section.rules.confidence
        section.rules.speed = try raw.number(prefix + ".travel-speed", in: Findings.slowest...100_000) ?? section.rules.speed
        return section
    }
}
