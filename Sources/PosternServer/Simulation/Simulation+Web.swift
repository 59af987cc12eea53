import HTTPTypes
import Hummingbird
import Storage

/// Trying other limits on what was recorded, beside what holds today and what rules in shadow would have refused.
struct SimulationWeb: Room {
    let simulate: Simulate
    let today: @Sendable () -> Settings
    let shell: Shell
    let shadows: @Sendable () async throws(StoreError) -> [ShadowLine]

    /// As many as take about a second.
    static let mostAttempts = 200_000

    var routes: [Route] { [.page(.get, "/auth/admin/simulation", .administrator, show)] }

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        let query = try FormFields((request.uri.query ?? "").utf8)
        let today = today()
        var page = SimulationPage(
            fields: LimitFields(today.signInLimits), shadows: try await shadows(), reader: shell.reader(try visit.signedIn(), visit))
        guard query["days"] != nil else { return .page(page.html(shell.pages)) }
        page.fields.take { query.text($0) }
        page.days = ["1": 1, "7": 7, "30": 30][query.text("days")] ?? 7
        guard let limits = page.fields.limits(from: today.signInLimits) else {
            page.isInvalid = true
            return .page(page.html(shell.pages), status: .unprocessableContent)
        }
        var tried = today
        tried.signInLimits = limits
        let since = visit.now - .seconds(page.days * 86_400)
        let now = try await simulate.run(today, instead: today, since: since, most: Self.mostAttempts, now: visit.now)
        let then = try await simulate.run(tried, instead: today, since: since, most: Self.mostAttempts, now: visit.now)
        page.reports = (now, then)
        page.isCut = then.until < visit.now
        return .page(page.html(shell.pages))
    }
}

/// What a rule in shadow, or one that watches, would have refused in the last 30 days.
struct ShadowLine: Sendable {
    let rule: String
    let mode: String
    let number: Int64
    let keys: Int64
}
