import Storage
import Synchronization

/// Where mail lands while there is no mail server: in memory, on this machine, for whoever tries Postern out.
final class DevelopmentMailbox: Sendable {
    struct Letter: Sendable {
        let mail: Mail
        let sentAt: Timestamp
    }

    /// Older ones are dropped.
    private static let mostLetters = 200

    private let kept = Mutex<[Letter]>([])

    /// Newest first.
    var letters: [Letter] { kept.withLock { $0.reversed() } }

    func deliver(_ mail: Mail, at now: Timestamp) {
        kept.withLock { letters in
            letters.append(Letter(mail: mail, sentAt: now))
            letters.removeFirst(max(0, letters.count - Self.mostLetters))
        }
    }
}
