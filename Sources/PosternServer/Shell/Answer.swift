import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

extension Response {
    static func page(_ html: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "text/html; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: html)))
    }

    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        json(body: ByteBuffer(bytes: try encoded(value)), status: status)
    }

    /// JSON, for what is written out piece by piece.
    static func text(of value: some Encodable) throws -> String { String(decoding: try encoded(value), as: UTF8.self) }

    /// - Parameter text: JSON already.
    static func json(text: String) -> Response { json(body: ByteBuffer(string: text), status: .ok) }

    private static func json(body: ByteBuffer, status: HTTPResponse.Status) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json", .cacheControl: "no-store"], body: ResponseBody(byteBuffer: body))
    }

    static func seeOther(_ location: String) -> Response {
        Response(status: .seeOther, headers: [.location: location, .cacheControl: "no-store"])
    }

    static func nothing(_ status: HTTPResponse.Status = .noContent) -> Response {
        Response(status: status, headers: [.cacheControl: "no-store"])
    }

    /// RFC 9457.
    static func problem(_ refused: Refused, requestID: String) -> Response {
        let reason = refused.reason
        let problem = Problem(
            type: "https://postern.invalid/reasons/\(reason.rawValue)", title: reason.title, status: reason.status.code,
            reason: reason.rawValue, detail: refused.detail ?? reason.advice, field: refused.field, methods: refused.methods,
            signInURL: refused.signInURL, at: refused.key?.at.map(ISOTime.text), successor: refused.key?.successor,
            requestID: requestID)
        var headers: HTTPFields = [.contentType: "application/problem+json", .cacheControl: "no-store"]
        headers[.retryAfter] = refused.retryAfter.map { "\($0)" } ?? ([.busy, .unavailable, .passwordUnasked].contains(reason) ? "5" : nil)
        headers.add(refused.rate, retryAfter: refused.retryAfter)
        headers[.wwwAuthenticate] = refused.key?.challenge
        let body = (try? encoded(problem)) ?? Data()
        return Response(status: reason.status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }

    private static func encoded(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value)
    }

    /// Says when it makes sense to try again, where that is known.
    func retrying(_ refused: Refused) -> Response {
        var copy = self
        copy.headers[.retryAfter] = refused.retryAfter.map { "\($0)" }
        copy.headers.add(refused.rate, retryAfter: refused.retryAfter)
        return copy
    }

    func setting(cookie: String?) -> Response {
        guard let cookie else { return self }
        var copy = self
        copy.headers.append(HTTPField(name: .setCookie, value: cookie))
        return copy
    }
}

extension KeyRefusal {
    /// For programs behind proxies that hand this one header on (RFC 6750 §3).
    var challenge: String {
        var parts = [#"Bearer realm="postern""#, #"error="invalid_token""#, #"reason="\#(reason.rawValue)""#]
        if let at { parts.append(#"at="\#(ISOTime.text(at))""#) }
        if let successor { parts.append(#"successor="\#(successor)""#) }
        return parts.joined(separator: ", ")
    }
}

extension HTTPFields {
    /// How a rate stands that was gone over (draft-ietf-httpapi-ratelimit-headers).
    mutating func add(_ rate: RateState?, retryAfter: Int64?) {
        guard let rate else { return }
        self[.named("RateLimit-Policy")] = "\"\(rate.policy)\";q=\(rate.limit)"
        self[.named("RateLimit")] = "\"\(rate.policy)\";r=\(rate.left);t=\(retryAfter ?? 0)"
    }
}

private struct Problem: Encodable {
    let type: String
    let title: String
    let status: Int
    let reason: String
    let detail: String
    let field: String?
    let methods: [String]?
    let signInURL: String?
    let at: String?
    let successor: String?
    let requestID: String

    enum CodingKeys: String, CodingKey {
        case type, title, status, reason, detail, field, methods, at, successor
        case signInURL = "sign_in_url"
        case requestID = "request_id"
    }
}
