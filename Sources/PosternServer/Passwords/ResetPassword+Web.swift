import HTTPTypes
import Hummingbird
import Secrets

/// Choosing another password by a mailed link.
struct ResetPasswordWeb: Room {
    let reset: ResetPassword
    let passwords: PasswordDesk
    let shell: Shell

    private var links: LinkCookie { LinkCookie(cookies: shell.cookies) }

    var routes: [Route] {
        [
            .page(.get, "/auth/forgot-password", .anyone, showForgotten),
            .page(.post, "/auth/forgot-password", .anyone, submitForgotten),
            .page(.get, "/auth/reset-password/{id}", .anyone) { _, visit in links.landing(visit.parameterID, to: "/auth/reset-password") },
            .page(.get, "/auth/reset-password", .anyone, show).withMeter,
            .page(.post, "/auth/reset-password", .anyone, submit).withMeter,
            .api(.post, "/auth/v1/forgot-password", .anyone, callForgotten),
            .api(.post, "/auth/v1/reset-password", .anyone, call),
        ]
    }

    @Sendable private func showForgotten(_ request: Request, _ visit: Visit) async throws -> Response {
        .page(ForgotPasswordPage(formToken: shell.formToken(visit)).html(shell.pages))
    }

    @Sendable private func submitForgotten(_ request: Request, _ visit: Visit) async throws -> Response {
        var page = ForgotPasswordPage(formToken: shell.formToken(visit))
        page.email = try FormFields(visit.body).text("email")
        guard let email = EmailAddress(page.email) else {
            page.isInvalid = true
            return .page(page.html(shell.pages), status: .unprocessableContent)
        }
        try await reset.ask(email, client: visit.client, now: visit.now)
        return .page(ForgotPasswordPage.sent(email.address, shell.pages), status: .accepted)
    }

    @Sendable private func callForgotten(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: ["email"])
        guard let email = EmailAddress(try fields.text("email")) else { throw Refused(.emailInvalid, field: "email") }
        try await reset.ask(email, client: visit.client, now: visit.now)
        return .nothing(.accepted)
    }

    private func page(_ account: Account, _ groups: [String], _ visit: Visit) -> LinkPage {
        var page = LinkPage(purpose: .resetPassword, formToken: shell.formToken(visit))
        page.newPassword = passwords.field(about: account.known, groups: groups, replacing: true)
        page.newPassword?.isFirst = true
        page.email = account.email
        return page
    }

    private static let linkOver = Refused(
        .linkInvalid,
        detail:
            "It was used, is older than an hour, or a later one took its place. Ask for a new one: “Forgot your password?” on the sign-in page."
    )

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        guard let found = try await reset.account(of: try links.token(request), now: visit.now) else { throw Self.linkOver }
        return .page(page(found.account, found.groups, visit).html(shell.pages))
    }

    @Sendable private func submit(_ request: Request, _ visit: Visit) async throws -> Response {
        let form = try FormFields(visit.body)
        let token = try links.token(request)
        guard let found = try await reset.account(of: token, now: visit.now) else { throw Self.linkOver }
        let password: ChosenPassword
        do {
            password = try await passwords.choose.choose(form["password"] ?? "", about: found.account.known, groups: found.groups)
        } catch {
            var page = page(found.account, found.groups, visit)
            page.newPassword = page.newPassword.map(error.field)
            return .page(page.html(shell.pages), status: error.reason.status)
        }
        switch try await reset.reset(token, to: password, client: visit.client, now: visit.now) {
        case .replaced: return links.spent(.seeOther("/auth/sign-in?done=reset"))
        case .repeated(let password):
            var page = page(found.account, found.groups, visit)
            page.newPassword?.error = password.words
            return .page(page.html(shell.pages), status: .unprocessableContent)
        case .linkInvalid: throw Self.linkOver
        case .busy: throw Refused(.busy)
        }
    }

    @Sendable private func call(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: ["token", "password"])
        guard let token = Token(text: try fields.text("token").utf8), let found = try await reset.account(of: token, now: visit.now) else {
            throw Refused(.linkInvalid, field: "token")
        }
        let password = try await passwords.chosen(try fields.text("password"), about: found.account.known, groups: found.groups)
        switch try await reset.reset(token, to: password, client: visit.client, now: visit.now) {
        case .replaced: return .nothing()
        case .repeated(let password): throw password.refused
        case .linkInvalid: throw Refused(.linkInvalid, field: "token")
        case .busy: throw Refused(.busy)
        }
    }
}

extension Account {
    /// What whoever attacks this account's password would try first.
    var known: [String] { [email, name, username] }
}
