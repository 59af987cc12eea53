import HTTPTypes
import Hummingbird
import NetworkAddress
import Secrets
import Storage

/// Keys by JSON: of an organization, or one's own. Whose they are comes from the credential and the path, never from the body (AK-04).
struct APIKeysWeb: Room {
    let make: MakeKey
    let manage: ManageKeys
    let read: ReadKeys
    let desk: KeyDesk
    let leak: ReportLeak
    let shell: Shell
    /// What the API answers where a fresh proof is missing.
    let stepUpRequired: @Sendable (LiveSession, Timestamp) async throws -> Refused
    /// Reports of one address that are looked at; the rest are taken and dropped.
    let allowReport: @Sendable (Client, Timestamp) async throws(StoreError) -> Bool

    private static let mostListed = 50

    var routes: [Route] {
        ["/auth/v1/organizations/{id}/api-keys", "/auth/v1/account/api-keys"].flatMap(keyRoutes) + [
            .api(.get, "/auth/v1/organizations/{id}/late-callers", .signedIn, lateCallers).forKeys(),
            .api(.post, "/auth/v1/api-keys/verify", .signedIn, verify).forKeys(KeyScopes.verify),
            .api(.post, "/auth/v1/api-keys/leaked", .anyone, reportLeak),
        ]
    }

    private func keyRoutes(_ place: String) -> [Route] {
        [
            .api(.get, place, .signedIn, list).forKeys(),
            .api(.post, place, .signedIn, create).forKeys(KeyScopes.write),
            .api(.get, place + "/{key}", .signedIn, show).forKeys(),
            .api(.patch, place + "/{key}", .signedIn, change).forKeys(KeyScopes.write),
            .api(.delete, place + "/{key}", .signedIn, revoke).forKeys(KeyScopes.write),
            .api(.post, place + "/{key}/rotate", .signedIn, rotate).forKeys(KeyScopes.write),
            .api(.get, place + "/{key}/uses", .signedIn, uses).forKeys(),
        ]
    }

    /// The owner that the path names: an organization, or the caller's own account.
    private func owner(_ visit: Visit) throws -> APIKey.Owner {
        if visit.parameterID.isEmpty {
            switch try visit.caller() {
            case .session(let session): return .account(session.account)
            case .key(let key): return key.keyOwner
            case .commandLine: throw Refused(.notFound)
            }
        }
        return .organization(try visit.identifier())
    }

    // MARK: Looking

    @Sendable private func list(_ request: Request, _ visit: Visit) async throws -> Response {
        let query = try FormFields((request.uri.query ?? "").utf8)
        let before = try query["after"].map { text in
            guard let id = APIKey.ID(text) else { throw Refused(.malformed, field: "after", detail: "Take “next” of the page before.") }
            return id
        }
        let listing = try await read.list(of: owner(visit), before: before, limit: Self.mostListed, by: visit.caller(), now: visit.now)
        guard let listing else { throw Refused(.notFound) }
        return try .json(
            KeyListDocument(
                api_keys: listing.keys.map { KeyDocument($0, access: listing.access, now: visit.now) },
                next: OrNull(value: listing.next?.description)))
    }

    private func detail(_ visit: Visit) async throws -> ReadKeys.Detail {
        guard let detail = try await read.detail(visit.identifier("key"), by: visit.caller(), now: visit.now),
            detail.key.owner == (try owner(visit))
        else { throw Refused(.notFound) }
        return detail
    }

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        let detail = try await detail(visit)
        return try .json(KeyDocument(detail.key, access: detail.access, now: visit.now))
    }

    @Sendable private func uses(_ request: Request, _ visit: Visit) async throws -> Response {
        try .json(KeyUsesDocument(await detail(visit)))
    }

    @Sendable private func lateCallers(_ request: Request, _ visit: Visit) async throws -> Response {
        let listing = try await read.list(of: owner(visit), before: nil, limit: 1, by: visit.caller(), now: visit.now)
        guard let listing else { throw Refused(.notFound) }
        return try .json(LateCallersDocument(listing.lateCallers, masked: listing.access == .looksOn(masked: true)))
    }

    // MARK: Making

    private static let termFields: Set<String> = ["name", "scopes", "expires_at", "addresses", "rate"]

    @Sendable private func create(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: Self.termFields.union(["mode"]))
        var terms = APIKey.Terms(name: try KeyFields.name(try fields.text("name")), scopes: KeyScopes())
        for change in try Self.changes(fields, now: visit.now) { change(&terms) }
        let mode = fields.has("mode") ? try KeyFields.mode(try fields.text("mode")) : .live
        let outcome = try await make.make(
            terms, mode: mode, of: owner(visit), by: visit.caller(), client: visit.client, now: visit.now)
        return try await answer(outcome, visit)
    }

    @Sendable private func rotate(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: ["overlap"])
        let overlap = fields.has("overlap") ? try KeyFields.overlap(try fields.text("overlap")) : APIKey.standardOverlap
        _ = try await detail(visit)
        let outcome = try await make.rotate(
            visit.identifier("key"), overlap: overlap, by: visit.caller(), client: visit.client, now: visit.now)
        return try await answer(outcome, visit)
    }

    private struct Made: Encodable { let api_key: KeyDocument }

    private func answer(_ outcome: MakeKey.Outcome, _ visit: Visit) async throws -> Response {
        switch outcome {
        case .made(let key, let text):
            return try .json(Made(api_key: KeyDocument(key, text: text.exposed, now: visit.now)), status: .created)
        case .notFound: throw Refused(.notFound)
        case .notAllowed: throw Refused(.notAllowed)
        case .stepUpNeeded: throw try await stepUpRequired(visit.signedIn(), visit.now)
        case .beyondOwn(let field): throw Refused(.beyondOwnScopes, field: field)
        case .tooMany: throw Refused(.throttled, detail: "5,000 keys were made in this hour.")
        case .notRotatable: throw Refused(.keyNotRotatable)
        }
    }

    // MARK: Changing

    /// What a document changes of a key's terms.
    private static func changes(_ fields: JSONFields, now: Timestamp) throws -> [@Sendable (inout APIKey.Terms) -> Void] {
        var changes: [@Sendable (inout APIKey.Terms) -> Void] = []
        if fields.has("name") {
            let name = try KeyFields.name(try fields.text("name"))
            changes.append { $0.name = name }
        }
        if fields.has("scopes") {
            let scopes = try KeyFields.scopes(try fields.texts("scopes", most: KeyScopes.most))
            changes.append { $0.scopes = scopes }
        }
        if fields.has("addresses") {
            let addresses = try KeyFields.addresses(try fields.texts("addresses", most: APIKey.Terms.mostAddresses))
            changes.append { $0.addresses = addresses }
        }
        if fields.has("expires_at") {
            let time = fields.isNull("expires_at") ? nil : try KeyFields.expiry(try fields.text("expires_at"), now: now)
            changes.append { $0.expiresAt = time }
        }
        if fields.has("rate") {
            if fields.isNull("rate") {
                changes.append { $0.rate = nil }
            } else {
                let inner = try fields.fields("rate", allowed: ["limit", "period"])
                let rate = try KeyFields.rate(try inner.number("limit", in: 1...1_000_000), per: try inner.text("period"))
                changes.append { $0.rate = rate }
            }
        }
        return changes
    }

    @Sendable private func change(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: Self.termFields.union(["overlap", "cut_when_unused_days"]))
        guard !fields.has("overlap") || !fields.has("cut_when_unused_days") else {
            throw Refused(.malformed, field: "overlap", detail: "Send overlap or cut_when_unused_days, not both.")
        }
        let changes = try Self.changes(fields, now: visit.now)
        let old = try await detail(visit).key
        let caller = try visit.caller()
        var outcome: ManageKeys.Outcome?
        if fields.has("overlap") {
            // Counted from the rotation, as it was when it was asked for.
            let time = (old.rotatedAt ?? visit.now) + (try KeyFields.overlap(try fields.text("overlap")))
            outcome = try await manage.setOverlap(of: old.id, .until(time), by: caller, client: visit.client, now: visit.now)
        } else if fields.has("cut_when_unused_days") {
            let days = try KeyFields.unusedDays(try fields.number("cut_when_unused_days", in: 1...30))
            outcome = try await manage.setOverlap(of: old.id, .whenUnused(days: days), by: caller, client: visit.client, now: visit.now)
        }
        if let outcome {
            let response = try await answer(outcome, visit)
            if changes.isEmpty { return response }
        }
        return try await answer(
            manage.setTerms(of: old.id, by: caller, client: visit.client, now: visit.now) { terms in
                for change in changes { change(&terms) }
            }, visit)
    }

    @Sendable private func revoke(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try visit.body.isEmpty ? nil : JSONFields(visit.body, allowed: ["confirm"])
        _ = try await detail(visit)
        let outcome = try await manage.revoke(
            visit.identifier("key"), .revoked, isConfirmed: fields?.bool("confirm", default: false) ?? false, by: visit.caller(),
            client: visit.client, now: visit.now)
        return try await answer(outcome, visit)
    }

    private func answer(_ outcome: ManageKeys.Outcome, _ visit: Visit) async throws -> Response {
        switch outcome {
        case .done(let key): return try .json(KeyDocument(key, now: visit.now))
        case .notFound: throw Refused(.notFound)
        case .notAllowed: throw Refused(.notAllowed)
        case .stepUpNeeded: throw try await stepUpRequired(visit.signedIn(), visit.now)
        case .beyondOwn(let field): throw Refused(.beyondOwnScopes, field: field)
        case .isLast: throw Refused(.lastKey)
        case .isOver: throw Refused(.keyNotRotatable)
        }
    }

    // MARK: For apps, and for whoever finds a key

    private struct Verified: Encodable {
        struct Owner: Encodable {
            let id: String
            let slug: String
        }

        struct Remaining: Encodable {
            let limit: Int64
            let remaining: Int64
        }

        let valid: Bool
        var reason: String?
        var at: String?
        var successor: String?
        var api_key: String?
        var kind: String?
        var mode: String?
        var organization: Owner?
        var scopes: [String]?
        var rate: Remaining?
    }

    /// Says no more than the key's holder is told.
    @Sendable private func verify(_ request: Request, _ visit: Visit) async throws -> Response {
        guard let asker = visit.key else {
            throw Refused(.notAllowed, detail: "Ask with an API key of the scope \(KeyScopes.verify), in Authorization.")
        }
        let fields = try JSONFields(visit.body, allowed: ["key", "scope", "address"])
        var address = visit.client.address
        if fields.has("address") {
            guard let given = IPAddress(try fields.text("address")) else {
                throw Refused(.malformed, field: "address", detail: "Expected an IPv4 or IPv6 address.")
            }
            address = given
        }
        let scope = fields.has("scope") ? try fields.text("scope") : nil
        let client = Client(address: address, browser: visit.client.browser)
        let finding = try await desk.find(try fields.text("key").utf8, from: client, isTrusted: asker.kind != .guest, now: visit.now)
        guard case .live(let key, let rate) = finding else {
            let refused = finding.refused ?? Refused(.apiKeyInvalid)
            return try .json(
                Verified(
                    valid: false, reason: refused.reason.rawValue, at: refused.key?.at.map(ISOTime.text), successor: refused.key?.successor)
            )
        }
        let hasScope = scope.map(key.scopes.has) ?? true
        return try .json(
            Verified(
                valid: hasScope, reason: hasScope ? nil : Reason.scopeMissing.rawValue, api_key: key.id.description,
                kind: key.kind.rawValue,
                mode: key.modeText,
                organization: key.organization.map { Verified.Owner(id: $0.id.description, slug: $0.slug) }, scopes: key.scopes.names,
                rate: rate.map { Verified.Remaining(limit: $0.limit, remaining: $0.left) }))
    }

    /// Taken in any case: the answer says nothing of whether there is such a key.
    @Sendable private func reportLeak(_ request: Request, _ visit: Visit) async throws -> Response {
        let text = try JSONFields(visit.body, allowed: ["key"]).text("key")
        if let key = KeyText(text: text.utf8), try await allowReport(visit.client, visit.now) {
            try await leak.report(key, client: visit.client, now: visit.now)
        }
        return .nothing(.accepted)
    }
}
