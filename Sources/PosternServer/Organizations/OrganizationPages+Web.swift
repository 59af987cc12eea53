import HTTPTypes
import Hummingbird
import Secrets
import Storage

/// Organizations by page.
struct OrganizationPagesWeb: Room {
    let create: CreateOrganization
    let members: ManageMembers
    let read: ReadOrganizations
    let shell: Shell
    let isFresh: @Sendable (LiveSession, Timestamp) async throws -> Bool

    private static let home = "/auth/account/organizations"

    var routes: [Route] {
        [
            .page(.get, Self.home, .signedIn, list),
            .page(.post, Self.home, .signedIn, make),
            .page(.post, Self.home + "/claim", .signedIn, claim),
            .page(.post, Self.home + "/invitations/{invitation}", .signedIn, answer),
            .page(.get, Self.home + "/{id}", .signedIn, show),
            .page(.post, Self.home + "/{id}/rename", .signedIn, rename),
            .page(.post, Self.home + "/{id}/end", .signedIn, end),
            .page(.post, Self.home + "/{id}/invite", .signedIn, invite),
            .page(.post, Self.home + "/{id}/withdraw/{invitation}", .signedIn, withdraw),
            .page(.post, Self.home + "/{id}/members/{member}/role", .signedIn, setRole),
            .page(.post, Self.home + "/{id}/members/{member}/remove", .signedIn, remove),
        ]
    }

    private func toStepUp(_ place: String) -> Response { .seeOther("/auth/account/step-up?return_to=\(percentEncoded(place))") }

    // MARK: All

    private func listPage(_ visit: Visit) async throws -> OrganizationsPage {
        let session = try visit.signedIn()
        return OrganizationsPage(
            own: try await read.own(session.account, now: visit.now), isFresh: try await isFresh(session, visit.now),
            offersGuests: create.settings.guests, reader: shell.reader(session, visit))
    }

    @Sendable private func list(_ request: Request, _ visit: Visit) async throws -> Response {
        var page = try await listPage(visit)
        if try FormFields((request.uri.query ?? "").utf8)["prove"] != nil, !page.isFresh { return toStepUp(Self.home) }
        page.done = try FormFields((request.uri.query ?? "").utf8)["done"].flatMap { Self.words[$0] }
        return .page(page.html(shell.pages))
    }

    private static let words = [
        "joined": "You are in.", "declined": "The invitation is gone.", "ended": "It is over, with all its keys.",
        "left": "You have left it.",
    ]

    private func listPage(_ refused: Refused, _ visit: Visit) async throws -> Response {
        var page = try await listPage(visit)
        page.problem = refused.detail ?? "\(refused.reason.title). \(refused.reason.advice)"
        return .page(page.html(shell.pages), status: refused.reason.status)
    }

    @Sendable private func make(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let outcome = try await create.create(
            try FormFields(visit.body).text("name"), in: session, client: visit.client, now: visit.now)
        if case .created(let organization, let key, let text) = outcome {
            let page = MadeKeysPage(
                keys: [(key, text.exposed)], back: "\(Self.home)/\(organization.id)", isRotation: false,
                reader: shell.reader(session, visit))
            return .page(page.html(shell.pages))
        }
        guard let refused = OrganizationsWeb.refused(outcome) else { return toStepUp(Self.home) }
        return try await listPage(refused, visit)
    }

    @Sendable private func claim(_ request: Request, _ visit: Visit) async throws -> Response {
        let text = try FormFields(visit.body).text("key")
        guard let key = KeyText(text: text.utf8) else { return try await listPage(Refused(.apiKeyInvalid), visit) }
        switch try await create.claim(key, in: visit.signedIn(), client: visit.client, now: visit.now) {
        case .claimed(let organization): return .seeOther("\(Self.home)/\(organization.id)")
        case .notFound: return try await listPage(Refused(.notFound, detail: "That key is no guest’s that is still there."), visit)
        case .stepUpNeeded: return toStepUp(Self.home)
        case .tooMany: return try await listPage(Refused(.tooManyOrganizations), visit)
        }
    }

    @Sendable private func answer(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let id: OrganizationInvitation.ID = try visit.identifier("invitation")
        let isJoining = try FormFields(visit.body).text("do") == "join"
        let outcome =
            isJoining
            ? try await members.accept(id, by: session, client: visit.client, now: visit.now) : try await members.decline(id, by: session)
        switch outcome {
        case .done: return .seeOther("\(Self.home)?done=\(isJoining ? "joined" : "declined")")
        case .notFound:
            return try await listPage(
                Refused(.linkInvalid, detail: "That invitation is over, or was taken back. Ask for a new one."), visit)
        default: return try await listPage(OrganizationsWeb.refused(outcome) ?? Refused(.notFound), visit)
        }
    }

    // MARK: One

    private func page(_ visit: Visit) async throws -> OrganizationPage {
        let session = try visit.signedIn()
        guard let detail = try await read.detail(visit.identifier(), by: .session(session), now: visit.now), let role = detail.role else {
            throw Refused(.notFound)
        }
        return OrganizationPage(
            detail: detail, role: role, own: session.account, isFresh: try await isFresh(session, visit.now),
            reader: shell.reader(session, visit))
    }

    private static let doneWords = [
        "renamed": "The new name is saved.", "invited": "The invitation is on its way. It is good for seven days.",
        "withdrawn": "The invitation is taken back.", "role": "The new role holds from their next request on.",
    ]

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        var page = try await page(visit)
        page.done = try FormFields((request.uri.query ?? "").utf8)["done"].flatMap { Self.doneWords[$0] }
        return .page(page.html(shell.pages))
    }

    /// What a change leads to: the page again, with what was done or why not.
    private func after(_ outcome: ManageMembers.Outcome, _ done: String, _ visit: Visit) async throws -> Response {
        let place = "\(Self.home)/\(visit.parameterID)"
        if outcome == .done { return .seeOther("\(place)?done=\(done)") }
        if outcome == .stepUpNeeded { return toStepUp(place) }
        let refused = OrganizationsWeb.refused(outcome) ?? Refused(.notFound)
        if refused.reason == .notFound { throw refused }
        var page = try await page(visit)
        page.problem = refused.detail ?? "\(refused.reason.title). \(refused.reason.advice)"
        return .page(page.html(shell.pages), status: refused.reason.status)
    }

    @Sendable private func rename(_ request: Request, _ visit: Visit) async throws -> Response {
        try await after(
            members.rename(
                visit.identifier(), to: try FormFields(visit.body).text("name"), by: visit.signedIn(), client: visit.client, now: visit.now),
            "renamed", visit)
    }

    @Sendable private func end(_ request: Request, _ visit: Visit) async throws -> Response {
        switch try await create.end(visit.identifier(), by: .session(visit.signedIn()), client: visit.client, now: visit.now) {
        case .ended: return .seeOther(Self.home + "?done=ended")
        case .notFound: throw Refused(.notFound)
        case .notAllowed: throw Refused(.notAllowed)
        case .stepUpNeeded: return toStepUp("\(Self.home)/\(visit.parameterID)")
        }
    }

    @Sendable private func invite(_ request: Request, _ visit: Visit) async throws -> Response {
        let form = try FormFields(visit.body)
        guard let email = EmailAddress(form.text("email")), let role = Organization.Role(rawValue: form.text("role")) else {
            var page = try await page(visit)
            page.problem = "That isn’t an e-mail address: \(form.text("email").prefix(80))"
            return .page(page.html(shell.pages), status: .unprocessableContent)
        }
        return try await after(
            members.invite(email, as: role, to: visit.identifier(), by: visit.signedIn(), client: visit.client, now: visit.now), "invited",
            visit)
    }

    @Sendable private func withdraw(_ request: Request, _ visit: Visit) async throws -> Response {
        try await after(
            members.withdraw(
                visit.identifier("invitation"), to: visit.identifier(), by: visit.signedIn(), client: visit.client, now: visit.now),
            "withdrawn", visit)
    }

    @Sendable private func setRole(_ request: Request, _ visit: Visit) async throws -> Response {
        guard let role = Organization.Role(rawValue: try FormFields(visit.body).text("role")) else {
            throw Refused(.malformed, field: "role")
        }
        return try await after(
            members.setRole(
                of: visit.identifier("member"), to: role, in: visit.identifier(), by: visit.signedIn(), client: visit.client, now: visit.now
            ),
            "role", visit)
    }

    @Sendable private func remove(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let member: Account.ID = try visit.identifier("member")
        let outcome = try await members.remove(member, from: visit.identifier(), by: session, client: visit.client, now: visit.now)
        guard outcome == .done else { return try await after(outcome, "", visit) }
        if member == session.account { return .seeOther(Self.home + "?done=left") }
        // What they still know comes next.
        return .seeOther("\(Self.home)/\(visit.parameterID)/known/\(member)")
    }
}
