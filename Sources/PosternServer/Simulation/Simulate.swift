import Storage

/// Tries a policy on what was recorded.
struct Simulate: Sendable {
    struct Report: Sendable {
        let attempts: Int
        let right: Int
        let findings: [PolicyReplay.Rule: PolicyReplay.Finding]
        /// The addresses of the accounts in the examples.
        let people: [[UInt8]: String]
        let passwords: Passwords
        /// When the last attempt was that was read.
        let until: Timestamp
    }

    /// How many passwords are older than the rules allow: today's, and those that are tried.
    struct Passwords: Sendable {
        var accounts = 0
        var expiredNow = 0
        var expiredThen = 0
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
        var last = SignInAttempt.ID(now: since, random: [UInt8](repeating: 0, count: 10))
        // Unless it is cut short.
        var until = now
        while true {
            let after = last
            let page = try await store.read { (transaction) throws(StoreError) in
                try transaction.triedPasswords(after: after, limit: Self.perPage)
            }
            for attempt in page where !attempt.who.isEmpty { replay.replay(attempt) }
            guard let end = page.last, page.count == Self.perPage else { break }
            last = end.id
            if let most, replay.attempts >= most {
                until = end.at
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
            passwords: try await passwords(policy.passwords, instead: today.passwords, now: now), until: until)
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
