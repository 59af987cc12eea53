import Storage
import Synchronization

/// A session that lives, with what the gateway says of its person. Kept small: a hundred thousand of them stay in memory.
final class LiveSession: Sendable {
    let id: Session.ID
    let account: Account.ID
    let role: Account.Role
    let expiresAt: Timestamp
    /// Zero for no idle end.
    private let idleMicroseconds: Int64
    /// When this was read from the database.
    let readAt: Timestamp
    private let seen: Atomic<Int64>
    /// Account id, username, e-mail, name and groups in one text: one allocation instead of five.
    private let texts: String
    /// Where each of them ends, in UTF-8 bytes.
    private let ends: (UInt16, UInt16, UInt16, UInt16)

    init(
        id: Session.ID, account: Account.ID, role: Account.Role, expiresAt: Timestamp, idle: Duration?, seenAt: Timestamp,
        readAt: Timestamp, username: String, email: String, name: String, groups: [String]
    ) {
        self.id = id
        self.account = account
        self.role = role
        self.expiresAt = expiresAt
        idleMicroseconds = idle?.wholeMicroseconds ?? 0
        self.readAt = readAt
        seen = Atomic(seenAt.microseconds)
        var joined = account.description
        var ends: [UInt16] = []
        for text in [username, email, name, groups.joined(separator: ",")] {
            ends.append(UInt16(clamping: joined.utf8.count))
            joined += text
        }
        texts = joined
        self.ends = (ends[0], ends[1], ends[2], ends[3])
    }

    var seenAt: Timestamp { Timestamp(microseconds: seen.load(ordering: .relaxed)) }

    func isLive(at now: Timestamp) -> Bool {
        now < expiresAt && (idleMicroseconds == 0 || now.microseconds - seen.load(ordering: .relaxed) < idleMicroseconds)
    }

    /// How exact "last seen" is: a minute, or a tenth of a short idle time. In microseconds.
    private var step: Int64 { idleMicroseconds == 0 ? 60_000_000 : min(60_000_000, idleMicroseconds / 10) }

    /// Marks a use. - Returns: true when the last mark is older than a step, so that the database should hear of it.
    func markSeen(at now: Timestamp) -> Bool {
        let before = seen.load(ordering: .relaxed)
        guard now.microseconds - before >= step else { return false }
        return seen.compareExchange(expected: before, desired: now.microseconds, ordering: .relaxed).exchanged
    }

    /// What apps and pages are told.
    var accountText: String { piece(0, ends.0) }
    var username: String { piece(ends.0, ends.1) }
    var email: String { piece(ends.1, ends.2) }
    var name: String { piece(ends.2, ends.3) }
    /// Separated by commas.
    var groups: String { piece(ends.3, nil) }

    private func piece(_ start: UInt16, _ end: UInt16?) -> String {
        let bytes = texts.utf8
        let first = bytes.index(bytes.startIndex, offsetBy: Int(start), limitedBy: bytes.endIndex) ?? bytes.endIndex
        let last = end.flatMap { bytes.index(bytes.startIndex, offsetBy: Int($0), limitedBy: bytes.endIndex) } ?? bytes.endIndex
        return String(texts[first..<max(first, last)])
    }
}
