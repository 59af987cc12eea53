import Logging
import NetworkAddress
import Secrets
import ServiceLifecycle
import Storage
import Throttle

/// Every request comes through here: blocks, then the settings' rules.
final class RequestGate: Sendable {
    let blocks: BlockList
    let rules: RequestRules
    private let store: any Store
    /// Counts that nodes share stand under a keyed hash: what is counted may be a header.
    private let identifiers: KeyRing.Authenticator
    private let logger: Logger

    private static let interval = Duration.seconds(1)
    private static let perTransaction = 100

    init(blocks: BlockList, rules: RequestRules, store: any Store, identifiers: KeyRing.Authenticator, logger: Logger) {
        (self.blocks, self.rules, self.store) = (blocks, rules, store)
        (self.identifiers, self.logger) = (identifiers, logger)
    }

    /// Whether there is anything to ask.
    var isNeeded: Bool { rules.areAny || blocks.areAny }

    func verdict(_ asked: AskedRequest, now: Timestamp) async -> RuleVerdict {
        var shared: [(rule: ThrottleRule, key: [UInt8])] = []
        let isBlocked = blocks.areAny && blocks.findForAll(asked.client.address, now: now) != nil
        let verdict = rules.verdict(asked, isBlocked: isBlocked, shared: &shared, now: now)
        guard verdict == .pass, !shared.isEmpty else { return verdict }
        return await sharedVerdict(asked, shared, now: now)
    }

    /// Where the database doesn't answer, what this node counts by itself holds.
    private func sharedVerdict(_ asked: AskedRequest, _ shared: [(rule: ThrottleRule, key: [UInt8])], now: Timestamp) async -> RuleVerdict {
        for (rule, key) in shared {
            guard let rate = rule.rate else { continue }
            let name = Shell.hex(identifiers.code(for: key))
            let counted = try? await store.write { (transaction) throws(StoreError) in try transaction.countRate(name, rate, now: now) }
            guard let decision = counted, !decision.isAllowed else { continue }
            rules.note(rule, asked, count: Int64(decision.count), limit: Int64(rate.limit))
            if rule.kind == .throttle, rule.mode == .enforce {
                return .throttled(rule: rule.name, decision, limit: Int64(rate.limit), answer: rule.answer)
            }
        }
        return .pass
    }

    /// Writes down what was decided.
    func writeNotes(now: Timestamp) async throws(StoreError) {
        let notes = rules.takeNotes()
        for start in stride(from: 0, to: notes.count, by: Self.perTransaction) {
            let part = notes[start..<min(start + Self.perTransaction, notes.count)]
            do throws(StoreError) {
                try await store.write { (transaction) throws(StoreError) in
                    for note in part { try transaction.noteRefusal(note.refusal, number: note.number, account: note.account, now: now) }
                }
            } catch {
                rules.putBack(Array(notes[start...]))
                throw error
            }
        }
    }
}

extension RequestGate: Service {
    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.interval)
                do {
                    // A task of its own, so that the last ones are written when the server is told to stop.
                    try await Task { try await self.writeNotes(now: .now()) }.value
                } catch {
                    logger.warning("refusals by rules could not be written down", metadata: ["error": "\(error)"])
                }
            }
        }
    }
}

extension RuleVerdict {
    /// As a request is refused; nil where it passes.
    var refused: Refused? {
        switch self {
        case .pass: return nil
        case .blocked(_, let answer): return Refused(.blocked, detail: answer)
        case .throttled(let rule, let decision, let limit, let answer):
            var refused = Refused(.throttled, detail: answer)
            refused.retryAfter = max(1, (decision.wait + 999_999) / 1_000_000)
            refused.rate = RateState(policy: rule, limit: limit, left: 0)
            return refused
        }
    }
}
