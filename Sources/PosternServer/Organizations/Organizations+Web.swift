import HTTPTypes
import Hummingbird
import Secrets
import Storage

/// Organizations by JSON.
struct OrganizationsWeb: Room {
    let create: CreateOrganization
    let members: ManageMembers
    let read: ReadOrganizations
    let shell: Shell
    /// What the API answers where a fresh proof is missing.
    let stepUpRequired: @Sendable (LiveSession, Timestamp) async throws -> Refused

    private static let place = "/auth/v1/organizations"

    var routes: [Route] {
        [
            .api(.post, Self.place, .anyone, make).askingWhoItIs,
            .api(.get, Self.place, .signedIn, list),
            .api(.post, Self.place + "/claim", .signedIn, claim),
            .api(.get, Self.place + "/{id}", .signedIn, show).forKeys(),
            .api(.patch, Self.place + "/{id}", .signedIn, rename),
            .api(.delete, Self.place + "/{id}", .signedIn, end).forKeys(KeyScopes.organization),
            .api(.get, Self.place + "/{id}/members", .signedIn, listMembers),
            .api(.patch, Self.place + "/{id}/members/{member}", .signedIn, setRole),
            .api(.delete, Self.place + "/{id}/members/{member}", .signedIn, remove),
            .api(.get, Self.place + "/{id}/invitations", .signedIn, listInvitations),
            .api(.post, Self.place + "/{id}/invitations", .signedIn, invite),
            .api(.delete, Self.place + "/{id}/invitations/{invitation}", .signedIn, withdraw),
            .api(.get, "/auth/v1/account/invitations", .signedIn, listOwnInvitations),
            .api(.post, "/auth/v1/account/invitations/{id}/accept", .signedIn, accept),
            .api(.delete, "/auth/v1/account/invitations/{id}", .signedIn, decline),
        ]
    }

    private struct Made: Encodable {
        let organization: OrganizationDocument
        let api_key: KeyDocument
    }

    // MARK: Organizations

    @Sendable private func make(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: ["name", "guest"])
        let outcome: CreateOrganization.Outcome
        if try fields.bool("guest", default: false) {
            let name = fields.has("name") ? try fields.text("name") : nil
            outcome = try await create.createGuest(named: name, client: visit.client, now: visit.now)
        } else {
            // An organization's people come later than its first key: somebody must own it.
            guard visit.key == nil else { throw Refused(.notAllowed, detail: "An API key doesn’t make organizations. Sign in.") }
            let session = try visit.signedIn()
            guard !session.isHeld else { throw Refused(.secondFactorRequired) }
            outcome = try await create.create(try fields.text("name"), in: session, client: visit.client, now: visit.now)
        }
        switch outcome {
        case .created(let organization, let key, let text):
            return try .json(
                Made(
                    organization: OrganizationDocument(organization, role: organization.isGuest ? nil : .owner),
                    api_key: KeyDocument(key, text: text.exposed, now: visit.now)), status: .created)
        default:
            if let refused = Self.refused(outcome) { throw refused }
            throw try await stepUpRequired(visit.signedIn(), visit.now)
        }
    }

    /// Nil where a fresh proof is missing.
    static func refused(_ outcome: CreateOrganization.Outcome) -> Refused? {
        switch outcome {
        case .created, .stepUpNeeded: return nil
        case .nameInvalid:
            return Refused(.nameInvalid, field: "name", detail: "Use 1 to \(Organization.longestName) characters on one line.")
        case .tooMany: return Refused(.tooManyOrganizations)
        case .guestsAreOff: return Refused(.guestsOff)
        case .tooManyGuests:
            var refused = Refused(.tooManyGuests)
            refused.retryAfter = 600
            return refused
        case .throttled(let wait):
            var refused = Refused(
                .throttled, detail: "This address made as many guests as it may in an hour (organizations.guests-per-hour).")
            refused.retryAfter = wait
            return refused
        }
    }

    @Sendable private func list(_ request: Request, _ visit: Visit) async throws -> Response {
        let own = try await read.own(visit.signedIn().account, now: visit.now)
        return try .json(OrganizationList(organizations: own.memberships.map { OrganizationDocument($0.organization, role: $0.role) }))
    }

    private func detail(_ visit: Visit) async throws -> ReadOrganizations.Detail {
        guard let detail = try await read.detail(visit.identifier(), by: visit.caller(), now: visit.now) else { throw Refused(.notFound) }
        return detail
    }

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        let detail = try await detail(visit)
        return try .json(OrganizationDocument(detail.organization, role: detail.role))
    }

    @Sendable private func claim(_ request: Request, _ visit: Visit) async throws -> Response {
        let text = try JSONFields(visit.body, allowed: ["key"]).text("key")
        guard let key = KeyText(text: text.utf8) else { throw Refused(.apiKeyInvalid, field: "key") }
        switch try await create.claim(key, in: visit.signedIn(), client: visit.client, now: visit.now) {
        case .claimed(let organization): return try .json(OrganizationDocument(organization, role: .owner))
        case .notFound: throw Refused(.notFound)
        case .stepUpNeeded: throw try await stepUpRequired(visit.signedIn(), visit.now)
        case .tooMany: throw Refused(.tooManyOrganizations)
        }
    }

    @Sendable private func rename(_ request: Request, _ visit: Visit) async throws -> Response {
        let name = try JSONFields(visit.body, allowed: ["name"]).text("name")
        let outcome = try await members.rename(
            visit.identifier(), to: name, by: visit.signedIn(), client: visit.client, now: visit.now)
        try await check(outcome, visit)
        return try await show(request, visit)
    }

    @Sendable private func end(_ request: Request, _ visit: Visit) async throws -> Response {
        switch try await create.end(visit.identifier(), by: visit.caller(), client: visit.client, now: visit.now) {
        case .ended: return .nothing()
        case .notFound: throw Refused(.notFound)
        case .notAllowed: throw Refused(.notAllowed)
        case .stepUpNeeded: throw try await stepUpRequired(visit.signedIn(), visit.now)
        }
    }

    // MARK: People

    private func check(_ outcome: ManageMembers.Outcome, _ visit: Visit) async throws {
        if outcome == .stepUpNeeded { throw try await stepUpRequired(visit.signedIn(), visit.now) }
        if let refused = Self.refused(outcome) { throw refused }
    }

    /// Nil for what was done.
    static func refused(_ outcome: ManageMembers.Outcome) -> Refused? {
        switch outcome {
        case .done: nil
        case .notFound: Refused(.notFound)
        case .notAllowed: Refused(.notAllowed)
        case .stepUpNeeded: Refused(.stepUpRequired)
        case .lastOwner: Refused(.lastOwner)
        case .alreadyMember: Refused(.alreadyMember, field: "email")
        case .tooMany: Refused(.throttled, detail: "50 invitations were sent in this hour, or the account is in 20 organizations.")
        case .nameInvalid: Refused(.nameInvalid, field: "name", detail: "Use 1 to \(Organization.longestName) characters on one line.")
        }
    }

    private static func role(_ text: String) throws -> Organization.Role {
        guard let role = Organization.Role(rawValue: text) else {
            throw Refused(
                .malformed, field: "role", detail: "Allowed: \(Organization.Role.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        return role
    }

    @Sendable private func listMembers(_ request: Request, _ visit: Visit) async throws -> Response {
        let detail = try await detail(visit)
        return try .json(MemberList(members: detail.members.map { MemberDocument($0, masked: detail.role == .support) }))
    }

    @Sendable private func setRole(_ request: Request, _ visit: Visit) async throws -> Response {
        let role = try Self.role(try JSONFields(visit.body, allowed: ["role"]).text("role"))
        try await check(
            members.setRole(
                of: visit.identifier("member"), to: role, in: visit.identifier(), by: visit.signedIn(), client: visit.client, now: visit.now
            ),
            visit)
        return .nothing()
    }

    @Sendable private func remove(_ request: Request, _ visit: Visit) async throws -> Response {
        try await check(
            members.remove(
                visit.identifier("member"), from: visit.identifier(), by: visit.signedIn(), client: visit.client, now: visit.now), visit)
        return .nothing()
    }

    @Sendable private func listInvitations(_ request: Request, _ visit: Visit) async throws -> Response {
        let detail = try await detail(visit)
        guard detail.role?.mayManageMembers == true else { throw Refused(.notAllowed) }
        return try .json(InvitationList(invitations: detail.invitations.map { InvitationDocument($0, of: detail.organization) }))
    }

    @Sendable private func invite(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: ["email", "role"])
        guard let email = EmailAddress(try fields.text("email")) else { throw Refused(.emailInvalid, field: "email") }
        let role = try Self.role(try fields.text("role"))
        try await check(
            members.invite(email, as: role, to: visit.identifier(), by: visit.signedIn(), client: visit.client, now: visit.now), visit)
        return .nothing(.accepted)
    }

    @Sendable private func withdraw(_ request: Request, _ visit: Visit) async throws -> Response {
        try await check(
            members.withdraw(
                visit.identifier("invitation"), to: visit.identifier(), by: visit.signedIn(), client: visit.client, now: visit.now), visit)
        return .nothing()
    }

    @Sendable private func listOwnInvitations(_ request: Request, _ visit: Visit) async throws -> Response {
        let own = try await read.own(visit.signedIn().account, now: visit.now)
        return try .json(InvitationList(invitations: own.invitations.map { InvitationDocument($0.invitation, of: $0.organization) }))
    }

    @Sendable private func accept(_ request: Request, _ visit: Visit) async throws -> Response {
        try await check(members.accept(visit.identifier(), by: visit.signedIn(), client: visit.client, now: visit.now), visit)
        return .nothing()
    }

    @Sendable private func decline(_ request: Request, _ visit: Visit) async throws -> Response {
        try await check(members.decline(visit.identifier(), by: visit.signedIn()), visit)
        return .nothing()
    }
}
