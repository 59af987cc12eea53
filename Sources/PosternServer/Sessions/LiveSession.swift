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
    /// Username, e-mail, name and groups, each ended by a line feed: one allocation instead of four.
    private let identity: String

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
        identity = [username, email, name, groups.joined(separator: ",")].joined(separator: "\n")
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

    var person: Person {
        let parts = identity.split(separator: "\n", maxSplits: 3, omittingEmptySubsequences: false)
        return Person(username: parts[0], email: parts[1], name: parts[2], groups: parts[3])
    }

    /// What apps and pages are told.
    struct Person {
        let username: Substring
        let email: Substring
        let name: Substring
        /// Separated by commas.
        let groups: Substring
    }
}
