import Crypto
import Foundation
import Secrets
import Storage

/// Vonage's Messages API, version 1.
struct VonageProvider: MessageProvider {
    let caller: HTTPCaller
    let url: String
    /// API key.
    let account: String
    let secret: Secret<String>
    /// Signs what Vonage tells afterwards; without it nothing of that is believed.
    let signatureSecret: Secret<String>?
    let from: String
    let clock: @Sendable () -> Timestamp

    let channels: Set<Delivery.Channel> = [.sms]
    var givesReceipts: Bool { signatureSecret != nil }

    func send(_ message: OutgoingMessage) async -> SendOutcome {
        var document = [
            "message_type": "text", "channel": "sms", "to": String(message.to.exposed.dropFirst()), "from": from, "text": message.text,
            "client_ref": message.id,
        ]
        if !message.receiptURL.isEmpty { document["webhook_url"] = message.receiptURL }
        let outcome = await caller.call(
            HTTPCaller.Call(
                url: "\(url)/v1/messages", headers: [("Content-Type", "application/json"), ("Accept", "application/json")],
                body: Array((try? JSONEncoder().encode(document)) ?? Data()),
                user: (account, secret)))
        if let common = outcome.common { return common }
        guard case .replied(let reply) = outcome, case .object(let answer)? = try? JSONValue(parsing: reply.body) else { return .garbled }
        if (200...299).contains(reply.status) {
            guard case .string(let id)? = answer["message_uuid"] else { return .garbled }
            return .accepted(reference: id)
        }
        // 422: something of what was sent is wrong; only the number is its person's.
        if reply.status == 422, case .array(let wrong)? = answer["invalid_parameters"],
            wrong.contains(where: { $0.text(at: "name") == "to" })
        {
            return .permanent("vonage-number-invalid")
        }
        return .refused("vonage-\(reply.status)")
    }

    func receipt(_ call: ReceiptCall) -> [Receipt]? {
        guard let signatureSecret, let header = call.headers("authorization"), header.lowercased().hasPrefix("bearer "),
            Self.isSigned(header.dropFirst(7), body: call.body, secret: signatureSecret, now: clock()),
            case .object(let told)? = try? JSONValue(parsing: call.body), case .string(let status)? = told["status"]
        else { return nil }
        var receipt = Receipt(verdict: Self.verdict(status, told["error"]))
        if case .string(let reference)? = told["message_uuid"] { receipt.reference = reference }
        if case .string(let own)? = told["client_ref"] { receipt.delivery = Delivery.ID(own) }
        return [receipt]
    }

    private static func verdict(_ status: String, _ error: JSONValue?) -> Receipt.Verdict {
        switch status {
        case "delivered", "read": return .delivered
        case "rejected", "undeliverable":
            if case .object(let fields)? = error, case .string(let title)? = fields["title"], let number = Int(title) {
                return .failed("vonage-\(number)", isFinal: false)
            }
            return .failed(status, isFinal: false)
        default: return .pending
        }
    }

    /// A token signed with HS256 (RFC 7515) over the hash of this very body, made in the last five minutes.
    static func isSigned(_ token: Substring, body: [UInt8], secret: Secret<String>, now: Timestamp) -> Bool {
        let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let head = Base64URL.decode(parts[0]), let claims = Base64URL.decode(parts[1]),
            let signature = Base64URL.decode(parts[2]), case .object(let header)? = try? JSONValue(parsing: head),
            case .string("HS256")? = header["alg"]
        else { return false }
        let key = SymmetricKey(data: Data(secret.exposed.utf8))
        let signed = Data(parts[0]) + Data([UInt8(ascii: ".")]) + Data(parts[1])
        guard isEqualInConstantTime(signature, Array(HMAC<SHA256>.authenticationCode(for: signed, using: key))),
            case .object(let fields)? = try? JSONValue(parsing: claims), case .string(let hash)? = fields["payload_hash"],
            case .number(let made)? = fields["iat"], abs(Double(now.secondsSinceEpoch) - made) < 300
        else { return false }
        let own = SHA256.hash(data: body).map { byte in [byte >> 4, byte & 15].map { String($0, radix: 16) }.joined() }.joined()
        return isEqualInConstantTime(Array(hash.lowercased().utf8), Array(own.utf8))
    }
}
