import HTTPTypes
import Hummingbird
import Secrets
import Storage

/// "Text me a code", "call me": for a sign-in that waits for its second step, and for "confirm it's you".
struct SendCodeWeb: Room {
    let send: SendCode
    let shell: Shell

    var routes: [Route] {
        [
            .page(.post, "/auth/sign-in/second-factor/send", .anyone, sendAtSignIn),
            .page(.post, "/auth/account/step-up/send", .signedIn, sendForStepUp).whileHeld,
            .api(.post, "/auth/v1/sign-in/second-factor/send", .anyone, callAtSignIn),
            .api(.post, "/auth/v1/session/step-up/send", .signedIn, callForStepUp).whileHeld,
        ]
    }

    // MARK: Pages

    @Sendable private func sendAtSignIn(_ request: Request, _ visit: Visit) async throws -> Response {
        let form = try FormFields(visit.body)
        let over = Response.seeOther("/auth/sign-in?done=attempt-over").setting(cookie: shell.cookies.clear(shell.cookies.attempt))
        guard let token = Cookies.value(shell.cookies.attempt, in: request.headers).flatMap({ Token(text: $0) }) else { return over }
        return try await submit(form, for: .signIn(token), page: "/auth/sign-in/second-factor", over: over, visit)
    }

    @Sendable private func sendForStepUp(_ request: Request, _ visit: Visit) async throws -> Response {
        let page = "/auth/account/step-up"
        return try await submit(
            try FormFields(visit.body), for: .stepUp(try visit.signedIn()), page: page, over: .seeOther(page + "?problem=codes-spent"),
            visit)
    }

    private func submit(
        _ form: FormFields, for place: SendCode.Place, page: String, over: Response, _ visit: Visit
    ) async throws -> Response {
        guard let channel = Delivery.Channel(rawValue: form.text("method")) else { throw Refused(.malformed, field: "method") }
        let back = shell.returnTo(form.text("return_to")).map { "&return_to=\(percentEncoded($0))" } ?? ""
        let outcome = try await send.send(channel, to: Phone.ID(form.text("phone")), for: place, client: visit.client, now: visit.now)
        switch outcome {
        case .sent: return .seeOther("\(page)?method=\(channel.rawValue)\(back)")
        case .over: return over
        case .noPhone: return .seeOther("\(page)?problem=\(Reason.noNumber.rawValue)\(back)")
        case .refused(let asked):
            return .seeOther("\(page)?method=\(channel.rawValue)&problem=\(asked.refused(now: visit.now).reason.rawValue)\(back)")
        }
    }

    /// What the page says of a code that was not sent.
    static func words(_ problem: String?, _ sent: CodeState?) -> String? {
        switch problem.flatMap(Reason.init(rawValue:)) {
        case .codeJustSent:
            sent.map { "One is on its way. Another can be asked for from \(ISOTime.text($0.resendAt).dropFirst(11).prefix(8)) UTC on." }
        case let reason? where [.tooManyCodes, .deliveryUnavailable, .numberNotServed, .noNumber, .codesSpent].contains(reason):
            "\(reason.title). \(reason.advice)"
        default: nil
        }
    }

    // MARK: JSON

    private struct Answer: Encodable {
        let delivery: String
        /// Seconds.
        let resend_after: Int64
    }

    static func answer(_ sent: SendCode.Sent) throws -> Response {
        try .json(
            Answer(delivery: sent.delivery.description, resend_after: sent.resendAfter.components.seconds), status: .accepted)
    }

    static func channel(_ fields: JSONFields) throws -> Delivery.Channel {
        guard let channel = Delivery.Channel(rawValue: try fields.text("method")) else {
            throw Refused(.malformed, field: "method", detail: "Known: sms, voice.")
        }
        return channel
    }

    private func call(_ fields: JSONFields, for place: SendCode.Place, _ visit: Visit) async throws -> Response {
        var phone: Phone.ID?
        if fields.has("phone") {
            guard let id = Phone.ID(try fields.text("phone")) else { throw Refused(.noNumber, field: "phone") }
            phone = id
        }
        switch try await send.send(try Self.channel(fields), to: phone, for: place, client: visit.client, now: visit.now) {
        case .sent(let sent): return try Self.answer(sent)
        case .over: throw Refused(.attemptOver)
        case .noPhone: throw Refused(.noNumber)
        case .refused(let asked): throw asked.refused(now: visit.now)
        }
    }

    @Sendable private func callAtSignIn(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: ["attempt", "method", "phone"])
        guard let token = Token(text: try fields.text("attempt").utf8) else { throw Refused(.attemptOver, field: "attempt") }
        return try await call(fields, for: .signIn(token), visit)
    }

    @Sendable private func callForStepUp(_ request: Request, _ visit: Visit) async throws -> Response {
        try await call(try JSONFields(visit.body, allowed: ["method", "phone"]), for: .stepUp(try visit.signedIn()), visit)
    }
}

extension CodeDesk.Asked {
    /// What is said of a code that was not sent.
    func refused(now: Timestamp) -> Refused {
        func waiting(_ reason: Reason, _ until: Timestamp) -> Refused {
            var refused = Refused(reason)
            refused.retryAfter = max(1, (until - now).components.seconds + 1)
            return refused
        }
        switch self {
        case .written: return Refused(.malformed)
        case .tooSoon(let until): return waiting(.codeJustSent, until)
        case .refused(.tooMany(let until)): return waiting(.tooManyCodes, until)
        case .refused(.notThere): return Refused(.numberNotServed)
        case .refused(.usedUp), .noWay: return Refused(.deliveryUnavailable)
        case .over: return Refused(.codesSpent)
        }
    }
}
