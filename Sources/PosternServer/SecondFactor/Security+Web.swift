import HTTPTypes
import Hummingbird
import Secrets
import Storage

/// The security page and what is done from it.
struct SecurityWeb: Room {
    let enrol: EnrolAuthenticator
    let manage: ManageAuthenticators
    let codes: RecoveryCodes
    let stepUp: StepUp
    let shell: Shell
    let factors: @Sendable (Account.ID, Timestamp) async throws(StoreError) -> SecurityPage.Factors

    private static let home = "/auth/account/security"

    var routes: [Route] {
        [
            .page(.get, "/auth/account/security", .signedIn, show),
            .page(.post, "/auth/account/security/authenticators", .signedIn, begin),
            .page(.get, "/auth/account/security/authenticators", .signedIn) { _, _ in .seeOther(Self.home) },
            .page(.post, "/auth/account/security/authenticators/confirm", .signedIn, confirm),
            .page(.post, "/auth/account/security/authenticators/{id}/rename", .signedIn, rename),
            .page(.get, "/auth/account/security/authenticators/{id}/remove", .signedIn, askToRemove),
            .page(.post, "/auth/account/security/authenticators/{id}/remove", .signedIn, remove),
            .page(.post, "/auth/account/security/recovery-codes", .signedIn, makeCodes),
            .page(.post, "/auth/account/security/recovery-codes/use", .signedIn, useCodes),
            .page(.post, "/auth/account/security/recovery-codes/check", .signedIn, checkCode),
            .page(.post, "/auth/account/security/trusted-browsers/{id}/end", .signedIn, endTrust),
        ]
    }

    private static let notices: [String: SecurityPage.Notice] = [
        "added": .added, "removed": .removed, "renamed": .renamed, "codes": .codesInUse, "trust-ended": .trustEnded,
        "needed": .needed, "password": .passwordChanged, "phone-added": .phoneAdded, "phone-later": .phoneLater,
        "phone-removed": .phoneRemoved,
    ]

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        let query = try FormFields((request.uri.query ?? "").utf8)
        var notice = query["done"].flatMap { Self.notices[$0] }
        if query["done"] == "enrol-by", let seconds = Int64(query.text("at")), (0...253_402_300_799).contains(seconds) {
            notice = .enrolBy(ISOTime.words(Timestamp(secondsSinceEpoch: seconds)))
        }
        return try await page(notice, visit, returnTo: shell.returnTo(query.text("return_to")) ?? "")
    }

    private func page(
        _ notice: SecurityPage.Notice?, _ visit: Visit, status: HTTPResponse.Status = .ok, returnTo: String = ""
    ) async throws -> Response {
        let session = try visit.signedIn()
        var page = SecurityPage(factors: try await factors(session.account, visit.now), reader: shell.reader(session, visit))
        page.notice = notice
        page.returnTo = returnTo
        return .page(page.html(shell.pages), status: status)
    }

    /// Leads to "confirm it's you", and back to the page.
    private var toStepUp: Response { .seeOther("/auth/account/step-up?return_to=\(percentEncoded(Self.home))") }

    private func enrolPage(id: String, back: String?, _ visit: Visit) -> EnrolPage {
        EnrolPage(
            id: id, action: Self.home + "/authenticators/confirm", startOver: Self.home + "/authenticators", cancel: Self.home,
            returnTo: back ?? "", formToken: shell.formToken(visit))
    }

    @Sendable private func begin(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        switch try await enrol.begin(EnrolPage.suggestedName, for: .session(session), now: visit.now) {
        case .pending(let pending):
            let back = shell.returnTo(try FormFields(visit.body).text("return_to"))
            var page = enrolPage(id: pending.id.description, back: back, visit)
            page.uri = pending
            return .page(page.html(shell.pages, for: shell.reader(session, visit)))
        case .stepUpNeeded: return toStepUp
        case .tooMany: return try await page(.tooMany, visit, status: Reason.tooManyAuthenticators.status)
        case .nameInvalid: return try await page(.nameInvalid, visit, status: Reason.nameInvalid.status)
        }
    }

    @Sendable private func confirm(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let form = try FormFields(visit.body)
        guard let id = Authenticator.ID(form.text("id")) else { throw Refused(.enrolmentOver) }
        let back = shell.returnTo(form.text("return_to"))
        let outcome = try await enrol.confirm(
            id, code: Secret(form.text("code")), name: form.text("name"), for: .session(session), codes: .onceSaved, renews: true,
            client: visit.client,
            replaced: nil, now: visit.now)
        switch outcome {
        case .confirmed(let codes, _, let token):
            var visit = visit
            if let token { visit.sessionToken = token }
            let cookie = token.map { shell.renewed(session, $0, visit) }
            guard let codes else { return .seeOther(back ?? Self.home + "?done=added").setting(cookie: cookie) }
            return show(codes, replacesOld: false, back: back, session, visit).setting(cookie: cookie)
        case .wrongCode:
            var page = enrolPage(id: id.description, back: back, visit)
            page.name = form.text("name")
            page.problem = CodeVerdict.wrong.words(now: visit.now)
            return .page(page.html(shell.pages, for: shell.reader(session, visit)), status: Reason.wrongCode.status)
        case .gone: throw Refused(.enrolmentOver)
        case .busy: throw Refused(.busy)
        }
    }

    private func show(
        _ new: NewRecoverySet, replacesOld: Bool, back: String? = nil, _ session: LiveSession, _ visit: Visit
    ) -> Response {
        var page = RecoveryCodesPage(
            codes: new.texts.map(\.exposed), set: new.set.id.description, replacesOld: replacesOld, madeAt: visit.now, email: session.email)
        page.returnTo = back ?? ""
        return .page(page.html(shell.pages, for: shell.reader(session, visit)))
    }

    @Sendable private func rename(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        guard let id = Authenticator.ID(visit.parameterID) else { throw Refused(.notFound) }
        let name = try FormFields(visit.body).text("name")
        switch try await manage.rename(id, of: session.account, to: name, client: visit.client, now: visit.now) {
        case .renamed: return .seeOther(Self.home + "?done=renamed")
        case .nameInvalid: return try await page(.nameInvalid, visit, status: Reason.nameInvalid.status)
        case .noSuchAuthenticator: throw Refused(.notFound)
        }
    }

    private func removalPage(_ problem: String?, _ visit: Visit, status: HTTPResponse.Status = .ok) async throws -> Response {
        let session = try visit.signedIn()
        let apps = try await factors(session.account, visit.now).authenticators
        guard let id = Authenticator.ID(visit.parameterID), let app = apps.first(where: { $0.id == id }) else { throw Refused(.notFound) }
        var page = RemoveAuthenticatorPage(
            authenticator: app, others: apps.filter { $0.id != id }.map(\.name), reader: shell.reader(session, visit))
        page.problem = problem
        return .page(page.html(shell.pages), status: status)
    }

    @Sendable private func askToRemove(_ request: Request, _ visit: Visit) async throws -> Response { try await removalPage(nil, visit) }

    /// Two flows, one after the other: the code is a proof for this session, and that proof lets the app be removed.
    @Sendable private func remove(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        guard let id = Authenticator.ID(visit.parameterID) else { throw Refused(.notFound) }
        var renewed: String?
        let code = Secret(try FormFields(visit.body).text("code"))
        // What has letters is a recovery code.
        let proof: OfferedProof =
            code.exposed.utf8.contains { $0 | 0x20 >= UInt8(ascii: "a") } || code.exposed.utf8.count > 8
            ? .recoveryCode(code) : .totp(code)
        switch try await stepUp.prove(.factor(proof), only: id, renews: true, in: session, client: visit.client, now: visit.now) {
        case .proved(let token): renewed = token.map { shell.renewed(session, $0, visit) }
        case .refused(let verdict):
            return try await removalPage(
                verdict.words(proof.method, now: visit.now), visit, status: verdict.reason.status
            )
            .retrying(verdict.refused(now: visit.now))
        case .wrongPassword, .tooManyTries, .factorNeeded, .noFactor: throw Refused(.stepUpRequired)
        case .busy: throw Refused(.busy)
        }
        switch try await manage.remove(id, in: session, client: visit.client, now: visit.now) {
        case .removed: return .seeOther(Self.home + "?done=removed").setting(cookie: renewed)
        case .noSuchAuthenticator: throw Refused(.notFound)
        case .proofNeeded:
            // The code was right, and the session has its new token; but codes this new don't throw an app out.
            return try await page(.codesTooNew, visit, status: Reason.stepUpRequired.status).setting(cookie: renewed)
        }
    }

    @Sendable private func makeCodes(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let hadCodes = try await factors(session.account, visit.now).recoverySet != nil
        switch try await codes.make(in: session, atOnce: false, client: visit.client, now: visit.now) {
        case .made(let made): return show(made, replacesOld: hadCodes, session, visit)
        case .stepUpNeeded: return toStepUp
        case .noFactor: return try await page(.noFactor, visit, status: Reason.noSecondFactor.status)
        case .busy: throw Refused(.busy)
        }
    }

    @Sendable private func useCodes(_ request: Request, _ visit: Visit) async throws -> Response {
        let form = try FormFields(visit.body)
        guard form["saved"] == "yes", let set = RecoverySet.ID(form.text("set")) else {
            throw Refused(.malformed, field: "saved", detail: "Say that the codes are saved before they count.")
        }
        switch try await codes.use(set, in: try visit.signedIn(), client: visit.client, now: visit.now) {
        case .inUse:
            let back = shell.returnTo(form.text("return_to"))
            return .seeOther(back ?? Self.home + "?done=codes")
        case .noSuchSet:
            throw Refused(.linkInvalid, detail: "These codes were replaced by newer ones. Make new ones on your security page.")
        case .stepUpNeeded: return toStepUp
        }
    }

    @Sendable private func checkCode(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        switch try await codes.check(try FormFields(visit.body).text("code"), of: session.account) {
        case .good: return try await page(.codeGood, visit)
        case .notGood: return try await page(.codeNotGood, visit)
        case .busy: throw Refused(.busy)
        }
    }

    @Sendable private func endTrust(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        guard let id = TrustedBrowser.ID(visit.parameterID),
            try await manage.endTrust(id, of: session.account, client: visit.client, now: visit.now)
        else { throw Refused(.notFound) }
        return .seeOther(Self.home + "?done=trust-ended")
    }
}
