import Storage

extension Migration {
    static let notMe = Migration(
        38, "links of sign-ins and cases",
        [
            // One a sign-in, in the mail that tells of it.
            """
            CREATE TABLE sign_in_link (
                token_hash BYTEA NOT NULL PRIMARY KEY, number BIGINT NOT NULL UNIQUE,
                account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE, email TEXT NOT NULL, mark BYTEA,
                created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, answer TEXT, answered_at BIGINT, done TEXT NOT NULL)
            """,
            "CREATE INDEX sign_in_link_by_time ON sign_in_link (expires_at)",
            "CREATE INDEX sign_in_link_by_account ON sign_in_link (account_id)",
            // What somebody said wasn't them, for administrators to look into.
            """
            CREATE TABLE sign_in_case (
                id BYTEA NOT NULL PRIMARY KEY, number BIGINT NOT NULL,
                account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE, opened_at BIGINT NOT NULL, done TEXT NOT NULL,
                closed_at BIGINT, closed_by BYTEA)
            """,
            "CREATE INDEX sign_in_case_by_account ON sign_in_case (account_id)",
        ])
}

extension Transaction {
    /// - Returns: false if the sign-in has one already: its owner was told.
    borrowing func makeSignInLink(_ link: NewSignInLink) throws(StoreError) -> Bool {
        try change(
            """
            INSERT INTO sign_in_link (token_hash, number, account_id, email, mark, created_at, expires_at, done)
            VALUES (\(link.tokenHash), \(link.number), \(link.account), \(link.email), \(link.mark?.hash), \(link.createdAt),
                \(link.expiresAt), '')
            ON CONFLICT (number) DO NOTHING
            """) == 1
    }

    /// - Returns: nil for a link that is none of ours or too old.
    borrowing func signInLink(tokenHash: [UInt8], now: Timestamp) throws(StoreError) -> SignInLink? {
        try run("SELECT * FROM sign_in_link WHERE token_hash = \(tokenHash) AND expires_at > \(now)").first.map {
            (row) throws(StoreError) in try SignInLink(row)
        }
    }

    /// Answers a link, once; who said that it was them may still say that it wasn't.
    /// - Returns: false where it was answered like that already.
    borrowing func answer(
        tokenHash: [UInt8], _ answer: SignInLink.Answer, now: Timestamp
    ) throws(StoreError) -> Bool {
        let before: String = answer == .notMe ? SignInLink.Answer.wasMe.rawValue : ""
        return try change(
            """
            UPDATE sign_in_link SET answer = \(answer.rawValue), answered_at = \(now)
            WHERE token_hash = \(tokenHash) AND expires_at > \(now) AND (answer IS NULL OR answer = \(before))
            """) == 1
    }

    borrowing func noteDone(tokenHash: [UInt8], _ done: String) throws(StoreError) {
        try change("UPDATE sign_in_link SET done = \(done) WHERE token_hash = \(tokenHash)")
    }

    /// Only the first one that was said not to be its owner's counts from now on, and earlier ones.
    borrowing func voidSignInLinks(of account: Account.ID, after number: SignInAttempt.Number) throws(StoreError) {
        try change("DELETE FROM sign_in_link WHERE account_id = \(account) AND number > \(number)")
    }

    borrowing func pruneSignInLinks(now: Timestamp) throws(StoreError) {
        try change("DELETE FROM sign_in_link WHERE expires_at < \(now)")
    }
}

// MARK: Cases

extension Transaction {
    borrowing func openCase(
        _ id: SignInCase.ID, _ number: SignInAttempt.Number, of account: Account.ID, done: String, now: Timestamp
    ) throws(StoreError) {
        try change(
            """
            INSERT INTO sign_in_case (id, number, account_id, opened_at, done)
            VALUES (\(id), \(number), \(account), \(now), \(done))
            """)
    }

    /// - Returns: false for one that is closed or isn't there.
    borrowing func closeCase(_ id: SignInCase.ID, by administrator: Account.ID, now: Timestamp) throws(StoreError) -> Bool {
        try change(
            "UPDATE sign_in_case SET closed_at = \(now), closed_by = \(administrator) WHERE id = \(id) AND closed_at IS NULL") == 1
    }

    /// Open ones first, then the newest.
    borrowing func signInCases(limit: Int64) throws(StoreError) -> [SignInCase] {
        try run(
            """
            SELECT sign_in_case.*, account.email AS email FROM sign_in_case JOIN account ON account.id = sign_in_case.account_id
            ORDER BY CASE WHEN closed_at IS NULL THEN 0 ELSE 1 END, opened_at DESC LIMIT \(limit)
            """
        ).map { (row) throws(StoreError) in
            SignInCase(
                id: try row.id("id"), number: SignInAttempt.Number(try row.integer("number")), account: try row.id("account_id"),
                email: try row.text("email"), openedAt: try row.time("opened_at"), done: try row.text("done"),
                closedAt: try row.optionalTime("closed_at"))
        }
    }

    borrowing func pruneCases(closedBefore time: Timestamp) throws(StoreError) {
        try change("DELETE FROM sign_in_case WHERE closed_at < \(time)")
    }
}

extension SignInLink {
    fileprivate init(_ row: Row) throws(StoreError) {
        self.init(
            number: SignInAttempt.Number(try row.integer("number")), account: try row.id("account_id"), email: try row.text("email"),
            mark: try row.optional("mark") { (row) throws(StoreError) in BrowserMark(hash: try row.blob("mark")) },
            answer: try row.optionalText("answer").flatMap(SignInLink.Answer.init), done: try row.text("done"))
    }
}
