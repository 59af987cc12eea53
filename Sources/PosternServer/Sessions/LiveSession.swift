import Storage

/// A session that lives, with what the gateway says of its person.
///
/// Kept small, because a hundred thousand of them stay in memory: all of it is one array of bytes, and so one allocation.
///
/// ```
/// session id (16) | account id (16) | expires (4) | idle (4) | read (4) | role (1) | ends of three texts (6) | assurance (1) | texts
/// ```
struct LiveSession: Sendable {
    private let bytes: [UInt8]

    private static let textsStart = 52

    init(
        id: Session.ID, account: Account.ID, role: Account.Role, expiresAt: Timestamp, idle: Duration?, readAt: Timestamp,
        assurance: Assurance, isHeld: Bool = false, username: String, email: String, name: String, groups: [String]
    ) {
        let texts = [username, email, name, groups.joined(separator: ",")]
        var bytes: [UInt8] = []
        bytes.reserveCapacity(texts.reduce(Self.textsStart) { $0 + $1.utf8.count })
        bytes += id.bytes
        bytes += account.bytes
        let idleSeconds = idle.map { max(1, UInt32(clamping: $0.components.seconds)) } ?? 0
        for number in [Self.seconds(expiresAt), idleSeconds, Self.seconds(readAt)] {
            for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: number >> UInt32(shift))) }
        }
        bytes.append(UInt8(truncatingIfNeeded: Account.Role.allCases.firstIndex(of: role) ?? 0))
        var end = Self.textsStart
        for text in texts.prefix(3) {
            end += text.utf8.count
            bytes.append(UInt8(truncatingIfNeeded: end >> 8))
            bytes.append(UInt8(truncatingIfNeeded: end))
        }
        bytes.append(isHeld ? 0 : assurance == .aal2 ? 2 : 1)
        for text in texts { bytes += text.utf8 }
        self.bytes = bytes
    }

    /// Whole seconds since 1970; good until 2106.
    static func seconds(_ time: Timestamp) -> UInt32 { UInt32(clamping: time.secondsSinceEpoch) }

    var id: Session.ID { identifier(at: 0) }
    var account: Account.ID { identifier(at: 16) }
    var expiresAt: Timestamp { Timestamp(secondsSinceEpoch: Int64(number(at: 32))) }
    var role: Account.Role { Account.Role.allCases[Int(bytes[44]) % Account.Role.allCases.count] }
    var assurance: Assurance { bytes[51] == 2 ? .aal2 : .aal1 }
    /// It opens nothing until a second factor is proved in it.
    var isHeld: Bool { bytes[51] == 0 }
    /// "Keep me signed in": without an idle end.
    var isKept: Bool { idle == 0 }
    /// Zero for no idle end.
    private var idle: UInt32 { number(at: 36) }

    /// - Parameter seen: the second of its last use.
    func isLive(at now: Timestamp, seen: UInt32) -> Bool {
        let now = Self.seconds(now)
        return now < number(at: 32) && (idle == 0 || UInt64(now) < UInt64(seen) + UInt64(idle))
    }

    /// Whether it was read from the database no longer than that ago.
    func isFresh(at now: Timestamp, within limit: Duration) -> Bool {
        Int64(Self.seconds(now)) - Int64(number(at: 40)) < limit.components.seconds
    }

    /// Whether a use now is worth a mark: the last one is older than a minute, or a tenth of a short idle time.
    func isWorthMarking(at now: Timestamp, seen: UInt32) -> Bool {
        let now = Self.seconds(now)
        return now > seen && now - seen >= (idle == 0 ? 60 : min(60, idle / 10))
    }

    /// What apps and pages are told.
    var username: String { text(Self.textsStart, end(0)) }
    var email: String { text(end(0), end(1)) }
    var name: String { text(end(1), end(2)) }
    /// Separated by commas.
    var groups: String { text(end(2), bytes.count) }

    private func end(_ index: Int) -> Int { Int(bytes[45 + 2 * index]) << 8 | Int(bytes[46 + 2 * index]) }

    private func text(_ start: Int, _ end: Int) -> String {
        // A person's texts are far shorter than the 64 KiB that two bytes can tell; were they not, they would be cut, never misread.
        let end = min(end, bytes.count)
        return String(decoding: bytes[min(start, end)..<end], as: UTF8.self)
    }

    private func number(at index: Int) -> UInt32 {
        UInt32(bytes[index]) << 24 | UInt32(bytes[index + 1]) << 16 | UInt32(bytes[index + 2]) << 8 | UInt32(bytes[index + 3])
    }

    private func identifier<Tag>(at index: Int) -> Identifier<Tag> {
        Identifier(
            high: UInt64(number(at: index)) << 32 | UInt64(number(at: index + 4)),
            low: UInt64(number(at: index + 8)) << 32 | UInt64(number(at: index + 12)))
    }
}
