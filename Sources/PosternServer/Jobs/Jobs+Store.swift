import Secrets
package import Storage

extension Migration {
    static let jobs = Migration(
        7, "jobs",
        [
            """
            CREATE TABLE job (
                id BYTEA NOT NULL PRIMARY KEY, kind TEXT NOT NULL, payload BYTEA NOT NULL, state TEXT NOT NULL,
                run_at BIGINT NOT NULL, tries BIGINT NOT NULL, lease BYTEA, last_error TEXT NOT NULL, created_at BIGINT NOT NULL,
                ended_at BIGINT)
            """,
            "CREATE INDEX job_ready ON job (run_at) WHERE state = 'ready'",
            "CREATE INDEX job_ended ON job (ended_at) WHERE ended_at IS NOT NULL",
        ])

    static let jobKeys = Migration(
        21, "jobs by kind and key",
        [
            "ALTER TABLE job ADD COLUMN unique_key TEXT",
            "CREATE UNIQUE INDEX job_unique_key ON job (unique_key) WHERE unique_key IS NOT NULL",
            "DROP INDEX job_ready",
            "CREATE INDEX job_ready ON job (kind, run_at) WHERE state = 'ready'",
        ])
}

/// A job as administrators see it: what it carries stays sealed.
struct JobLine: Sendable {
    enum State: String, CaseIterable, Sendable {
        case waiting, running, done, dead, cancelled
        /// Of a kind that nobody here can do. It waits for a node that can.
        case parked
    }

    let id: Job.ID
    let kind: String
    let state: State
    let tries: Int64
    let createdAt: Timestamp
    /// The next try, or when the lease of this one ends.
    let runAt: Timestamp
    let endedAt: Timestamp?
    let lastError: String
}

extension Transaction {
    /// Writes a job down, and wakes who may do it once this transaction is done.
    /// - Returns: false if there is one with the same key.
    @discardableResult
    package borrowing func enqueue(_ job: Job) throws(StoreError) -> Bool {
        let isNew =
            try change(
                """
                INSERT INTO job (id, kind, payload, state, run_at, tries, lease, last_error, created_at, unique_key)
                VALUES (\(job.id), \(job.kind.rawValue), \(job.sealedPayload), 'ready', \(job.runAt), 0, NULL, '', \(job.runAt),
                    \(job.uniqueKey))
                ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL DO NOTHING
                """) == 1
        if isNew, let ring = dialect.ring { _ = try run(ring) }
        return isNew
    }

    borrowing func jobExists(uniqueKey: String) throws(StoreError) -> Bool {
        try !run("SELECT 1 AS found FROM job WHERE unique_key = \(uniqueKey)").isEmpty
    }

    /// When the next job of a kind is due, if one waits.
    borrowing func nextJob(_ kind: Job.Kind) throws(StoreError) -> Timestamp? {
        try run(
            """
            SELECT run_at FROM job WHERE state = 'ready' AND kind = \(kind.rawValue) AND tries < \(JobSchedule.mostTries)
            ORDER BY run_at LIMIT 1
            """
        ).first.map { (row) throws(StoreError) in try row.time("run_at") }
    }

    /// Takes the jobs of a kind that have waited longest. Kinds that nobody here can do wait for a node that can. Their time moves past
    /// the lease: if the worker dies, they come up again (JN-04).
    borrowing func claimJobs(_ kind: Job.Kind, most: Int64, lease: [UInt8], now: Timestamp) throws(StoreError) -> [ClaimedJob] {
        try run(
            """
            UPDATE job SET lease = \(lease), run_at = \(now + JobSchedule.lease), tries = tries + 1
            WHERE id IN (SELECT id FROM job WHERE state = 'ready' AND kind = \(kind.rawValue) AND run_at <= \(now)
                    AND tries < \(JobSchedule.mostTries) ORDER BY run_at LIMIT \(most)\(dialect.skipLocked))
                AND state = 'ready'
            RETURNING id, payload, tries
            """
        ).map { (row) throws(StoreError) in
            ClaimedJob(id: try row.id("id"), sealedPayload: try row.blob("payload"), tries: try row.integer("tries"))
        }
    }

    borrowing func isLeased(_ id: Job.ID, lease: [UInt8]) throws(StoreError) -> Bool {
        try !run("SELECT 1 AS found FROM job WHERE id = \(id) AND lease = \(lease)").isEmpty
    }

    /// - Parameter claimedAt: what is held has its time after that: the index by time finds it.
    borrowing func renewLease(_ kind: Job.Kind, _ lease: [UInt8], claimedAt: Timestamp, until time: Timestamp) throws(StoreError) {
        try change(
            """
            UPDATE job SET run_at = \(time)
            WHERE kind = \(kind.rawValue) AND state = 'ready' AND run_at > \(claimedAt) AND lease = \(lease)
            """)
    }

    /// Ends what is still held under a lease and blanks what it carried.
    /// - Parameter claimedAt: what is held has its time after that: the index by time finds it.
    /// - Returns: how many jobs were.
    @discardableResult
    borrowing func finishJobs(_ kind: Job.Kind, lease: [UInt8], claimedAt: Timestamp, now: Timestamp) throws(StoreError) -> Int {
        let nothing: [UInt8] = []
        return try change(
            """
            UPDATE job SET state = 'done', payload = \(nothing), lease = NULL, ended_at = \(now), last_error = ''
            WHERE kind = \(kind.rawValue) AND state = 'ready' AND run_at > \(claimedAt) AND lease = \(lease)
            """)
    }

    borrowing func retryJob(_ id: Job.ID, lease: [UInt8], at time: Timestamp, error: String) throws(StoreError) -> Bool {
        try change("UPDATE job SET run_at = \(time), lease = NULL, last_error = \(error) WHERE id = \(id) AND lease = \(lease)") == 1
    }

    /// Gives up. The row stays for administrators, with what it carried still sealed; a password's hash is not kept that long.
    borrowing func buryJob(_ id: Job.ID, lease: [UInt8], now: Timestamp, error: String) throws(StoreError) -> Bool {
        let nothing: [UInt8] = []
        return try change(
            """
            UPDATE job SET state = 'dead', lease = NULL, ended_at = \(now), last_error = \(error),
                payload = CASE WHEN kind = \(Job.Kind.checkPassword.rawValue) THEN \(nothing) ELSE payload END
            WHERE id = \(id) AND lease = \(lease)
            """) == 1
    }

    /// Gives up what was tried often enough and never ended: its worker died each time.
    borrowing func buryExhaustedJobs(now: Timestamp) throws(StoreError) {
        try change(
            """
            UPDATE job SET state = 'dead', lease = NULL, ended_at = \(now), last_error = 'its worker died each time'
            WHERE state = 'ready' AND tries >= \(JobSchedule.mostTries) AND run_at <= \(now)
            """)
    }

    borrowing func pruneJobs(doneBefore done: Timestamp, deadBefore dead: Timestamp) throws(StoreError) {
        try change("DELETE FROM job WHERE state IN ('done', 'cancelled') AND ended_at IS NOT NULL AND ended_at < \(done)")
        try change("DELETE FROM job WHERE state = 'dead' AND ended_at IS NOT NULL AND ended_at < \(dead)")
    }

    /// Seals every payload anew. One that doesn't open is left as it is.
    borrowing func resealJobs(_ reseal: (_ sealed: [UInt8], _ place: KeyRing.Place) -> [UInt8]?) throws(StoreError) -> Int {
        var count = 0
        let empty: [UInt8] = []
        for row in try run("SELECT id, payload FROM job WHERE payload <> \(empty)") {
            let id: Job.ID = try row.id("id")
            let before = try row.blob("payload")
            guard let sealed = reseal(before, Job.place(of: id)) else { continue }
            // Not if it was finished and blanked meanwhile.
            count += try change("UPDATE job SET payload = \(sealed) WHERE id = \(id) AND payload = \(before)")
        }
        return count
    }
}

/// For administrators.
extension Transaction {
    /// How many jobs wait and how many were given up.
    borrowing func jobCounts() throws(StoreError) -> (ready: Int64, dead: Int64) {
        var counts = (ready: Int64(0), dead: Int64(0))
        for row in try run("SELECT state, COUNT(*) AS number FROM job WHERE state IN ('ready', 'dead') GROUP BY state") {
            if try row.text("state") == "dead" { counts.dead = try row.integer("number") } else { counts.ready = try row.integer("number") }
        }
        return counts
    }

    /// Newest first.
    /// - Parameter known: the kinds that can be done here; others are parked.
    borrowing func jobLines(
        kind: String?, state: JobLine.State?, limit: Int64, known: Set<Job.Kind>
    ) throws(StoreError) -> [JobLine] {
        let anyKind: Int64 = kind == nil ? 1 : 0
        // Between commas, so that one text holds them all.
        let doable = "," + known.map(\.rawValue).sorted().joined(separator: ",") + ","
        return try run(
            """
            SELECT * FROM (SELECT job.*, CASE WHEN state <> 'ready' THEN state WHEN lease IS NOT NULL THEN 'running'
                    WHEN \(doable) LIKE '%,' || kind || ',%' THEN 'waiting' ELSE 'parked' END AS standing FROM job) AS line
            WHERE (CAST(\(anyKind) AS BIGINT) = 1 OR kind = \(kind ?? ""))
                AND (\(state?.rawValue ?? "") = '' OR standing = \(state?.rawValue ?? ""))
            ORDER BY created_at DESC, id DESC LIMIT \(limit)
            """
        ).map { (row) throws(StoreError) in try JobLine(row, known: known) }
    }

    borrowing func jobLine(_ id: Job.ID, known: Set<Job.Kind>) throws(StoreError) -> JobLine? {
        try run("SELECT * FROM job WHERE id = \(id)").first.map { (row) throws(StoreError) in try JobLine(row, known: known) }
    }

    /// Lets a job that was given up be tried again, from the beginning.
    /// - Returns: false if it isn't given up, or no longer carries what it needs.
    borrowing func reviveJob(_ id: Job.ID, now: Timestamp) throws(StoreError) -> Bool {
        let nothing: [UInt8] = []
        let isRevived =
            try change(
                """
                UPDATE job SET state = 'ready', tries = 0, run_at = \(now), ended_at = NULL
                WHERE id = \(id) AND state = 'dead' AND payload <> \(nothing)
                """) == 1
        if isRevived, let ring = dialect.ring { _ = try run(ring) }
        return isRevived
    }

    /// Ends a job that waits or was given up, and blanks what it carried. One that is being done may still take effect.
    borrowing func cancelJob(_ id: Job.ID, now: Timestamp) throws(StoreError) -> Bool {
        let nothing: [UInt8] = []
        return try change(
            """
            UPDATE job SET state = 'cancelled', payload = \(nothing), lease = NULL, ended_at = \(now)
            WHERE id = \(id) AND state IN ('ready', 'dead')
            """) == 1
    }
}

extension JobLine {
    fileprivate init(_ row: Row, known: Set<Job.Kind>) throws(StoreError) {
        let kind = try row.text("kind")
        let isLeased = try row.optional("lease") { (row) throws(StoreError) in try row.blob("lease") } != nil
        let state: State
        switch try row.text("state") {
        case "ready": state = isLeased ? .running : Job.Kind(rawValue: kind).map(known.contains) == true ? .waiting : .parked
        case "done": state = .done
        case "dead": state = .dead
        case "cancelled": state = .cancelled
        default: throw .unexpectedColumn("state")
        }
        self.init(
            id: try row.id("id"), kind: kind, state: state, tries: try row.integer("tries"), createdAt: try row.time("created_at"),
            runAt: try row.time("run_at"), endedAt: try row.optionalTime("ended_at"), lastError: try row.text("last_error"))
    }
}
