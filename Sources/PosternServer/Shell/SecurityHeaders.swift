import HTTPTypes

/// What every answer of ours tells the browser (WF-04, WF-05).
struct SecurityHeaders: Sendable {
    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

    private let always = [
        HTTPField(name: .named("X-Content-Type-Options"), value: "nosniff"), HTTPField(name: .named("X-Frame-Options"), value: "DENY"),
        HTTPField(name: .named("Cross-Origin-Opener-Policy"), value: "same-origin"),
        HTTPField(name: .named("Cross-Origin-Resource-Policy"), value: "same-origin"),
        HTTPField(name: .named("Permissions-Policy"), value: "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ]
    private let referrers = HTTPField(name: .referrerPolicy, value: "same-origin")

    /// Once for each answer; a room may have said by itself what becomes of referrers.
    /// - Parameters:
    ///   - formTarget: an app that a form of ours may lead on to: browsers hold `form-action` against redirects too.
    ///   - runsModule: whether the page runs our WebAssembly. Scripts still can't make code of text.
    func add(to headers: inout HTTPFields, formTarget: PublicURL?, runsModule: Bool) {
        var policy = Self.policy
        if let formTarget { policy = policy.replacing("form-action 'self'", with: "form-action 'self' \(formTarget)") }
        if runsModule { policy = policy.replacing("script-src 'self'", with: "script-src 'self' 'wasm-unsafe-eval'") }
        headers.append(HTTPField(name: .contentSecurityPolicy, value: policy))
        headers.append(contentsOf: always)
        if headers[.referrerPolicy] == nil { headers.append(referrers) }
    }
}
