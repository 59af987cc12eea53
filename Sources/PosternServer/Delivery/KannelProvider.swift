import Secrets
import Storage

/// Kannel's smsbox: a gateway of one's own, and by it SMPP. What would stand in its URL stands in headers: no password and no number gets
/// into a proxy's log.
struct KannelProvider: MessageProvider {
    let caller: HTTPCaller
    /// Of `sendsms`.
    let url: String
    let account: String
    let secret: Secret<String>
    let from: String

    let channels: Set<Delivery.Channel> = [.sms]
    let givesReceipts = true

    func send(_ message: OutgoingMessage) async -> SendOutcome {
        var headers = [
            ("X-Kannel-Username", account), ("X-Kannel-Password", secret.exposed), ("X-Kannel-From", from),
            ("X-Kannel-To", message.to.exposed), ("X-Kannel-Coding", Self.coding(message.text)),
            ("Content-Type", "text/plain; charset=utf-8"),
        ]
        // 1, 2 and 16: delivered, not delivered, refused by the centre.
        if !message.receiptURL.isEmpty {
            headers += [("X-Kannel-DLR-Mask", "19"), ("X-Kannel-DLR-Url", message.receiptURL + "&status=%d")]
        }
        let outcome = await caller.call(HTTPCaller.Call(url: url, headers: headers, body: Array(message.text.utf8)))
        guard case .replied(let reply) = outcome else { return outcome.common ?? .garbled }
        switch reply.status {
        case 202: return .accepted(reference: "")
        case 401, 403: return .temporary("credentials-refused", mayBeBilled: false)
        // "Number(s) has/have been denied by white- and/or black-lists."; all else is ours to put right.
        case 400 where String(decoding: reply.body, as: UTF8.self).hasPrefix("Number"): return .permanent("kannel-number-denied")
        case 400...499: return .temporary("kannel-\(reply.status)", mayBeBilled: false)
        default: return outcome.common ?? .garbled
        }
    }

    /// 0 for the GSM alphabet, 2 for UCS-2.
    static func coding(_ text: String) -> String { text.utf8.allSatisfy { $0 < 128 } ? "0" : "2" }

    /// The URL carries a token for this one message.
    func receipt(_ call: ReceiptCall) -> [Receipt]? {
        guard let delivery = call.query["delivery"].flatMap({ Delivery.ID($0) }) else { return nil }
        // Kannel's user guide, "Delivery reports": 1 delivered, 2 not, 4 queued, 8 at the centre, 16 refused there.
        let verdict: Receipt.Verdict
        switch Int(call.query["status"] ?? "") {
        case 1: verdict = .delivered
        case 2: verdict = .failed("kannel-undeliverable", isFinal: false)
        case 16: verdict = .failed("kannel-refused", isFinal: false)
        default: verdict = .pending
        }
        return [Receipt(delivery: delivery, verdict: verdict)]
    }
}
