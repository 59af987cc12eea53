/// Which of several ways a message goes.
public enum ArmChoice {
    /// By weight: each is taken as often as its weight is of all.
    /// - Parameter weights: one for each arm. Where all are 0, the first is taken.
    /// - Returns: an index; nil without arms.
    public static func byWeight(_ weights: [UInt32], using generator: inout some RandomNumberGenerator) -> Int? {
        guard !weights.isEmpty else { return nil }
        let total = weights.reduce(UInt64(0)) { $0 + UInt64($1) }
        guard total > 0 else { return 0 }
        var point = UInt64(Chance.uniform(using: &generator) * Double(total))
        for (index, weight) in weights.enumerated() {
            if point < UInt64(weight) { return index }
            point -= UInt64(weight)
        }
        return weights.lastIndex { $0 > 0 }
    }

    /// What was learnt decides.
    public struct Learnt: Equatable, Sendable {
        public let arm: Int
        /// Taken without looking, so that an arm that became better is noticed.
        public let isFloor: Bool
    }

    /// By Thompson sampling: each arm draws a share of successes from what is known of it, and the best draw wins. Whatever is known, each
    /// arm is taken at least as often as `floor` says.
    /// - Parameters:
    ///   - seen: of each arm, what it brought so far.
    ///   - floor: of each arm, 0 to 1 / number of arms.
    /// - Returns: nil without arms.
    public static func byLearning(
        _ seen: [Proportion], floor: Double = 0.05, using generator: inout some RandomNumberGenerator
    ) -> Learnt? {
        guard !seen.isEmpty else { return nil }
        let blind = min(max(0, floor), 1 / Double(seen.count)) * Double(seen.count)
        if Chance.uniform(using: &generator) < blind {
            let arm = min(seen.count - 1, Int(Chance.uniform(using: &generator) * Double(seen.count)))
            return Learnt(arm: arm, isFloor: true)
        }
        var best = (arm: 0, draw: -1.0)
        for (arm, proportion) in seen.enumerated() {
            // From an even prior: before anything is known, all shares are as likely.
            let draw = Chance.beta(
                Double(proportion.successes) + 1, Double(proportion.trials - proportion.successes) + 1, using: &generator)
            if draw > best.draw { best = (arm, draw) }
        }
        return Learnt(arm: best.arm, isFloor: false)
    }
}
