import Secrets
import Storage

/// Looks at an app from outside, as a stranger could, and asks the server what the gateway saw of it: is the app gated, and does the proxy
/// say what it must?
struct CheckSite: Sendable {
    struct Finding: Equatable, Sendable {
        enum Verdict: String, Sendable {
            case ok
            case bad
            /// Only the app could show it.
            case notSeen = "not seen from here"
        }

        let name: String
        let verdict: Verdict
        /// What was seen.
        let words: String
        /// The line to change; empty where nothing is to be changed.
        var change = ""
    }

    let store: any Store
    let probe: SiteProbe
    /// Where plain HTTP is, if not on port 80 of the app's host.
    let connectPlain: String?
    let portal: PublicURL
    let app: App
    let cookies: Cookies
    let random: Randomness

    /// - Returns: one finding alone where the app's host can't be reached.
    func run(now: Timestamp) async throws(StoreError) -> [Finding] {
        // Plain HTTP shows its mark to the network, so it has one of its own; both end with the run.
        let tokens = (0..<2).map { _ in Token(random: random.bytes(Token.byteCount)) }
        try await store.write { (transaction) throws(StoreError) in
            for token in tokens { try transaction.beginCheck(CheckRound(token: token, expiresAt: now + CheckRound.lifetime), now: now) }
        }
        let answers = await ask(mark: tokens[0].text.exposed, plainMark: tokens[1].text.exposed)
        let hashes = tokens.map { $0.hash(for: CheckRound.purpose) }
        let seen = try await store.write { (transaction) throws(StoreError) in
            var seen: [Sighting] = []
            for hash in hashes {
                seen += try transaction.sightings(ofCheck: hash)
                try transaction.endCheck(hash)
            }
            return seen
        }
        let view = SiteView(
            portal: portal, app: app, stateCookie: cookies.state, ourCookies: ourCookies, answers: answers, sightings: seen)
        return view.findings
    }

    private var ourCookies: [String] { cookies.names(on: app.origin, ofDomain: app.cookieDomain != nil, portal: portal) }

    /// All requests, one after the other: a proxy under check is often a small one.
    private func ask(mark: String, plainMark: String) async -> [SiteQuestion: SiteProbe.Outcome] {
        var answers: [SiteQuestion: SiteProbe.Outcome] = [:]
        for question in SiteQuestion.allCases {
            guard question != .plainHTTP || app.origin.isHTTPS else { continue }
            let origin =
                question == .portal ? portal.description : question == .plainHTTP ? "http://\(app.origin.host)" : app.origin.description
            var headers = question.headers(ourCookies: ourCookies)
            let mark = question == .plainHTTP ? plainMark : mark
            if question.isMarked { headers.append(("Postern-Check", "\(mark).\(question.rawValue)\(question.passes ? ".pass" : "")")) }
            // Plain HTTP has a port of its own: a place to connect to is the other one's.
            var probe = probe
            if question == .plainHTTP { probe.connectTo = connectPlain }
            if question == .portal, !portal.isHTTPS { probe.connectTo = nil }
            answers[question] = await probe.ask(question.method, origin + question.target, headers: headers)
        }
        return answers
    }
}

/// Each thing that is asked. Its number stands in the request's mark.
enum SiteQuestion: Int, CaseIterable, Sendable {
    case gate = 1
    case oddPath, posted, page, begin, enter, forwardedFor, alias, underscoreAlias, dotAlias, app, appCookies, plainHTTP, portal

    var method: String { self == .posted ? "POST" : "GET" }
    var isMarked: Bool { ![.portal, .begin, .enter, .page].contains(self) }
    /// Asks to be let through, as nobody.
    var passes: Bool { [.alias, .underscoreAlias, .dotAlias, .app, .appCookies].contains(self) }

    /// With everything that a proxy may be tempted to tidy up.
    static let odd = "/postern-check/a%2Fb/../c//d;e?x=%20y&z=1"
    /// Of RFC 5737: nobody's.
    static let forgedAddress = "203.0.113.77"

    var target: String {
        switch self {
        case .oddPath: Self.odd
        case .page: "/postern-check?page=1"
        case .begin: "/auth/begin?return_to=%2Fpostern-check"
        case .enter: "/auth/enter?ticket=none"
        case .portal: "/auth/health"
        default: "/postern-check"
        }
    }

    /// - Parameter ourCookies: names that must not reach the app.
    func headers(ourCookies: [String]) -> [(name: String, value: String)] {
        switch self {
        case .page, .begin, .enter: [("Sec-Fetch-Mode", "navigate"), ("Accept", "text/html")]
        case .forwardedFor:
            [("X-Forwarded-For", Self.forgedAddress), ("X-Real-IP", Self.forgedAddress), ("Forwarded", "for=\(Self.forgedAddress)")]
        case .alias: [("Remote-User", "postern-check")]
        case .underscoreAlias: [("Remote_User", "postern-check")]
        case .dotAlias: [("Remote.User", "postern-check")]
        case .appCookies:
            [
                ("Cookie", (["first=1"] + ourCookies.map { "\($0)=postern-check; between=2" } + ["last=3"]).joined(separator: "; ")),
                ("Authorization", "Basic cG9zdGVybjpjaGVjaw=="),
            ]
        default: [("Accept", "application/json")]
        }
    }
}
