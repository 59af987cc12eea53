import Secrets
import Storage

/// "View as this app": what the gateway would say of somebody on a path, to the byte.
struct PreviewApp: Sendable {
    struct Preview: Sendable {
        let app: App
        let email: String
        let path: RequestPath
        /// `allow`, or the reason of the refusal.
        let verdict: String
        /// The rule that decided, in words.
        let rule: String
        /// Every header of an answer that allows, in order; empty for one that doesn't.
        let headers: [(name: String, value: String)]
    }

    let store: any Store
    let assertions: Assertions
    let random: Randomness

    /// - Parameter assurance: as if the person had proved that much.
    /// - Returns: nil if there is no such account, or it isn't open.
    func preview(
        _ app: App, as email: EmailAddress, at target: String, assurance: Assurance, now: Timestamp
    ) async throws(StoreError) -> Preview? {
        let found = try await store.read { (transaction) throws(StoreError) -> (Account, [String])? in
            guard let account = try transaction.account(email: email), account.state == .active else { return nil }
            return (account, try transaction.groups(of: account.id))
        }
        guard let (account, groups) = found else { return nil }
        let session = LiveSession(
            id: Session.ID(now: now, random: random.bytes(10)), account: account.id, role: account.role, expiresAt: now + .seconds(60),
            idle: nil, readAt: now, assurance: assurance, username: account.username, email: account.email, name: account.name,
            groups: groups)
        let path = RequestPath(target: target)
        let verdict = Gateway.verdict(session, for: app, path: path, carriesIdentity: false)
        return Preview(
            app: app, email: account.email, path: path, verdict: verdict.word, rule: Self.rule(app, path),
            headers: headers(verdict, app, now: now))
    }

    private func headers(_ verdict: Gateway.Verdict, _ app: App, now: Timestamp) -> [(name: String, value: String)] {
        guard case .allow(let session, let user, let groups) = verdict else { return [] }
        var identity = Identity()
        if let session {
            identity = Identity(
                session, user: user, groups: groups, letters: app.letters,
                assertion: Self.unsigned(assertions.assertion(for: session, app: app, user: user, groups: groups, now: now)))
        }
        return zip(Gateway.identityHeaders, identity.values).map { ($0, $1) }
    }

    /// Whoever looks must not be able to be the person they look at (AZ-06).
    private static func unsigned(_ assertion: String) -> String {
        assertion.split(separator: ".").dropLast().joined(separator: ".") + ".(signature left out)"
    }

    private static func rule(_ app: App, _ path: RequestPath) -> String {
        guard path.isNormal else {
            let all = app.rules.filter { $0.requirement != .bypass }.map(\.text).joined(separator: ", ")
            return "The path isn’t in normal form, so every rule holds: \(all.isEmpty ? "signed-in" : all)."
        }
        guard let rule = app.rules.first(where: { $0.matches(path.text) }) else { return "No rule names this path: signed-in." }
        return "Rule: \(rule.text)."
    }
}
