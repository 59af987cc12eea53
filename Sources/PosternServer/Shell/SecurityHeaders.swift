import HTTPTypes

/// What every answer of ours tells the browser (WF-04, WF-05).
struct SecurityHeaders: Sendable {
    private static let contentPolicy = HTTPField.Name.named("Content-Security-Policy")
    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

    private let fields: [HTTPField]

    init() {
        let pairs = [
            ("Content-Security-Policy", Self.policy), ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"),
            ("Referrer-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
        ]
        fields = pairs.compactMap { name, value in HTTPField.Name(name).map { HTTPField(name: $0, value: value) } }
    }

    /// - Parameter formTarget: an app that a form of ours may lead on to: browsers hold `form-action` against redirects too.
    func add(to headers: inout HTTPFields, formTarget: PublicURL? = nil) {
        if let formTarget {
            headers[Self.contentPolicy] = Self.policy.replacing("form-action 'self'", with: "form-action 'self' \(formTarget)")
        }
        for field in fields where headers[field.name] == nil { headers.append(field) }
    }
}
