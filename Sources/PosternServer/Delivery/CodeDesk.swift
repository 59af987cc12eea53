import PhoneNumbers
import Secrets
import Storage

/// Makes codes and writes down how they are brought. Flows hold it; what it writes is theirs to commit.
struct CodeDesk: Sendable {
    enum Asked: Equatable, Sendable {
        case written(Delivery.ID)
        /// One was sent a moment ago.
        case tooSoon(until: Timestamp)
        case refused(DeliveryGuard.Refusal)
        /// Nothing brings messages of that channel there.
        case noWay
        /// Five wrong codes: no more for this sign-in.
        case over
    }

    let rules: DeliveryRules
    let keys: KeyRingHolder
    let guarding: DeliveryGuard
    let alarms: SpendAlarms
    let random: Randomness

    private var hashing: KeyRing.Authenticator { keys.current.authenticator(for: "code by SMS or voice") }

    var resendAfter: Duration { rules.settings.resendAfter }

    /// A keyed hash by which a number is known.
    func key(of number: PhoneNumber) -> [UInt8] { keys.current.authenticator(for: "telephone number").code(for: Array(number.e164.utf8)) }

    func hash(_ typed: SentCode, for wish: CodeWish.ID) -> [UInt8] { typed.hash(for: wish, hashing) }

    /// Channels that bring a code to a number now.
    func channels(to phone: Phone) -> [Delivery.Channel] {
        rules.settings.channels(to: phone.country).filter { $0 == .voice || phone.takesTexts }
    }

    /// Writes down that a code is to be brought, once; ``Dispatcher/wake()`` makes it so at once.
    func ask(
        _ request: SendRequest, for place: CodeWish.Place, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Asked {
        let wish = try transaction.wish(place, of: request.account, id: CodeWish.ID(now: now, random: random.bytes(10)), now: now)
        guard try transaction.isLive(wish.id, now: now) else { return .over }
        let past = try transaction.deliveries(of: wish.id)
        if let last = past.last(where: { $0.state != .failed || $0.isBilled }), last.createdAt + resendAfter > now {
            return .tooSoon(until: last.createdAt + resendAfter)
        }
        let tried = past.filter { $0.channel == request.channel }.map(\.provider)
        guard let plan = rules.plan(request.channel, to: request.number.country, tried: tried, now: now, random: random),
            let provider = plan.providers.first
        else {
            guard let refusal = guarding.placeRefusal(request, under: rules.settings) else { return .noWay }
            try guarding.record(refusal, request, in: transaction, now: now)
            return .refused(.notThere)
        }
        let settings = rules.settings
        let cost = settings.providers[provider]?.cost(to: request.number.country) ?? 0
        // Rows of deliveries before those of days, here as after a failure: else two would wait for each other.
        if !past.isEmpty { try transaction.noteResend(of: wish.id, 1) }
        let (verdict, alarm) = try guarding.ask(request, under: settings, cost: cost, in: transaction, now: now)
        if let alarm { try alarms.tell(alarm, settings, in: transaction, now: now) }
        if case .refused(let refusal) = verdict {
            if !past.isEmpty { try transaction.noteResend(of: wish.id, -1) }
            return .refused(refusal)
        }
        let cause: Delivery.Cause = past.isEmpty ? .first : past.last?.channel == request.channel ? .resend : .otherChannel
        let delivery = Delivery(
            id: Delivery.ID(now: now, random: random.bytes(10)), wish: wish.id, phone: request.phone,
            request: (past.last?.request ?? 0) + 1, channel: request.channel, country: request.number.country, provider: provider,
            experiment: past.isEmpty ? plan.experiment : "", cause: cause, choice: plan.choice, createdAt: now)
        try write(delivery, beside: past, cost: cost, in: transaction)
        return .written(delivery.id)
    }

    /// The way after one that failed for the moment, or gave no sign of life.
    /// - Returns: nil where there is none, or where two messages may be billed already.
    func failover(
        after failed: Delivery, why reason: String, givingBack cost: Int64 = 0, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Delivery? {
        let provider = try nextWay(after: failed, in: transaction, now: now)
        // Rows of deliveries before those of days, here as in asking: else two would wait for each other.
        if provider != nil { try transaction.noteResend(of: failed.wish, 1) }
        if cost > 0 { try transaction.giveBackSpend(day: failed.createdAt.day, cost: cost) }
        guard let provider else { return nil }
        let settings = rules.settings
        let price = settings.providers[provider]?.cost(to: failed.country) ?? 0
        guard
            try transaction.countSend(
                day: now.day, country: "", cost: price, mostNumber: .max, mostSpent: settings.guardRules.spendPerDay ?? .max) != nil
        else {
            try transaction.noteResend(of: failed.wish, -1)
            return nil
        }
        let next = Delivery(
            id: Delivery.ID(now: now, random: random.bytes(10)), wish: failed.wish, phone: failed.phone, request: failed.request,
            channel: failed.channel, country: failed.country, provider: provider, experiment: "", cause: .failover,
            choice: "after \(failed.provider): \(reason)", createdAt: now)
        try write(next, beside: try transaction.deliveries(of: failed.wish), cost: price, in: transaction)
        return next
    }

    private func nextWay(after failed: Delivery, in transaction: borrowing Transaction, now: Timestamp) throws(StoreError) -> String? {
        guard try transaction.isLive(failed.wish, now: now) else { return nil }
        let past = try transaction.deliveries(of: failed.wish)
        let ofRequest = past.filter { $0.request == failed.request }
        guard ofRequest.filter({ $0.isBilled || $0.state == .waiting || $0.state == .sending }).count < CodeWish.mostBilled,
            ofRequest.count < CodeWish.mostWays,
            // Else it was asked for again since.
            past.last?.request == failed.request
        else { return nil }
        let tried = ofRequest.map(\.provider)
        let plan = rules.plan(
            failed.channel, to: failed.country, tried: past.filter { $0.channel == failed.channel }.map(\.provider), now: now,
            random: random)
        return plan?.providers.first { !tried.contains($0) }
    }

    /// Each delivery has a code of its own, so that success is credited to the one that arrived.
    private func write(
        _ delivery: Delivery, beside past: [PastDelivery], cost: Int64, in transaction: borrowing Transaction
    ) throws(StoreError) {
        let hashing = hashing
        var code = SentCode(random: random.bytes(8))
        while past.contains(where: { $0.codeHash == code.hash(for: delivery.wish, hashing) }) { code = SentCode(random: random.bytes(8)) }
        let sealed = keys.current.seal(
            Array(code.digits.exposed.utf8), at: Delivery.codePlace(of: delivery.id), nonce: random.bytes(12))
        try transaction.addDelivery(
            NewDelivery(delivery: delivery, sealedCode: sealed, codeHash: code.hash(for: delivery.wish, hashing), cost: cost),
            dueAt: delivery.createdAt)
    }
}

/// Tells administrators that a day's money is nearly used up, or all of it: once a day each.
struct SpendAlarms: Sendable {
    let notices: Notices
    let layout: MailLayout
    let publicURL: PublicURL

    func tell(
        _ alarm: SpendAlarm, _ settings: DeliverySettings, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) {
        let kind: Notice.Kind
        let values: [String: String]
        switch alarm {
        case .near(let spent, let most):
            kind = .deliverySpendNear
            values = ["spent": SpendAlarm.words(spent, settings.currency), "limit": SpendAlarm.words(most, settings.currency)]
        case .reached(let most):
            kind = .deliverySpendReached
            values = ["limit": SpendAlarm.words(most, settings.currency)]
        }
        for account in try transaction.administrators() {
            guard let email = EmailAddress(account.email) else { continue }
            let mail = layout.mail(kind, to: email, values, link: "\(publicURL)/auth/admin/delivery")
            let all = notices.make(mail, now: now).map { notice in
                var copy = notice
                copy.uniqueKey = "\(kind.rawValue)/\(now.day)/\(account.id)/\(notice.channel.rawValue)"
                return copy
            }
            try transaction.send(all, of: account.id)
        }
    }
}
