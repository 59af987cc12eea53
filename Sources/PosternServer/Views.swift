import Storage

/// What pages show: reads that join rooms and decide nothing.
struct Views: Sendable {
    let store: any Store
    let calendar: PasswordCalendar
    let locks: AccountLocks
    let phones: PhonePolicy

    /// Lines of a list on an account's page.
    private static let latest: Int64 = 20

    @Sendable func ownerIsMissing() async -> Bool {
        (try? await store.read { (transaction) throws(StoreError) in try !transaction.ownerExists() }) ?? false
    }

    @Sendable func isHealthy() async -> Bool {
        (try? await store.read { (transaction) throws(StoreError) in try transaction.answers() }) ?? false
    }

    @Sendable func sessions(of account: Account.ID, now: Timestamp) async throws(StoreError) -> [(session: Session, place: ShownPlace)] {
        try await store.read { (transaction) throws(StoreError) in
            try transaction.sessions(of: account, now: now).map { (session) throws(StoreError) in
                (session: session, place: try transaction.shownPlace(session.place, network: nil))
            }
        }
    }

    /// Whether somebody has proved who they are in the last minutes.
    @Sendable func isFresh(_ session: LiveSession, now: Timestamp) async throws(StoreError) -> Bool {
        try await store.read { (transaction) throws(StoreError) in
            try transaction.isFreshlyProven(session.id, of: session.account, now: now)
        }
    }

    @Sendable func factors(of account: Account.ID, now: Timestamp) async throws(StoreError) -> SecurityPage.Factors {
        try await store.read { (transaction) throws(StoreError) in
            SecurityPage.Factors(
                authenticators: try transaction.authenticators(of: account),
                recoveryCodesLeft: try transaction.recoveryCodesLeft(of: account),
                recoverySet: try transaction.recoverySet(of: account), trusted: try transaction.trustedBrowsers(of: account, now: now),
                tries: try transaction.codeTries(of: account), passwordSetAt: try transaction.account(account)?.passwordSetAt,
                breach: try transaction.breachFinding(of: account), phones: try transaction.phones(of: account),
                phoneOptions: try phones.options(of: account, in: transaction, now: now),
                offersPhones: phones.desk.rules.settings.isOn ? try phones.isAllowed(account, in: transaction) : false)
        }
    }

    /// The last code that was sent to confirm who is in a session.
    @Sendable func codeForStepUp(_ session: LiveSession, now: Timestamp) async throws(StoreError) -> CodeState? {
        try await store.read { (transaction) throws(StoreError) in
            try phones.state(of: .stepUp(session.id), session.account, in: transaction, now: now)
        }
    }

    /// A number that waits for its code.
    @Sendable func waitingPhone(
        _ id: Phone.ID, of account: Account.ID, now: Timestamp
    ) async throws(StoreError) -> (phone: Phone, sent: CodeState?)? {
        try await store.read { (transaction) throws(StoreError) in
            guard let found = try transaction.phone(id, of: account, now: now), !found.isConfirmed else { return nil }
            return (phone: found.phone, sent: try phones.state(of: .confirm(id), account, in: transaction, now: now))
        }
    }

    @Sendable func passwordPerson(_ session: LiveSession) async throws(StoreError) -> PasswordsWeb.Person {
        try await store.read { (transaction) throws(StoreError) in
            PasswordsWeb.Person(
                about: try transaction.account(session.account)?.known ?? [session.email],
                groups: try transaction.groups(of: session.account))
        }
    }

    @Sendable func account(_ id: Account.ID) async throws(StoreError) -> AccountsWeb.Details? {
        try await store.read { (transaction) throws(StoreError) in
            guard let account = try transaction.account(id) else { return nil }
            return AccountsWeb.Details(
                account: account, groups: try transaction.groups(of: id),
                attempts: try transaction.attempts(of: id, limit: Int(Self.latest)))
        }
    }

    @Sendable func leavesAt(_ account: Account.ID) async throws(StoreError) -> Timestamp? {
        try await store.read { (transaction) throws(StoreError) in try transaction.leaving(account) }
    }

    /// Lines of each kind in somebody's export.
    private static let most: Int64 = 10_000

    @Sendable func export(_ id: Account.ID, now: Timestamp) async throws(StoreError) -> ExportDocument? {
        try await store.read { (transaction) throws(StoreError) in
            guard let account = try transaction.account(id) else { return nil }
            return ExportDocument(
                account: AccountDocument(account, groups: try transaction.groups(of: id)),
                password_set_at: account.passwordSetAt.map(ISOTime.text),
                authenticators: try transaction.authenticators(of: id).map {
                    .init(name: $0.name, created_at: ISOTime.text($0.createdAt), used_at: $0.usedAt.map(ISOTime.text))
                },
                phones: try transaction.phones(of: id).map {
                    .init(number: $0.masked, country: $0.country, added_at: ISOTime.text($0.addedAt), used_at: $0.usedAt.map(ISOTime.text))
                },
                recovery_codes_left: try transaction.recoveryCodesLeft(of: id),
                organizations: try transaction.memberships(of: id, now: now).map {
                    .init(slug: $0.organization.slug, name: $0.organization.name, role: $0.role.rawValue)
                },
                api_keys: try transaction.keys(of: .account(id), before: nil, limit: Self.most).map { KeyDocument($0, now: now) },
                sessions: try transaction.sessions(of: id, now: now).map {
                    .init(
                        address: $0.address, browser: $0.browser, created_at: ISOTime.text($0.createdAt), seen_at: ISOTime.text($0.seenAt))
                },
                trusted_browsers: try transaction.trustedBrowsers(of: id, now: now).map {
                    .init(address: $0.address, browser: $0.browser, created_at: ISOTime.text($0.createdAt), seen_at: nil)
                },
                sign_ins: try transaction.attempts(of: id, limit: Int(Self.most)).map { (attempt) throws(StoreError) in
                    .init(
                        at: ISOTime.text(attempt.at), outcome: attempt.outcome.rawValue, reason: attempt.reason,
                        address: attempt.addressText ?? "", place: try transaction.shownPlace(attempt.place, network: nil).words,
                        browser: attempt.program.words, times: attempt.times, last_at: ISOTime.text(attempt.lastAt))
                },
                notifications: try transaction.notices(of: id, state: nil, before: nil, limit: Self.most).map {
                    .init(
                        at: ISOTime.text($0.createdAt), kind: $0.kind, channel: $0.channel, target: $0.target, subject: $0.subject,
                        state: $0.state.rawValue)
                },
                events: try transaction.auditLines(of: id, limit: Self.most).map {
                    .init(
                        at: ISOTime.text($0.at), event: $0.kind, by: $0.actorID == id ? "yourself" : $0.actor,
                        // Another's address is theirs.
                        address: $0.actorID == id ? $0.address : "", detail: $0.detail)
                })
        }
    }

    @Sendable func notices(
        of account: Account.ID?, _ state: NoticeLine.State?, before: Notice.ID?
    ) async throws(StoreError) -> [NoticeLine] {
        try await store.read { (transaction) throws(StoreError) in
            try transaction.notices(of: account, state: state, before: before, limit: Int64(NoticesWeb.mostShown + 1))
        }
    }

    @Sendable func noticeChoices(of account: Account.ID) async throws(StoreError) -> [NoticesPage.Choice] {
        try await store.read { (transaction) throws(StoreError) in
            try Notice.Kind.allCases.filter(\.isOptional).map { (kind) throws(StoreError) in
                NoticesPage.Choice(kind: kind, isWanted: try transaction.wantsNotice(kind, account))
            }
        }
    }

    @Sendable func figures(now: Timestamp) async throws(StoreError) -> OverviewPage.Figures {
        try await store.read { (transaction) throws(StoreError) in
            let attempts = try transaction.attemptCounts(since: now - .seconds(86_400))
            let jobs = try transaction.jobCounts()
            return OverviewPage.Figures(
                accounts: try transaction.accountCounts(), sessions: try transaction.sessionCount(now: now),
                groups: try transaction.groupCount(),
                signInsToday: attempts[.signedIn] ?? 0,
                refusedToday: attempts[.refused] ?? 0,
                jobsReady: jobs.ready, jobsDead: jobs.dead)
        }
    }

    /// Lines of the lists beside everybody's attempts.
    private static let beside: Int64 = 20

    func signIns(_ files: [PlaceFinder.Listing], now: Timestamp) async throws(StoreError) -> SignInsPage.Overview {
        try await store.read { (transaction) throws(StoreError) in
            SignInsPage.Overview(
                cases: try transaction.signInCases(limit: Self.beside),
                places: try transaction.placeCounts(sinceDay: now.day - 29, limit: Self.beside),
                findings: try transaction.findingCounts(since: now - .seconds(30 * 86_400)), files: files, now: now)
        }
    }

    @Sendable func accountID(_ email: EmailAddress) async throws(StoreError) -> Account.ID? {
        try await store.read { (transaction) throws(StoreError) in try transaction.account(email: email)?.id }
    }

    @Sendable func search(_ text: String) async throws(StoreError) -> [Account] {
        try await store.read { (transaction) throws(StoreError) in
            try transaction.accounts(matching: text, limit: Int64(AdminWeb.mostShown + 1))
        }
    }

    @Sendable func blocks(_ all: Bool, before: Block.ID?, now: Timestamp) async throws(StoreError) -> BlocklistWeb.Listing {
        try await store.read { (transaction) throws(StoreError) in
            let blocks = try transaction.blocks(live: !all, before: before, limit: Int64(BlocklistWeb.mostShown + 1), now: now)
            var people: [Account.ID: String] = [:]
            for id in Set(blocks.compactMap(\.account)) { people[id] = try transaction.account(id)?.email }
            return BlocklistWeb.Listing(
                blocks: blocks, people: people, refusals: try transaction.refusals(limit: Int64(BlocklistWeb.mostShown)),
                rules: try transaction.ruleVersions(limit: 2))
        }
    }

    @Sendable func shadows() async throws(StoreError) -> [ShadowLine] {
        try await store.read { (transaction) throws(StoreError) in try transaction.shadowLines() }
    }

    @Sendable func person(_ id: Account.ID, now: Timestamp) async throws(StoreError) -> AdminWeb.Person? {
        try await store.read { (transaction) throws(StoreError) in
            guard let account = try transaction.account(id) else { return nil }
            return AdminWeb.Person(
                account: account, groups: try transaction.groups(of: id), sessions: try transaction.sessions(of: id, now: now),
                attempts: try transaction.attempts(of: id, limit: Int(Self.latest)), authenticators: try transaction.authenticators(of: id),
                phones: try transaction.phones(of: id),
                recoveryCodesLeft: try transaction.recoveryCodesLeft(of: id), tries: try transaction.codeTries(of: id),
                audit: try transaction.auditLines(of: id, limit: Self.latest),
                passwordExpiry: try calendar.expiry(of: account, in: transaction).map { ($0, $0 <= now) },
                blocks: try transaction.blocks(live: true, of: id, limit: Self.latest, now: now),
                failures: try EmailAddress(account.email).map { (email) throws(StoreError) in
                    try transaction.tries(TriedAccount(id, email: email, identifiers: locks.identifiers).key, place: "").failures
                } ?? 0)
        }
    }
}
