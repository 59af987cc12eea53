import HTTPTypes
import Hummingbird
import NIOCore
import NetworkAddress
import Storage

/// The history: one's own, and everybody's for administrators.
struct HistoryWeb: Room {
    let read: ReadHistory
    let shell: Shell
    /// The account of an address, for searches.
    let account: @Sendable (EmailAddress) async throws(StoreError) -> Account.ID?
    let overview: @Sendable (Timestamp) async throws(StoreError) -> SignInsPage.Overview
    let notMe: AnswerSignIn
    let cases: CloseCase

    /// Lines of a page.
    private static let mostShown = 50
    /// Lines of an answer.
    private static let mostAnswered = 200

    var routes: [Route] {
        [
            .page(.get, "/auth/account/history", .signedIn, show),
            .page(.get, "/auth/account/history/export", .signedIn, export),
            .page(.post, "/auth/account/history/not-me", .signedIn, submitNotMe),
            .page(.get, "/auth/admin/sign-ins", .administrator, showAll),
            .page(.post, "/auth/admin/sign-ins/cases/{id}/close", .administrator, close),
            .api(.get, "/auth/v1/account/sign-ins", .signedIn, call),
            .api(.get, "/auth/v1/admin/sign-ins", .administrator, callAll),
        ]
    }

    private static let cursorIsBad = Refused(.malformed, field: "after", detail: "It is none of ours: take “next” of the page before.")

    // MARK: One's own

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let query = try FormFields((request.uri.query ?? "").utf8)
        let filter = HistoryFilter(rawValue: query.text("show")) ?? .all
        guard let found = try await read.page(of: session.account, filter, after: query["after"], limit: Self.mostShown) else {
            throw Self.cursorIsBad
        }
        let isFirst = query["after"] == nil
        let page = HistoryPage(
            attempts: found.attempts, days: isFirst ? try await read.days(of: session.account, now: visit.now) : [], filter: filter,
            current: session.id, older: found.next.map { "/auth/account/history?show=\(filter.rawValue)&after=\($0)" }, isFirst: isFirst,
            now: visit.now, reader: shell.reader(session, visit))
        return .page(page.html(shell.pages))
    }

    @Sendable private func call(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let query = try FormFields((request.uri.query ?? "").utf8)
        let filter = try filter(query)
        guard let found = try await read.page(of: session.account, filter, after: query["after"], limit: try Self.limit(query)) else {
            throw Self.cursorIsBad
        }
        return try .json(HistoryDocument(sign_ins: found.attempts.map { SignInDocument($0, isOwn: true) }, next: OrNull(value: found.next)))
    }

    private func filter(_ query: FormFields) throws -> HistoryFilter {
        guard let text = query["show"] else { return .all }
        guard let filter = HistoryFilter(rawValue: text) else {
            throw Refused(
                .malformed, field: "show", detail: "Allowed: \(HistoryFilter.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        return filter
    }

    private static func limit(_ query: FormFields) throws -> Int {
        guard let text = query["limit"] else { return mostShown }
        guard let limit = Int(text), (1...mostAnswered).contains(limit) else {
            throw Refused(.malformed, field: "limit", detail: "Allowed: 1 to \(mostAnswered).")
        }
        return limit
    }

    /// Written out as it is read: however long the history is, memory stays flat.
    @Sendable private func export(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let isCSV = try FormFields((request.uri.query ?? "").utf8).text("format") != "json"
        let (read, account) = (read, session.account)
        let body = ResponseBody { writer in
            var progress = ReadHistory.Progress()
            var isFirst = true
            try await writer.write(ByteBuffer(string: isCSV ? HistoryCSV.head : "["))
            while true {
                let part = try await read.part(of: account, &progress)
                if part.isEmpty { break }
                var text = ""
                for shown in part {
                    text +=
                        isCSV
                        ? HistoryCSV.line(shown) : (isFirst ? "\n" : ",\n") + (try Response.text(of: SignInDocument(shown, isOwn: true)))
                    isFirst = false
                }
                try await writer.write(ByteBuffer(string: text))
            }
            if !isCSV { try await writer.write(ByteBuffer(string: "\n]\n")) }
            try await writer.finish(nil)
        }
        let name = "sign-ins-\(ISOTime.day(visit.now)).\(isCSV ? "csv" : "json")"
        return Response(
            status: .ok,
            headers: [
                .contentType: isCSV ? "text/csv; charset=utf-8" : "application/json", .cacheControl: "no-store",
                .contentDisposition: "attachment; filename=\"\(name)\"",
            ], body: body)
    }

    @Sendable private func submitNotMe(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        guard let number = Int64(try FormFields(visit.body).text("number")) else { throw Refused(.malformed, field: "number") }
        switch try await notMe.notMe(SignInAttempt.Number(number), in: session, client: visit.client, now: visit.now) {
        case .secured:
            return .seeOther("/auth/sign-in?done=locked").setting(cookie: shell.cookies.clear(shell.cookies.session))
        case .learnt, .answered, .linkInvalid: throw Refused(.notFound)
        }
    }

    // MARK: Everybody's

    private func search(_ query: FormFields) async throws -> ReadHistory.Search {
        var search = ReadHistory.Search()
        if !query.text("email").isEmpty {
            guard let email = EmailAddress(query.text("email")), let id = try await account(email) else {
                throw Refused(.malformed, field: "email", detail: "No account has that address.")
            }
            search.account = id
        }
        if !query.text("outcome").isEmpty {
            guard let outcome = SignInAttempt.Outcome(rawValue: query.text("outcome")) else {
                throw Refused(
                    .malformed, field: "outcome",
                    detail: "Allowed: \(SignInAttempt.Outcome.allCases.map(\.rawValue).joined(separator: ", ")).")
            }
            search.outcome = outcome
        }
        if !query.text("address").isEmpty {
            guard let network = AddressRange(query.text("address")) else {
                throw Refused(.malformed, field: "address", detail: "Give an address or a network, such as 198.51.100.7 or 2001:db8::/32.")
            }
            search.network = network
        }
        search.country = query.text("country").uppercased()
        guard search.country.isEmpty || search.country.utf8.count == 2 else {
            throw Refused(.malformed, field: "country", detail: "Give two letters, such as PT (ISO 3166).")
        }
        return search
    }

    @Sendable private func showAll(_ request: Request, _ visit: Visit) async throws -> Response {
        let query = try FormFields((request.uri.query ?? "").utf8)
        var page = SignInsPage(
            fields: ["email", "outcome", "address", "country"].map { ($0, query.text($0)) }, overview: try await overview(visit.now),
            reader: shell.reader(try visit.signedIn(), visit))
        do {
            guard
                let found = try await read.search(
                    try await search(query), after: query["after"], limit: Self.mostShown, now: visit.now)
            else { throw Self.cursorIsBad }
            page.attempts = found.page.attempts
            page.next = found.page.next
            page.lookedBackTo = found.lookedBackTo
        } catch let refused as Refused where refused.reason == .malformed && refused.field != "after" {
            page.problem = refused.detail
        }
        return .page(page.html(shell.pages))
    }

    @Sendable private func callAll(_ request: Request, _ visit: Visit) async throws -> Response {
        let query = try FormFields((request.uri.query ?? "").utf8)
        guard
            let found = try await read.search(
                try await search(query), after: query["after"], limit: try Self.limit(query), now: visit.now)
        else { throw Self.cursorIsBad }
        return try .json(
            HistoryDocument(sign_ins: found.page.attempts.map { SignInDocument($0, isOwn: false) }, next: OrNull(value: found.page.next)))
    }

    @Sendable private func close(_ request: Request, _ visit: Visit) async throws -> Response {
        guard let id = SignInCase.ID(visit.parameterID) else { throw Refused(.notFound) }
        switch try await cases.close(id, by: try visit.signedIn(), client: visit.client, now: visit.now) {
        case .closed: return .seeOther("/auth/admin/sign-ins#cases")
        case .noSuchCase: throw Refused(.notFound)
        }
    }
}
