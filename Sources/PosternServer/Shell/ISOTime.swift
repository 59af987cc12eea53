import FoundationEssentials
import Storage

/// Times for programs and for people.
enum ISOTime {
    /// RFC 3339 in UTC, whole seconds.
    static func text(_ time: Timestamp) -> String {
        Date(timeIntervalSince1970: Double(time.secondsSinceEpoch)).formatted(.iso8601)
    }

    /// `2026-11-22 09:12 UTC`: pages know the reader's zone only by a script, so they name the one they use.
    static func words(_ time: Timestamp) -> String {
        let iso = text(time)
        return "\(iso.prefix(10)) \(iso.dropFirst(11).prefix(5)) UTC"
    }
}
