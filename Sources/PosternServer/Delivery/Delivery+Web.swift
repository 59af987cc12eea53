import HTTPTypes
import Hummingbird
import Storage

/// The administration's pages of delivery.
struct DeliveryWeb: Room {
    let set: SetOutage
    let rules: DeliveryRules
    let shell: Shell
    let view: @Sendable (_ days: Int64, Timestamp) async throws(StoreError) -> DeliveryPage.View
    let result: @Sendable (_ name: String, Timestamp) async throws(StoreError) -> ExperimentResult?

    var routes: [Route] {
        [
            .page(.get, "/auth/admin/delivery", .administrator, show),
            .page(.post, "/auth/admin/delivery/outage", .administrator, outage),
            .page(.get, "/auth/admin/delivery/experiments/{id}", .administrator, experiment),
        ]
    }

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        let query = try FormFields((request.uri.query ?? "").utf8)
        let days = ["1": 1, "7": 7, "30": 30][query.text("days")] ?? 7 as Int64
        var page = DeliveryPage(
            view: try await view(days, visit.now), settings: rules.settings, days: days, reader: shell.reader(try visit.signedIn(), visit))
        page.done = ["set": "People are told within 10 seconds.", "clear": "Taken back."][query.text("done")]
        return .page(page.html(shell.pages))
    }

    @Sendable private func outage(_ request: Request, _ visit: Visit) async throws -> Response {
        let form = try FormFields(visit.body)
        let country = form.text("country")
        guard let channel = Delivery.Channel(rawValue: form.text("channel")) else { throw Refused(.malformed, field: "channel") }
        guard country.isEmpty || rules.settings.countries.contains(country) else { throw Refused(.malformed, field: "country") }
        let isOn = form.text("act") == "set"
        _ = try await set.set(channel, country: country, isOn: isOn, by: .session(try visit.signedIn(), visit.client), now: visit.now)
        return .seeOther("/auth/admin/delivery?done=\(isOn ? "set" : "clear")")
    }

    @Sendable private func experiment(_ request: Request, _ visit: Visit) async throws -> Response {
        let name = visit.parameterID
        guard let result = try await result(name, visit.now) else { throw Refused(.notFound) }
        let settings = rules.settings
        let page = ExperimentPage(
            result: result, experiment: settings.experiments.first { $0.name == name }, currency: settings.currency, now: visit.now,
            reader: shell.reader(try visit.signedIn(), visit))
        return .page(page.html(shell.pages))
    }
}
