/// What is kept of one key under one rate: 12 bytes, the same for every ``Rate/Window``.
public struct Meter: Hashable, Sendable {
    /// From when on it is as good as new, in seconds since 1970.
    var expires: UInt32 = 0
    /// Fixed and sliding: how many in this window. Token bucket: the upper half of when the bucket is full again, in microseconds.
    private var first: UInt32 = 0
    /// Sliding: how many in the window before. Token bucket: the lower half.
    private var second: UInt32 = 0

    public init() {}

    /// Counts one more, if it may happen, and says whether it may.
    ///
    /// A clock that goes back begins a new window.
    /// - Parameter now: microseconds since 1970. Always under the same rate.
    public mutating func count(at now: Int64, under rate: Rate) -> Decision {
        let now = Rate.clamped(now)
        return switch rate.window {
        case .fixed: countFixed(now, rate)
        case .sliding: countSliding(now, rate)
        case .tokenBucket: countBucket(now, rate)
        }
    }

    /// What is refused counts too, as in Rack::Attack: the count then says how many there were.
    private mutating func countFixed(_ now: Int64, _ rate: Rate) -> Decision {
        let end = UInt32(clamping: rate.windowEnd(at: now))
        if expires != end { (expires, first) = (end, 0) }
        if first < .max { first += 1 }
        let isAllowed = first <= rate.limit
        return Decision(isAllowed: isAllowed, count: first, wait: isAllowed ? 0 : Int64(end) * 1_000_000 - now)
    }

    /// Only what is allowed counts: whoever keeps knocking isn't kept out for longer.
    private mutating func countSliding(_ now: Int64, _ rate: Rate) -> Decision {
        let end = rate.windowEnd(at: now)
        switch expires {
        case UInt32(clamping: end + Int64(rate.period)): break
        case UInt32(clamping: end): (second, first) = (first, 0)
        default: (second, first) = (0, 0)
        }
        expires = UInt32(clamping: end + Int64(rate.period))
        let period = UInt128(rate.periodMicroseconds)
        let left = UInt128(end * 1_000_000 - now)
        // The window before counts with the share of it that still lies within one period from now.
        let weighed = UInt128(second) * left
        guard weighed + (UInt128(first) + 1) * period <= UInt128(rate.limit) * period else {
            let count = UInt128(first) + (weighed + period - 1) / period
            return Decision(isAllowed: false, count: UInt32(clamping: count), wait: slidingWait(Int64(left), rate))
        }
        first += 1
        return Decision(isAllowed: true, count: UInt32(clamping: UInt128(first) + weighed / period), wait: 0)
    }

    /// - Parameter left: microseconds of this window.
    private func slidingWait(_ left: Int64, _ rate: Rate) -> Int64 {
        guard rate.limit > 0 else { return rate.periodMicroseconds }
        // How much of a window with so many must be left at most, so that it and `current` make room for one more.
        func most(_ previous: UInt32, besides current: UInt32) -> Int64 {
            let room = UInt128(rate.limit - 1 - current) * UInt128(rate.periodMicroseconds)
            return previous == 0 ? rate.periodMicroseconds : Int64(clamping: room / UInt128(previous))
        }
        if first < rate.limit { return max(1, left - most(second, besides: first)) }
        return left + max(0, rate.periodMicroseconds - min(rate.periodMicroseconds, most(first, besides: 0)))
    }

    /// The generic cell rate algorithm (ITU-T I.371): one number says when the bucket would be full again.
    private mutating func countBucket(_ now: Int64, _ rate: Rate) -> Decision {
        guard rate.limit > 0 else { return Decision(isAllowed: false, count: 0, wait: rate.periodMicroseconds) }
        let interval = max(1, rate.periodMicroseconds / Int64(rate.limit))
        var full = Int64(first) << 32 | Int64(second)
        // Further ahead than an empty bucket can be: the clock went back.
        if full < now || full > now + rate.periodMicroseconds { full = now }
        let isAllowed = full + interval <= now + rate.periodMicroseconds
        if isAllowed { full += interval }
        first = UInt32(truncatingIfNeeded: full >> 32)
        second = UInt32(truncatingIfNeeded: full)
        expires = UInt32(clamping: full / 1_000_000 + 1)
        let used = UInt32(clamping: (full - now + interval - 1) / interval)
        return Decision(isAllowed: isAllowed, count: used, wait: isAllowed ? 0 : full + interval - now - rate.periodMicroseconds)
    }
}
