import Storage

extension Migration {
    static let notices = Migration(
        22, "notices",
        [
            """
            CREATE TABLE notice (
                id BYTEA NOT NULL PRIMARY KEY, account_id BYTEA REFERENCES account (id) ON DELETE CASCADE, kind TEXT NOT NULL,
                channel TEXT NOT NULL, target TEXT NOT NULL, subject TEXT NOT NULL, state TEXT NOT NULL, tries BIGINT NOT NULL,
                last_error TEXT NOT NULL, created_at BIGINT NOT NULL, ended_at BIGINT, unique_key TEXT UNIQUE)
            """,
            "CREATE INDEX notice_by_account ON notice (account_id, id)",
            "CREATE INDEX notice_by_time ON notice (created_at)",
            "CREATE INDEX notice_waiting ON notice (id) WHERE state = 'waiting'",
            // What somebody does without: a row for each.
            """
            CREATE TABLE notice_refused (
                account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE, kind TEXT NOT NULL, PRIMARY KEY (account_id, kind))
            """,
        ])
}

extension Transaction {
    borrowing func send(_ notices: [Notice], of account: Account.ID?) throws(StoreError) {
        for notice in notices { try send(notice, of: account) }
    }

    /// Writes a notice and its job down.
    /// - Parameter account: whom it is about, and who sees it in their own list.
    /// - Returns: false if there is one with the same key.
    @discardableResult
    borrowing func send(_ notice: Notice, of account: Account.ID?) throws(StoreError) -> Bool {
        let isNew =
            try change(
                """
                INSERT INTO notice (id, account_id, kind, channel, target, subject, state, tries, last_error, created_at, unique_key)
                VALUES (\(notice.job.id), \(account), \(notice.kind.rawValue), \(notice.channel.rawValue), \(notice.target),
                    \(notice.subject), 'waiting', 0, '', \(notice.job.runAt), \(notice.uniqueKey))
                ON CONFLICT (unique_key) DO NOTHING
                """) == 1
        if isNew { try enqueue(notice.job) }
        return isNew
    }

    borrowing func noticeExists(uniqueKey: String) throws(StoreError) -> Bool {
        try !run("SELECT 1 AS found FROM notice WHERE unique_key = \(uniqueKey)").isEmpty
    }

    /// Writes down how a try to send it ended.
    borrowing func noteSending(by job: ClaimedJob, _ end: JobEnd, now: Timestamp) throws(StoreError) {
        let (state, error, endedAt): (NoticeLine.State, String, Timestamp?) =
            switch end {
            case .done: (.sent, "", now)
            case .dropped: (.dropped, "", now)
            case .failed(let error, let isLast): (isLast ? .failed : .waiting, error, isLast ? now : nil)
            }
        try change(
            """
            UPDATE notice SET state = \(state.rawValue), tries = \(job.tries), last_error = \(error), ended_at = \(endedAt)
            WHERE id = \(job.id)
            """)
    }

    /// Follows jobs that ended without their worker: given up after it died each time, or cancelled.
    borrowing func noteLostNotices(now: Timestamp) throws(StoreError) {
        try change(
            """
            UPDATE notice SET state = 'failed', ended_at = \(now), last_error = 'given up, or cancelled' WHERE state = 'waiting'
                AND EXISTS (SELECT 1 FROM job WHERE job.id = notice.id AND job.state IN ('dead', 'cancelled'))
            """)
    }

    /// Follows a job that is tried again.
    borrowing func noteRevived(_ id: Notice.ID) throws(StoreError) {
        try change("UPDATE notice SET state = 'waiting', ended_at = NULL WHERE id = \(id) AND state = 'failed'")
    }

    /// Newest first.
    /// - Parameters:
    ///   - account: nil for everybody's.
    ///   - before: only older ones than that; nil for the newest.
    borrowing func notices(
        of account: Account.ID?, state: NoticeLine.State?, before: Notice.ID?, limit: Int64
    ) throws(StoreError) -> [NoticeLine] {
        let (anyone, anyState, newest): (Int64, Int64, Int64) = (account == nil ? 1 : 0, state == nil ? 1 : 0, before == nil ? 1 : 0)
        let nothing: [UInt8] = []
        return try run(
            """
            SELECT * FROM notice WHERE (CAST(\(anyone) AS BIGINT) = 1 OR (account_id = \(account?.bytes ?? nothing) AND channel IN ('mail', 'sms')))
                AND (CAST(\(anyState) AS BIGINT) = 1 OR state = \(state?.rawValue ?? "")) AND (CAST(\(newest) AS BIGINT) = 1 OR id < \(before?.bytes ?? nothing))
            ORDER BY id DESC LIMIT \(limit)
            """
        ).map { (row) throws(StoreError) in
            guard let state = NoticeLine.State(rawValue: try row.text("state")) else { throw .unexpectedColumn("state") }
            return NoticeLine(
                id: try row.id("id"), account: try row.optionalID("account_id"), kind: try row.text("kind"),
                channel: try row.text("channel"), target: try row.text("target"), subject: try row.text("subject"), state: state,
                tries: try row.integer("tries"), lastError: try row.text("last_error"), createdAt: try row.time("created_at"),
                endedAt: try row.optionalTime("ended_at"))
        }
    }

    borrowing func wantsNotice(_ kind: Notice.Kind, _ account: Account.ID) throws(StoreError) -> Bool {
        guard kind.isOptional else { return true }
        return try run("SELECT 1 AS found FROM notice_refused WHERE account_id = \(account) AND kind = \(kind.rawValue)").isEmpty
    }

    borrowing func refuseNotice(_ kind: Notice.Kind, _ account: Account.ID) throws(StoreError) {
        try change(
            """
            INSERT INTO notice_refused (account_id, kind) VALUES (\(account), \(kind.rawValue)) ON CONFLICT (account_id, kind) DO NOTHING
            """)
    }

    borrowing func allowNotice(_ kind: Notice.Kind, _ account: Account.ID) throws(StoreError) {
        try change("DELETE FROM notice_refused WHERE account_id = \(account) AND kind = \(kind.rawValue)")
    }

    borrowing func pruneNotices(before time: Timestamp) throws(StoreError) {
        try change("DELETE FROM notice WHERE created_at < \(time) AND state <> 'waiting'")
    }
}
