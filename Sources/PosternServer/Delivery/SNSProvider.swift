import Foundation
import Secrets

/// Amazon SNS: `Publish` to a telephone number, signed by libcurl (AWS Signature Version 4). It tells nothing afterwards.
struct SNSProvider: MessageProvider {
    let caller: HTTPCaller
    let url: String
    let region: String
    /// Access key id.
    let account: String
    let secret: Secret<String>
    /// Sender id, or empty.
    let from: String

    let channels: Set<Delivery.Channel> = [.sms]

    func send(_ message: OutgoingMessage) async -> SendOutcome {
        var fields = [
            ("Action", "Publish"), ("Version", "2010-03-31"), ("PhoneNumber", message.to.exposed), ("Message", message.text),
            ("MessageAttributes.entry.1.Name", "AWS.SNS.SMS.SMSType"), ("MessageAttributes.entry.1.Value.DataType", "String"),
            ("MessageAttributes.entry.1.Value.StringValue", "Transactional"),
        ]
        if !from.isEmpty {
            fields += [
                ("MessageAttributes.entry.2.Name", "AWS.SNS.SMS.SenderID"), ("MessageAttributes.entry.2.Value.DataType", "String"),
                ("MessageAttributes.entry.2.Value.StringValue", from),
            ]
        }
        let outcome = await caller.call(
            HTTPCaller.Call(
                url: url + "/", headers: [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")],
                body: FormFields.encoded(fields), user: (account, secret), signature: "aws:amz:\(region):sns"))
        switch outcome {
        case .replied(let reply) where (200...299).contains(reply.status):
            return Self.element("MessageId", in: reply.body).map { .accepted(reference: $0) } ?? .garbled
        case .replied(let reply):
            let (code, words) = (Self.element("Code", in: reply.body) ?? "", Self.element("Message", in: reply.body) ?? "")
            if words.lowercased().contains("opted out") || code == "OptedOut" { return .optedOut }
            if code == "InvalidParameter" || code == "InvalidParameterValue" { return .permanent("sns-invalid-parameter") }
            if code.hasPrefix("Throttl") { return .temporary("throttled", mayBeBilled: false) }
            return outcome.common ?? .refused("sns-\(reply.status)")
        case .notReached, .noReply: return outcome.common ?? .garbled
        }
    }

    /// What stands between two tags: the answers are flat, and nothing of them is shown.
    static func element(_ name: String, in body: [UInt8]) -> String? {
        let text = String(decoding: body, as: UTF8.self)
        guard let start = text.range(of: "<\(name)>"), let end = text.range(of: "</\(name)>", range: start.upperBound..<text.endIndex),
            text.distance(from: start.upperBound, to: end.lowerBound) <= 300
        else { return nil }
        return String(text[start.upperBound..<end.lowerBound])
    }
}
