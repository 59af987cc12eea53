import NetworkAddress
import PhoneNumbers
import Secrets
import Storage

/// Who asks for a code to be sent, and where to.
struct SendRequest: Sendable {
    let account: Account.ID
    let phone: Phone.ID
    let number: PhoneNumber
    /// Keyed hash of the number.
    let numberKey: [UInt8]
    let channel: Delivery.Channel
    let client: Client
    var isConfirmed = true
}

/// What the guard said, kept to be looked at: the same within an hour is one, with its number.
struct GuardDecision: Sendable {
    /// The latest.
    let at: Timestamp
    let channel: Delivery.Channel
    let country: String
    /// The number without its last five digits.
    let range: String
    let rule: String
    let detail: String
    /// Else it was only written down.
    let isRefused: Bool
    let number: Int64
}

/// Keeps codes from being "pumped": sent to numbers whose owners are paid for each (OB-04, OB-05).
struct DeliveryGuard: Sendable {
    enum Refusal: Equatable, Sendable {
        /// No messages go to that country, or to that kind of number.
        case notThere
        /// Too many to that number, account or network; again then.
        case tooMany(until: Timestamp)
        /// The day's limit of a country, or its money, is used up.
        case usedUp
    }

    enum Verdict: Equatable, Sendable {
        case passes
        case refused(Refusal)
    }

    /// Of the codes that led somebody in over a week, that part may be sent to a country in a day.
    static let shareOfVerified: Int64 = 5

    let keys: KeyRing.Authenticator

    /// Why codes never go to such a number, whatever was counted: what to write down.
    func placeRefusal(_ request: SendRequest, under settings: DeliverySettings) -> (rule: String, detail: String)? {
        let number = request.number
        if !settings.allows(number.country) { return ("country", number.country) }
        return number.deliveryChannels.contains(request.channel) ? nil : ("kind-of-number", number.kind.rawValue)
    }

    func record(
        _ refusal: (rule: String, detail: String), _ request: SendRequest, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) {
        try record(refusal.rule, refusal.detail, isRefused: true, request, transaction, now)
    }

    /// Counts the message and says whether it may go. What is never right is refused, whatever the mode; the rest as the mode says. What
    /// is refused is counted nowhere.
    func ask(
        _ request: SendRequest, under settings: DeliverySettings, cost: Int64, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> (verdict: Verdict, alarm: SpendAlarm?) {
        if let refusal = placeRefusal(request, under: settings) {
            return (try refuse(.notThere, refusal.rule, refusal.detail, request, transaction, now), nil)
        }
        let gates = gates(request, now: now)
        var passed: [Gate] = []
        for gate in gates {
            if try transaction.passSendGate(gate.key, third: gate.third, fifth: gate.fifth, tenth: gate.tenth, now: now) {
                passed.append(gate)
                continue
            }
            let until = try transaction.sendGate(gate.key).map { gate.opens(after: $0, now: now) }
            try giveBack(passed, in: transaction)
            return (
                try refuse(.tooMany(until: until ?? now + .seconds(3_600)), "per-\(gate.name)", gate.limit, request, transaction, now), nil
            )
        }
        let (refusal, isCounted) = try askHeuristics(request, settings.guardRules, in: transaction, now: now)
        if let refusal {
            try giveBack(passed, in: transaction)
            return (refusal, nil)
        }
        let spent = try spend(request, settings, cost: cost, in: transaction, now: now)
        if spent.verdict != .passes {
            try giveBack(passed, in: transaction)
            if isCounted { try transaction.giveBackCountry(request.number.country, day: now.day) }
        }
        return spent
    }

    private struct Gate {
        let name: String
        let key: [UInt8]
        /// The earliest times at which the third, fifth and tenth message back may lie; now for any.
        let third, fifth, tenth: Timestamp
        let limit: String

        func opens(after times: (third: Timestamp, fifth: Timestamp, tenth: Timestamp), now: Timestamp) -> Timestamp {
            [(third, times.third), (fifth, times.fifth), (tenth, times.tenth)].reduce(now) { latest, pair in
                pair.0 < now ? max(latest, pair.1 + (now - pair.0)) : latest
            }
        }
    }

    /// Per network 10 an hour, per account 5 an hour, per number 3 in 10 minutes and 5 an hour. What goes to a number before it is confirmed
    /// is counted apart, 3 an hour over all accounts: else a stranger who gives somebody's number would use up that person's.
    private func gates(_ request: SendRequest, now: Timestamp) -> [Gate] {
        let hour = now - .seconds(3_600)
        let network = Gate(
            name: "network", key: keys.code(for: Array("network \(request.client.address.client)".utf8)), third: now, fifth: now,
            tenth: hour,
            limit: "10 an hour")
        let own = [
            Gate(
                name: "account", key: keys.code(for: Array("account \(request.account)".utf8)), third: now, fifth: hour, tenth: now,
                limit: "5 an hour"),
            request.isConfirmed
                ? Gate(
                    name: "number", key: keys.code(for: Array("number ".utf8) + request.numberKey), third: now - .seconds(600),
                    fifth: hour, tenth: now, limit: "3 in 10 minutes, 5 an hour")
                : Gate(
                    name: "number", key: keys.code(for: Array("new number ".utf8) + request.numberKey), third: hour, fifth: now, tenth: now,
                    limit: "3 an hour before it is confirmed"),
        ]
        // People behind a proxy that isn't named, and whoever tries the server out, share one address.
        return request.client.address.isLoopback ? own : [network] + own
    }

    private func giveBack(_ gates: [Gate], in transaction: borrowing Transaction) throws(StoreError) {
        for gate in gates { try transaction.giveBackSendGate(gate.key) }
    }

    private func askHeuristics(
        _ request: SendRequest, _ rules: DeliverySettings.Guard, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> (refusal: Verdict?, isCounted: Bool) {
        let block = keys.code(for: Array("block \(request.number.range(of: 3))".utf8))
        let seen = try transaction.seeNumber(request.numberKey, block: block, since: now - rules.burst.within, now: now)
        if seen > rules.burst.count {
            let detail = "\(seen) numbers of one thousand within \(Span.words(rules.burst.within))"
            if let refusal = try judge(.usedUp, "burst", detail, rules.mode, request, transaction, now) { return (refusal, false) }
        }
        let country = request.number.country
        let verified = try transaction.usedCodes(country: country, sinceDay: now.day - 7)
        let most = max(rules.countryFloor, verified / Self.shareOfVerified)
        let isCounted = try transaction.countSend(day: now.day, country: country, cost: 0, mostNumber: most, mostSpent: .max) != nil
        if !isCounted {
            let detail = "more than \(most) to \(country) in a day; \(verified) led in over a week"
            if let refusal = try judge(.usedUp, "country-limit", detail, rules.mode, request, transaction, now) { return (refusal, false) }
        }
        return (nil, isCounted)
    }

    /// Counts what it costs, against what a day may cost.
    private func spend(
        _ request: SendRequest, _ settings: DeliverySettings, cost: Int64, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> (verdict: Verdict, alarm: SpendAlarm?) {
        let most = settings.guardRules.spendPerDay ?? .max
        guard let counted = try transaction.countSend(day: now.day, country: "", cost: cost, mostNumber: .max, mostSpent: most) else {
            let refusal = try refuse(.usedUp, "spend-per-day", SpendAlarm.words(most, settings.currency), request, transaction, now)
            return (refusal, .reached(most))
        }
        let warnAt = most == .max ? Int64.max : most / 5 * 4
        return (.passes, counted.spent >= warnAt && counted.spent - cost < warnAt ? .near(counted.spent, of: most) : nil)
    }

    private func judge(
        _ refusal: Refusal, _ rule: String, _ detail: String, _ mode: DeliverySettings.Guard.Mode, _ request: SendRequest,
        _ transaction: borrowing Transaction, _ now: Timestamp
    ) throws(StoreError) -> Verdict? {
        try record(rule, detail, isRefused: mode == .enforce, request, transaction, now)
        return mode == .enforce ? .refused(refusal) : nil
    }

    private func refuse(
        _ refusal: Refusal, _ rule: String, _ detail: String, _ request: SendRequest, _ transaction: borrowing Transaction, _ now: Timestamp
    ) throws(StoreError) -> Verdict {
        try record(rule, detail, isRefused: true, request, transaction, now)
        return .refused(refusal)
    }

    private func record(
        _ rule: String, _ detail: String, isRefused: Bool, _ request: SendRequest, _ transaction: borrowing Transaction, _ now: Timestamp
    ) throws(StoreError) {
        try transaction.recordDecision(
            GuardDecision(
                at: now, channel: request.channel, country: request.number.country, range: request.number.range(of: 5) + "•••••",
                rule: rule,
                detail: detail, isRefused: isRefused, number: 1))
    }
}

/// That the money of a day is nearly used up, or all of it.
enum SpendAlarm: Equatable, Sendable {
    case near(Int64, of: Int64)
    case reached(Int64)

    /// `0.041 EUR`.
    static func words(_ millionths: Int64, _ currency: String) -> String {
        let (whole, rest) = millionths.quotientAndRemainder(dividingBy: 1_000_000)
        var decimals = String(repeating: "0", count: max(0, 6 - "\(rest)".utf8.count)) + "\(rest)"
        while decimals.hasSuffix("0"), decimals.utf8.count > 2 { decimals.removeLast() }
        return "\(whole).\(decimals) \(currency)"
    }
}
