import Hummingbird
import Secrets

/// What a mailed link of a sign-in leads to. Opening it changes nothing (RC-12).
struct NotMeWeb: Room {
    let answer: AnswerSignIn
    let shell: Shell

    private var links: LinkCookie { LinkCookie(cookies: shell.cookies) }

    var routes: [Route] {
        [
            .page(.get, "/auth/not-me/{id}", .anyone) { _, visit in links.landing(visit.parameterID, to: "/auth/not-me") },
            .page(.get, "/auth/not-me", .anyone) { request, visit in try await show(.notMe, request, visit) },
            .page(.post, "/auth/not-me", .anyone, submitNotMe),
            .page(.get, "/auth/was-me/{id}", .anyone) { _, visit in links.landing(visit.parameterID, to: "/auth/was-me") },
            .page(.get, "/auth/was-me", .anyone) { request, visit in try await show(.wasMe, request, visit) },
            .page(.post, "/auth/was-me", .anyone, submitWasMe),
        ]
    }

    private static let linkOver = Refused(
        .linkInvalid, detail: "It is older than 10 days, or never was ours. If somebody may know your password, choose another.")

    private func show(_ asked: SignInLink.Answer, _ request: Request, _ visit: Visit) async throws -> Response {
        guard let token = try? links.token(request), let view = try await answer.view(of: token, now: visit.now) else {
            throw Self.linkOver
        }
        return .page(NotMePage(view: view, asked: asked, formToken: shell.formToken(visit)).html(shell.pages))
    }

    @Sendable private func submitNotMe(_ request: Request, _ visit: Visit) async throws -> Response {
        switch try await answer.notMe(try links.token(request), client: visit.client, now: visit.now) {
        case .secured, .answered: return .seeOther("/auth/not-me")
        case .learnt, .linkInvalid: throw Self.linkOver
        }
    }

    @Sendable private func submitWasMe(_ request: Request, _ visit: Visit) async throws -> Response {
        switch try await answer.wasMe(try links.token(request), client: visit.client, now: visit.now) {
        case .learnt, .answered: return .seeOther("/auth/was-me")
        case .secured, .linkInvalid: throw Self.linkOver
        }
    }
}
