import NetworkAddress
import Secrets
import Storage
import Throttle

/// Makes organizations, each with its first key; claims guests; ends them.
struct CreateOrganization: Sendable {
    enum Outcome: Sendable {
        case created(Organization, APIKey, Secret<String>)
        case nameInvalid
        case stepUpNeeded
        /// The account is in as many as it may be.
        case tooMany
        /// Guests aren't made here.
        case guestsAreOff
        case tooManyGuests
        /// This address has made as many as it may: seconds to wait.
        case throttled(wait: Int64)
    }

    enum Claim: Sendable {
        case claimed(Organization)
        /// It is none, claimed already, or over.
        case notFound
        case stepUpNeeded
        case tooMany
    }

    enum Ending: Equatable, Sendable { case ended, notFound, notAllowed, stepUpNeeded }

    let store: any Store
    let desk: SessionDesk
    let keys: KeyDesk
    let notices: KeyNotices
    let settings: OrganizationSettings
    let random: Randomness

    /// Of one account.
    private static let most = Rate.perHour(20)

    /// Slugs that people would take for more than an organization.
    private static func isFree(_ slug: String) -> Bool { !slug.isEmpty && !Username.reserved.contains(slug) }

    func create(
        _ text: String, in session: LiveSession, client: Client, now: Timestamp
    ) async throws(StoreError) -> Outcome {
        guard let name = Organization.name(text) else { return .nameInvalid }
        let account = session.account
        let outcome = try await store.write { (transaction) throws(StoreError) -> Outcome in
            guard try transaction.isFreshlyProven(session.id, of: account, now: now) else { return .stepUpNeeded }
            // Two that join at once are counted one after the other.
            _ = try transaction.heldAccount(account)
            guard try transaction.membershipCount(of: account) < OrganizationSettings.mostOfAccount,
                try transaction.countRate("organizations \(account)", Self.most, now: now).isAllowed
            else { return .tooMany }
            let organization = try add(name, isGuest: false, in: transaction, now: now)
            guard try transaction.addMember(account, to: organization.id, as: .owner, now: now) else { return .tooMany }
            try transaction.noteSessionChange(of: account, now: now)
            try transaction.record(
                AuditEvent(.organizationCreated, account: account, by: .account(account), from: client, at: now, detail: organization.slug))
            return try addFirstKey(of: organization, by: .session(session), in: transaction, now: now)
        }
        desk.forget(account)
        return outcome
    }

    /// Without a sign-in: a clean environment with its own key in one call.
    func createGuest(named text: String?, client: Client, now: Timestamp) async throws(StoreError) -> Outcome {
        guard settings.guests else { return .guestsAreOff }
        guard let name = Organization.name(text ?? "Guest") else { return .nameInvalid }
        return try await store.write { (transaction) throws(StoreError) in
            let decision = try transaction.countRate("guests \(client.address.client)", settings.guestsPerHour, now: now)
            guard decision.isAllowed else { return .throttled(wait: max(1, (decision.wait + 999_999) / 1_000_000)) }
            guard try transaction.guestCount(now: now) < settings.mostGuests else { return .tooManyGuests }
            let organization = try add(name, isGuest: true, in: transaction, now: now)
            try transaction.record(
                AuditEvent(.organizationCreated, account: nil, by: .visitor, from: client, at: now, detail: organization.slug))
            return try addFirstKey(of: organization, by: nil, in: transaction, now: now)
        }
    }

    private func add(
        _ name: String, isGuest: Bool, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Organization {
        let wanted = isGuest ? "" : Organization.slug(of: name)
        // A name that is taken, or says nothing in these letters, is told from others by random ones.
        var slug = wanted
        while true {
            let organization = Organization(
                id: Organization.ID(now: now, random: random.bytes(10)), slug: slug, name: name, createdAt: now, isGuest: isGuest,
                endsAt: isGuest ? now + OrganizationSettings.guestLifetime : nil)
            if Self.isFree(slug), try transaction.addOrganization(organization) { return organization }
            slug = (isGuest ? "guest" : wanted.isEmpty ? "organization" : wanted) + "-" + Shell.hex(random.bytes(isGuest ? 5 : 2))
        }
    }

    private func addFirstKey(
        of organization: Organization, by caller: KeyCaller?, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Outcome {
        let terms = APIKey.Terms(name: "First key", scopes: .all)
        // A guest is for trying things out.
        let new = NewKey(
            terms, mode: organization.isGuest ? .test : .live, of: .organization(organization.id), by: caller, now: now, random: random)
        try transaction.addKey(new)
        guard let key = try transaction.key(new.id) else { return .tooMany }
        try transaction.record(
            AuditEvent(.keyMade, account: caller?.account, by: caller?.actor ?? .visitor, from: nil, at: now, detail: "\(new.id)"))
        return .created(organization, key, new.text.text)
    }

    /// A guest becomes its claimer's, who shows its key for it.
    func claim(_ text: KeyText, in session: LiveSession, client: Client, now: Timestamp) async throws(StoreError) -> Claim {
        let account = session.account
        let outcome = try await store.write { (transaction) throws(StoreError) -> Claim in
            guard try transaction.isFreshlyProven(session.id, of: account, now: now) else { return .stepUpNeeded }
            _ = try transaction.heldAccount(account)
            guard let key = try transaction.liveKey(hash: text.hash, now: now), key.refusal(at: now) == nil, let guest = key.organization,
                key.scopes.has(KeyScopes.organization)
            else { return .notFound }
            guard try transaction.membershipCount(of: account) < OrganizationSettings.mostOfAccount else { return .tooMany }
            guard try transaction.keepGuest(guest.id, now: now),
                try transaction.addMember(account, to: guest.id, as: .owner, now: now),
                let organization = try transaction.organization(guest.id, now: now)
            else { return .notFound }
            try transaction.adoptKeys(of: .organization(guest.id), by: account)
            try transaction.noteKeyChange(of: .organization(guest.id), now: now)
            try transaction.noteSessionChange(of: account, now: now)
            try transaction.record(
                AuditEvent(.organizationClaimed, account: account, by: .account(account), from: client, at: now, detail: organization.slug))
            return .claimed(organization)
        }
        if case .claimed(let organization) = outcome {
            desk.forget(account)
            keys.forget(.organization(organization.id))
        }
        return outcome
    }

    /// Ends an organization and all its keys at once.
    func end(_ id: Organization.ID, by caller: KeyCaller, client: Client, now: Timestamp) async throws(StoreError) -> Ending {
        let (outcome, members) = try await store.write { (transaction) throws(StoreError) -> (Ending, [Account.ID]) in
            switch caller {
            case .session(let session):
                guard let role = try transaction.role(of: session.account, in: id, now: now) else { return (.notFound, []) }
                guard role == .owner else { return (.notAllowed, []) }
                guard try transaction.isFreshlyProven(session.id, of: session.account, now: now) else { return (.stepUpNeeded, []) }
            case .key(let key):
                guard key.keyOwner == .organization(id) else { return (.notFound, []) }
                guard let maker = try transaction.holdKeys(of: .key(key), and: nil, now: now)?.maker else { return (.notFound, []) }
                // A key ends what nobody has claimed; what is people's is theirs to end.
                guard maker.terms.scopes.has(KeyScopes.organization), try transaction.organization(id, now: now)?.isGuest == true else {
                    return (.notAllowed, [])
                }
            case .commandLine: break
            }
            guard let organization = try transaction.organization(id, now: now) else { return (.notFound, []) }
            // Whoever joins at this moment is in it before, or not at all.
            try transaction.lockMembers(of: id)
            let members = try transaction.members(of: id, limit: .max).map(\.account)
            guard try transaction.endOrganization(id, ifGuest: caller.key != nil, now: now) else { return (.notAllowed, []) }
            try transaction.noteKeyChange(of: .organization(id), now: now)
            for account in members.sorted(by: { $0.description < $1.description }) {
                try transaction.noteSessionChange(of: account, now: now)
            }
            try transaction.record(
                AuditEvent(.organizationEnded, account: caller.account, by: caller.actor, from: client, at: now, detail: organization.slug))
            return (.ended, members)
        }
        for account in members { desk.forget(account) }
        if outcome == .ended { keys.forget(.organization(id)) }
        return outcome
    }
}
