import HTTPTypes
import Hummingbird
import Secrets

/// Signing up, confirming the address, and making an account by invitation.
struct SignUpWeb: Room {
    let signUp: SignUp
    let confirm: ConfirmEmail
    let invite: Invite
    let passwords: PasswordDesk
    let shell: Shell

    private var links: LinkCookie { LinkCookie(cookies: shell.cookies) }

    var routes: [Route] {
        [
            .page(.get, "/auth/sign-up", .anyone, show).withMeter,
            .page(.post, "/auth/sign-up", .anyone, submit).withMeter,
            .page(.get, "/auth/confirm/{id}", .anyone) { _, visit in links.landing(visit.parameterID, to: "/auth/confirm") },
            .page(.get, "/auth/confirm", .anyone, showConfirmation),
            .page(.post, "/auth/confirm", .anyone, submitConfirmation),
            .page(.get, "/auth/invitation/{id}", .anyone) { _, visit in links.landing(visit.parameterID, to: "/auth/invitation") },
            .page(.get, "/auth/invitation", .anyone, showInvitation).withMeter,
            .page(.post, "/auth/invitation", .anyone, submitInvitation).withMeter,
            .api(.post, "/auth/v1/accounts", .anyone, call),
            .api(.post, "/auth/v1/accounts/confirm", .anyone, callConfirm),
        ]
    }

    private var isOpen: Bool { signUp.mode == .open || signUp.mode == .domains }

    private func page(_ visit: Visit) -> SignUpPage {
        SignUpPage(
            password: passwords.field(), domains: signUp.mode == .domains ? signUp.domains : [], formToken: shell.formToken(visit))
    }

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        guard isOpen else { throw Refused(.signUpClosed) }
        return .page(page(visit).html(shell.pages))
    }

    @Sendable private func submit(_ request: Request, _ visit: Visit) async throws -> Response {
        let form = try FormFields(visit.body)
        var page = page(visit)
        page.email = form.text("email")
        func again(_ problem: SignUpPage.Problem?, status: HTTPResponse.Status = .unprocessableContent) -> Response {
            page.problem = problem
            return .page(page.html(shell.pages), status: status)
        }
        guard isOpen else { throw Refused(.signUpClosed) }
        guard let email = EmailAddress(page.email) else { return again(.emailInvalid) }
        switch signUp.refusal(of: email) {
        case .otherDomain?: return again(.otherDomain)
        case .busy?: throw Refused(.busy)
        case .closed?, .accepted?, nil: break
        }
        do {
            let password = try await passwords.choose.choose(form["password"] ?? "", about: [page.email])
            switch try await signUp.apply(.init(email: email, password: password, client: visit.client), now: visit.now) {
            case .accepted: return .page(SignUpPage.sent(email.address, shell.pages), status: .accepted)
            case .busy: throw Refused(.busy)
            case .closed: throw Refused(.signUpClosed)
            case .otherDomain: return again(.otherDomain)
            }
        } catch let refusal as PasswordRefusal {
            page.password = refusal.field(page.password)
            return again(nil, status: refusal.reason.status)
        }
    }

    @Sendable private func call(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: ["email", "password"])
        let address = try fields.text("email")
        guard let email = EmailAddress(address) else { throw Refused(.emailInvalid, field: "email") }
        let text = try fields.text("password")
        switch signUp.refusal(of: email) {
        // The same in every mode: the API tells a stranger nothing about who may sign up.
        case .closed?, .otherDomain?, .accepted?: return .nothing(.accepted)
        case .busy?: throw Refused(.busy)
        case nil: break
        }
        let password = try await passwords.chosen(text, about: [address])
        switch try await signUp.apply(.init(email: email, password: password, client: visit.client), now: visit.now) {
        // The same in every mode: the API tells a stranger nothing about who may sign up.
        case .accepted, .closed, .otherDomain: return .nothing(.accepted)
        case .busy: throw Refused(.busy)
        }
    }

    @Sendable private func showConfirmation(_ request: Request, _ visit: Visit) async throws -> Response {
        _ = try links.token(request)
        return .page(LinkPage(purpose: .confirmEmail, formToken: shell.formToken(visit)).html(shell.pages))
    }

    @Sendable private func submitConfirmation(_ request: Request, _ visit: Visit) async throws -> Response {
        let form = try FormFields(visit.body)
        var page = LinkPage(purpose: .confirmEmail, formToken: shell.formToken(visit))
        guard let password = try? Password(trying: form["password"] ?? "") else {
            page.problem = .passwordTooLong
            return .page(page.html(shell.pages), status: .unprocessableContent)
        }
        switch try await confirm.confirm(try links.token(request), password: password, client: visit.client, now: visit.now) {
        case .confirmed: return links.spent(.seeOther("/auth/sign-in?done=confirmed"))
        case .linkInvalid: throw Refused(.linkInvalid)
        case .tooManyTries(let refusal): throw refusal.refused(now: visit.now)
        case .busy: throw Refused(.busy)
        case .wrongPassword:
            page.problem = .wrongPassword
            return .page(page.html(shell.pages), status: .unauthorized)
        }
    }

    @Sendable private func callConfirm(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: ["token", "password"])
        guard let token = Token(text: try fields.text("token").utf8) else { throw Refused(.linkInvalid, field: "token") }
        let text = try fields.text("password")
        guard let password = try? Password(trying: text) else { throw Refused(.passwordTooLong, field: "password") }
        switch try await confirm.confirm(token, password: password, client: visit.client, now: visit.now) {
        case .confirmed: return .nothing()
        case .linkInvalid: throw Refused(.linkInvalid, field: "token")
        case .wrongPassword: throw Refused(.wrongCredentials, field: "password")
        case .tooManyTries(let refusal): throw refusal.refused(now: visit.now)
        case .busy: throw Refused(.busy)
        }
    }

    @Sendable private func showInvitation(_ request: Request, _ visit: Visit) async throws -> Response {
        guard let email = try await invite.address(of: try links.token(request), now: visit.now) else { throw Refused(.linkInvalid) }
        return .page(invitationPage(email, visit).html(shell.pages))
    }

    private func invitationPage(_ email: EmailAddress, _ visit: Visit) -> LinkPage {
        var page = LinkPage(purpose: .invitation(email: email.address), formToken: shell.formToken(visit))
        page.newPassword = passwords.field(about: [email.address])
        return page
    }

    @Sendable private func submitInvitation(_ request: Request, _ visit: Visit) async throws -> Response {
        let form = try FormFields(visit.body)
        let token = try links.token(request)
        guard let email = try await invite.address(of: token, now: visit.now) else { throw Refused(.linkInvalid) }
        let password: ChosenPassword
        do {
            password = try await passwords.choose.choose(form["password"] ?? "", about: [email.address])
        } catch {
            var page = invitationPage(email, visit)
            page.newPassword = page.newPassword.map(error.field)
            return .page(page.html(shell.pages), status: error.reason.status)
        }
        switch try await invite.accept(token, password: password, client: visit.client, now: visit.now) {
        case .accepted: return links.spent(.seeOther("/auth/sign-in?done=invitation"))
        case .linkInvalid: throw Refused(.linkInvalid)
        case .busy: throw Refused(.busy)
        }
    }
}
