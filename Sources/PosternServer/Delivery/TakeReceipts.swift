import Storage

/// What providers tell of messages afterwards: believed when it is proved, in any order, as often as they like (OB-08).
struct TakeReceipts: Sendable {
    enum Outcome: Equatable, Sendable { case taken, notProved, noSuchProvider }

    let store: any Store
    let desk: CodeDesk
    let place: MessagePlace
    let wake: @Sendable () -> Void

    private var rules: DeliveryRules { desk.rules }

    func take(_ call: ReceiptCall, from name: String, now: Timestamp) async throws(StoreError) -> Outcome {
        let inForce = rules.inForce
        guard let provider = inForce.providers[name], let kind = inForce.settings.providers[name]?.kind, provider.givesReceipts else {
            return .noSuchProvider
        }
        if kind == .kannel || kind == .http {
            guard let id = call.query["delivery"].flatMap({ Delivery.ID($0) }), place.isToken(call.query["token"] ?? "", of: id, name)
            else {
                return .notProved
            }
        }
        guard let receipts = provider.receipt(call) else { return .notProved }
        let goesOn = try await store.write { (transaction) throws(StoreError) in
            var goesOn = false
            for receipt in receipts {
                var found = receipt.delivery
                if found == nil { found = try transaction.delivery(provider: name, reference: receipt.reference) }
                guard let id = found else { continue }
                switch receipt.verdict {
                case .delivered: _ = try transaction.noteDelivered(id, by: name, now: now)
                case .failed(let reason, let isFinal):
                    guard let failed = try transaction.noteUndelivered(id, by: name, reason: reason), !isFinal else { continue }
                    if try desk.failover(after: failed, why: reason, in: transaction, now: now) != nil { goesOn = true }
                case .pending: break
                }
            }
            return goesOn
        }
        if goesOn { wake() }
        return .taken
    }
}
