import HTTPTypes
import Hummingbird
import Secrets
import Storage

/// Changing one's own password: signed in, or as the last step of a sign-in.
struct ChangePasswordWeb: Room {
    let change: ChangePassword
    let atSignIn: ChangeAtSignIn
    let passwords: PasswordDesk
    let shell: Shell
    let person: @Sendable (LiveSession) async throws -> PasswordsWeb.Person
    /// What the API answers where a fresh proof is missing.
    let stepUpRequired: @Sendable (LiveSession, Timestamp) async throws -> Refused

    var routes: [Route] {
        [
            .page(.get, "/.well-known/change-password", .anyone) { _, _ in .seeOther("/auth/account/password") },
            .page(.get, "/auth/account/password", .signedIn, show).withMeter,
            .page(.post, "/auth/account/password", .signedIn, submit).withMeter,
            .page(.get, "/auth/sign-in/change-password", .anyone, showAtSignIn).withMeter,
            .page(.post, "/auth/sign-in/change-password", .anyone, submitAtSignIn).withMeter,
            .api(.post, "/auth/v1/account/password", .signedIn, call),
            .api(.post, "/auth/v1/sign-in/change-password", .anyone, callAtSignIn),
        ]
    }

    private func page(_ person: PasswordsWeb.Person, _ session: LiveSession, _ visit: Visit) -> ChangePasswordPage {
        ChangePasswordPage(
            field: passwords.field(about: person.about, groups: person.groups, replacing: true), reader: shell.reader(session, visit))
    }

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        // Before anything is typed: a proof asked for afterwards would lose it.
        guard try await change.isProven(session, now: visit.now) else { throw Refused(.stepUpRequired) }
        return .page(page(try await person(session), session, visit).html(shell.pages))
    }

    @Sendable private func submit(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let form = try FormFields(visit.body)
        let known = try await person(session)
        var page = page(known, session, visit)
        func again(_ status: HTTPResponse.Status) -> Response { .page(page.html(shell.pages), status: status) }
        guard let current = try? Password(trying: form["current"] ?? "") else {
            page.currentError = "That is longer than any password here."
            return again(.unprocessableContent)
        }
        let password: ChosenPassword
        do {
            password = try await passwords.choose.choose(form["password"] ?? "", about: known.about, groups: known.groups)
        } catch {
            page.field = error.field(page.field)
            return again(error.reason.status)
        }
        switch try await change.change(from: current, to: password, renews: true, in: session, client: visit.client, now: visit.now) {
        case .changed(let token):
            return .seeOther("/auth/account/security?done=password").setting(cookie: token.map { shell.renewed(session, $0, visit) })
        case .wrongPassword:
            page.currentError = "That isn’t your password. Check for caps lock."
            return again(.unauthorized)
        case .repeated(let password):
            page.field.error = password.words
            return again(.unprocessableContent)
        case .tooSoon(let time):
            page.problem = Self.tooSoon(time)
            return again(.conflict)
        case .stepUpNeeded: return .seeOther("/auth/account/step-up?return_to=%2Fauth%2Faccount%2Fpassword")
        case .tooManyTries(let refusal): throw refusal.refused(now: visit.now)
        case .busy: throw Refused(.busy)
        }
    }

    @Sendable private func call(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let fields = try JSONFields(visit.body, allowed: ["current", "password"])
        let text = try fields.text("current")
        guard let current = try? Password(trying: text) else { throw Refused(.passwordTooLong, field: "current") }
        let known = try await person(session)
        let password = try await passwords.chosen(try fields.text("password"), about: known.about, groups: known.groups)
        switch try await change.change(
            from: current, to: password, renews: request.headers[.authorization] == nil, in: session, client: visit.client, now: visit.now)
        {
        case .changed(let token): return .nothing().setting(cookie: token.map { shell.renewed(session, $0, visit) })
        case .wrongPassword: throw Refused(.wrongCredentials, field: "current", detail: "That isn’t the account’s password.")
        case .repeated(let password): throw password.refused
        case .tooSoon(let time): throw Refused(.passwordTooSoon, detail: Self.tooSoon(time))
        case .stepUpNeeded: throw try await stepUpRequired(session, visit.now)
        case .tooManyTries(let refusal): throw refusal.refused(now: visit.now)
        case .busy: throw Refused(.busy)
        }
    }

    private static func tooSoon(_ time: Timestamp) -> String {
        "Your password is new. You can choose another from \(ISOTime.words(time)) on."
    }

    // MARK: As the last step of a sign-in

    private func token(_ request: Request) -> Token? {
        Cookies.value(shell.cookies.attempt, in: request.headers).flatMap { Token(text: $0) }
    }

    private func startOver(_ back: String) -> Response {
        .seeOther("/auth/sign-in?done=attempt-over" + (back.isEmpty ? "" : "&return_to=\(percentEncoded(back))"))
            .setting(cookie: shell.cookies.clear(shell.cookies.attempt))
    }

    private func page(_ view: ChangeAtSignIn.View, _ back: String, _ visit: Visit) -> ChangeAtSignInPage {
        ChangeAtSignInPage(
            field: passwords.field(about: view.account.known, groups: view.groups, replacing: true), cause: view.cause,
            email: view.account.email, returnTo: back, formToken: shell.formToken(visit))
    }

    @Sendable private func showAtSignIn(_ request: Request, _ visit: Visit) async throws -> Response {
        let back = shell.returnTo(try FormFields((request.uri.query ?? "").utf8).text("return_to")) ?? ""
        guard let token = token(request), let view = try await atSignIn.view(of: token, now: visit.now) else { return startOver(back) }
        return .page(page(view, back, visit).html(shell.pages))
    }

    @Sendable private func submitAtSignIn(_ request: Request, _ visit: Visit) async throws -> Response {
        let form = try FormFields(visit.body)
        let back = shell.returnTo(form.text("return_to")) ?? ""
        guard let token = token(request), let view = try await atSignIn.view(of: token, now: visit.now) else { return startOver(back) }
        if form["act"] == "leave" {
            try await atSignIn.leave(token, now: visit.now)
            return .seeOther("/auth/sign-in").setting(cookie: shell.cookies.clear(shell.cookies.attempt))
        }
        var page = page(view, back, visit)
        let password: ChosenPassword
        do {
            password = try await passwords.choose.choose(form["password"] ?? "", about: view.account.known, groups: view.groups)
        } catch {
            page.field = error.field(page.field)
            return .page(page.html(shell.pages), status: error.reason.status)
        }
        switch try await atSignIn.finish(token, with: password, client: visit.client, replaced: visit.sessionToken, now: visit.now) {
        case .signedIn(let session):
            return .seeOther(back.isEmpty ? "/auth/account" : back)
                .setting(cookie: shell.cookies.set(shell.cookies.session, session.token.token.text, maxAge: session.cookieMaxAge))
                .setting(cookie: shell.cookies.clear(shell.cookies.attempt))
        case .enrolmentNeeded(let challenge):
            return .seeOther("/auth/sign-in/enrol?return_to=\(percentEncoded(back))")
                .setting(cookie: shell.cookies.set(shell.cookies.attempt, challenge.token.text, maxAge: SecondStepWeb.lifetime))
        case .repeated(let password):
            page.field.error = password.words
            return .page(page.html(shell.pages), status: .unprocessableContent)
        case .over: return startOver(back)
        case .busy: throw Refused(.busy)
        }
    }

    @Sendable private func callAtSignIn(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: ["attempt", "password"])
        guard let token = Token(text: try fields.text("attempt").utf8), let view = try await atSignIn.view(of: token, now: visit.now) else {
            throw Refused(.attemptOver)
        }
        let password = try await passwords.chosen(
            try fields.text("password"), about: view.account.known, groups: view.groups)
        switch try await atSignIn.finish(token, with: password, client: visit.client, replaced: visit.sessionToken, now: visit.now) {
        case .signedIn(let session): return SignedIn(session: session).response
        case .enrolmentNeeded(let challenge):
            return try .json(NextStep(next: "enrol_second_factor", attempt: challenge.token.text.exposed, methods: ["totp"]))
        case .repeated(let password): throw password.refused
        case .over: throw Refused(.attemptOver)
        case .busy: throw Refused(.busy)
        }
    }
}
