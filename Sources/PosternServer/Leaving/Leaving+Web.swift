import HTTPTypes
import Hummingbird
import Secrets
import Storage

/// One's own data, and the way out.
struct LeavingWeb: Room {
    let leave: Leave
    let shell: Shell
    let leavesAt: @Sendable (Account.ID) async throws(StoreError) -> Timestamp?
    let export: @Sendable (Account.ID, Timestamp) async throws(StoreError) -> ExportDocument?
    /// What the API answers where a fresh proof is missing.
    let stepUpRequired: @Sendable (LiveSession, Timestamp) async throws -> Refused

    private static func ownsAlone(_ names: [String]) -> Refused {
        Refused(
            .lastOwner,
            detail: "You are the only owner of \(names.joined(separator: ", ")). Make somebody else an owner there, or end it, first.")
    }

    var routes: [Route] {
        [
            .page(.get, "/auth/account/leave", .signedIn, show),
            .page(.post, "/auth/account/leave", .signedIn, submit),
            .page(.post, "/auth/account/stay", .signedIn, stay),
            .page(.get, "/auth/account/export", .signedIn, download),
            .api(.get, "/auth/v1/account/export", .signedIn, callExport),
            .api(.post, "/auth/v1/account/leave", .signedIn, call),
            .api(.delete, "/auth/v1/account/leave", .signedIn, callStay),
        ]
    }

    private func page(_ session: LiveSession, passwordError: String?, _ visit: Visit) async throws -> String {
        LeavePage(
            email: session.email, leavesAt: try await leavesAt(session.account), passwordError: passwordError, now: visit.now,
            reader: shell.reader(session, visit)
        ).html(shell.pages)
    }

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        // Before anything is typed or taken: a proof asked for afterwards would lose it. Who only wants to stay needs none.
        guard try await leave.isProven(session, now: visit.now) else {
            guard try await leavesAt(session.account) != nil else { throw Refused(.stepUpRequired) }
            return .page(try await page(session, passwordError: nil, visit))
        }
        return .page(try await page(session, passwordError: nil, visit))
    }

    @Sendable private func submit(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        guard let password = try? Password(trying: try FormFields(visit.body)["password"] ?? "") else {
            return .page(
                try await page(session, passwordError: "That is longer than any password here.", visit), status: .unprocessableContent)
        }
        switch try await leave.leave(session, password: password, client: visit.client, now: visit.now) {
        case .leaving: return .seeOther("/auth/account/leave")
        case .wrongPassword:
            return .page(
                try await page(session, passwordError: "That isn’t your password. Check for caps lock.", visit), status: .unauthorized)
        case .stepUpNeeded: return .seeOther("/auth/account/step-up?return_to=%2Fauth%2Faccount%2Fleave")
        case .lastOwner: throw Refused(.lastOwner)
        case .ownsAlone(let names): throw Self.ownsAlone(names)
        case .tooManyTries(let refusal): throw refusal.refused(now: visit.now)
        case .busy: throw Refused(.busy)
        }
    }

    @Sendable private func stay(_ request: Request, _ visit: Visit) async throws -> Response {
        _ = try await leave.stay(try visit.signedIn().account, client: visit.client, now: visit.now)
        return .seeOther("/auth/account")
    }

    @Sendable private func download(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        guard try await leave.isFresh(session, now: visit.now) else { throw Refused(.stepUpRequired) }
        var response = try await document(session, visit)
        response.headers[.contentDisposition] = "attachment; filename=\"account.json\""
        return response
    }

    private func document(_ session: LiveSession, _ visit: Visit) async throws -> Response {
        guard let document = try await export(session.account, visit.now) else { throw Refused(.signInNeeded) }
        return try .json(document)
    }

    @Sendable private func callExport(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        guard try await leave.isFresh(session, now: visit.now) else { throw try await stepUpRequired(session, visit.now) }
        return try await document(session, visit)
    }

    @Sendable private func call(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let text = try JSONFields(visit.body, allowed: ["password"]).text("password")
        guard let password = try? Password(trying: text) else { throw Refused(.passwordTooLong, field: "password") }
        switch try await leave.leave(session, password: password, client: visit.client, now: visit.now) {
        case .leaving(let time): return try .json(["leaves_at": ISOTime.text(time)])
        case .wrongPassword: throw Refused(.wrongCredentials, field: "password", detail: "That isn’t the account’s password.")
        case .stepUpNeeded: throw try await stepUpRequired(session, visit.now)
        case .lastOwner: throw Refused(.lastOwner)
        case .ownsAlone(let names): throw Self.ownsAlone(names)
        case .tooManyTries(let refusal): throw refusal.refused(now: visit.now)
        case .busy: throw Refused(.busy)
        }
    }

    @Sendable private func callStay(_ request: Request, _ visit: Visit) async throws -> Response {
        _ = try await leave.stay(try visit.signedIn().account, client: visit.client, now: visit.now)
        return .nothing()
    }
}

/// Everything that is kept of a person, without secrets.
struct ExportDocument: Encodable {
    struct Browser: Encodable {
        let address, browser, created_at: String
        let seen_at: String?
    }

    struct Attempt: Encodable {
        let at, outcome, reason, address, place, browser: String
        let times: Int64
        let last_at: String
    }
    struct Event: Encodable { let at, event, by, address, detail: String }
    struct App: Encodable {
        let name, created_at: String
        let used_at: String?
    }

    struct Number: Encodable {
        let number, country, added_at: String
        let used_at: String?
    }

    struct Membership: Encodable { let slug, name, role: String }

    struct Told: Encodable { let at, kind, channel, target, subject, state: String }

    let account: AccountDocument
    let password_set_at: String?
    let authenticators: [App]
    let phones: [Number]
    let recovery_codes_left: Int64
    let organizations: [Membership]
    let api_keys: [KeyDocument]
    let sessions: [Browser]
    let trusted_browsers: [Browser]
    let sign_ins: [Attempt]
    let notifications: [Told]
    let events: [Event]
}
