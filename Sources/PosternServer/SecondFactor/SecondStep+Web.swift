import HTTPTypes
import Hummingbird
import Secrets
import Storage

/// The second step of a sign-in: by page with a cookie that names the waiting sign-in, by JSON with its `attempt`.
struct SecondStepWeb: Room {
    let secondStep: SecondStep
    let enrol: EnrolAuthenticator
    let shell: Shell

    static let lifetime = NewChallenge.lifetime.components.seconds

    var routes: [Route] {
        [
            .page(.get, "/auth/sign-in/second-factor", .anyone, show),
            .page(.post, "/auth/sign-in/second-factor", .anyone, submit),
            .page(.get, "/auth/sign-in/enrol", .anyone, askToBegin),
            .page(.post, "/auth/sign-in/enrol", .anyone, begin),
            .page(.post, "/auth/sign-in/enrol/confirm", .anyone, confirm),
            .api(.post, "/auth/v1/sign-in/second-factor", .anyone, call),
            .api(.post, "/auth/v1/sign-in/authenticators", .anyone, callBegin),
            .api(.post, "/auth/v1/sign-in/authenticators/{id}/confirm", .anyone, callConfirm),
        ]
    }

    private func returnTo(_ text: String) -> String { shell.returnTo(text) ?? "" }

    private func token(_ request: Request) -> Token? {
        Cookies.value(shell.cookies.attempt, in: request.headers).flatMap { Token(text: $0) }
    }

    /// Back to the password, with a word about why.
    private func startOver(_ back: String) -> Response {
        .seeOther("/auth/sign-in?done=attempt-over" + (back.isEmpty ? "" : "&return_to=\(percentEncoded(back))"))
            .setting(cookie: shell.cookies.clear(shell.cookies.attempt))
    }

    private func page(_ view: SecondStep.View, method: String, _ visit: Visit) -> SecondStepPage {
        SecondStepPage(
            purpose: .signIn, email: view.email, apps: view.authenticators.map(\.name), recoveryCodesLeft: view.recoveryCodesLeft,
            // What was asked for last is what a code is awaited from.
            method: view.methods.contains(method)
                ? method
                : view.sent.map(\.channel.rawValue).flatMap { view.methods.contains($0) ? $0 : nil } ?? view.methods.first ?? "totp",
            methods: view.methods, phones: view.phones, sent: view.sent,
            delays: secondStep.check.phones.delays(of: view.phones, now: visit.now),
            mayTrust: secondStep.policy.trust, formToken: shell.formToken(visit))
    }

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        let query = try FormFields((request.uri.query ?? "").utf8)
        let back = returnTo(query.text("return_to"))
        guard let token = token(request), let view = try await secondStep.view(of: token, now: visit.now) else { return startOver(back) }
        if view.challenge.mustEnrol { return .seeOther("/auth/sign-in/enrol?return_to=\(percentEncoded(back))") }
        var page = page(view, method: query.text("method"), visit)
        page.returnTo = back
        page.problem = SendCodeWeb.words(query["problem"], page.sent)
        return .page(page.html(shell.pages))
    }

    @Sendable private func submit(_ request: Request, _ visit: Visit) async throws -> Response {
        let form = try FormFields(visit.body)
        let back = returnTo(form.text("return_to"))
        guard let token = token(request), let view = try await secondStep.view(of: token, now: visit.now),
            let proof = OfferedProof(method: form.text("method"), code: form.text("code"))
        else { return startOver(back) }
        let attempt = SecondStep.Attempt(
            challenge: token, proof: proof, trusts: form["trust"] == "yes", client: visit.client, replaced: visit.sessionToken)
        switch try await secondStep.finish(attempt, now: visit.now) {
        case .signedIn(let session, let trust): return signedIn(session, trust: trust, back)
        case .changeNeeded(let challenge):
            return .seeOther("/auth/sign-in/change-password?return_to=\(percentEncoded(back))")
                .setting(cookie: shell.cookies.set(shell.cookies.attempt, challenge.token.text, maxAge: Self.lifetime))
        case .refused(let verdict):
            var page = page(view, method: proof.method, visit)
            page.returnTo = back
            page.problem = verdict.words(proof.method, now: visit.now)
            return .page(page.html(shell.pages), status: verdict.reason.status).retrying(verdict.refused(now: visit.now))
        case .over: return startOver(back)
        case .mustEnrol: return .seeOther("/auth/sign-in/enrol?return_to=\(percentEncoded(back))")
        case .busy: throw Refused(.busy)
        }
    }

    private func signedIn(_ session: NewSession, trust: NewTrust?, _ back: String) -> Response {
        let cookies = shell.cookies
        return .seeOther(back.isEmpty ? "/auth/account" : back)
            .setting(cookie: cookies.set(cookies.session, session.token.token.text, maxAge: session.cookieMaxAge))
            .setting(cookie: cookies.clear(cookies.attempt))
            .setting(
                cookie: trust.map { cookies.set(cookies.trust, $0.token.text, maxAge: ($0.expiresAt - $0.createdAt).components.seconds) })
    }

    /// The recovery codes, as the first page of the session that was just opened.
    private func show(_ codes: NewRecoverySet, _ session: NewSession, _ email: String, _ back: String, _ visit: Visit) -> Response {
        var page = RecoveryCodesPage(
            codes: codes.texts.map(\.exposed), set: codes.set.id.description, replacesOld: false, madeAt: visit.now, email: email)
        page.returnTo = back
        let reader = Pages.Reader(email: email, isAdministrator: false, formToken: shell.forms.token(for: .session(session.token.hash)))
        var response = signedIn(session, trust: nil, back)
        response.status = .ok
        response.headers[.location] = nil
        response.headers[.contentType] = "text/html; charset=utf-8"
        response.body = Response.page(page.html(shell.pages, for: reader)).body
        return response
    }

    // MARK: A group asks for a factor, and there is none

    private func person(_ token: Token?, _ visit: Visit) async throws -> EnrolAuthenticator.Person? {
        guard let token, let view = try await secondStep.view(of: token, now: visit.now), view.challenge.mustEnrol else { return nil }
        return .challenge(view.challenge, email: view.email)
    }

    private func enrolPage(id: String, back: String, _ visit: Visit) -> EnrolPage {
        EnrolPage(
            id: id, action: "/auth/sign-in/enrol/confirm", startOver: "/auth/sign-in/enrol", cancel: "/auth/sign-in", returnTo: back,
            formToken: shell.formToken(visit))
    }

    /// The sign-in leads here. The key is made by the button: looking at a page makes nothing.
    @Sendable private func askToBegin(_ request: Request, _ visit: Visit) async throws -> Response {
        let back = returnTo(try FormFields((request.uri.query ?? "").utf8).text("return_to"))
        guard try await person(token(request), visit) != nil else { return startOver(back) }
        return .page(EnrolAtSignInPage(returnTo: back, formToken: shell.formToken(visit)).html(shell.pages))
    }

    @Sendable private func begin(_ request: Request, _ visit: Visit) async throws -> Response {
        let back = returnTo(try FormFields(visit.body).text("return_to"))
        guard let person = try await person(token(request), visit) else { return startOver(back) }
        switch try await enrol.begin(EnrolPage.suggestedName, for: person, now: visit.now) {
        case .pending(let pending):
            var page = enrolPage(id: pending.id.description, back: back, visit)
            page.uri = pending
            return .page(page.html(shell.pages, for: nil))
        case .tooMany: throw Refused(.tooManyAuthenticators)
        case .nameInvalid, .stepUpNeeded: return startOver(back)
        }
    }

    @Sendable private func confirm(_ request: Request, _ visit: Visit) async throws -> Response {
        let form = try FormFields(visit.body)
        let back = returnTo(form.text("return_to"))
        guard let person = try await person(token(request), visit), let id = Authenticator.ID(form.text("id")) else {
            return startOver(back)
        }
        let outcome = try await enrol.confirm(
            id, code: Secret(form.text("code")), name: form.text("name"), for: person, codes: .onceSaved, client: visit.client,
            replaced: visit.sessionToken, now: visit.now)
        switch outcome {
        case .confirmed(let codes?, let session?, _): return show(codes, session, person.email, back, visit)
        case .confirmed(nil, let session?, _): return signedIn(session, trust: nil, back)
        case .confirmed(_, nil, _): return startOver(back)
        case .wrongCode:
            var page = enrolPage(id: id.description, back: back, visit)
            page.name = form.text("name")
            page.problem = CodeVerdict.wrong.words(now: visit.now)
            return .page(page.html(shell.pages, for: nil), status: Reason.wrongCode.status)
        case .gone: throw Refused(.enrolmentOver)
        case .busy: throw Refused(.busy)
        }
    }

    // MARK: JSON

    private func token(in fields: JSONFields) throws -> Token {
        guard let token = Token(text: try fields.text("attempt").utf8) else { throw Refused(.attemptOver, field: "attempt") }
        return token
    }

    @Sendable private func call(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: ["attempt", "method", "code", "trust"])
        guard let proof = OfferedProof(method: try fields.text("method"), code: try fields.text("code")) else {
            throw Refused(.malformed, field: "method", detail: "Known: \(OfferedProof.methods.joined(separator: ", ")).")
        }
        let attempt = SecondStep.Attempt(
            challenge: try token(in: fields), proof: proof, trusts: try fields.bool("trust", default: false), client: visit.client,
            replaced: visit.sessionToken)
        switch try await secondStep.finish(attempt, now: visit.now) {
        case .signedIn(let session, let trust): return SignedIn(session: session, trust: trust).response
        case .changeNeeded(let challenge):
            return try .json(NextStep(next: "change_password", attempt: challenge.token.text.exposed, methods: []))
        case .refused(let verdict): throw verdict.refused(proof.method, now: visit.now)
        case .over: throw Refused(.attemptOver)
        case .mustEnrol: throw Refused(.secondFactorRequired, detail: "Add one at /auth/v1/sign-in/authenticators with this attempt.")
        case .busy: throw Refused(.busy)
        }
    }

    @Sendable private func callBegin(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: ["attempt", "name"])
        guard let person = try await person(try token(in: fields), visit) else { throw Refused(.attemptOver) }
        return try AuthenticatorAnswers.begun(try await enrol.begin(try fields.text("name"), for: person, now: visit.now))
    }

    @Sendable private func callConfirm(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: ["attempt", "code"])
        guard let person = try await person(try token(in: fields), visit) else { throw Refused(.attemptOver) }
        guard let id = Authenticator.ID(visit.parameterID) else { throw Refused(.notFound) }
        let outcome = try await enrol.confirm(
            id, code: Secret(try fields.text("code")), for: person, codes: .atOnce, client: visit.client, replaced: visit.sessionToken,
            now: visit.now)
        return try AuthenticatorAnswers.confirmed(outcome, now: visit.now)
    }
}
