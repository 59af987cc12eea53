/// What is done about an unusual sign-in, from least to most.
public enum Measure: String, CaseIterable, Comparable, Sendable {
    /// It is written down.
    case record
    /// The owner is told.
    case tell
    /// A second factor is asked for.
    case ask
    /// The session ends.
    case end

    public static func < (left: Measure, right: Measure) -> Bool { left.rank < right.rank }
    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// What is done about which finding.
public struct Rules: Equatable, Sendable {
    public var measures: [Finding.Kind: Measure]
    /// Findings of less are only written down, 0 to 100.
    public var confidence: Int
    /// Kilometres an hour from which on a way is impossible, at least ``Findings/slowest``.
    public var speed: Int

    public init(measures: [Finding.Kind: Measure], confidence: Int = 50, speed: Int = 1_000) {
        (self.measures, self.confidence, self.speed) = (measures, confidence, speed)
    }

    /// What one finding asks for.
    public func measure(for finding: Finding) -> Measure {
        guard finding.confidence >= confidence, finding.kind != .travel || finding.measure >= speed else { return .record }
        return measures[finding.kind] ?? .record
    }

    /// What several ask for together: the most.
    public func measure(for findings: [Finding]) -> Measure { findings.map(measure).max() ?? .record }

    /// The stricter of each: for a member of two groups.
    public func strictest(with other: Rules) -> Rules {
        Rules(
            measures: measures.merging(other.measures) { max($0, $1) }, confidence: min(confidence, other.confidence),
            speed: min(speed, other.speed))
    }
}
