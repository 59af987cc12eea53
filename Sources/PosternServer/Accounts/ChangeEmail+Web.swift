import HTTPTypes
import Hummingbird
import Secrets
import Storage

/// Changing one's own address: asked for in a session, confirmed by a link that only the new address got.
struct ChangeEmailWeb: Room {
    let change: ChangeEmail
    let shell: Shell
    /// What the API answers where a fresh proof is missing.
    let stepUpRequired: @Sendable (LiveSession, Timestamp) async throws -> Refused

    private var links: LinkCookie { LinkCookie(cookies: shell.cookies) }

    var routes: [Route] {
        [
            .page(.get, "/auth/account/email", .signedIn, show),
            .page(.post, "/auth/account/email", .signedIn, submit),
            .page(.get, "/auth/new-email/{id}", .anyone) { _, visit in links.landing(visit.parameterID, to: "/auth/new-email") },
            .page(.get, "/auth/new-email", .anyone, showLink),
            .page(.post, "/auth/new-email", .anyone, submitLink),
            .api(.post, "/auth/v1/account/email", .signedIn, call),
            .api(.post, "/auth/v1/account/email/confirm", .anyone, callConfirm),
        ]
    }

    private func page(_ step: ChangeEmailPage.Step, _ visit: Visit) throws -> String {
        ChangeEmailPage(step: step, reader: shell.reader(try visit.signedIn(), visit)).html(shell.pages)
    }

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        // Before anything is typed: a proof asked for afterwards would lose it.
        guard try await change.isProven(session, now: visit.now) else { throw Refused(.stepUpRequired) }
        return .page(try page(.ask(current: session.email, typed: "", error: nil), visit))
    }

    @Sendable private func submit(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let text = try FormFields(visit.body).text("email")
        func again(_ error: String) throws -> Response {
            .page(try page(.ask(current: session.email, typed: text, error: error), visit), status: .unprocessableContent)
        }
        guard let email = EmailAddress(text) else { return try again("That isn’t an e-mail address. Type it like name@example.org.") }
        switch try await change.ask(email, in: session, client: visit.client, now: visit.now) {
        case .asked: return .page(try page(.sent(to: email.address), visit), status: .accepted)
        case .unchanged: return try again("That is your address already.")
        case .otherDomain: return try again("Only addresses of \(change.domains?.joined(separator: ", ") ?? "") are taken here.")
        case .stepUpNeeded: return .seeOther("/auth/account/step-up?return_to=%2Fauth%2Faccount%2Femail")
        }
    }

    @Sendable private func call(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let fields = try JSONFields(visit.body, allowed: ["email"])
        guard let email = EmailAddress(try fields.text("email")) else { throw Refused(.emailInvalid, field: "email") }
        switch try await change.ask(email, in: session, client: visit.client, now: visit.now) {
        case .asked: return .nothing(.accepted)
        case .unchanged: throw Refused(.emailInvalid, field: "email", detail: "That is the account’s address already.")
        case .otherDomain: throw Refused(.emailInvalid, field: "email", detail: "Its domain isn’t one of those that are taken here.")
        case .stepUpNeeded: throw try await stepUpRequired(session, visit.now)
        }
    }

    @Sendable private func showLink(_ request: Request, _ visit: Visit) async throws -> Response {
        guard let email = try await change.address(of: try links.token(request), now: visit.now) else { throw Refused(.linkInvalid) }
        return .page(NewEmailPage(email: email, formToken: shell.formToken(visit)).html(shell.pages))
    }

    @Sendable private func submitLink(_ request: Request, _ visit: Visit) async throws -> Response {
        let token = try links.token(request)
        guard let email = try await change.address(of: token, now: visit.now) else { throw Refused(.linkInvalid) }
        func again(_ error: String, _ status: HTTPResponse.Status) -> Response {
            let page = NewEmailPage(email: email, passwordError: error, formToken: shell.formToken(visit))
            return .page(page.html(shell.pages), status: status)
        }
        guard let password = try? Password(trying: try FormFields(visit.body)["password"] ?? "") else {
            return again("That is longer than any password here.", .unprocessableContent)
        }
        switch try await change.confirm(token, password: password, client: visit.client, now: visit.now) {
        case .changed(let email): return links.spent(.page(NewEmailPage.done(email.address, shell.pages)))
        case .wrongPassword:
            return again("That isn’t the password of the account that asked. Don’t know of it? Close this page.", .unauthorized)
        case .linkInvalid: throw Refused(.linkInvalid)
        case .tooManyTries(let refusal): throw refusal.refused(now: visit.now)
        case .busy: throw Refused(.busy)
        }
    }

    @Sendable private func callConfirm(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: ["token", "password"])
        guard let token = Token(text: try fields.text("token").utf8) else { throw Refused(.linkInvalid, field: "token") }
        let text = try fields.text("password")
        guard let password = try? Password(trying: text) else { throw Refused(.passwordTooLong, field: "password") }
        switch try await change.confirm(token, password: password, client: visit.client, now: visit.now) {
        case .changed: return .nothing()
        case .wrongPassword: throw Refused(.wrongCredentials, field: "password", detail: "That isn’t the account’s password.")
        case .linkInvalid: throw Refused(.linkInvalid, field: "token")
        case .tooManyTries(let refusal): throw refusal.refused(now: visit.now)
        case .busy: throw Refused(.busy)
        }
    }
}
