import Logging
import NetworkAddress
import Secrets
import Storage
import Throttle

/// The rooms of organizations and keys, made once from the settings.
package struct KeyParts: Sendable {
    let desk: KeyDesk
    let notices: KeyNotices
    private let settings: Settings
    private let store: any Store
    private let random: Randomness

    init(_ settings: Settings, store: any Store, notices: Notices, random: Randomness, logger: Logger) {
        (self.settings, self.store, self.random) = (settings, store, random)
        self.notices = KeyNotices(
            notices: notices, mails: KeyMail(publicURL: settings.publicURL, layout: settings.mailLayout))
        desk = KeyDesk(store: store, notices: self.notices, logger: logger)
    }

    var make: MakeKey { MakeKey(store: store, desk: desk, notices: notices, random: random) }
    var manage: ManageKeys { ManageKeys(store: store, desk: desk, notices: notices) }
    var expirySource: ExpirySource { .keys(store: store, mails: notices.mails) }

    /// Reports of found keys that one address may send.
    private static let mostReports = Rate.perHour(600)

    func rooms(_ views: Views, _ shell: Shell, _ sessions: SessionDesk, _ notices: Notices) -> [any Room] {
        let create = CreateOrganization(
            store: store, desk: sessions, keys: desk, notices: self.notices, settings: settings.organizations, random: random)
        let members = ManageMembers(
            store: store, desk: sessions, notices: notices,
            mails: OrganizationMail(publicURL: settings.publicURL, layout: settings.mailLayout), random: random)
        let organizations = ReadOrganizations(store: store)
        let read = ReadKeys(store: store, desk: desk)
        let stepUpRequired: @Sendable (LiveSession, Timestamp) async throws -> Refused = { session, now in
            try await views.factors(of: session.account, now: now).stepUpRequired
        }
        let isFresh: @Sendable (LiveSession, Timestamp) async throws -> Bool = { session, now in
            try await views.isFresh(session, now: now)
        }
        let store = store
        return [
            OrganizationsWeb(create: create, members: members, read: organizations, shell: shell, stepUpRequired: stepUpRequired),
            OrganizationPagesWeb(create: create, members: members, read: organizations, shell: shell, isFresh: isFresh),
            APIKeysWeb(
                make: make, manage: manage, read: read, desk: desk, leak: ReportLeak(store: store, desk: desk, notices: self.notices),
                shell: shell, stepUpRequired: stepUpRequired,
                allowReport: { (client, now) throws(StoreError) in
                    try await store.write { (transaction) throws(StoreError) in
                        try transaction.countRate("key reports \(client.address.client)", Self.mostReports, now: now).isAllowed
                    }
                }),
            KeyPagesWeb(make: make, manage: manage, read: read, organizations: organizations, shell: shell, isFresh: isFresh),
        ]
    }
}
