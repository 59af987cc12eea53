import Secrets
import Storage

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
}

extension Transaction {
    borrowing func enqueue(_ job: Job) throws(StoreError) {
        try change(
            """
            INSERT INTO job (id, kind, payload, state, run_at, tries, lease, last_error, created_at)
            VALUES (\(job.id), \(job.kind.rawValue), \(job.sealedPayload), 'ready', \(job.runAt), 0, NULL, '', \(job.runAt))
            """)
    }

    /// Takes the job of a kind that has waited longest. Kinds that nobody here can do wait for a node that can. Its time moves past the lease: if the worker dies, it comes up again.
    borrowing func claimJob(_ kind: Job.Kind, lease: [UInt8], now: Timestamp) throws(StoreError) -> ClaimedJob? {
        let rows = try run(
            """
            UPDATE job SET lease = \(lease), run_at = \(now + JobSchedule.lease), tries = tries + 1
            WHERE id IN (SELECT id FROM job WHERE state = 'ready' AND run_at <= \(now) AND kind = \(kind.rawValue)
                    AND tries < \(JobSchedule.mostTries) ORDER BY run_at LIMIT 1\(dialect.skipLocked))
                AND state = 'ready'
            RETURNING id, kind, payload, tries
            """)
        guard let row = rows.first else { return nil }
        return ClaimedJob(
            id: try row.id("id"), kind: try row.text("kind"), sealedPayload: try row.blob("payload"), tries: try row.integer("tries"),
            lease: lease)
    }

    /// Ends a job and blanks what it carried.
    borrowing func finishJob(_ job: ClaimedJob, now: Timestamp) throws(StoreError) -> Bool {
        let nothing: [UInt8] = []
        return try change(
            """
            UPDATE job SET state = 'done', payload = \(nothing), lease = NULL, ended_at = \(now), last_error = ''
            WHERE id = \(job.id) AND lease = \(job.lease) AND state = 'ready'
            """) == 1
    }

    borrowing func retryJob(_ job: ClaimedJob, at time: Timestamp, error: String) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE job SET run_at = \(time), lease = NULL, last_error = \(error)
            WHERE id = \(job.id) AND lease = \(job.lease) AND state = 'ready'
            """) == 1
    }

    /// Gives up. The row stays for administrators, with what it carried still sealed; a password's hash is not kept that long.
    borrowing func buryJob(_ job: ClaimedJob, now: Timestamp, error: String) throws(StoreError) -> Bool {
        let nothing: [UInt8] = []
        return try change(
            """
            UPDATE job SET state = 'dead', lease = NULL, ended_at = \(now), last_error = \(error),
                payload = CASE WHEN kind = \(Job.Kind.checkPassword.rawValue) THEN \(nothing) ELSE payload END
            WHERE id = \(job.id) AND lease = \(job.lease) AND state = 'ready'
            """) == 1
    }

    /// How many jobs wait and how many were given up.
    borrowing func jobCounts() throws(StoreError) -> (ready: Int64, dead: Int64) {
        var counts = (ready: Int64(0), dead: Int64(0))
        for row in try run("SELECT state, COUNT(*) AS number FROM job WHERE state <> 'done' GROUP BY state") {
            if try row.text("state") == "dead" { counts.dead = try row.integer("number") } else { counts.ready = try row.integer("number") }
        }
        return counts
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

    /// Gives up what was tried often enough and never ended: its worker died each time.
    borrowing func buryExhaustedJobs(now: Timestamp) throws(StoreError) {
        try change(
            """
            UPDATE job SET state = 'dead', lease = NULL, ended_at = \(now), last_error = 'its worker died each time'
            WHERE state = 'ready' AND tries >= \(JobSchedule.mostTries) AND run_at <= \(now)
            """)
    }

    borrowing func pruneJobs(endedBefore time: Timestamp) throws(StoreError) {
        try change("DELETE FROM job WHERE state = 'done' AND ended_at IS NOT NULL AND ended_at < \(time)")
    }
}
