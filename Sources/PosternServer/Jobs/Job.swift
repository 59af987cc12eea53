import Secrets
import Storage

/// Slow or fallible work outside the database, written down in the transaction of its cause and done afterwards.
struct Job: Sendable {
    typealias ID = Identifier<Job>

    enum Kind: String, Sendable {
        case sendMail = "send-mail"
        /// Asks a list of stolen passwords that didn't answer when a password was set.
        case checkPassword = "check-password"
    }

    let id: ID
    let kind: Kind
    /// What the work needs, sealed: it may hold a link's token. Blanked once done.
    let sealedPayload: [UInt8]
    let runAt: Timestamp

    init(_ kind: Kind, payload: [UInt8], keys: KeyRing, now: Timestamp, random: Randomness) {
        id = ID(now: now, random: random.bytes(10))
        self.kind = kind
        sealedPayload = keys.seal(payload, at: Self.place(of: id), nonce: random.bytes(12))
        runAt = now
    }

    static func place(of id: ID) -> KeyRing.Place { KeyRing.Place(table: "job", column: "payload", row: id.description) }
}

/// A job that a worker holds until its lease ends.
struct ClaimedJob: Sendable {
    let id: Job.ID
    let kind: String
    let sealedPayload: [UInt8]
    /// Including this one.
    let tries: Int64
    /// Proves who claimed it: a late worker can't end another's work (JN-03).
    let lease: [UInt8]
}

/// How a try ended.
enum JobOutcome: Equatable, Sendable {
    case done
    /// Worth trying again. The reason is shown to administrators and holds no secret.
    case failed(String)
}

/// When a failed job is tried again, and when no more.
enum JobSchedule {
    static let mostTries: Int64 = 12
    static let lease = Duration.seconds(60)

    /// 5 s, 10 s, 20 s … up to an hour, each up to a quarter longer so that a crowd spreads out.
    /// - Parameter jitter: 0…255, random.
    static func wait(afterTries tries: Int64, jitter: UInt8) -> Duration {
        let doublings: Int64 = max(0, min(tries - 1, 10))
        let seconds: Int64 = min(3_600, 5 << doublings)
        let extra: Int64 = seconds * 250 * Int64(jitter) / 255
        return .milliseconds(seconds * 1_000 + extra)
    }
}
