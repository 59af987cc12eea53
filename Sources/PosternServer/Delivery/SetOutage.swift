import Storage

/// What an administrator tells people of a channel that doesn't work well.
struct SetOutage: Sendable {
    enum Actor: Sendable {
        case session(LiveSession, Client)
        case commandLine
    }

    let store: any Store

    /// - Parameters:
    ///   - country: ISO 3166-1, or empty for all.
    ///   - isOn: false to take it back.
    /// - Returns: false if there was nothing to take back.
    func set(
        _ channel: Delivery.Channel, country: String, isOn: Bool, by actor: Actor, now: Timestamp
    ) async throws(StoreError) -> Bool {
        try await store.write { (transaction) throws(StoreError) in
            if isOn {
                try transaction.setOutage(
                    Outage(channel: channel, country: country, provider: "", since: now, until: now + Outage.byHandLasts))
            } else {
                guard try transaction.clearOutage(channel, country: country, provider: "") else { return false }
            }
            let (account, client, by): (Account.ID?, Client?, AuditEvent.Actor) =
                switch actor {
                case .session(let session, let client): (session.account, client, .account(session.account))
                case .commandLine: (nil, nil, .commandLine)
                }
            try transaction.record(
                AuditEvent(
                    isOn ? .outageSet : .outageCleared, account: account, by: by, from: client, at: now,
                    detail: "\(channel.rawValue) \(country.isEmpty ? "everywhere" : country)"))
            return true
        }
    }
}
