import HTTPTypes
import Hummingbird
import Storage

/// One's own sessions: look, end one, end the others.
struct SessionsWeb: Room {
    let sessions: EndSessions
    let shell: Shell
    let list: @Sendable (Account.ID, Timestamp) async throws(StoreError) -> [(session: Session, place: ShownPlace)]

    var routes: [Route] {
        [
            .page(.get, "/auth/account/sessions", .signedIn, show),
            .page(.post, "/auth/account/sessions/end-others", .signedIn, endOthers),
            .page(.post, "/auth/account/sessions/end-all", .signedIn, endAll),
            .page(.post, "/auth/account/sessions/{id}/end", .signedIn, endOne),
            .api(.get, "/auth/v1/session", .signedIn, current).whileHeld.forKeys(),
            .api(.delete, "/auth/v1/session", .signedIn, signOut).whileHeld,
            .api(.get, "/auth/v1/sessions", .signedIn, callList),
            .api(.delete, "/auth/v1/sessions", .signedIn, callEndOthers),
            .api(.delete, "/auth/v1/sessions/{id}", .signedIn, callEndOne),
        ]
    }

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let page = SessionsPage(
            sessions: try await list(session.account, visit.now), current: session.id, reader: shell.reader(session, visit))
        return .page(page.html(shell.pages))
    }

    @Sendable private func endOthers(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        _ = try await sessions.allOthers(of: session.account, except: session.id, client: visit.client, now: visit.now)
        return .seeOther("/auth/account/sessions")
    }

    @Sendable private func endAll(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        _ = try await sessions.all(of: session.account, client: visit.client, now: visit.now)
        return .seeOther("/auth/sign-in").setting(cookie: shell.cookies.clear(shell.cookies.session))
    }

    @Sendable private func endOne(_ request: Request, _ visit: Visit) async throws -> Response {
        try await end(visit)
        return .seeOther("/auth/account/sessions")
    }

    private func end(_ visit: Visit) async throws {
        let session = try visit.signedIn()
        guard let id = Session.ID(visit.parameterID) else { throw Refused(.notFound) }
        switch try await sessions.one(id, of: session.account, client: visit.client, now: visit.now) {
        case .ended: return
        case .noSuchSession: throw Refused(.notFound)
        }
    }

    @Sendable private func current(_ request: Request, _ visit: Visit) async throws -> Response {
        if let key = visit.key {
            return try .json(
                KeySession(
                    organization: key.organization.map { OrganizationDocument($0, role: nil) },
                    api_key: .init(
                        id: key.id.description, name: key.name, kind: key.kind.rawValue, mode: key.modeText, scopes: key.scopes.names,
                        last_four: key.lastFour, expires_at: key.expiresAt.map(ISOTime.text))))
        }
        let session = try visit.signedIn()
        return try .json(
            CurrentSession(
                id: session.id.description, account: session.account.description, email: session.email,
                username: session.username,
                name: session.name, role: session.role.rawValue, groups: session.groups.split(separator: ",").map(String.init),
                assurance: session.assurance.rawValue, waits_for_second_factor: session.isHeld, expires_at: ISOTime.text(session.expiresAt),
                csrf_token: request.headers[.authorization] == nil ? shell.formToken(visit) : nil))
    }

    @Sendable private func signOut(_ request: Request, _ visit: Visit) async throws -> Response {
        if let token = visit.sessionToken { try await sessions.signOut(token, client: visit.client, now: visit.now) }
        return .nothing()
    }

    @Sendable private func callList(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let rows = try await list(session.account, visit.now).map { line in
            let listed = line.session
            return SessionList.Row(
                id: listed.id.description, current: listed.id == session.id, created_at: ISOTime.text(listed.createdAt),
                seen_at: ISOTime.text(listed.seenAt), expires_at: ISOTime.text(listed.expiresAt), kept: listed.isKept,
                address: listed.address, place: line.place.words, browser: Program(listed.browser).words)
        }
        return try .json(SessionList(sessions: rows))
    }

    @Sendable private func callEndOthers(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        _ = try await sessions.allOthers(of: session.account, except: session.id, client: visit.client, now: visit.now)
        return .nothing()
    }

    @Sendable private func callEndOne(_ request: Request, _ visit: Visit) async throws -> Response {
        try await end(visit)
        return .nothing()
    }
}

private struct CurrentSession: Encodable {
    let id: String
    let account: String
    let email: String
    let username: String
    let name: String
    let role: String
    let groups: [String]
    let assurance: String
    let waits_for_second_factor: Bool
    let expires_at: String
    let csrf_token: String?
}

/// What a key is, as its holder is told.
private struct KeySession: Encodable {
    struct Key: Encodable {
        let id, name, kind, mode: String
        let scopes: [String]
        let last_four: String
        let expires_at: String?
    }

    let organization: OrganizationDocument?
    let api_key: Key
}

private struct SessionList: Encodable {
    struct Row: Encodable {
        let id: String
        let current: Bool
        let created_at: String
        let seen_at: String
        let expires_at: String
        let kept: Bool
        let address: String
        let place: String
        let browser: String
    }

    let sessions: [Row]
}
