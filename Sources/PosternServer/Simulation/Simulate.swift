import Storage
import UnusualSignIns

/// Tries a policy on what was recorded.
struct Simulate: Sendable {
    struct Report: Sendable {
        let attempts: Int
        let right: Int
        let findings: [PolicyReplay.Rule: PolicyReplay.Finding]
        /// The addresses of the accounts in the examples.
        let people: [[UInt8]: String]
        let passwords: Passwords
        let unusual: Unusual
        /// When the last attempt was that was read.
        let until: Timestamp
    }

    /// How many passwords are older than the rules allow: today's, and those that are tried.
    struct Passwords: Sendable {
        var accounts = 0
        var expiredNow = 0
        var expiredThen = 0
    }

    /// Sign-ins that were unusual, by what would have been done: under the rules that are tried, and under today's.
    struct Unusual: Sendable {
        var signIns = 0
        var then: [Measure: Int] = [:]
        var now: [Measure: Int] = [:]
    }

    let store: any Store

    private static let perPage: Int64 = 10_000

    /// - Parameters:
    ///   - most: no more attempts than that; nil for all.
    ///   - progress: told how many attempts were read.
    func run(
        _ policy: Settings, instead today: Settings, since: Timestamp, most: Int? = nil, now: Timestamp, progress: (Int) -> Void = { _ in }
    ) async throws(StoreError) -> Report {
        var replay = PolicyReplay(
            limits: policy.signInLimits, rules: policy.throttleRules, trustedProxies: today.trustedProxies)
        var next: SignInAttempt.Number? = SignInAttempt.Number.first(at: since)
        // Unless it is cut short.
        var until = now
        while let first = next {
            let page = try await store.read { (transaction) throws(StoreError) in
                try transaction.triedPasswords(from: first, limit: Self.perPage)
            }
            for attempt in page.tries where !attempt.who.isEmpty { replay.replay(attempt) }
            next = page.next
            if let most, replay.attempts >= most, let next {
                until = next.at
                break
            }
            progress(replay.attempts)
        }
        replay.finish()
        let named = Set(replay.findings.values.flatMap { $0.examples.map(\.who) })
        let people = try await store.read { (transaction) throws(StoreError) in
            var people: [[UInt8]: String] = [:]
            for who in named {
                people[who] = try Account.ID(bytes: who).flatMap { (id) throws(StoreError) in try transaction.account(id)?.email }
            }
            return people
        }
        return Report(
            attempts: replay.attempts, right: replay.right, findings: replay.findings, people: people,
            passwords: try await passwords(policy.passwords, instead: today.passwords, now: now),
            unusual: try await unusual(policy.unusual, instead: today.unusual, since: since, until: until), until: until)
    }

    /// What was found unusual, held against other rules. Ways slower than any rule may call impossible were never written down.
    private func unusual(
        _ policy: UnusualPolicy, instead today: UnusualPolicy, since: Timestamp, until: Timestamp
    ) async throws(StoreError) -> Unusual {
        var found = Unusual()
        var first = SignInAttempt.Number.first(at: since)
        while true {
            let start = first
            let page = try await store.read { (transaction) throws(StoreError) in
                try transaction.findings(from: start, limit: Self.perPage).map { (line) throws(StoreError) in
                    (line, groups: policy.ofGroups.isEmpty && today.ofGroups.isEmpty ? [] : try transaction.groups(of: line.account))
                }
            }
            guard let last = page.last?.0.number else { break }
            // The last one may have more findings behind this page's end.
            let whole = page.count < Int(Self.perPage) ? page : page.filter { $0.0.number != last }
            for (_, lines) in Dictionary(grouping: whole, by: \.0.number) where lines[0].0.number.at <= until {
                let findings = lines.compactMap(\.0.finding)
                found.signIns += 1
                found.then[policy.section(for: lines[0].groups).rules.measure(for: findings), default: 0] += 1
                found.now[today.section(for: lines[0].groups).rules.measure(for: findings), default: 0] += 1
            }
            guard page.count == Int(Self.perPage), !whole.isEmpty else { break }
            first = last
        }
        return found
    }

    private func passwords(_ policy: PasswordPolicy, instead today: PasswordPolicy, now: Timestamp) async throws(StoreError) -> Passwords {
        var found = Passwords()
        guard policy.expires || today.expires else { return found }
        var after: Account.ID?
        repeat {
            let last = after
            let page = try await store.read { (transaction) throws(StoreError) in
                try transaction.accounts(withPasswordSetBy: now, after: last, limit: Self.perPage).map { (account) throws(StoreError) in
                    (account, groups: try transaction.groups(of: account.id), hasFactor: try transaction.hasSecondFactor(account.id))
                }
            }
            for (account, groups, hasFactor) in page {
                func isExpired(_ policy: PasswordPolicy) -> Bool {
                    ([policy.rules] + groups.compactMap { policy.ofGroups[$0] }).contains { rules in
                        guard let age = rules.expiresAfter, !(rules.sparesSecondFactor && hasFactor) else { return false }
                        return account.setAt + age <= now
                    }
                }
                found.accounts += 1
                if isExpired(today) { found.expiredNow += 1 }
                if isExpired(policy) { found.expiredThen += 1 }
            }
            after = Int64(page.count) == Self.perPage ? page.last?.0.id : nil
        } while after != nil
        return found
    }
}

extension Simulate.Report {
    /// For tables: each measure, how often it would be taken, and how often it is under today's settings.
    var measures: [(word: String, then: Int, now: Int)] {
        Measure.allCases.map { ($0.rawValue, unusual.then[$0] ?? 0, unusual.now[$0] ?? 0) }
    }
}
