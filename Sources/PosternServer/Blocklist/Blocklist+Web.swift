import HTTPTypes
import Hummingbird
import NetworkAddress
import Storage

/// The administration's page of blocks and refusals.
struct BlocklistWeb: Room {
    struct Listing: Sendable {
        let blocks: [Block]
        /// The addresses of accounts that a block names.
        let people: [Account.ID: String]
        let refusals: [RefusalLine]
        /// The one in force and the one before.
        let rules: [RuleVersion]
    }

    let manage: ManageBlocks
    let shell: Shell
    let list: @Sendable (_ all: Bool, Block.ID?, Timestamp) async throws(StoreError) -> Listing

    static let mostShown = 50

    var routes: [Route] {
        [
            .page(.get, "/auth/admin/blocks", .administrator) { request, visit in
                let query = try FormFields((request.uri.query ?? "").utf8)
                return try await show(query, visit)
            },
            .page(.post, "/auth/admin/blocks", .administrator, add),
            .page(.post, "/auth/admin/blocks/{id}/release", .administrator, release),
        ]
    }

    private func show(
        _ query: FormFields, _ visit: Visit, problem: BlocksPage.Problem? = nil, status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        let all = query["show"] == "all"
        let before = query["before"].flatMap { Block.ID($0) }
        let listing = try await list(all, before, visit.now)
        var page = BlocksPage(listing: listing, now: visit.now, reader: shell.reader(try visit.signedIn(), visit))
        (page.showsAll, page.problem) = (all, problem)
        page.done = query["done"] == "added" ? "Blocked. It holds within a second." : query["done"] == "released" ? "Released." : nil
        if problem != nil { (page.network, page.why, page.hours) = (query.text("network"), query.text("why"), query.text("hours")) }
        return .page(page.html(shell.pages), status: status)
    }

    @Sendable private func add(_ request: Request, _ visit: Visit) async throws -> Response {
        let form = try FormFields(visit.body)
        let session = try visit.signedIn()
        let text = form.text("network")
        guard let range = AddressRange(text) else {
            return try await show(form, visit, problem: .network, status: .unprocessableContent)
        }
        let hours: Int64? = ["1": 1, "24": 24, "168": 168][form.text("hours")]
        let until = hours.map { visit.now + .seconds($0 * 3_600) }
        switch try await manage.add(
            .network(range), why: String(form.text("why").prefix(200)), until: until,
            by: .account(session.account, in: session.id, visit.client), now: visit.now)
        {
        case .added: return .seeOther("/auth/admin/blocks?done=added")
        case .exists: return try await show(form, visit, problem: .exists, status: .conflict)
        case .holdsProxy(let proxy): return try await show(form, visit, problem: .proxy("\(proxy)"), status: .unprocessableContent)
        case .holdsYou: return try await show(form, visit, problem: .you, status: .unprocessableContent)
        case .noSuchAccount, .notAllowed: throw Refused(.notAllowed)
        case .stepUpNeeded: return .seeOther("/auth/account/step-up?return_to=\(percentEncoded("/auth/admin/blocks"))")
        }
    }

    @Sendable private func release(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        guard let id = Block.ID(visit.parameterID) else { throw Refused(.notFound) }
        switch try await manage.release(id, by: .account(session.account, in: session.id, visit.client), now: visit.now) {
        case .unknown: throw Refused(.notFound)
        case .released, .notLive: return .seeOther("/auth/admin/blocks?done=released")
        case .notAllowed: throw Refused(.notAllowed)
        case .stepUpNeeded: return .seeOther("/auth/account/step-up?return_to=\(percentEncoded("/auth/admin/blocks"))")
        }
    }
}
