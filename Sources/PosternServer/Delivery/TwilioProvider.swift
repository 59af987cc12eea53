import Crypto
import Foundation
import Secrets
import Storage

/// Twilio's Programmable Messaging and Voice (API 2010-04-01).
struct TwilioProvider: MessageProvider {
    let caller: HTTPCaller
    /// Without a slash at its end.
    let url: String
    let account: String
    let token: Secret<String>
    /// A number, or a messaging service (`MG…`).
    let from: String

    let channels: Set<Delivery.Channel> = [.sms, .voice]
    let givesReceipts = true

    func send(_ message: OutgoingMessage) async -> SendOutcome {
        var fields = [("To", message.to.exposed)]
        if !message.receiptURL.isEmpty { fields.append(("StatusCallback", message.receiptURL)) }
        switch message.channel {
        case .sms:
            fields += [(from.hasPrefix("MG") ? "MessagingServiceSid" : "From", from), ("Body", message.text)]
            fields += [("ValidityPeriod", "\(CodeWish.lifetime.components.seconds)")]
        case .voice:
            fields += [("From", from), ("Twiml", Self.twiml(message)), ("Timeout", "30"), ("StatusCallbackEvent", "completed")]
        }
        let resource = message.channel == .sms ? "Messages" : "Calls"
        let outcome = await caller.call(
            HTTPCaller.Call(
                url: "\(url)/2010-04-01/Accounts/\(account)/\(resource).json",
                headers: [("Content-Type", "application/x-www-form-urlencoded")], body: FormFields.encoded(fields),
                user: (account, token)))
        if let common = outcome.common { return common }
        guard case .replied(let reply) = outcome, case .object(let answer)? = try? JSONValue(parsing: reply.body) else { return .garbled }
        if (200...299).contains(reply.status), case .string(let sid)? = answer["sid"] { return .accepted(reference: sid) }
        guard case .number(let code)? = answer["code"], let number = Int(exactly: code) else { return .garbled }
        return Self.refusal(number)
    }

    /// Of Twilio's error codes: those about the number end it, those about the account are the way's fault, and of all others another provider may think
    /// otherwise.
    static func refusal(_ code: Int) -> SendOutcome {
        switch code {
        case 21610: .optedOut
        case 21211, 21214, 21217, 21401, 21407, 21421, 21614, 21635, 30003, 30004, 30005, 30006, 13223, 13224:
            .permanent("twilio-\(code)")
        // Of the account or the sender.
        case 20003, 20005, 20006, 20429, 21603, 21606, 21659, 21660, 30001, 30002: .temporary("twilio-\(code)", mayBeBilled: false)
        default: .refused("twilio-\(code)")
        }
    }

    static func twiml(_ message: OutgoingMessage) -> String {
        let name = markupEscaped(message.siteName)
        let digits = message.spokenDigits.map { "<Say>\($0)</Say><Pause length=\"1\"/>" }.joined()
        let once = "<Say>Your code for \(name) is</Say><Pause length=\"1\"/>\(digits)"
        return "<Response>\(once)<Pause length=\"1\"/><Say>Once more.</Say>\(once)</Response>"
    }

    func receipt(_ call: ReceiptCall) -> [Receipt]? {
        guard let form = try? FormFields(call.body), let signature = call.headers("x-twilio-signature"),
            let given = Data(base64Encoded: signature),
            isEqualInConstantTime(Array(given), Self.signature(url: call.url, form.all, token: token))
        else { return nil }
        let isCall = form["CallSid"] != nil
        let reference = form[isCall ? "CallSid" : "MessageSid"] ?? ""
        let delivery = call.query["delivery"].flatMap { Delivery.ID($0) }
        return [
            Receipt(
                delivery: delivery, reference: reference,
                verdict: Self.verdict(form[isCall ? "CallStatus" : "MessageStatus"] ?? "", error: form["ErrorCode"]))
        ]
    }

    static func verdict(_ status: String, error: String?) -> Receipt.Verdict {
        switch status {
        case "delivered", "read", "completed": .delivered
        case "undelivered", "failed", "busy", "no-answer", "canceled":
            // 30004 blocked by the person or the carrier, 30005 unknown, 30006 a fixed line: no other way would help.
            .failed(
                error.flatMap { Int($0) }.map { "twilio-\($0)" } ?? status, isFinal: ["30004", "30005", "30006", "21610"].contains(error))
        default: .pending
        }
    }

    /// HMAC-SHA-1 over the URL and all parameters, in the order of their names (Twilio, "Validating requests").
    static func signature(url: String, _ fields: [String: String], token: Secret<String>) -> [UInt8] {
        let text = fields.sorted { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) }.reduce(url) { $0 + $1.key + $1.value }
        let key = SymmetricKey(data: Data(token.exposed.utf8))
        return Array(HMAC<Insecure.SHA1>.authenticationCode(for: Data(text.utf8), using: key))
    }
}
