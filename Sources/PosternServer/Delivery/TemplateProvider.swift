import Foundation
import Secrets
import Storage

/// Any service that takes a JSON document or a form: what to send, and where in its answer the id and the errors stand, is in the settings.
///
/// In URL, headers and body these words in braces are filled in: `{to}`, `{to-digits}`, `{from}`, `{text}`, `{code}`, `{spoken}`, `{id}`,
/// `{receipt}`, `{secret}`; in the body each as its kind of content wants it.
struct TemplateProvider: MessageProvider {
    enum Content: String, CaseIterable, Sendable {
        case json, form

        var type: String { self == .json ? "application/json" : "application/x-www-form-urlencoded" }
    }

    struct Template: Equatable, Sendable {
        var url: String
        var headers: [(name: String, value: String)] = []
        var body: String
        var content = Content.json
        /// Path to the message's id in a JSON answer, such as `data.id`; empty where there is none.
        var reference = ""
        /// Path to the error's code.
        var error = ""
        var optedOut: Set<String> = []
        var permanent: Set<String> = []
        /// Paths in what it tells afterwards, and the words that mean delivered and failed.
        var status = ""
        var delivered: Set<String> = []
        var failed: Set<String> = []

        static func == (left: Template, right: Template) -> Bool {
            left.url == right.url && left.body == right.body && left.headers.elementsEqual(right.headers, by: ==)
        }
    }

    let caller: HTTPCaller
    let template: Template
    let secret: Secret<String>?
    let from: String
    let channels: Set<Delivery.Channel>
    var givesReceipts: Bool { !template.status.isEmpty }

    func send(_ message: OutgoingMessage) async -> SendOutcome {
        let values = [
            "to": message.to.exposed, "to-digits": String(message.to.exposed.dropFirst()), "from": from, "text": message.text,
            "code": message.code.exposed, "spoken": message.spokenDigits.joined(separator: ", "), "id": message.id,
            "receipt": message.receiptURL, "secret": secret?.exposed ?? "",
        ]
        let body = Self.filled(template.body, values, escaping: template.content == .json ? Self.jsonText : percentEncoded)
        let outcome = await caller.call(
            HTTPCaller.Call(
                url: Self.filled(template.url, values, escaping: percentEncoded),
                headers: [("Content-Type", template.content.type)]
                    + template.headers.map { ($0.name, Self.filled($0.value, values, escaping: Self.headerText)) }, body: Array(body.utf8)))
        guard case .replied(let reply) = outcome else { return outcome.common ?? .garbled }
        let answer = try? JSONValue(parsing: reply.body)
        if let code = answer?.text(at: template.error), !code.isEmpty {
            if template.optedOut.contains(code) { return .optedOut }
            if template.permanent.contains(code) { return .permanent("error-\(Self.plain(code))") }
        }
        guard (200...299).contains(reply.status) else {
            if let common = outcome.common { return common }
            return .refused("status-\(reply.status)")
        }
        if template.reference.isEmpty { return .accepted(reference: "") }
        guard let reference = answer?.text(at: template.reference), !reference.isEmpty else { return .garbled }
        return .accepted(reference: String(reference.prefix(200)))
    }

    /// The URL carries a token for this one message.
    func receipt(_ call: ReceiptCall) -> [Receipt]? {
        guard let delivery = call.query["delivery"].flatMap({ Delivery.ID($0) }) else { return nil }
        let word =
            (try? JSONValue(parsing: call.body))?.text(at: template.status) ?? (try? FormFields(call.body))?[template.status]
            ?? call.query[template.status]
        guard let word else { return nil }
        if template.delivered.contains(word) { return [Receipt(delivery: delivery, verdict: .delivered)] }
        if template.failed.contains(word) {
            return [Receipt(delivery: delivery, verdict: .failed("error-\(Self.plain(word))", isFinal: template.permanent.contains(word)))]
        }
        return [Receipt(delivery: delivery, verdict: .pending)]
    }

    /// What was filled in is not filled again: a text with braces stays a text.
    static func filled(_ template: String, _ values: [String: String], escaping escape: (String) -> String) -> String {
        var text = ""
        var rest = template[...]
        while let open = rest.firstIndex(of: "{") {
            text += rest[..<open]
            rest = rest[open...]
            if let close = rest.firstIndex(of: "}"), let value = values[String(rest[rest.index(after: open)..<close])] {
                text += escape(value)
                rest = rest[rest.index(after: close)...]
            } else {
                text += "{"
                rest = rest.dropFirst()
            }
        }
        return text + rest
    }

    /// Inside the quotes of a JSON string.
    static func jsonText(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        let quoted = (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
        return String(quoted.dropFirst().dropLast())
    }

    private static func headerText(_ text: String) -> String { text.filter { !$0.isNewline } }

    /// A stranger's code, short and plain enough to be shown.
    private static func plain(_ text: String) -> String {
        String(text.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }.prefix(40))
    }
}

extension JSONValue {
    /// The text or number at a path such as `messages.0.id`.
    func text(at path: String) -> String? {
        guard !path.isEmpty else { return nil }
        var value = self
        for step in path.split(separator: ".") {
            switch value {
            case .object(let fields):
                guard let next = fields[String(step)] else { return nil }
                value = next
            case .array(let items):
                guard let index = Int(step), items.indices.contains(index) else { return nil }
                value = items[index]
            default: return nil
            }
        }
        switch value {
        case .string(let text): return text
        case .number(let number): return Int(exactly: number).map { "\($0)" } ?? "\(number)"
        default: return nil
        }
    }
}
