import HTTPTypes
import Hummingbird
import Storage

/// What was sent, for its receivers and for administrators.
struct NoticesWeb: Room {
    let shell: Shell
    /// At most one more than ``mostShown``.
    let list: @Sendable (Account.ID?, NoticeLine.State?, _ before: Notice.ID?) async throws(StoreError) -> [NoticeLine]
    let choices: @Sendable (Account.ID) async throws(StoreError) -> [NoticesPage.Choice]
    let choose: ChooseNotices

    static let mostShown = 50

    var routes: [Route] {
        [
            .page(.get, "/auth/account/notifications", .signedIn, show),
            .page(.post, "/auth/account/notifications", .signedIn, submit),
            .page(.get, "/auth/admin/notifications", .administrator, showAll),
            .api(.get, "/auth/v1/account/notifications", .signedIn, call),
            .api(.patch, "/auth/v1/account/notifications", .signedIn, callChoose),
        ]
    }

    private func found(_ request: Request, of account: Account.ID?, state: NoticeLine.State? = nil) async throws -> Found {
        let query = try FormFields((request.uri.query ?? "").utf8)
        let before = query["before"].flatMap { Notice.ID($0) }
        guard query["before"] == nil || before != nil else { throw Refused(.malformed, field: "before") }
        let lines = try await list(account, state, before)
        let shown = Array(lines.prefix(Self.mostShown))
        return Found(lines: shown, next: lines.count > Self.mostShown ? shown.last?.id : nil, isSaved: query["saved"] == "yes")
    }

    private struct Found {
        let lines: [NoticeLine]
        let next: Notice.ID?
        let isSaved: Bool
    }

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let found = try await found(request, of: session.account)
        let page = NoticesPage(
            lines: found.lines, whose: .own(try await choices(session.account)),
            older: found.next.map { "/auth/account/notifications?before=\($0)" }, isSaved: found.isSaved,
            reader: shell.reader(session, visit))
        return .page(page.html(shell.pages))
    }

    @Sendable private func showAll(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let text = try FormFields((request.uri.query ?? "").utf8).text("state")
        let state = NoticeLine.State(rawValue: text)
        let found = try await found(request, of: nil, state: state)
        let page = NoticesPage(
            lines: found.lines, whose: .everybody(state: state),
            older: found.next.map { "/auth/admin/notifications?state=\(state?.rawValue ?? "")&before=\($0)" },
            reader: shell.reader(session, visit))
        return .page(page.html(shell.pages))
    }

    @Sendable private func submit(_ request: Request, _ visit: Visit) async throws -> Response {
        let form = try FormFields(visit.body)
        let wanted = Notice.Kind.allCases.filter(\.isOptional).map { ($0, form[$0.rawValue] == "yes") }
        try await choose.choose(Dictionary(uniqueKeysWithValues: wanted), for: try visit.signedIn().account)
        return .seeOther("/auth/account/notifications?saved=yes")
    }

    @Sendable private func call(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let found = try await found(request, of: session.account)
        return try .json(
            NoticesDocument(
                notifications: found.lines.map(NoticesDocument.Row.init), next: found.next?.description,
                wanted: Dictionary(uniqueKeysWithValues: try await choices(session.account).map { ($0.kind.rawValue, $0.isWanted) })))
    }

    @Sendable private func callChoose(_ request: Request, _ visit: Visit) async throws -> Response {
        let optional = Notice.Kind.allCases.filter(\.isOptional)
        let fields = try JSONFields(visit.body, allowed: Set(optional.map(\.rawValue)))
        var wanted: [Notice.Kind: Bool] = [:]
        for kind in optional where fields.has(kind.rawValue) { wanted[kind] = try fields.bool(kind.rawValue, default: true) }
        try await choose.choose(wanted, for: try visit.signedIn().account)
        return .nothing()
    }
}

private struct NoticesDocument: Encodable {
    struct Row: Encodable {
        let id, kind, why, channel, target, subject, state, created_at: String
        let tries: Int64
        let ended_at: String?

        init(_ line: NoticeLine) {
            (id, kind, why, channel) = (line.id.description, line.kind, line.why, line.channel)
            (target, subject, state, tries) = (line.target, line.subject, line.state.rawValue, line.tries)
            (created_at, ended_at) = (ISOTime.text(line.createdAt), line.endedAt.map(ISOTime.text))
        }
    }

    let notifications: [Row]
    /// For `before`, to get older ones.
    let next: String?
    let wanted: [String: Bool]
}
