package import Secrets
package import Storage

/// Slow or fallible work outside the database, written down in the transaction of its cause and done afterwards.
package struct Job: Sendable {
    package typealias ID = Identifier<Job>

    package enum Kind: String, CaseIterable, Sendable {
        case sendMail = "send-mail"
        /// Asks a list of stolen passwords that didn't answer when a password was set.
        case checkPassword = "check-password"
        /// Finds out, once a day, whose password expires soon.
        case findExpiring = "find-expiring-passwords"
        /// Tells one person so, if it is still true.
        case remind = "remind"
        /// Deletes, once a day, accounts whose owners left.
        case deleteLeavers = "delete-leavers"
        case sendWebhook = "send-webhook"
        case sendSlack = "send-slack"
        case sendText = "send-text"
        /// Fetches newer databases of places, once a day.
        case updatePlaces = "update-places"
        /// Deletes, once a day, what of the sign-in history is older than it is kept.
        case pruneHistory = "prune-history"
    }

    let id: ID
    let kind: Kind
    /// What the work needs, sealed: it may hold a link's token. Blanked once done.
    let sealedPayload: [UInt8]
    let runAt: Timestamp
    /// Of all jobs with the same key there is one, for as long as its row is kept.
    let uniqueKey: String?

    package init(_ kind: Kind, payload: [UInt8], uniqueKey: String? = nil, keys: KeyRing, now: Timestamp, random: Randomness) {
        id = ID(now: now, random: random.bytes(10))
        self.kind = kind
        sealedPayload = keys.seal(payload, at: Self.place(of: id), nonce: random.bytes(12))
        runAt = now
        self.uniqueKey = uniqueKey
    }

    static func place(of id: ID) -> KeyRing.Place { KeyRing.Place(table: "job", column: "payload", row: id.description) }
}

/// A job that a worker holds until its lease ends.
package struct ClaimedJob: Sendable {
    let id: Job.ID
    let sealedPayload: [UInt8]
    /// Including this one.
    let tries: Int64
}

/// Jobs that were claimed together.
struct ClaimedJobs: Sendable {
    let kind: Job.Kind
    /// Proves who claimed them: a late worker can't end another's work (JN-03).
    let lease: [UInt8]
    let claimedAt: Timestamp
    let jobs: [ClaimedJob]
}

/// How a try ended.
package enum JobOutcome: Equatable, Sendable {
    case done
    /// What it was for is no longer so.
    case dropped
    /// Worth trying again. The reason is shown to administrators and holds no secret.
    case failed(String)
}

/// What became of a job.
package enum JobEnd: Equatable, Sendable {
    case done, dropped
    case failed(String, isLast: Bool)
}

/// When a failed job is tried again, and when no more.
enum JobSchedule {
    static let mostTries: Int64 = 12
    static let lease = Duration.seconds(30)
    static let heartbeat = Duration.seconds(10)

    /// 5 s, 10 s, 20 s … up to an hour, each up to a quarter longer so that a crowd spreads out.
    /// - Parameter jitter: 0…255, random.
    static func wait(afterTries tries: Int64, jitter: UInt8) -> Duration {
        let doublings: Int64 = max(0, min(tries - 1, 10))
        let seconds: Int64 = min(3_600, 5 << doublings)
        let extra: Int64 = seconds * 250 * Int64(jitter) / 255
        return .milliseconds(seconds * 1_000 + extra)
    }
}

/// Work that is due once in every period, on one node of all.
package struct PeriodicJob: Sendable {
    let kind: Job.Kind
    let every: Duration
    /// After the beginning of a period, counted from 1970 UTC.
    let offset: Duration

    /// At six in the morning UTC, whatever the day.
    static func daily(_ kind: Job.Kind) -> PeriodicJob { PeriodicJob(kind: kind, every: .seconds(86_400), offset: .seconds(6 * 3_600)) }

    /// Names the period that a moment lies in. After an outage the current one is made up for, earlier ones aren't.
    func uniqueKey(at now: Timestamp) -> String {
        let since = now.microseconds - offset.wholeMicroseconds
        let (whole, rest) = since.quotientAndRemainder(dividingBy: every.wholeMicroseconds)
        return "\(kind.rawValue)/\(rest < 0 ? whole - 1 : whole)"
    }
}
