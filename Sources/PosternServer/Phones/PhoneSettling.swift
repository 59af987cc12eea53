import DeliveryRouting
import Secrets
import Storage

/// A typed code that came by telephone, ready to be counted or used.
struct TypedPhoneCode: Sendable {
    /// What it was sent for; nil where nothing was.
    let wish: CodeWish.ID?
    /// Nil for what can't be a code, and where numbers may not be used.
    let hash: [UInt8]?
}

extension Transaction {
    /// Uses a code up, or counts a wrong one: against its sign-in, and against the account over all methods (OB-02, TO-05).
    borrowing func settle(
        _ typed: TypedPhoneCode, of account: Account.ID, method: String, now: Timestamp
    ) throws(StoreError) -> FactorCheck.Result {
        try lockFactors(of: account)
        let found = try typed.wish.flatMap { (wish) throws(StoreError) in
            try typed.hash.flatMap { (hash) throws(StoreError) in try delivery(of: wish, codeHash: hash, now: now) }
        }
        guard let wish = typed.wish, let found else {
            guard try countFailure(of: account, now: now) else { return .refused(.wait(until: try codeTries(of: account).nextAt)) }
            if let wish = typed.wish, try !countWrongCode(wish, now: now) { return .refused(.spent) }
            return .refused(.wrong)
        }
        let tries = try codeTries(of: account)
        guard tries.nextAt <= now else { return .refused(.wait(until: tries.nextAt)) }
        guard try isLive(wish, now: now) else { return .refused(.spent) }
        // Removed meanwhile, or not yet usable.
        guard try notePhoneUse(found.phone, of: account, now: now), try useWish(wish, now: now) else { return .refused(.wrong) }
        if tries.isStopped {
            guard let isLifted = try countRightCode(of: account, now: now) else {
                return .refused(.wait(until: try codeTries(of: account).nextAt))
            }
            guard isLifted else {
                return .refused(.moreNeeded(CodeLimits.rightOnesToLift - 1 - tries.streak, from: now + CodeLimits.wait))
            }
        }
        try clearFailures(of: account, method: method)
        try credit(found.id, madeAt: found.createdAt, now: now)
        return .accepted(.phone(found.phone))
    }

    /// The delivery that brought this code has done it.
    borrowing func credit(_ id: Delivery.ID, madeAt: Timestamp, now: Timestamp) throws(StoreError) {
        let bucket = Times.bucket(milliseconds: (now.microseconds - madeAt.microseconds) / 1_000)
        try creditDelivery(id, bucket: Int64(bucket), now: now)
    }
}
