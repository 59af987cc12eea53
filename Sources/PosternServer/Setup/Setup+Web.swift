import HTTPTypes
import Hummingbird

/// The page that the setup link opens.
struct SetupWeb: Room {
    let setUp: SetUpOwner
    let shell: Shell

    private var links: LinkCookie { LinkCookie(cookies: shell.cookies) }

    var routes: [Route] {
        [
            .page(.get, "/auth/setup/{id}", .anyone) { _, visit in links.landing(visit.parameterID, to: "/auth/setup") },
            .page(.get, "/auth/setup", .anyone, show),
            .page(.post, "/auth/setup", .anyone, submit),
        ]
    }

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        guard try await setUp.isAlive(try links.token(request), now: visit.now) else {
            throw Refused(
                .linkInvalid,
                detail: "It was used, is older than an hour, or the server was restarted. Run postern setup-link for a new one.")
        }
        return .page(LinkPage(purpose: .setup, formToken: shell.formToken(visit)).html(shell.pages))
    }

    @Sendable private func submit(_ request: Request, _ visit: Visit) async throws -> Response {
        let form = try FormFields(visit.body)
        var page = LinkPage(purpose: .setup, formToken: shell.formToken(visit))
        page.email = form.text("email")
        func again(_ problem: LinkPage.Problem) -> Response {
            page.problem = problem
            return .page(page.html(shell.pages), status: .unprocessableContent)
        }
        guard let email = EmailAddress(page.email) else { return again(.emailInvalid) }
        let password: Password
        do {
            password = try Password(choosing: form["password"] ?? "")
        } catch {
            return again(error == .tooShort ? .passwordTooShort : .passwordTooLong)
        }
        switch try await setUp.make(email, password: password, link: try links.token(request), client: visit.client, now: visit.now) {
        case .ownerMade: return links.spent(.seeOther("/auth/sign-in?done=setup"))
        case .emailTaken: return again(.emailTaken)
        case .linkInvalid: throw Refused(.linkInvalid)
        case .busy: throw Refused(.busy)
        }
    }
}
