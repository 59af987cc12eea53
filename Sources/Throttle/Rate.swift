/// How often something may happen: at most `limit` times in `period`.
public struct Rate: Hashable, Sendable {
    /// How the period lies in time.
    public enum Window: String, CaseIterable, Sendable {
        /// Whole periods since 1970, each beginning at zero, as Rack::Attack counts. Around a boundary up to twice the limit may pass.
        case fixed
        /// The last period from now on back, estimated from this window and the one before: at most about the limit in any period.
        case sliding
        /// A bucket that holds `limit` and fills evenly: a burst of all, then one every `period / limit` (GCRA).
        case tokenBucket = "token-bucket"
    }

    /// 0 refuses everything.
    public let limit: UInt32
    /// In whole seconds, at least 1 and at most 366 days.
    public let period: UInt32
    public let window: Window

    public static let longestPeriod: UInt32 = 366 * 86_400
    public static let highestLimit: UInt32 = 1_000_000

    /// - Returns: nil for a period of no seconds or of more than ``longestPeriod``, or for a limit over ``highestLimit``.
    public init?(limit: Int, period seconds: Int, window: Window = .fixed) {
        guard (0...Int(Self.highestLimit)).contains(limit), (1...Int(Self.longestPeriod)).contains(seconds) else { return nil }
        (self.limit, period, self.window) = (UInt32(limit), UInt32(seconds), window)
    }

    /// That many in a minute, whole minutes as they come.
    public static func perMinute(_ limit: UInt16) -> Rate { Rate(limit: UInt32(limit), period: 60, window: .fixed) }

    /// That many in an hour, whole hours as they come.
    public static func perHour(_ limit: UInt16) -> Rate { Rate(limit: UInt32(limit), period: 3_600, window: .fixed) }

    private init(limit: UInt32, period: UInt32, window: Window) { (self.limit, self.period, self.window) = (limit, period, window) }

    /// The end of the fixed window in which a moment lies, in seconds since 1970.
    /// - Parameter now: microseconds since 1970; from 1970 to the year 2262 they count as they are, others as the nearest of these.
    public func windowEnd(at now: Int64) -> Int64 {
        let seconds = Self.clamped(now) / 1_000_000
        return (seconds / Int64(period) + 1) * Int64(period)
    }

    /// So far from the ends of the range that no sum overflows.
    static func clamped(_ now: Int64) -> Int64 { min(max(0, now), 9_000_000_000_000_000_000) }

    var periodMicroseconds: Int64 { Int64(period) * 1_000_000 }
}

/// What comes of one more.
public struct Decision: Hashable, Sendable {
    public let isAllowed: Bool
    /// How many count now: this one too, if it does.
    public let count: UInt32
    /// Until it makes sense to try again, in microseconds; 0 where it is allowed.
    public let wait: Int64

    public init(isAllowed: Bool, count: UInt32, wait: Int64) {
        (self.isAllowed, self.count, self.wait) = (isAllowed, count, wait)
    }

    /// A fixed window's decision on a count that is kept elsewhere, this one included.
    public init(count: Int64, under rate: Rate, at now: Int64) {
        isAllowed = count <= Int64(rate.limit)
        self.count = UInt32(clamping: count)
        wait = isAllowed ? 0 : rate.windowEnd(at: now) * 1_000_000 - Rate.clamped(now)
    }
}
