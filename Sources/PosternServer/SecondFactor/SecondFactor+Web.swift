import HTTPTypes
import Hummingbird
import Secrets
import Storage

/// One's own second factors, in JSON.
struct SecondFactorWeb: Room {
    let enrol: EnrolAuthenticator
    let manage: ManageAuthenticators
    let codes: RecoveryCodes
    let shell: Shell
    let factors: @Sendable (Account.ID, Timestamp) async throws(StoreError) -> SecurityPage.Factors

    var routes: [Route] {
        [
            .api(.get, "/auth/v1/account/authenticators", .signedIn, list),
            .api(.post, "/auth/v1/account/authenticators", .signedIn, begin),
            .api(.post, "/auth/v1/account/authenticators/{id}/confirm", .signedIn, confirm),
            .api(.patch, "/auth/v1/account/authenticators/{id}", .signedIn, rename),
            .api(.delete, "/auth/v1/account/authenticators/{id}", .signedIn, remove),
            .api(.post, "/auth/v1/account/recovery-codes", .signedIn, makeCodes),
            .api(.post, "/auth/v1/account/recovery-codes/check", .signedIn, checkCode),
            .api(.get, "/auth/v1/account/trusted-browsers", .signedIn, listTrusted),
            .api(.delete, "/auth/v1/account/trusted-browsers/{id}", .signedIn, endTrust),
        ]
    }

    private func id(_ visit: Visit) throws -> Authenticator.ID {
        guard let id = Authenticator.ID(visit.parameterID) else { throw Refused(.notFound) }
        return id
    }

    @Sendable private func list(_ request: Request, _ visit: Visit) async throws -> Response {
        let held = try await factors(try visit.signedIn().account, visit.now)
        return try .json(
            FactorList(
                authenticators: held.authenticators.map {
                    FactorList.App(
                        id: $0.id.description, name: $0.name, created_at: ISOTime.text($0.createdAt),
                        used_at: $0.usedAt.map(ISOTime.text), clock_error_seconds: $0.clockError ?? 0)
                },
                recovery_codes_left: held.recoveryCodesLeft))
    }

    @Sendable private func begin(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let name = try JSONFields(visit.body, allowed: ["name"]).text("name")
        let outcome = try await enrol.begin(name, for: .session(session), now: visit.now)
        if case .stepUpNeeded = outcome { throw try await factors(session.account, visit.now).stepUpRequired }
        return try AuthenticatorAnswers.begun(outcome)
    }

    @Sendable private func confirm(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let code = Secret(try JSONFields(visit.body, allowed: ["code"]).text("code"))
        let outcome = try await enrol.confirm(
            try id(visit), code: code, for: .session(session), codes: .atOnce, renews: request.headers[.authorization] == nil,
            client: visit.client, replaced: nil, now: visit.now)
        var cookie: String?
        if case .confirmed(_, _, let token?) = outcome { cookie = shell.renewed(session, token, visit) }
        return try AuthenticatorAnswers.confirmed(outcome, now: visit.now).setting(cookie: cookie)
    }

    @Sendable private func rename(_ request: Request, _ visit: Visit) async throws -> Response {
        let name = try JSONFields(visit.body, allowed: ["name"]).text("name")
        switch try await manage.rename(
            try id(visit), of: try visit.signedIn().account, to: name, client: visit.client, now: visit.now)
        {
        case .renamed: return .nothing()
        case .nameInvalid: throw Refused(.nameInvalid, field: "name", detail: "1 to \(Authenticator.longestName) characters on one line.")
        case .noSuchAuthenticator: throw Refused(.notFound)
        }
    }

    @Sendable private func remove(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        switch try await manage.remove(try id(visit), in: session, client: visit.client, now: visit.now) {
        case .removed: return .nothing()
        case .noSuchAuthenticator: throw Refused(.notFound)
        case .proofNeeded: throw try await factors(session.account, visit.now).stepUpRequired
        }
    }

    @Sendable private func makeCodes(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        switch try await codes.make(in: session, atOnce: true, client: visit.client, now: visit.now) {
        case .made(let made): return try .json(["recovery_codes": made.texts.map(\.exposed)], status: .created)
        case .stepUpNeeded: throw try await factors(session.account, visit.now).stepUpRequired
        case .noFactor: throw Refused(.noSecondFactor)
        case .busy: throw Refused(.busy)
        }
    }

    @Sendable private func checkCode(_ request: Request, _ visit: Visit) async throws -> Response {
        let code = try JSONFields(visit.body, allowed: ["code"]).text("code")
        switch try await codes.check(code, of: try visit.signedIn().account) {
        case .good: return try .json(["good": true])
        case .notGood: return try .json(["good": false])
        case .busy: throw Refused(.busy)
        }
    }

    @Sendable private func listTrusted(_ request: Request, _ visit: Visit) async throws -> Response {
        let held = try await factors(try visit.signedIn().account, visit.now)
        return try .json(
            TrustList(
                trusted_browsers: held.trusted.map {
                    TrustList.Browser(
                        id: $0.id.description, browser: $0.browser, address: $0.address, created_at: ISOTime.text($0.createdAt),
                        expires_at: ISOTime.text($0.expiresAt))
                }))
    }

    @Sendable private func endTrust(_ request: Request, _ visit: Visit) async throws -> Response {
        guard let id = TrustedBrowser.ID(visit.parameterID),
            try await manage.endTrust(id, of: try visit.signedIn().account, client: visit.client, now: visit.now)
        else { throw Refused(.notFound) }
        return .nothing()
    }
}

private struct FactorList: Encodable {
    struct App: Encodable {
        let id: String
        let name: String
        let created_at: String
        let used_at: String?
        let clock_error_seconds: Int64
    }

    let authenticators: [App]
    let recovery_codes_left: Int64
}

private struct TrustList: Encodable {
    struct Browser: Encodable {
        let id: String
        let browser: String
        let address: String
        let created_at: String
        let expires_at: String
    }

    let trusted_browsers: [Browser]
}
