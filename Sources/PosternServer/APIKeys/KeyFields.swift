import NetworkAddress
import Secrets
import Storage
import Throttle

/// Terms of a key as somebody wrote them down. Nothing of it is believed before it is read.
enum KeyFields {
    static let rateAllowed = "a limit of 1 to 1000000 and a period such as 1s, 1m, 1h or 1d"
    static let overlapAllowed = "0h to 30d, such as 24h"

    static func name(_ text: String) throws -> String {
        guard let name = APIKey.name(text) else {
            throw Refused(.nameInvalid, field: "name", detail: "Use 1 to \(APIKey.Terms.longestName) characters on one line.")
        }
        return name
    }

    static func scopes(_ names: [String]) throws -> KeyScopes {
        guard let scopes = KeyScopes(names: names) else {
            throw Refused(.malformed, field: "scopes", detail: "Allowed: \(KeyScopes.allowed).")
        }
        return scopes
    }

    static func addresses(_ texts: [String]) throws -> [AddressRange] {
        let problem = Refused(.malformed, field: "addresses", detail: "Allowed: \(APIKey.Terms.addressesAllowed).")
        guard texts.count <= APIKey.Terms.mostAddresses else { throw problem }
        return try texts.map { text in
            guard let range = AddressRange(text) else { throw problem }
            return range
        }
    }

    /// - Parameter period: such as `1m`.
    static func rate(_ limit: Int, per period: String) throws -> Rate {
        guard let span = Span.duration(period), limit > 0,
            let rate = Rate(limit: limit, period: Int(span.components.seconds), window: .sliding)
        else { throw Refused(.malformed, field: "rate", detail: "Allowed: \(rateAllowed).") }
        return rate
    }

    /// A moment to come, at most ten years from now.
    static func expiry(_ text: String, now: Timestamp) throws -> Timestamp {
        guard let time = ISOTime.moment(text), time > now, time < now + .seconds(3_660 * 86_400) else {
            throw Refused(
                .malformed, field: "expires_at", detail: "Allowed: a moment in the next ten years, in UTC, such as 2027-01-31T12:00:00Z.")
        }
        return time
    }

    /// How long from now on.
    static func life(_ text: String) throws -> Duration {
        guard let life = Span.duration(text), life > .zero, life < .seconds(3_660 * 86_400) else {
            throw Refused(.malformed, field: "expires", detail: "Allowed: up to ten years, such as 90d.")
        }
        return life
    }

    static func mode(_ text: String) throws -> KeyText.Mode {
        guard let mode = KeyText.Mode(rawValue: text) else { throw Refused(.malformed, field: "mode", detail: "Allowed: live, test.") }
        return mode
    }

    static func overlap(_ text: String) throws -> Duration {
        guard let overlap = Span.duration(text), overlap <= APIKey.longestOverlap else {
            throw Refused(.malformed, field: "overlap", detail: "Allowed: \(overlapAllowed).")
        }
        return overlap
    }

    static func unusedDays(_ days: Int) throws -> Int64 {
        guard (1...30).contains(days) else { throw Refused(.malformed, field: "cut_when_unused_days", detail: "Allowed: 1 to 30.") }
        return Int64(days)
    }
}
