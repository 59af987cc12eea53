import HTTPTypes
import Hummingbird

/// Where providers tell what became of messages.
struct ReceiptsWeb: Room {
    let take: TakeReceipts
    let publicURL: PublicURL

    var routes: [Route] {
        [
            .hook(.get, "/auth/delivery/receipts/{id}", receive),
            .hook(.post, "/auth/delivery/receipts/{id}", receive),
        ]
    }

    @Sendable private func receive(_ request: Request, _ visit: Visit) async throws -> Response {
        let target = request.head.path ?? ""
        let query = try FormFields((request.uri.query ?? "").utf8)
        // The URL as the provider was told it: a proxy may have changed scheme and host on the way.
        let call = ReceiptCall(
            method: request.method.rawValue, url: publicURL.description + target, query: query.all,
            headers: { name in HTTPField.Name(name).flatMap { request.headers[$0] } }, body: visit.body)
        switch try await take.take(call, from: visit.parameterID, now: visit.now) {
        case .taken: return .nothing()
        // The same for a name that is none: strangers needn't learn which there are.
        case .notProved, .noSuchProvider:
            throw Refused(.notAllowed, detail: "The receipt isn’t proved to come from a provider of this server.")
        }
    }
}
