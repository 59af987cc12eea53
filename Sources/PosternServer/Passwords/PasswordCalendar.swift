import Storage

/// That a password must make way before a session opens.
struct PasswordDue: Equatable, Sendable {
    enum Cause: Equatable, Sendable { case expired, required }

    let cause: Cause
    let since: Timestamp

    /// Whoever found it in an old backup must not choose the new one: so long after, and without a second factor, a mailed link is the way.
    static let longestAlone = Duration.seconds(30 * 86_400)

    func mayChangeHere(hasFactor: Bool, now: Timestamp) -> Bool { hasFactor || now - since <= Self.longestAlone }
}

/// Says when passwords expire. Nothing about it is stored with a password: another policy means other dates at once.
struct PasswordCalendar: Sendable {
    /// What a date follows from.
    struct Facts: Sendable {
        let account: Account.ID
        let setAt: Timestamp
        /// When the person joined each group.
        let groups: [(name: String, joinedAt: Timestamp)]
        let hasFactor: Bool
    }

    let policy: PasswordPolicy

    /// The earliest of the dates that rules set: a period after the password was set, and for the first time no sooner than the person's
    /// own place in the spread after the rule came, so that not everybody expires on one day.
    /// - Parameter since: when each rule came: ``everybody`` or a group's name.
    /// - Returns: nil for never.
    func expiry(_ facts: Facts, since: [String: Timestamp]) -> Timestamp? {
        var earliest: Timestamp?
        func apply(_ rules: PasswordRules, _ name: String, joinedAt: Timestamp?) {
            guard let period = rules.expiresAfter, !(rules.sparesSecondFactor && facts.hasFactor) else { return }
            let came = max(since[name] ?? facts.setAt, joinedAt ?? facts.setAt)
            let date = max(facts.setAt + period, came + place(of: facts.account))
            earliest = min(earliest ?? date, date)
        }
        apply(policy.rules, Self.everybody, joinedAt: nil)
        for group in facts.groups { if let rules = policy.ofGroups[group.name] { apply(rules, group.name, joinedAt: group.joinedAt) } }
        return earliest
    }

    /// No group is named so.
    static let everybody = "*"

    /// Each account's own moment within the spread, always the same: by the random end of its id.
    private func place(of account: Account.ID) -> Duration {
        let share = Double(account.bytes.suffix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }) / 4_294_967_296
        return .microseconds(Int64(Double(policy.spread.wholeMicroseconds) * share))
    }

    /// Every rule that sets dates, with its period.
    var periods: [(name: String, period: Duration)] {
        ([(Self.everybody, policy.rules)] + policy.ofGroups.sorted { $0.key < $1.key }).compactMap { name, rules in
            rules.expiresAfter.map { (name, $0) }
        }
    }

    /// Passwords set by then may expire until `time`; all others don’t.
    func setBy(expiringUntil time: Timestamp) -> Timestamp? { periods.map(\.period).min().map { time - $0 } }
}

/// Reads with the verbs of the store what the calendar decides by.
extension PasswordCalendar {
    /// When an account's password expires, or did.
    func expiry(of account: Account, in transaction: borrowing Transaction) throws(StoreError) -> Timestamp? {
        guard policy.expires, let setAt = account.passwordSetAt else { return nil }
        let facts = Facts(
            account: account.id, setAt: setAt, groups: try transaction.memberships(of: account.id),
            hasFactor: try transaction.hasSecondFactor(account.id))
        return expiry(facts, since: try transaction.passwordRules())
    }

    /// Whether an account's password must make way at a sign-in.
    func due(_ account: Account, in transaction: borrowing Transaction, now: Timestamp) throws(StoreError) -> PasswordDue? {
        let expired = try expiry(of: account, in: transaction).flatMap { $0 <= now ? PasswordDue(cause: .expired, since: $0) : nil }
        let required = account.passwordChangeRequiredAt.map { PasswordDue(cause: .required, since: $0) }
        // The earlier: to ask for a change opens nothing that was closed.
        return [expired, required].compactMap { $0 }.min { $0.since < $1.since }
    }

    /// Notes since when each rule holds: from now on, where it is new. Another period is no new rule: it would give time to passwords that
    /// expired long ago.
    func noteRules(in transaction: borrowing Transaction, now: Timestamp) throws(StoreError) {
        let known = try transaction.passwordRules()
        for name in known.keys where !periods.contains(where: { $0.name == name }) { try transaction.removePasswordRule(name) }
        for rule in periods { try transaction.notePasswordRule(rule.name, now: now) }
    }
}
