import HTTPTypes
import Hummingbird
import NetworkAddress
import Secrets
import Storage

/// Keys by page: one's own, and those of organizations that one is in.
struct KeyPagesWeb: Room {
    let make: MakeKey
    let manage: ManageKeys
    let read: ReadKeys
    let organizations: ReadOrganizations
    let shell: Shell
    let isFresh: @Sendable (LiveSession, Timestamp) async throws -> Bool

    private static let home = "/auth/account/keys"
    private static let ofOrganization = "/auth/account/organizations/{id}/keys"
    private static let mostListed = 50

    var routes: [Route] {
        [
            .page(.get, Self.home, .signedIn, list),
            .page(.get, Self.home + "/new", .signedIn, askForKey),
            .page(.post, Self.home + "/new", .signedIn, create),
            .page(.get, Self.ofOrganization, .signedIn, list),
            .page(.get, Self.ofOrganization + "/new", .signedIn, askForKey),
            .page(.post, Self.ofOrganization + "/new", .signedIn, create),
            .page(.get, Self.home + "/{key}", .signedIn, show),
            .page(.post, Self.home + "/{key}", .signedIn, change),
            .page(.post, Self.home + "/{key}/rotate", .signedIn, rotate),
            .page(.post, Self.home + "/{key}/overlap", .signedIn, setOverlap),
            .page(.post, Self.home + "/{key}/revoke", .signedIn, revoke),
            .page(.get, "/auth/account/organizations/{id}/known/{member}", .signedIn, known),
            .page(.post, "/auth/account/organizations/{id}/known/{member}", .signedIn, rotateKnown),
        ]
    }

    private func toStepUp(_ place: String) -> Response { .seeOther("/auth/account/step-up?return_to=\(percentEncoded(place))") }

    private func owner(_ visit: Visit) throws -> APIKey.Owner {
        visit.parameterID.isEmpty ? .account(try visit.signedIn().account) : .organization(try visit.identifier())
    }

    private func place(_ owner: APIKey.Owner) -> String {
        owner.organization.map { "/auth/account/organizations/\($0)/keys" } ?? Self.home
    }

    // MARK: Looking

    @Sendable private func list(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let before = try FormFields((request.uri.query ?? "").utf8)["after"].flatMap { APIKey.ID($0) }
        let owner = try owner(visit)
        guard let listing = try await read.list(of: owner, before: before, limit: Self.mostListed, by: .session(session), now: visit.now)
        else { throw Refused(.notFound) }
        var page = KeysPage(listing: listing, now: visit.now, isFirst: before == nil, reader: shell.reader(session, visit))
        if owner.organization == nil { page.organizations = try await organizations.own(session.account, now: visit.now).memberships }
        return .page(page.html(shell.pages))
    }

    private func page(_ visit: Visit) async throws -> KeyPage {
        let session = try visit.signedIn()
        guard let detail = try await read.detail(visit.identifier("key"), by: .session(session), now: visit.now) else {
            throw Refused(.notFound)
        }
        return KeyPage(
            detail: detail, now: visit.now, isFresh: try await isFresh(session, visit.now), reader: shell.reader(session, visit))
    }

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        var page = try await page(visit)
        switch try FormFields((request.uri.query ?? "").utf8)["done"] {
        case "changed": page.done = "It is saved."
        case "cut": page.done = "It is cut: from now on it is refused."
        case "overlap": page.done = "The end is moved."
        case "revoked": page.done = "It is revoked: from now on it is refused."
        default: break
        }
        return .page(page.html(shell.pages))
    }

    // MARK: Making

    private func newPage(_ visit: Visit) async throws -> NewKeyPage {
        let session = try visit.signedIn()
        var organization: Organization?
        if let id = try owner(visit).organization {
            guard let detail = try await organizations.detail(id, by: .session(session), now: visit.now) else { throw Refused(.notFound) }
            guard detail.role?.mayManageKeys == true else { throw Refused(.notAllowed) }
            organization = detail.organization
        }
        return NewKeyPage(organization: organization, reader: shell.reader(session, visit))
    }

    @Sendable private func askForKey(_ request: Request, _ visit: Visit) async throws -> Response {
        let page = try await newPage(visit)
        // Before anything is typed: nothing is lost on the way.
        guard try await isFresh(visit.signedIn(), visit.now) else { throw Refused(.stepUpRequired) }
        return .page(page.html(shell.pages))
    }

    private static func terms(_ form: FormFields, now: Timestamp) throws -> APIKey.Terms {
        var terms = APIKey.Terms(
            name: try KeyFields.name(form.text("name")), scopes: try KeyFields.scopes(Self.words(in: form.text("scopes"))))
        terms.addresses = try KeyFields.addresses(Self.words(in: form.text("addresses")))
        let limit = form.text("limit")
        if !limit.isEmpty { terms.rate = try KeyFields.rate(Int(limit) ?? 0, per: form.text("period")) }
        if !form.text("expires").isEmpty { terms.expiresAt = now + (try KeyFields.life(form.text("expires"))) }
        return terms
    }

    private static let labels = ["name": "Name", "scopes": "May", "addresses": "From", "rate": "Calls", "mode": "For"]

    /// Which field, and what it may hold.
    private static func words(_ refused: Refused) -> String {
        let label = refused.field.flatMap { labels[$0] }.map { "\($0): " } ?? ""
        return label + (refused.detail ?? refused.reason.advice)
    }

    private static func words(in text: String) -> [String] { text.split { $0 == "," || $0.isWhitespace }.map(String.init) }

    @Sendable private func create(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let form = try FormFields(visit.body)
        let owner = try owner(visit)
        do {
            let outcome = try await make.make(
                try Self.terms(form, now: visit.now), mode: try KeyFields.mode(form.text("mode")), of: owner, by: .session(session),
                client: visit.client, now: visit.now)
            return try made(outcome, back: place(owner), from: place(owner) + "/new", visit, isRotation: false)
        } catch let refused as Refused where [.malformed, .nameInvalid].contains(refused.reason) {
            var page = try await newPage(visit)
            page.fields = form.all
            page.problem = Self.words(refused)
            return .page(page.html(shell.pages), status: .unprocessableContent)
        }
    }

    private func made(
        _ outcome: MakeKey.Outcome, back: String, from: String, _ visit: Visit, isRotation: Bool
    ) throws -> Response {
        switch outcome {
        case .made(let key, let text):
            let page = MadeKeysPage(
                keys: [(key, text.exposed)], back: back, isRotation: isRotation, reader: shell.reader(try visit.signedIn(), visit))
            return .page(page.html(shell.pages))
        case .notFound: throw Refused(.notFound)
        case .notAllowed, .beyondOwn: throw Refused(.notAllowed)
        case .stepUpNeeded: return toStepUp(from)
        case .tooMany: throw Refused(.throttled, detail: "5,000 keys were made in this hour.")
        case .notRotatable: throw Refused(.keyNotRotatable)
        }
    }

    @Sendable private func rotate(_ request: Request, _ visit: Visit) async throws -> Response {
        let id: APIKey.ID = try visit.identifier("key")
        let overlap = try KeyFields.overlap(try FormFields(visit.body).text("overlap"))
        let outcome = try await make.rotate(
            id, overlap: overlap, by: .session(try visit.signedIn()), client: visit.client, now: visit.now)
        return try made(outcome, back: "\(Self.home)/\(id)", from: "\(Self.home)/\(id)", visit, isRotation: true)
    }

    // MARK: Changing

    private func after(_ outcome: ManageKeys.Outcome, _ done: String, _ visit: Visit) async throws -> Response {
        let id: APIKey.ID = try visit.identifier("key")
        switch outcome {
        case .done: return .seeOther("\(Self.home)/\(id)?done=\(done)")
        case .stepUpNeeded: return toStepUp("\(Self.home)/\(id)")
        case .notFound: throw Refused(.notFound)
        case .notAllowed, .beyondOwn, .isLast: throw Refused(.notAllowed)
        case .isOver: throw Refused(.keyNotRotatable)
        }
    }

    @Sendable private func change(_ request: Request, _ visit: Visit) async throws -> Response {
        do {
            let wanted = try Self.terms(try FormFields(visit.body), now: visit.now)
            let outcome = try await manage.setTerms(
                of: visit.identifier("key"), by: .session(visit.signedIn()), client: visit.client, now: visit.now
            ) { terms in
                let expiresAt = terms.expiresAt
                terms = wanted
                terms.expiresAt = expiresAt
            }
            return try await after(outcome, "changed", visit)
        } catch let refused as Refused where [.malformed, .nameInvalid].contains(refused.reason) {
            var page = try await page(visit)
            page.problem = Self.words(refused)
            return .page(page.html(shell.pages), status: .unprocessableContent)
        }
    }

    @Sendable private func setOverlap(_ request: Request, _ visit: Visit) async throws -> Response {
        let what = try FormFields(visit.body).text("do")
        let key = try await page(visit).detail.key
        let overlap: ManageKeys.Overlap =
            switch what {
            case "cut": .until(visit.now)
            case "unused": .whenUnused(days: 2)
            case "extend": .until(max(visit.now, key.endsAt ?? visit.now) + .seconds(7 * 86_400))
            default: throw Refused(.malformed, field: "do", detail: "Allowed: cut, unused, extend.")
            }
        let outcome = try await manage.setOverlap(
            of: key.id, overlap, by: .session(visit.signedIn()), client: visit.client, now: visit.now)
        return try await after(outcome, what == "cut" ? "cut" : "overlap", visit)
    }

    /// The page has said whether it is the last.
    @Sendable private func revoke(_ request: Request, _ visit: Visit) async throws -> Response {
        let outcome = try await manage.revoke(
            visit.identifier("key"), .revoked, isConfirmed: true, by: .session(visit.signedIn()), client: visit.client, now: visit.now)
        return try await after(outcome, "revoked", visit)
    }

    // MARK: What somebody who left knows

    private func knownKeys(_ visit: Visit) async throws -> ReadKeys.Known {
        let known = try await read.known(
            to: visit.identifier("member"), in: visit.identifier(), by: visit.signedIn(), now: visit.now)
        guard let known else { throw Refused(.notFound) }
        return known
    }

    @Sendable private func known(_ request: Request, _ visit: Visit) async throws -> Response {
        let page = KnownKeysPage(
            known: try await knownKeys(visit), place: request.head.path ?? "", now: visit.now,
            reader: shell.reader(try visit.signedIn(), visit))
        return .page(page.html(shell.pages))
    }

    /// One button for all of them.
    @Sendable private func rotateKnown(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let overlap = try KeyFields.overlap(try FormFields(visit.body).text("overlap"))
        var all: [(key: APIKey, text: String)] = []
        let end = visit.now + overlap
        for key in try await knownKeys(visit).keys {
            if key.rotatedAt != nil {
                // It has a successor already, and works no longer than the others.
                if let was = key.endsAt, was > end {
                    _ = try? await manage.setOverlap(of: key.id, .until(end), by: .session(session), client: visit.client, now: visit.now)
                }
                continue
            }
            // What was made is shown, whatever comes after it: it can't be shown again.
            guard
                let outcome = try? await make.rotate(key.id, overlap: overlap, by: .session(session), client: visit.client, now: visit.now)
            else { break }
            if case .stepUpNeeded = outcome, all.isEmpty { return toStepUp(request.head.path ?? Self.home) }
            if case .made(let new, let text) = outcome { all.append((new, text.exposed)) }
        }
        let page = MadeKeysPage(
            keys: all, back: "/auth/account/organizations/\(visit.parameterID)/keys", isRotation: true, reader: shell.reader(session, visit)
        )
        return .page(page.html(shell.pages))
    }
}
