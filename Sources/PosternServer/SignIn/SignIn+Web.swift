import HTTPTypes
import Hummingbird
import Secrets
import Storage

/// Signing in by form and by JSON, and signing out.
struct SignInWeb: Room {
    let signIn: SignIn
    let sessions: EndSessions
    let shell: Shell
    let maySignUp: Bool
    /// How a sign-in that waits can be finished.
    let methods: @Sendable (Token, Timestamp) async throws(StoreError) -> [String]
    /// Whether an owner is still to be made: the page then says how.
    let ownerIsMissing: @Sendable () async -> Bool

    var routes: [Route] {
        [
            .page(.get, "/auth/sign-in", .anyone, show),
            .page(.post, "/auth/sign-in", .anyone, submit),
            .page(.get, "/auth/sign-out", .anyone, askToSignOut).onApps,
            .page(.post, "/auth/sign-out", .anyone, signOut).onApps,
            .api(.post, "/auth/v1/sign-in", .anyone, call),
        ]
    }

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        let query = try FormFields((request.uri.query ?? "").utf8)
        let back = shell.returnTo(query["return_to"] ?? "")
        if visit.session != nil { return .seeOther(back ?? "/auth/account") }
        var page = SignInPage(formToken: shell.formToken(visit), maySignUp: maySignUp)
        page.returnTo = back ?? ""
        page.mayBeOwner = await ownerIsMissing()
        switch query["done"] {
        case "confirmed": page.notice = .confirmed
        case "setup": page.notice = .ownerMade
        case "invitation": page.notice = .invitationUsed
        case "reset": page.notice = .passwordReset
        case "attempt-over": page.notice = .attemptOver
        case "unlocked": page.notice = .unlocked
        case "locked": page.notice = .locked
        default: break
        }
        return .page(page.html(shell.pages))
    }

    @Sendable private func submit(_ request: Request, _ visit: Visit) async throws -> Response {
        let form = try FormFields(visit.body)
        var page = SignInPage(formToken: shell.formToken(visit), maySignUp: maySignUp)
        page.email = form.text("email")
        page.returnTo = shell.returnTo(form.text("return_to")) ?? ""
        page.isKept = form["keep"] == "yes"
        page.hasFailed = true
        // What is no address has no account: the same answer, without the work.
        guard let email = EmailAddress(page.email) else { return .page(page.html(shell.pages), status: .unauthorized) }
        let attempt = try attempt(request, email, password: form["password"] ?? "", isKept: page.isKept, visit)
        switch try await signIn.attempt(attempt, now: visit.now) {
        case .signedIn(let session, let enrolBy):
            let cookie = shell.cookies.set(shell.cookies.session, session.token.token.text, maxAge: session.cookieMaxAge)
            let enrolment = enrolBy.map { "/auth/account/security?done=enrol-by&at=\($0.secondsSinceEpoch)" }
            return .seeOther(enrolment ?? (page.returnTo.isEmpty ? "/auth/account" : page.returnTo)).setting(cookie: cookie)
        case .secondFactorNeeded(let challenge):
            let cookie = shell.cookies.set(shell.cookies.attempt, challenge.token.text, maxAge: SecondStepWeb.lifetime)
            let step = challenge.mustEnrol ? "enrol" : "second-factor"
            return .seeOther("/auth/sign-in/\(step)?return_to=\(percentEncoded(page.returnTo))").setting(cookie: cookie)
        case .changeNeeded(let challenge):
            let cookie = shell.cookies.set(shell.cookies.attempt, challenge.token.text, maxAge: SecondStepWeb.lifetime)
            return .seeOther("/auth/sign-in/change-password?return_to=\(percentEncoded(page.returnTo))").setting(cookie: cookie)
        case .changeMailed(let cause): throw Refused(Self.reason(cause))
        case .unusual: throw Refused(.unusualSignIn)
        case .wrongCredentials: return .page(page.html(shell.pages), status: .unauthorized)
        case .refused(let refusal):
            let refused = refusal.refused(now: visit.now)
            page.hasFailed = false
            page.refusal = refused.detail ?? ""
            return .page(page.html(shell.pages), status: refused.reason.status).retrying(refused)
        case .busy: throw Refused(.busy)
        }
    }

    @Sendable private func call(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: ["email", "password", "keep"])
        guard let email = EmailAddress(try fields.text("email")) else { throw Refused(.emailInvalid, field: "email") }
        let attempt = try attempt(
            request, email, password: try fields.text("password"), isKept: try fields.bool("keep", default: false), visit)
        switch try await signIn.attempt(attempt, now: visit.now) {
        // No cookie: whoever calls the API holds the token itself.
        case .signedIn(let session, let enrolBy): return SignedIn(session: session, enrolBy: enrolBy).response
        case .secondFactorNeeded(let challenge):
            return try .json(
                NextStep(
                    next: challenge.mustEnrol ? "enrol_second_factor" : "second_factor", attempt: challenge.token.text.exposed,
                    methods: challenge.mustEnrol ? ["totp"] : try await methods(challenge.token, visit.now)))
        case .changeNeeded(let challenge):
            return try .json(NextStep(next: "change_password", attempt: challenge.token.text.exposed, methods: []))
        case .changeMailed(let cause): throw Refused(Self.reason(cause))
        case .unusual: throw Refused(.unusualSignIn)
        case .wrongCredentials: throw Refused(.wrongCredentials)
        case .refused(let refusal): throw refusal.refused(now: visit.now)
        case .busy: throw Refused(.busy)
        }
    }

    private static func reason(_ cause: SignIn.ChangeCause) -> Reason {
        switch cause {
        case .stolen: .passwordStolen
        case .expired: .passwordExpired
        case .required: .passwordChangeRequired
        }
    }

    private func attempt(_ request: Request, _ email: EmailAddress, password: String, isKept: Bool, _ visit: Visit) throws -> SignIn.Attempt
    {
        guard let password = try? Password(trying: password) else { throw Refused(.passwordTooLong, field: "password") }
        return SignIn.Attempt(
            email: email, password: password, isKept: isKept, client: visit.client, replaced: visit.sessionToken,
            trust: Cookies.value(shell.cookies.trust, in: request.headers).flatMap { Token(text: $0) })
    }

    @Sendable private func askToSignOut(_ request: Request, _ visit: Visit) async throws -> Response {
        let page = SignOutPage(
            email: visit.session?.email, formToken: visit.session == nil ? "" : shell.formToken(visit),
            signIn: visit.app == nil ? "/auth/sign-in" : "/")
        return .page(page.html(shell.pages))
    }

    @Sendable private func signOut(_ request: Request, _ visit: Visit) async throws -> Response {
        if let token = visit.sessionToken { try await sessions.signOut(token, client: visit.client, now: visit.now) }
        // On an app's host the next page is there too: browsers hold a form to the hosts that its page named.
        var response =
            visit.app == nil
            ? Response.seeOther("/auth/sign-in").setting(cookie: shell.cookies.clear(shell.cookies.session))
            : Response.seeOther("/auth/sign-out").setting(cookie: shell.cookies.clear(shell.cookies.appSession))
        response.headers[.named("Clear-Site-Data")] = "\"cache\""
        return response
    }
}

/// What the API answers while a sign-in waits for more.
struct NextStep: Encodable {
    let next: String
    let attempt: String
    /// How that can be proved; empty where nothing is to be proved.
    let methods: [String]
}
