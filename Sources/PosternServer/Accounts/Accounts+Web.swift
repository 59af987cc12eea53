import HTTPTypes
import Hummingbird
import Storage

/// One's own account: look at it, change the name.
struct AccountsWeb: Room {
    struct Details: Sendable {
        let account: Account
        let groups: [String]
        let attempts: [KeptAttempt]
    }

    let rename: RenameAccount
    let shell: Shell
    let details: @Sendable (Account.ID) async throws(StoreError) -> Details?

    var routes: [Route] {
        [
            .page(.get, "/", .anyone) { _, _ in .seeOther("/auth/account") },
            .page(.get, "/auth", .anyone) { _, _ in .seeOther("/auth/account") },
            .page(.get, "/auth/account", .signedIn, show),
            .page(.post, "/auth/account/name", .signedIn, submit),
            .api(.get, "/auth/v1/account", .signedIn, callShow),
            .api(.patch, "/auth/v1/account", .signedIn, callRename),
        ]
    }

    private func found(_ session: LiveSession) async throws -> Details {
        guard let details = try await details(session.account) else { throw Refused(.signInNeeded) }
        return details
    }

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let query = try FormFields((request.uri.query ?? "").utf8)
        let details = try await found(session)
        var page = page(details, name: details.account.name, session, visit)
        page.isSaved = query["saved"] == "name"
        return .page(page.html(shell.pages))
    }

    private func page(_ details: Details, name: String, _ session: LiveSession, _ visit: Visit) -> ProfilePage {
        ProfilePage(
            account: details.account, name: name, groups: details.groups, attempts: details.attempts, reader: shell.reader(session, visit))
    }

    @Sendable private func submit(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let name = try FormFields(visit.body).text("name")
        switch try await rename.rename(session.account, to: name, client: visit.client, now: visit.now) {
        case .renamed: return .seeOther("/auth/account?saved=name")
        case .noSuchAccount: throw Refused(.signInNeeded)
        case .nameInvalid:
            var page = page(try await found(session), name: name, session, visit)
            page.hasFailed = true
            return .page(page.html(shell.pages), status: .unprocessableContent)
        }
    }

    @Sendable private func callShow(_ request: Request, _ visit: Visit) async throws -> Response {
        try .json(AccountDocument(try await found(try visit.signedIn())))
    }

    @Sendable private func callRename(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let name = try JSONFields(visit.body, allowed: ["name"]).text("name")
        switch try await rename.rename(session.account, to: name, client: visit.client, now: visit.now) {
        case .renamed: return try .json(AccountDocument(try await found(session)))
        case .nameInvalid: throw Refused(.nameInvalid, field: "name")
        case .noSuchAccount: throw Refused(.signInNeeded)
        }
    }
}

/// An account as the API and the command line show it.
struct AccountDocument: Encodable {
    let id: String
    let email: String
    let username: String
    let name: String
    let role: String
    let state: String
    let groups: [String]
    let created_at: String
    let last_sign_in_at: String?

    init(_ details: AccountsWeb.Details) { self.init(details.account, groups: details.groups) }

    init(_ account: Account, groups: [String]) {
        id = account.id.description
        email = account.email
        username = account.username
        name = account.name
        role = account.role.rawValue
        state = account.state.rawValue
        self.groups = groups
        created_at = ISOTime.text(account.createdAt)
        last_sign_in_at = account.lastSignInAt.map(ISOTime.text)
    }
}
