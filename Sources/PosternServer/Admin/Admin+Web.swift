import HTTPTypes
import Hummingbird
import Storage

/// The administration: overview, people, one person and what can be done to them.
struct AdminWeb: Room {
    struct Person: Sendable {
        let account: Account
        let groups: [String]
        let sessions: [Session]
        let attempts: [KeptAttempt]
        let authenticators: [Authenticator]
        let phones: [Phone]
        let recoveryCodesLeft: Int64
        let tries: CodeTries
        let audit: [AuditLine]
        let passwordExpiry: (at: Timestamp, isPast: Bool)?
        /// Blocks of sign-ins to this account.
        let blocks: [Block]
        /// Wrong passwords in a row from browsers that aren't known.
        let failures: Int64
    }

    let administer: AdministerAccount
    let invite: Invite
    let mayInvite: Bool
    let shell: Shell
    let figures: @Sendable (Timestamp) async throws(StoreError) -> OverviewPage.Figures
    /// At most one more than ``mostShown``.
    let search: @Sendable (String) async throws(StoreError) -> [Account]
    /// A person can't take the name of one.
    let appNames: @Sendable () async throws(StoreError) -> [String]
    let person: @Sendable (Account.ID, Timestamp) async throws(StoreError) -> Person?

    static let mostShown = 50

    var routes: [Route] {
        [
            .page(.get, "/auth/admin", .administrator, overview),
            .page(.get, "/auth/admin/people", .administrator, people),
            .page(.post, "/auth/admin/invitations", .administrator, sendInvitation),
            .page(.get, "/auth/admin/people/{id}", .administrator) { request, visit in
                let query = try FormFields((request.uri.query ?? "").utf8)
                return try await show(visit, problem: nil, isLinkMailed: query["done"] == "link", status: .ok)
            },
            .page(.post, "/auth/admin/people/{id}/username", .administrator, changeUsername),
            act("disable") { _ in .disable },
            act("enable") { _ in .enable },
            act("delete") { _ in .delete },
            act("end-sessions") { _ in .endSessions },
            act("require-password-change") { _ in .requirePasswordChange },
            act("start-password-reset") { _ in .startPasswordReset },
            act("release-locks") { _ in .releaseLocks },
            act("join") { .join(try Self.group($0)) },
            act("leave") { .leave(try Self.group($0)) },
            act("role") { form in
                guard let role = Account.Role(rawValue: form.text("role")) else { throw Refused(.malformed, field: "role") }
                return .changeRole(role)
            },
        ]
    }

    @Sendable private func overview(_ request: Request, _ visit: Visit) async throws -> Response {
        let page = OverviewPage(figures: try await figures(visit.now), reader: shell.reader(try visit.signedIn(), visit))
        return .page(page.html(shell.pages))
    }

    @Sendable private func people(_ request: Request, _ visit: Visit) async throws -> Response {
        let query = try FormFields((request.uri.query ?? "").utf8)
        return try await people(query.text("q"), notice: query["done"] == "deleted" ? .deleted : nil, visit, status: .ok)
    }

    private func people(
        _ text: String, notice: PeoplePage.Notice?, _ visit: Visit, status: HTTPResponse.Status
    ) async throws -> Response {
        let found = try await search(String(String.UnicodeScalarView(text.unicodeScalars.prefix(100))))
        let page = PeoplePage(
            search: text, accounts: Array(found.prefix(Self.mostShown)), notice: notice, isCut: found.count > Self.mostShown,
            mayInvite: mayInvite, reader: shell.reader(try visit.signedIn(), visit))
        return .page(page.html(shell.pages), status: status)
    }

    @Sendable private func sendInvitation(_ request: Request, _ visit: Visit) async throws -> Response {
        guard mayInvite else { throw Refused(.signUpClosed) }
        let text = try FormFields(visit.body).text("email")
        guard let email = EmailAddress(text) else {
            return try await people("", notice: .emailInvalid, visit, status: .unprocessableContent)
        }
        switch try await invite.send(to: email, by: try visit.signedIn(), client: visit.client, now: visit.now) {
        case .sent: return try await people("", notice: .invited(email.address), visit, status: .ok)
        case .alreadyAMember: return try await people("", notice: .alreadyAMember(email.address), visit, status: .conflict)
        }
    }

    private func show(_ visit: Visit, problem: String?, isLinkMailed: Bool = false, status: HTTPResponse.Status) async throws -> Response {
        let session = try visit.signedIn()
        guard let id = Account.ID(visit.parameterID), let person = try await person(id, visit.now) else { throw Refused(.notFound) }
        let isOwner = session.role == .owner
        let page = PersonPage(
            person: person, problem: problem,
            done: isLinkMailed
                ? "A link to choose another password is on its way to \(person.account.email). An earlier one is worthless." : nil,
            mayReset: session.account != id, mayAct: isOwner || person.account.role != .owner,
            mayGiveRoles: isOwner, reader: shell.reader(session, visit))
        return .page(page.html(shell.pages), status: status)
    }

    private func act(_ name: String, _ read: @escaping @Sendable (FormFields) throws -> AdministerAccount.Act) -> Route {
        .page(.post, "/auth/admin/people/{id}/\(name)", .administrator) { _, visit in
            let session = try visit.signedIn()
            guard let id = Account.ID(visit.parameterID) else { throw Refused(.notFound) }
            return try await perform(try read(try FormFields(visit.body)), on: id, in: session, visit)
        }
    }

    private func perform(_ act: AdministerAccount.Act, on id: Account.ID, in session: LiveSession, _ visit: Visit) async throws -> Response
    {
        switch try await administer.perform(act, on: id, by: .account(session.account, in: session.id, visit.client), now: visit.now) {
        case .done, .unchanged:
            if case .delete = act { return .seeOther("/auth/admin/people?done=deleted") }
            if case .startPasswordReset = act { return .seeOther("/auth/admin/people/\(id)?done=link") }
            return .seeOther("/auth/admin/people/\(id)")
        case .noSuchAccount: throw Refused(.notFound)
        case .notAllowed: throw Refused(.notAllowed)
        case .stepUpNeeded: return .seeOther("/auth/account/step-up?return_to=\(percentEncoded("/auth/admin/people/\(id)"))")
        case .usernameTaken: return try await show(visit, problem: Reason.usernameTaken.advice, status: Reason.usernameTaken.status)
        case .lastOwner:
            return try await show(
                visit, problem: "This is the last owner, and one must remain. Make somebody else an owner first.",
                status: Reason.lastOwner.status)
        }
    }

    @Sendable private func changeUsername(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        guard let id = Account.ID(visit.parameterID) else { throw Refused(.notFound) }
        let text = try FormFields(visit.body).text("username")
        guard let username = Username(choosing: text, appNames: try await appNames()) else {
            return try await show(visit, problem: Reason.usernameInvalid.advice, status: Reason.usernameInvalid.status)
        }
        return try await perform(.changeUsername(username), on: id, in: session, visit)
    }

    private static func group(_ form: FormFields) throws -> GroupName {
        guard let group = GroupName(form.text("group")) else { throw Refused(.groupInvalid, field: "group") }
        return group
    }
}
