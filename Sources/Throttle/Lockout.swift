/// Wrong passwords in a row: some are free, then each makes the next one wait, and in the end no more are taken.
public struct Lockout: Hashable, Sendable {
    /// How many may fall into ``window`` before the next must wait.
    public var waitFrom: Int64
    /// Fewer than ``waitFrom`` begin anew after that long, in seconds; nil for never. What leads to the lock counts on.
    public var window: Int64?
    /// After the first that waits, in seconds. The next waits twice that, then three times.
    public var firstWait: Int64
    public var longestWait: Int64
    /// With that many in a row, however far apart, nothing is tried any more.
    public var lockAt: Int64
    /// How long the lock lasts, in seconds; nil until it is released.
    public var lockFor: Int64?
    /// Without a try for that long the waits begin anew, in seconds; nil for never.
    public var quiet: Int64?

    public init(
        waitFrom: Int64, window: Int64?, firstWait: Int64, longestWait: Int64, lockAt: Int64, lockFor: Int64? = nil, quiet: Int64? = nil
    ) {
        (self.waitFrom, self.window, self.firstWait, self.longestWait) = (waitFrom, window, firstWait, longestWait)
        (self.lockAt, self.lockFor, self.quiet) = (lockAt, lockFor, quiet)
    }

    /// What a number of failures leads to.
    public enum Standing: Hashable, Sendable {
        case free
        /// In seconds.
        case wait(Int64)
        case locked
    }

    /// - Parameters:
    ///   - failures: in a row.
    ///   - recent: how many of them lie within ``window``.
    public func standing(after failures: Int64, recent: Int64) -> Standing {
        if failures >= lockAt { return .locked }
        guard recent >= waitFrom else { return .free }
        let (steps, overflow) = (recent - max(0, waitFrom)).multipliedReportingOverflow(by: firstWait)
        let (wait, tooLong) = steps.addingReportingOverflow(firstWait)
        return .wait(overflow || tooLong ? longestWait : min(longestWait, wait))
    }
}

/// The failures of one key, as ``Lockout`` counts them.
public struct LockoutCount: Hashable, Sendable {
    public private(set) var failures: Int64 = 0
    private var recent: Int64 = 0
    private var since: Int64 = .min
    private var last: Int64 = .min
    /// Before that nothing is tried; `Int64.max` until it is released. Microseconds since 1970.
    public private(set) var nextAt: Int64 = .min

    public init() {}

    /// Counts a failure.
    /// - Parameter now: microseconds since 1970.
    /// - Returns: false if nothing may be tried yet: then nothing is counted.
    public mutating func fail(at now: Int64, under lockout: Lockout) -> Bool {
        guard nextAt <= now else { return false }
        if failures >= lockout.lockAt { (failures, recent) = (0, 0) }
        if Self.isPast(last, lockout.quiet, now) || (recent < lockout.waitFrom && Self.isPast(since, lockout.window, now)) { recent = 0 }
        if recent == 0 { since = now }
        (failures, recent, last) = (failures + 1, recent + 1, now)
        switch lockout.standing(after: failures, recent: recent) {
        case .free: nextAt = .min
        case .wait(let seconds): nextAt = Self.later(now, seconds)
        case .locked: nextAt = lockout.lockFor.map { Self.later(now, $0) } ?? .max
        }
        return true
    }

    /// Whether nothing is tried because of too many, not because the next must wait.
    /// - Parameter now: microseconds since 1970.
    public func isLocked(at now: Int64, under lockout: Lockout) -> Bool { failures >= lockout.lockAt && nextAt > now }

    /// One that was counted was not tried. The next may be tried at once, as it might before.
    /// - Parameter now: when it was counted.
    public mutating func giveBack(at now: Int64) {
        (failures, recent) = (max(0, failures - 1), max(0, recent - 1))
        nextAt = min(nextAt, now)
    }

    private static func isPast(_ time: Int64, _ seconds: Int64?, _ now: Int64) -> Bool {
        seconds.map { later(time, $0) <= now } ?? false
    }

    /// Saturates instead of trapping.
    private static func later(_ time: Int64, _ seconds: Int64) -> Int64 {
        let (span, tooLong) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, overflow) = time.addingReportingOverflow(span)
        return tooLong || overflow ? .max : sum
    }
}
