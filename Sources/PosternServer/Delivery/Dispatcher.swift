import DeliveryRouting
import Logging
import PhoneNumbers
import Secrets
import ServiceLifecycle
import Storage
import Synchronization

/// Brings codes: what is written down is sent at once, many at a time, and goes another way when the first one fails.
///
/// It is no job: a code is worth nothing after ten minutes, and an hour's worth of tries would only cost money.
final class Dispatcher: Sendable {
    private let store: any Store
    private let keys: KeyRingHolder
    private let desk: CodeDesk
    private let place: MessagePlace
    private let random: Randomness
    private let logger: Logger
    private let running = Mutex(0)
    private let calls: AsyncStream<Void>
    private let caller: AsyncStream<Void>.Continuation

    /// At the same time, of one node.
    private static let mostAtOnce = 512
    /// Longer than a provider's time limit: who holds one longer is gone.
    private static let lease = Duration.seconds(20)
    /// How often is looked for what another node, or one that died, left behind.
    private static let interval = Duration.milliseconds(500)
    /// What was learnt of arms, and which circuits others opened.
    private static let figuresEvery = Duration.seconds(10)
    /// Days that learning goes by.
    private static let learntDays: Int64 = 28

    init(store: any Store, keys: KeyRingHolder, desk: CodeDesk, place: MessagePlace, random: Randomness, logger: Logger) {
        (self.store, self.keys, self.desk, self.place, self.random, self.logger) = (store, keys, desk, place, random, logger)
        (calls, caller) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    private var rules: DeliveryRules { desk.rules }

    /// There is something to send.
    func wake() { caller.yield() }

    /// Sends what waits and deals with what was left behind, once.
    /// - Returns: how many were taken.
    @discardableResult
    func round(in group: inout DiscardingTaskGroup) async throws(StoreError) -> Int {
        let free = Self.mostAtOnce - running.withLock { $0 }
        let lease = random.bytes(16)
        let now = Timestamp.now()
        let due = try await store.lookUp { (transaction) throws(StoreError) in try transaction.nextDelivery() }
        guard free > 0, let due, due <= now else { return 0 }
        // First: nothing may fail between a claim and its sending.
        let takenUp = try await takeUp(now: now)
        let claimed = try await store.write { (transaction) throws(StoreError) in
            try transaction.claimDeliveries(most: Int64(free), lease: lease, until: now + Self.lease, now: now)
        }
        running.withLock { $0 += claimed.count }
        for delivery in claimed {
            // Being told to stop doesn't cut one off between its sending and its row.
            group.addTask { [self] in
                await Task { await bring(delivery) }.value
                running.withLock { $0 -= 1 }
            }
        }
        if takenUp > 0 || claimed.count == free { wake() }
        return claimed.count + takenUp
    }

    /// Those whose sender vanished or whose arrival nobody told in time go another way: each in a transaction of its own, so that it waits
    /// for nobody while it holds what others want.
    private func takeUp(now: Timestamp) async throws(StoreError) -> Int {
        var count = 0
        while try await store.write({ (transaction) throws(StoreError) -> Bool in
            guard let (delivery, state) = try transaction.claimSilent(most: 1, now: now).first else { return false }
            switch state {
            case .sending:
                try transaction.noteLost(delivery.id)
                _ = try desk.failover(after: delivery, why: "its sender was lost", in: transaction, now: now)
            case .accepted: _ = try desk.failover(after: delivery, why: "no word of its arrival", in: transaction, now: now)
            case .waiting, .delivered, .failed: break
            }
            return true
        }) { count += 1 }
        return count
    }

    private func bring(_ claimed: ClaimedDelivery) async {
        let delivery = claimed.delivery
        let outcome = await send(claimed)
        let now = Timestamp.now()
        do {
            let failedOver = try await store.write { (transaction) throws(StoreError) in
                try conclude(claimed, outcome, in: transaction, now: now)
            }
            if failedOver { wake() }
        } catch {
            // Its lease ends, and whoever finds it then doesn't send it again.
            logger.warning("a delivery's end can't be written down", metadata: ["delivery": "\(delivery.id)", "error": "\(error)"])
        }
    }

    private func send(_ claimed: ClaimedDelivery) async -> SendOutcome {
        let delivery = claimed.delivery
        let now = Timestamp.now()
        guard delivery.expiresAt > now else { return .permanent("expired") }
        let inForce = rules.inForce
        guard let provider = inForce.providers[delivery.provider] else { return .temporary("provider-gone", mayBeBilled: false) }
        let found = try? await store.read { (transaction) throws(StoreError) in
            (
                number: try transaction.sealedNumber(delivery.phone, now: now), isLive: try transaction.isLive(delivery.wish, now: now)
            )
        }
        guard let found, found.isLive, let sealed = found.number else { return .permanent("no-longer-wanted") }
        guard let number = try? keys.open(sealed, at: Phone.place(of: delivery.phone)),
            let code = try? keys.open(claimed.sealedCode, at: Delivery.codePlace(of: delivery.id))
        else { return .permanent("seal-broken") }
        guard rules.admits(delivery.provider, delivery.channel, now: now) else { return .temporary("circuit-open", mayBeBilled: false) }
        let message = OutgoingMessage(
            id: delivery.id.description, channel: delivery.channel, to: Secret(String(decoding: number.exposed, as: UTF8.self)),
            content: .code(Secret(String(decoding: code.exposed, as: UTF8.self))), siteName: place.siteName, host: place.host,
            receiptURL: place.receiptURL(delivery.id, provider: delivery.provider))
        let outcome = await provider.send(message)
        await note(outcome, delivery)
        return outcome
    }

    /// A way's own faults open its circuit; a number's don't.
    private func note(_ outcome: SendOutcome, _ delivery: Delivery) async {
        var hasFailed = false
        if case .temporary(let reason, _) = outcome {
            hasFailed = true
            logger.info(
                "a code goes another way",
                metadata: ["delivery": "\(delivery.id)", "provider": "\(delivery.provider)", "reason": "\(reason)"])
        }
        let now = Timestamp.now()
        guard let state = rules.note(failed: hasFailed, delivery.provider, delivery.channel, now: now) else { return }
        let (channel, provider) = (delivery.channel, delivery.provider)
        if case .open(let until) = state {
            logger.warning("a circuit opened", metadata: ["provider": "\(provider)", "channel": "\(channel.rawValue)"])
            let outage = Outage(
                channel: channel, country: "", provider: provider, since: now, until: Timestamp(microseconds: until))
            try? await store.write { (transaction) throws(StoreError) in try transaction.setOutage(outage) }
        } else {
            logger.notice("a circuit closed", metadata: ["provider": "\(provider)", "channel": "\(channel.rawValue)"])
            _ = try? await store.write { (transaction) throws(StoreError) in
                try transaction.clearOutage(channel, country: "", provider: provider)
            }
        }
    }

    /// - Returns: whether it goes another way now.
    private func conclude(
        _ claimed: ClaimedDelivery, _ outcome: SendOutcome, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Bool {
        let (delivery, lease) = (claimed.delivery, claimed.lease)
        switch outcome {
        case .accepted(let reference):
            let wait = rules.settings.providers[delivery.provider]?.receiptWithin
            _ = try transaction.noteAccepted(
                delivery.id, lease: lease, reference: reference, receiptBy: wait.map { now + $0 }, now: now)
            return false
        case .temporary(let reason, let mayBeBilled):
            guard try transaction.noteFailed(delivery.id, lease: lease, reason: reason, isBilled: mayBeBilled) else { return false }
            return try desk.failover(
                after: delivery, why: reason, givingBack: mayBeBilled ? 0 : claimed.cost, in: transaction, now: now) != nil
        case .refused(let reason):
            guard try transaction.noteFailed(delivery.id, lease: lease, reason: reason, isBilled: false) else { return false }
            return try desk.failover(after: delivery, why: reason, givingBack: claimed.cost, in: transaction, now: now) != nil
        case .permanent(let reason):
            if try transaction.noteFailed(delivery.id, lease: lease, reason: reason, isBilled: false) {
                try giveBack(claimed, in: transaction)
            }
            return false
        case .optedOut:
            if try transaction.noteFailed(delivery.id, lease: lease, reason: "opted-out", isBilled: false) {
                try giveBack(claimed, in: transaction)
            }
            return false
        }
    }

    /// What wasn't brought costs nothing.
    private func giveBack(_ claimed: ClaimedDelivery, in transaction: borrowing Transaction) throws(StoreError) {
        try transaction.giveBackSpend(day: claimed.delivery.createdAt.day, cost: claimed.cost)
    }

    /// What was learnt, and what others found out.
    func refresh(now: Timestamp) async throws(StoreError) {
        let found = try await store.read { (transaction) throws(StoreError) in
            (
                arms: rules.settings.learns ? try transaction.armFigures(sinceDay: now.day - Self.learntDays) : [],
                outages: try transaction.outages(now: now)
            )
        }
        rules.learn(found.arms)
        rules.see(found.outages)
    }
}

extension Dispatcher: Service {
    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            await withDiscardingTaskGroup { group in
                group.addTask { await self.keepAlarm(every: Self.interval) { self.wake() } }
                group.addTask {
                    await self.keepAlarm(every: Self.figuresEvery) {
                        do { try await self.refresh(now: .now()) } catch {
                            self.logger.debug("figures of delivery can't be read", metadata: ["error": "\(error)"])
                        }
                    }
                }
                for await _ in calls {
                    do { try await round(in: &group) } catch {
                        logger.warning("codes can't be sent", metadata: ["error": "\(error)"])
                        try? await Task.sleep(for: .seconds(1))
                    }
                }
            }
        }
    }

    private func keepAlarm(every interval: Duration, _ ring: @Sendable () async -> Void) async {
        while !Task.isCancelled {
            await ring()
            try? await Task.sleep(for: interval)
        }
    }
}

/// Whose code it is and where it is typed, and where providers tell what became of it.
struct MessagePlace: Sendable {
    let siteName: String
    let publicURL: PublicURL
    let keys: KeyRing.Authenticator

    var host: String { publicURL.host }

    /// With a token for this one delivery: who knows it can tell only of that.
    func receiptURL(_ id: Delivery.ID, provider: String) -> String {
        "\(publicURL)/auth/delivery/receipts/\(provider)?delivery=\(id)&token=\(token(id, provider))"
    }

    func isToken(_ text: String, of id: Delivery.ID, _ provider: String) -> Bool {
        isEqualInConstantTime(Array(text.utf8), Array(token(id, provider).utf8))
    }

    private func token(_ id: Delivery.ID, _ provider: String) -> String {
        Base64URL.encode(Array(keys.code(for: Array("\(provider)\u{0}\(id)".utf8)).prefix(16)))
    }
}
