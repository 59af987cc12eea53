import HTTPTypes
import Hummingbird
import NIOCore
import Secrets

/// The strength of passwords for programs, and what the page's meter loads.
struct PasswordsWeb: Room {
    /// What is known of whoever asks.
    struct Person: Sendable {
        let about: [String]
        let groups: [String]
    }

    let desk: PasswordDesk
    /// The page's module, gzipped.
    let module: [UInt8]
    let person: @Sendable (LiveSession) async throws -> Person

    /// How many texts about a person a program may send.
    private static let mostTexts = 20

    var routes: [Route] {
        var routes: [Route] = [.api(.post, "/auth/v1/password/strength", .anyone, callStrength), .plain(desk.module, serveModule)]
        if let words = desk.words {
            let body = ByteBuffer(string: desk.choose.judge.listedWords.joined(separator: "\n"))
            routes.append(.plain(words) { _, _ in Self.unchanging("text/plain; charset=utf-8", body) })
        }
        return routes
    }

    @Sendable private func callStrength(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: ["password", "about"])
        let text = try fields.text("password")
        guard let password = try? Password(trying: text) else { throw Refused(.passwordTooLong, field: "password") }
        let texts = try fields.texts("about", most: Self.mostTexts)
        var known = Person(about: [], groups: [])
        if let session = visit.session { known = try await person(session) }
        return try .json(
            desk.choose.judge.document(
                on: password, about: known.about + texts, groups: known.groups,
                isBreached: desk.choose.breaches.isListedHere(password)))
    }

    @Sendable private func serveModule(_ request: Request, _ visit: Visit) async throws -> Response {
        // Every browser that runs WebAssembly reads gzip.
        guard request.headers[values: .acceptEncoding].contains(where: { $0.lowercased().contains("gzip") || $0.contains("*") }) else {
            throw Refused(.notFound, detail: "It is served gzipped only: send Accept-Encoding: gzip.")
        }
        var response = Self.unchanging("application/wasm", ByteBuffer(bytes: module))
        response.headers[.contentEncoding] = "gzip"
        response.headers[.vary] = "Accept-Encoding"
        return response
    }

    /// What has its content's hash in its name never changes.
    private static func unchanging(_ type: String, _ body: ByteBuffer) -> Response {
        Response(
            status: .ok, headers: [.contentType: type, .cacheControl: "public, max-age=31536000, immutable"],
            body: ResponseBody(byteBuffer: body))
    }
}
