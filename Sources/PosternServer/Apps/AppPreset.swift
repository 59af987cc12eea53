/// What well-known apps take, so that nobody has to look it up. docs/apps/ says more of some.
enum AppPreset: String, CaseIterable, Sendable {
    case grafana, gitea, forgejo, miniflux, dozzle
    case paperless = "paperless-ngx"
    case calibreWeb = "calibre-web"
    case firefly = "firefly-iii"
    case seafile
    case cloudBeaver = "cloudbeaver"

    /// Fills in what was left open.
    func complete(_ fields: inout AppFields) {
        switch self {
        // An at sign is no part of a name there.
        case .grafana, .gitea, .forgejo, .miniflux, .dozzle, .paperless, .calibreWeb: fields.identity = fields.identity ?? "username"
        case .firefly, .seafile: fields.identity = fields.identity ?? "email"
        case .cloudBeaver:
            fields.identity = fields.identity ?? "username"
            fields.separator = fields.separator ?? "|"
        }
    }
}
