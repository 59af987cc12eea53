import HTTPTypes
import Hummingbird
import Secrets
import Storage

/// "Confirm it's you", by page and by JSON.
struct StepUpWeb: Room {
    let stepUp: StepUp
    let shell: Shell
    let factors: @Sendable (Account.ID, Timestamp) async throws(StoreError) -> SecurityPage.Factors
    /// The last code that was sent for this.
    let sent: @Sendable (LiveSession, Timestamp) async throws(StoreError) -> CodeState?

    var routes: [Route] {
        [
            .page(.get, "/auth/account/step-up", .signedIn, show).whileHeld,
            .page(.post, "/auth/account/step-up", .signedIn, submit).whileHeld,
            .api(.post, "/auth/v1/session/step-up", .signedIn, call).whileHeld,
        ]
    }

    private func back(_ text: String) -> String {
        shell.returnTo(text) ?? "/auth/account/security"
    }

    private func page(_ fields: FormFields, _ visit: Visit) async throws -> SecondStepPage {
        let session = try visit.signedIn()
        let held = try await factors(session.account, visit.now)
        let methods = held.methods
        let wanted = fields.text("method")
        var page = SecondStepPage(
            purpose: .stepUp, email: session.email, apps: held.authenticators.map(\.name), recoveryCodesLeft: held.recoveryCodesLeft,
            method: methods.contains(wanted) ? wanted : methods.first ?? "password", methods: methods, phones: held.phoneOptions,
            sent: try await sent(session, visit.now), delays: stepUp.check.phones.delays(of: held.phoneOptions, now: visit.now),
            formToken: shell.formToken(visit))
        page.returnTo = back(fields.text("return_to"))
        page.problem = SendCodeWeb.words(fields["problem"], page.sent)
        return page
    }

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try FormFields((request.uri.query ?? "").utf8)
        let page = try await page(fields, visit)
        // A factor is needed, and there is none: a password doesn't help, adding one does.
        if page.method == "password", fields["need"] == "second-factor" {
            return .seeOther("/auth/account/security?done=needed&return_to=\(percentEncoded(page.returnTo))")
        }
        return .page(page.html(shell.pages))
    }

    @Sendable private func submit(_ request: Request, _ visit: Visit) async throws -> Response {
        let form = try FormFields(visit.body)
        let session = try visit.signedIn()
        var page = try await page(form, visit)
        guard let offer = Self.offer(page.method, form["code"] ?? "") else { throw Refused(.malformed, field: "method") }
        let now = visit.now
        switch try await stepUp.prove(offer, renews: true, in: session, client: visit.client, now: now) {
        case .proved(let token):
            return .seeOther(page.returnTo).setting(cookie: token.map { shell.renewed(session, $0, visit) })
        case .refused(let verdict):
            page.problem = verdict.words(page.method, now: now)
            return .page(page.html(shell.pages), status: verdict.reason.status).retrying(verdict.refused(now: now))
        case .wrongPassword: page.problem = "That isn’t your password. Check for caps lock."
        case .factorNeeded, .noFactor: throw Refused(.stepUpRequired)
        case .tooManyTries(let refusal): throw refusal.refused(now: visit.now)
        case .busy: throw Refused(.busy)
        }
        return .page(page.html(shell.pages), status: Reason.wrongCredentials.status)
    }

    private static func offer(_ method: String, _ code: String) -> StepUp.Offer? {
        if method == "password" { return .password(Secret(code)) }
        return OfferedProof(method: method, code: code).map { .factor($0) }
    }

    @Sendable private func call(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: ["method", "code", "password"])
        let session = try visit.signedIn()
        let method = try fields.text("method")
        guard let offer = Self.offer(method, try fields.text(method == "password" ? "password" : "code")) else {
            throw Refused(.malformed, field: "method", detail: "Known: password, \(OfferedProof.methods.joined(separator: ", ")).")
        }
        switch try await stepUp.prove(
            offer, renews: request.headers[.authorization] == nil, in: session, client: visit.client, now: visit.now)
        {
        case .proved(let token): return .nothing().setting(cookie: token.map { shell.renewed(session, $0, visit) })
        case .refused(let verdict): throw verdict.refused(method, now: visit.now)
        case .wrongPassword: throw Refused(.wrongCredentials, field: "password", detail: "That isn’t the account’s password.")
        case .factorNeeded, .noFactor: throw try await factors(session.account, visit.now).stepUpRequired
        case .tooManyTries(let refusal): throw refusal.refused(now: visit.now)
        case .busy: throw Refused(.busy)
        }
    }
}

extension SecurityPage.Factors {
    /// Ways to prove who one is, the last used first: the strongest kind that the account holds.
    var methods: [String] {
        let methods = FactorMethods.list(
            hasApp: !authenticators.isEmpty, phones: phoneOptions, hasRecoveryCodes: recoveryCodesLeft > 0, last: tries.lastMethod)
        return hasFactor ? methods : ["password"]
    }

    /// What the API answers where a proof is missing.
    var stepUpRequired: Refused {
        var refused = Refused(.stepUpRequired)
        refused.methods = methods
        return refused
    }
}
