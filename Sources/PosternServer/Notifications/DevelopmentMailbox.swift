import Storage
import Synchronization

/// Where mail, texts and calls land while nothing brings them: in memory, on this machine, for whoever tries Postern out.
final class DevelopmentMailbox: Sendable {
    struct Letter: Sendable {
        let to: String
        let subject: String
        let text: String
        /// Empty for what is no mail.
        let html: String
        let sentAt: Timestamp
        /// Nil for a text or a call.
        var mail: Mail?
    }

    /// Older ones are dropped.
    private static let mostLetters = 200

    private let kept = Mutex<[Letter]>([])

    /// Newest first.
    var letters: [Letter] { kept.withLock { $0.reversed() } }

    func deliver(_ mail: Mail, at now: Timestamp) {
        keep(Letter(to: mail.to, subject: mail.subject, text: mail.text, html: mail.html, sentAt: now, mail: mail))
    }

    /// A text or a call.
    func deliver(to: String, subject: String, text: String, at now: Timestamp) {
        keep(Letter(to: to, subject: subject, text: text, html: "", sentAt: now))
    }

    private func keep(_ letter: Letter) {
        kept.withLock { letters in
            letters.append(letter)
            letters.removeFirst(max(0, letters.count - Self.mostLetters))
        }
    }
}
