import Foundation
import Secrets
import Storage

/// A mail that waits to be sent: text for everybody, HTML for those who see it.
struct Mail: Codable, Equatable, Sendable {
    let kind: Notice.Kind
    let to: String
    let subject: String
    let text: String
    let html: String

    /// For the job that sends it, to be sealed: its link is a secret.
    var payload: [UInt8] {
        // A struct of texts always encodes.
        Array((try? JSONEncoder().encode(self)) ?? Data())
    }

    init(_ kind: Notice.Kind, to: EmailAddress, subject: String, text: String, html: String) {
        self.kind = kind
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
