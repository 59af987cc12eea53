import Hummingbird
import Storage

/// The apps in the administration, and "view as this app".
struct AppsWeb: Room {
    let directory: AppDirectory
    let preview: PreviewApp
    let shell: Shell

    var routes: [Route] {
        [
            .page(.get, "/auth/admin/apps", .administrator, list),
            .page(.get, "/auth/admin/apps/{id}", .administrator, show),
        ]
    }

    @Sendable private func list(_ request: Request, _ visit: Visit) async throws -> Response {
        let page = AppsPage(apps: try await directory.load().all, reader: shell.reader(try visit.signedIn(), visit))
        return .page(page.html(shell.pages))
    }

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        guard let served = try await directory.load().app(named: visit.parameterID) else { throw Refused(.notFound) }
        let query = try FormFields((request.uri.query ?? "").utf8)
        let session = try visit.signedIn()
        var page = AppPage(served: served, reader: shell.reader(session, visit))
        page.account = query["account"] == nil ? session.email : query.text("account")
        page.path = query["path"] == nil ? "/" : query.text("path")
        page.assurance = Assurance(rawValue: query.text("assurance")) ?? .aal1
        if let email = EmailAddress(page.account) {
            page.preview = try await preview.preview(served.app, as: email, at: page.path, assurance: page.assurance, now: visit.now)
        }
        page.isUnknown = page.preview == nil
        return .page(page.html(shell.pages))
    }
}
