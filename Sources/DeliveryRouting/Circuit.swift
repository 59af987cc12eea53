/// Keeps messages from a way that is broken: open after 5 failures of the last 20, tried again with one after 30 seconds.
///
/// Times are microseconds of any clock that doesn't go back.
public struct Circuit: Equatable, Sendable {
    public enum State: Equatable, Sendable {
        case closed
        /// Nothing goes this way until then.
        case open(until: Int64)
        /// One message is on its way; what becomes of it decides.
        case halfOpen(since: Int64)
    }

    public static let window = 20
    public static let mostFailures = 5
    /// Microseconds.
    public static let rest: Int64 = 30_000_000

    public private(set) var state = State.closed
    /// The last ones, the newest in the lowest bit: 1 for a failure.
    private var outcomes: UInt32 = 0

    public init() {}

    /// Whether it lets messages through, or would try with one now.
    public func isUsable(at now: Int64) -> Bool {
        switch state {
        case .closed: true
        case .open(let until): now >= until
        case .halfOpen(let since): now - since >= Self.rest
        }
    }

    /// Asks for leave to send one. After a rest the first to ask gets it, and nobody else until its outcome is noted.
    public mutating func admit(at now: Int64) -> Bool {
        guard isUsable(at: now) else { return false }
        if state != .closed { state = .halfOpen(since: now) }
        return true
    }

    /// - Returns: whether it opened or closed.
    @discardableResult
    public mutating func note(failed: Bool, at now: Int64) -> Bool {
        switch state {
        case .closed:
            outcomes = (outcomes << 1 | (failed ? 1 : 0)) & (1 << UInt32(Self.window) - 1)
            guard outcomes.nonzeroBitCount >= Self.mostFailures else { return false }
            state = .open(until: now + Self.rest)
        case .halfOpen:
            outcomes = 0
            state = failed ? .open(until: now + Self.rest) : .closed
        case .open:
            // Of one that was sent before it opened.
            return false
        }
        return true
    }
}
