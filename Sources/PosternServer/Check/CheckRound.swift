import Secrets
import Storage

/// One run of `postern check`: its requests carry a mark, and the gateway writes down what it sees of them.
struct CheckRound: Sendable {
    static let purpose = Token.Purpose(label: "check")
    static let lifetime = Duration.seconds(300)
    /// Far more than a run asks for; a mark that got into other hands can't fill the database.
    static let mostSightings: Int64 = 200

    let token: Token
    let expiresAt: Timestamp
}

/// A marked request as the gateway saw it.
struct Sighting: Equatable, Sendable {
    /// Which of the run's requests it was.
    let number: Int64
    let method: String
    /// With scheme and host; empty where the proxy named none that can be believed.
    let url: String
    /// The other end of the connection: the proxy.
    let peer: String
    let isPeerTrusted: Bool
    /// Whom Postern takes for the client.
    let client: String
    /// `X-Forwarded-For` as it came.
    let forwardedFor: String
    /// Request headers that claim an identity, in lower case, separated by commas.
    let aliases: String
    /// `allow`, or the reason of the refusal.
    let verdict: String
}

/// Writes down what the gateway saw of marked requests.
struct WatchChecks: Sendable {
    let store: any Store

    /// - Returns: false for a mark that is none, or too old.
    func note(_ sighting: Sighting, mark: Token, now: Timestamp) async -> Bool {
        let hash = mark.hash(for: CheckRound.purpose)
        // A look first: what is no mark must not cost a write.
        guard (try? await store.lookUp({ (transaction) throws(StoreError) in try transaction.isCheckLive(hash, now: now) })) == true else {
            return false
        }
        return
            (try? await store.write { (transaction) throws(StoreError) in
                try transaction.addSighting(sighting, ofCheck: hash, now: now)
            }) ?? false
    }
}
