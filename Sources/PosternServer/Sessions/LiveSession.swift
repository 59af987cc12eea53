import Storage
import Synchronization

/// A session that lives, with what the gateway says of its person.
///
/// Kept small, because a hundred thousand of them stay in memory: seconds in 32 bits, and all texts in one array of bytes.
final class LiveSession: Sendable {
    let id: Session.ID
    let account: Account.ID
    /// Username, e-mail, name and groups, one after the other.
    private let texts: [UInt8]
    private let expires: UInt32
    /// Zero for no idle end.
    private let idle: UInt32
    private let read: UInt32
    private let seen: Atomic<UInt32>
    /// Where the username, the e-mail and the name end.
    private let ends: (UInt16, UInt16, UInt16)
    let role: Account.Role

    init(
        id: Session.ID, account: Account.ID, role: Account.Role, expiresAt: Timestamp, idle: Duration?, seenAt: Timestamp,
        readAt: Timestamp, username: String, email: String, name: String, groups: [String]
    ) {
        self.id = id
        self.account = account
        self.role = role
        expires = Self.seconds(expiresAt)
        self.idle = idle.map { max(1, UInt32(clamping: $0.components.seconds)) } ?? 0
        read = Self.seconds(readAt)
        seen = Atomic(Self.seconds(seenAt))
        let parts = [Array(username.utf8), Array(email.utf8), Array(name.utf8), Array(groups.joined(separator: ",").utf8)]
        let ends = parts.prefix(3).reduce(into: [Int]()) { ends, part in ends.append((ends.last ?? 0) + part.count) }
        self.ends = (UInt16(clamping: ends[0]), UInt16(clamping: ends[1]), UInt16(clamping: ends[2]))
        texts = Array(parts.joined())
    }

    /// Whole seconds since 1970; good until 2106.
    private static func seconds(_ time: Timestamp) -> UInt32 { UInt32(clamping: time.secondsSinceEpoch) }

    var expiresAt: Timestamp { Timestamp(secondsSinceEpoch: Int64(expires)) }

    func isLive(at now: Timestamp) -> Bool {
        let now = Self.seconds(now)
        return now < expires && (idle == 0 || now < seen.load(ordering: .relaxed).addingReportingOverflow(idle).partialValue)
    }

    /// Whether it was read from the database no longer than that ago.
    func isFresh(at now: Timestamp, within limit: Duration) -> Bool {
        Int64(Self.seconds(now)) - Int64(read) < limit.components.seconds
    }

    /// Marks a use. - Returns: true when the last mark is older than a minute, or a tenth of a short idle time, so that the database
    /// should hear of it.
    func markSeen(at now: Timestamp) -> Bool {
        let now = Self.seconds(now)
        let before = seen.load(ordering: .relaxed)
        guard now > before, now - before >= (idle == 0 ? 60 : min(60, idle / 10)) else { return false }
        return seen.compareExchange(expected: before, desired: now, ordering: .relaxed).exchanged
    }

    /// What apps and pages are told.
    var username: String { text(0, ends.0) }
    var email: String { text(ends.0, ends.1) }
    var name: String { text(ends.1, ends.2) }
    /// Separated by commas.
    var groups: String { text(ends.2, UInt16(clamping: texts.count)) }

    private func text(_ start: UInt16, _ end: UInt16) -> String {
        String(decoding: texts[Int(min(start, end))..<Int(end)], as: UTF8.self)
    }
}
