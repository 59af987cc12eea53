import HTTPTypes
import Hummingbird

/// The page that the setup link opens.
struct SetupWeb: Room {
    let setUp: SetUpOwner
    let passwords: PasswordDesk
    let shell: Shell

    private var links: LinkCookie { LinkCookie(cookies: shell.cookies) }

    var routes: [Route] {
        [
            .page(.get, "/auth/setup/{id}", .anyone) { _, visit in links.landing(visit.parameterID, to: "/auth/setup") },
            .page(.get, "/auth/setup", .anyone, show).withMeter,
            .page(.post, "/auth/setup", .anyone, submit).withMeter,
        ]
    }

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        guard try await setUp.isAlive(try links.token(request), now: visit.now) else {
            throw Refused(
                .linkInvalid,
                detail: "It was used, is older than an hour, or the server was restarted. Run postern setup-link for a new one.")
        }
        return .page(page(visit).html(shell.pages))
    }

    private func page(_ visit: Visit) -> LinkPage {
        var page = LinkPage(purpose: .setup, formToken: shell.formToken(visit))
        page.newPassword = passwords.field()
        return page
    }

    @Sendable private func submit(_ request: Request, _ visit: Visit) async throws -> Response {
        let form = try FormFields(visit.body)
        var page = page(visit)
        page.email = form.text("email")
        func again(_ problem: LinkPage.Problem?, status: HTTPResponse.Status = .unprocessableContent) -> Response {
            page.problem = problem
            return .page(page.html(shell.pages), status: status)
        }
        guard let email = EmailAddress(page.email) else { return again(.emailInvalid) }
        guard try await setUp.isAlive(try links.token(request), now: visit.now) else { throw Refused(.linkInvalid) }
        let password: ChosenPassword
        do {
            password = try await passwords.choose.choose(form["password"] ?? "", about: [page.email])
        } catch {
            page.newPassword = page.newPassword.map(error.field)
            return again(nil, status: error.reason.status)
        }
        switch try await setUp.make(email, password: password, link: try links.token(request), client: visit.client, now: visit.now) {
        case .ownerMade: return links.spent(.seeOther("/auth/sign-in?done=setup"))
        case .emailTaken: return again(.emailTaken)
        case .linkInvalid: throw Refused(.linkInvalid)
        case .busy: throw Refused(.busy)
        }
    }
}
