import Storage

extension Migration {
    /// Every step of the schema, in order. A room adds one line here; what was released is never changed.
    static let all: [Migration] = [
        .accounts,
        .groups,
        .sessions,
        .audit,
        .signInHistory,
        .secretsAtRest,
        .jobs,
        .signUp,
        .setup,
        .sessionProofs,
        .secondFactor,
        .authenticators,
        .recoveryCodes,
        .challenges,
        .apps,
        .entry,
        .usernames,
        .checks,
        .passwords,
        .challengesForChange,
        .jobKeys,
        .notices,
        .passwordLife,
        .requiredChanges,
        .joined,
        .emailChanges,
        .leaving,
        .throttling,
        .blocklist,
        .knownBrowserAttempts,
    ]
}
