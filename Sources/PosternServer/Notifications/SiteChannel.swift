import Crypto
import Foundation
import Secrets
import Storage

/// A place of the site's own that is told of what happens to accounts, besides their owners.
struct SiteChannel: Sendable {
    let channel: Notice.Channel
    /// Slack's holds a secret.
    let url: Secret<String>
    /// Signs what a webhook gets; nil for Slack.
    let key: Secret<[UInt8]>?
    let kinds: Set<Notice.Kind>

    /// What changes an account's safety.
    static let standardKinds: Set<Notice.Kind> = [
        .passwordChanged, .passwordStolen, .authenticatorAdded, .authenticatorRemoved, .secondFactorReset, .codesStopped, .emailChanged,
        .accountLeaving, .accountGone, .signInNotMe, .apiKeyMade, .apiKeyRotated, .apiKeyRevoked, .apiKeyLeaked, .apiKeyExposed,
        .apiKeyTried,
    ]

    var jobKind: Job.Kind { channel == .slack ? .sendSlack : .sendWebhook }

    /// Headers and body of one message.
    func message(
        _ event: SiteEvent, id: Job.ID, now: Timestamp, siteName: String
    ) -> (headers: [(name: String, value: String)], body: [UInt8]) {
        guard let key else {
            let text = "*\(markupEscaped(event.subject))*\n\(markupEscaped(event.email))"
            return ([("Content-Type", "application/json")], Self.encoded(["text": text]))
        }
        let body = Self.encoded(
            WebhookBody(
                type: event.kind.rawValue, timestamp: ISOTime.text(event.at),
                data: .init(id: id.description, site: siteName, email: event.email, subject: event.subject)))
        // Standard Webhooks: the signature is of id, time and body, so that none of them can be another's.
        let time = "\(now.secondsSinceEpoch)"
        let code = HMAC<SHA256>.authenticationCode(for: Array("\(id).\(time).".utf8) + body, using: SymmetricKey(data: key.exposed))
        return (
            [
                ("Content-Type", "application/json"), ("webhook-id", id.description), ("webhook-timestamp", time),
                ("webhook-signature", "v1,\(Data(code).base64EncodedString())"),
            ], body
        )
    }

    private static func encoded(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts always encode.
        return Array((try? encoder.encode(value)) ?? Data())
    }
}

/// What a place of the site's own is told: never a link, never what a mail says besides its subject.
struct SiteEvent: Codable, Equatable, Sendable {
    let kind: Notice.Kind
    let email: String
    let subject: String
    /// Microseconds since 1970 UTC.
    private let time: Int64

    var at: Timestamp { Timestamp(microseconds: time) }

    init(_ mail: Mail, at time: Timestamp) {
        (kind, email, subject, self.time) = (mail.kind, mail.to, mail.subject, time.microseconds)
    }

    init?(payload: Secret<[UInt8]>) {
        guard let event = try? JSONDecoder().decode(Self.self, from: Data(payload.exposed)) else { return nil }
        self = event
    }

    var payload: [UInt8] { Array((try? JSONEncoder().encode(self)) ?? Data()) }
}

private struct WebhookBody: Encodable {
    struct Subject: Encodable { let id, site, email, subject: String }

    let type, timestamp: String
    let data: Subject
}
