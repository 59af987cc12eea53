import Hummingbird
import Secrets

/// Ending a lock by a mailed link.
struct ThrottlingWeb: Room {
    let unlock: Unlock
    let shell: Shell

    private var links: LinkCookie { LinkCookie(cookies: shell.cookies) }

    var routes: [Route] {
        [
            .page(.get, "/auth/unlock/{id}", .anyone) { _, visit in links.landing(visit.parameterID, to: "/auth/unlock") },
            .page(.get, "/auth/unlock", .anyone, show),
            .page(.post, "/auth/unlock", .anyone, submit),
            .api(.post, "/auth/v1/unlock", .anyone, call),
        ]
    }

    private static let linkOver = Refused(
        .linkInvalid, detail: "It was used, is older than a day, or the lock is over. If you still can’t sign in, choose another password.")

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        guard try await unlock.isLive(try links.token(request), now: visit.now) else { throw Self.linkOver }
        return .page(UnlockPage(formToken: shell.formToken(visit)).html(shell.pages))
    }

    @Sendable private func submit(_ request: Request, _ visit: Visit) async throws -> Response {
        guard try await unlock.unlock(try links.token(request), client: visit.client, now: visit.now) else { throw Self.linkOver }
        return links.spent(.seeOther("/auth/sign-in?done=unlocked"))
    }

    @Sendable private func call(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: ["token"])
        guard let token = Token(text: try fields.text("token").utf8), try await unlock.unlock(token, client: visit.client, now: visit.now)
        else { throw Refused(.linkInvalid, field: "token") }
        return .nothing()
    }
}
