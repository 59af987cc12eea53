import Storage
import Throttle

/// The limits as a form has them.
struct LimitFields: Sendable {
    var perAddress: String
    var waitAfter: String
    var blockAfter: String
    var lockAfter: String
    var stuffing: String

    init(_ limits: SignInLimits) {
        perAddress = "\(limits.perAddress.limit)"
        waitAfter = "\(limits.pair.waitFrom)"
        blockAfter = "\(limits.pair.lockAt)"
        lockAfter = "\(limits.account.lockAt)"
        stuffing = "\(limits.stuffing.accounts)"
    }

    mutating func take(_ field: (String) -> String) {
        (perAddress, waitAfter, blockAfter) = (field("per-address"), field("wait-after"), field("block-after"))
        (lockAfter, stuffing) = (field("lock-after"), field("stuffing"))
    }

    /// In the bounds that the settings have; the times stay those of `today`.
    /// - Returns: nil for anything else.
    func limits(from today: SignInLimits) -> SignInLimits? {
        func number(_ text: String, _ range: ClosedRange<Int>) -> Int? { Int(text).flatMap { range.contains($0) ? $0 : nil } }
        guard let perAddress = number(perAddress, 0...1_000_000), let wait = number(waitAfter, 3...100),
            let block = number(blockAfter, 3...100),
            let lock = number(lockAfter, 10...100), let stuffing = number(stuffing, 3...10_000), block >= wait,
            let rate = Rate(limit: perAddress, period: Int(today.perAddress.period))
        else { return nil }
        var limits = today
        limits.perAddress = rate
        (limits.pair.waitFrom, limits.pair.lockAt) = (Int64(wait), Int64(block))
        (limits.account.waitFrom, limits.account.lockAt) = (Int64(lock), Int64(lock))
        limits.stuffing.accounts = Int64(stuffing)
        return limits
    }
}
