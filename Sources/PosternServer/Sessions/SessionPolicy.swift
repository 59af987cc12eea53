import Storage

/// How long a session lives.
struct SessionPolicy: Equatable, Sendable {
    /// Ends this long after its last use.
    var idle: Duration
    /// Ends this long after the sign-in, whatever happens.
    var absolute: Duration
    /// The same for "keep me signed in", which has no idle end.
    var keep: Duration

    static let standard = SessionPolicy(idle: .seconds(12 * 3_600), absolute: .seconds(7 * 86_400), keep: .seconds(30 * 86_400))

    /// The shorter of each: for somebody in two groups the strictest value of each setting wins.
    func strictest(with other: SessionPolicy) -> SessionPolicy {
        SessionPolicy(idle: min(idle, other.idle), absolute: min(absolute, other.absolute), keep: min(keep, other.keep))
    }
}

/// The general policy and those of groups, as the settings give them.
struct SessionPolicies: Sendable {
    let general: SessionPolicy
    let ofGroups: [String: SessionPolicy]

    /// What applies to a member of `groups`: the strictest of those that have a policy, else the general one.
    func policy(for groups: [String]) -> SessionPolicy {
        let own = groups.compactMap { ofGroups[$0] }
        return own.dropFirst().reduce(own.first ?? general) { $0.strictest(with: $1) }
    }
}
