/// Attempts as programs get them.
struct SignInDocument: Encodable {
    struct Finding: Encodable {
        let kind: String
        let confidence: Int64
        let reason: String
    }

    let at, outcome, reason: String
    let methods: [String]
    let address: OrNull
    let place, network, browser, system: String
    let known_browser: Bool
    let session: OrNull
    let times: Int64
    let last_at: String
    let unusual: [Finding]
    /// For administrators.
    let account, email: String?

    init(_ shown: ShownAttempt, isOwn: Bool) {
        let attempt = shown.attempt
        (at, outcome, reason, methods) = (
            ISOTime.text(attempt.at), attempt.outcome.rawValue, attempt.outcome == .refused ? attempt.reason : "", attempt.methods
        )
        (address, place, network) = (OrNull(value: attempt.addressText), shown.place.words, shown.place.network)
        (browser, system, known_browser) = (attempt.program.browser, attempt.program.system, attempt.isKnownBrowser)
        (session, times, last_at) = (OrNull(value: attempt.sessionText), attempt.times, ISOTime.text(attempt.lastAt))
        unusual = shown.findings.map {
            Finding(kind: $0.kind, confidence: $0.confidence, reason: $0.sentence)
        }
        (account, email) = isOwn ? (nil, nil) : (attempt.accountText, shown.email)
    }
}

struct HistoryDocument: Encodable {
    let sign_ins: [SignInDocument]
    /// For `after`, to get older ones; null at the end.
    let next: OrNull
}

/// A text, or `null` where others would leave it out.
struct OrNull: Encodable {
    let value: String?

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let value { try container.encode(value) } else { try container.encodeNil() }
    }
}

/// RFC 4180.
package enum HistoryCSV {
    static let head =
        "at,outcome,reason,methods,address,place,network,browser,system,known_browser,session,times,last_at,unusual\r\n"

    package static func line(_ shown: ShownAttempt) -> String {
        let attempt = shown.attempt
        let fields = [
            ISOTime.text(attempt.at), attempt.outcome.rawValue, attempt.outcome == .refused ? attempt.reason : "",
            attempt.methods.joined(separator: " "), attempt.addressText ?? "", shown.place.words, shown.place.network,
            attempt.program.browser, attempt.program.system, attempt.isKnownBrowser ? "yes" : "no", attempt.sessionText ?? "",
            "\(attempt.times)", ISOTime.text(attempt.lastAt), shown.findings.map(\.kind).joined(separator: " "),
        ]
        return fields.map(field).joined(separator: ",") + "\r\n"
    }

    /// What a spreadsheet would take for a formula gets an apostrophe before it.
    private static func field(_ text: String) -> String {
        // Byte by byte: with a combining mark behind it a sign is another character, and still a formula's.
        let text = text.utf8.first.map { "=+-@\t\r".utf8.contains($0) } ?? false ? "'" + text : text
        guard text.utf8.contains(where: { ",\"\r\n".utf8.contains($0) }) else { return text }
        let doubled = text.utf8.flatMap { $0 == UInt8(ascii: "\"") ? [$0, $0] : [$0] }
        return "\"" + String(decoding: doubled, as: UTF8.self) + "\""
    }
}
