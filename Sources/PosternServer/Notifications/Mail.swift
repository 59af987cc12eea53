import Foundation
import Secrets
import Storage

/// A mail that waits to be sent: text for everybody, HTML for those who see it.
struct Mail: Codable, Equatable, Sendable {
    let to: String
    let subject: String
    let text: String
    let html: String

    /// The job that sends it. The whole mail is sealed: its link is a secret.
    func job(keys: KeyRing, now: Timestamp, random: Randomness) -> Job {
        // A struct of four texts always encodes.
        let payload = (try? JSONEncoder().encode(self)) ?? Data()
        return Job(.sendMail, payload: Array(payload), keys: keys, now: now, random: random)
    }

    init(to: EmailAddress, subject: String, text: String, html: String) {
        self.to = to.address
        self.subject = subject
        self.text = text
        self.html = html
    }

    init?(payload: Secret<[UInt8]>) {
        guard let mail = try? JSONDecoder().decode(Mail.self, from: Data(payload.exposed)) else { return nil }
        self = mail
    }
}
