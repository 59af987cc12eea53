import FoundationEssentials
import Storage

/// Times for programs and for people.
enum ISOTime {
    /// RFC 3339 in UTC, whole seconds.
    static func text(_ time: Timestamp) -> String {
        Date(timeIntervalSince1970: Double(time.secondsSinceEpoch)).formatted(.iso8601)
    }

    /// The beginning of a day such as `2026-11-14`, UTC; nil for anything else.
    static func day(_ text: String) -> Timestamp? {
        guard text.utf8.count == 10, let date = try? Date("\(text)T00:00:00Z", strategy: .iso8601) else { return nil }
        let day = Timestamp(secondsSinceEpoch: Int64(date.timeIntervalSince1970))
        // What is no day, such as the 30th of February, is read as another.
        return Self.day(day) == text ? day : nil
    }

    /// A moment in UTC such as `2026-11-14T09:12:00Z`; nil for anything else.
    static func moment(_ text: String) -> Timestamp? {
        guard text.utf8.count == 20, let date = try? Date(text, strategy: .iso8601) else { return nil }
        let time = Timestamp(secondsSinceEpoch: Int64(date.timeIntervalSince1970))
        return Self.text(time) == text ? time : nil
    }

    /// `2026-11-14`, UTC.
    static func day(_ time: Timestamp) -> String { String(text(time).prefix(10)) }

    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
    ]

    /// `22 November 2026, 09:12 UTC`: a page without scripts can't know the reader's zone, so it names the one it uses.
    static func words(_ time: Timestamp) -> String {
        let iso = text(time)
        let parts = iso.prefix(10).split(separator: "-")
        guard parts.count == 3, let month = Int(parts[1]), months.indices.contains(month - 1), let day = Int(parts[2]) else { return iso }
        return "\(day) \(months[month - 1]) \(parts[0]), \(iso.dropFirst(11).prefix(5)) UTC"
    }
}

/// Spans of time, in words and as people write them.
enum Span {
    /// A whole number of at most 36,500 with s, m, h or d: `15m`, `12h`, `30d`.
    static func duration(_ text: String) -> Duration? {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), text.dropLast().utf8.allSatisfy({ (48...57).contains($0) }),
            let count = Int64(text.dropLast()), count <= 36_500
        else { return nil }
        return .seconds(count * unit)
    }

    static func words(_ duration: Duration) -> String {
        let seconds = max(1, duration.components.seconds + 1)
        if seconds < 120 { return "\(seconds) seconds" }
        if seconds < 7_200 { return "\((seconds + 59) / 60) minutes" }
        if seconds < 172_800 { return "\((seconds + 3_599) / 3_600) hours" }
        return "\((seconds + 86_399) / 86_400) days"
    }
}
