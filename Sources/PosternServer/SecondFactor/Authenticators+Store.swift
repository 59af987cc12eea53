import Secrets
import Storage

extension Migration {
    static let authenticators = Migration(
        12, "authenticators",
        [
            // Pending until expires_at, then confirmed_at takes its place. What is learnt of the clock is in steps and seconds.
            """
            CREATE TABLE authenticator (
                account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE, id BYTEA NOT NULL,
                name TEXT NOT NULL, secret BYTEA NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT, confirmed_at BIGINT,
                used_at BIGINT, last_step BIGINT NOT NULL, drift BIGINT NOT NULL, side BIGINT NOT NULL, clock_error BIGINT NOT NULL,
                stray_step BIGINT, stray_drift BIGINT, PRIMARY KEY (account_id, id))
            """
        ])
}

extension Transaction {
    /// Whether the account holds a second factor.
    borrowing func hasSecondFactor(_ account: Account.ID) throws(StoreError) -> Bool {
        try !run(
            """
            SELECT 1 AS found FROM authenticator WHERE account_id = \(account) AND confirmed_at IS NOT NULL
            UNION ALL SELECT 1 AS found FROM phone WHERE account_id = \(account) AND confirmed_at IS NOT NULL LIMIT 1
            """
        ).isEmpty
    }

    /// Those who hold a second factor, of all accounts whose ids lie between two.
    borrowing func holdersOfSecondFactor(from first: Account.ID, to last: Account.ID) throws(StoreError) -> Set<Account.ID> {
        var holders: Set<Account.ID> = []
        let rows = try run(
            """
            SELECT account_id FROM authenticator WHERE account_id >= \(first) AND account_id <= \(last) AND confirmed_at IS NOT NULL
            UNION SELECT account_id FROM phone WHERE account_id >= \(first) AND account_id <= \(last) AND confirmed_at IS NOT NULL
            """)
        for row in rows { holders.insert(try row.id("account_id")) }
        return holders
    }

    /// Confirmed authenticators, the last used first.
    borrowing func authenticators(of account: Account.ID) throws(StoreError) -> [Authenticator] {
        try run(
            """
            SELECT * FROM authenticator WHERE account_id = \(account) AND confirmed_at IS NOT NULL
            ORDER BY COALESCE(used_at, confirmed_at) DESC, id
            """
        ).map { (row) throws(StoreError) in
            let isInStep = try row.integer("drift") == 0
            return Authenticator(
                id: try row.id("id"), name: try row.text("name"), createdAt: try row.time("created_at"),
                usedAt: try row.optionalTime("used_at"), clockError: isInStep ? nil : try row.integer("clock_error"))
        }
    }

    /// What codes are compared with.
    borrowing func authenticatorSecrets(of account: Account.ID) throws(StoreError) -> [AuthenticatorSecret] {
        try run("SELECT id, secret, drift, side, clock_error FROM authenticator WHERE account_id = \(account) AND confirmed_at IS NOT NULL")
            .map { (row) throws(StoreError) in
                AuthenticatorSecret(
                    id: try row.id("id"), sealed: try row.blob("secret"),
                    clock: AuthenticatorClock(
                        drift: try row.integer("drift"), side: try row.integer("side"), error: try row.integer("clock_error")))
            }
    }

    /// Adds one that waits for its first code. Only the newest waits: one that was begun before is gone.
    /// - Returns: false if the account has as many as it may.
    borrowing func addPendingAuthenticator(
        _ id: Authenticator.ID, named name: String, sealed: [UInt8], of account: Account.ID, now: Timestamp
    ) throws(StoreError) -> Bool {
        try removePendingAuthenticators(of: account)
        let count = try run("SELECT COUNT(*) AS number FROM authenticator WHERE account_id = \(account)")[0].integer("number")
        guard count < Authenticator.most else { return false }
        return try change(
            """
            INSERT INTO authenticator (account_id, id, name, secret, created_at, expires_at, last_step, drift, side, clock_error)
            VALUES (\(account), \(id), \(name), \(sealed), \(now), \(now + Authenticator.pendingLifetime), 0, 0, 0, 0)
            """) == 1
    }

    /// One that waits, if it still may.
    borrowing func pendingAuthenticator(
        _ id: Authenticator.ID, of account: Account.ID, now: Timestamp
    ) throws(StoreError) -> (name: String, sealed: [UInt8], createdAt: Timestamp)? {
        try run(
            """
            SELECT name, secret, created_at FROM authenticator
            WHERE account_id = \(account) AND id = \(id) AND confirmed_at IS NULL AND expires_at > \(now)
            """
        ).first.map { (row) throws(StoreError) in
            (name: try row.text("name"), sealed: try row.blob("secret"), createdAt: try row.time("created_at"))
        }
    }

    /// Makes a waiting one count. The code that proved it is spent.
    borrowing func confirmAuthenticator(
        _ id: Authenticator.ID, of account: Account.ID, step: Int64, clock: AuthenticatorClock, now: Timestamp
    ) throws(StoreError) -> Bool {
        try makeSecondFactorRow(of: account)
        return try change(
            """
            UPDATE authenticator SET confirmed_at = \(now), used_at = \(now), expires_at = NULL, last_step = \(step),
                drift = \(clock.drift), side = \(clock.side), clock_error = \(clock.error)
            WHERE account_id = \(account) AND id = \(id) AND confirmed_at IS NULL AND expires_at > \(now)
            """) == 1
    }

    borrowing func renameAuthenticator(_ id: Authenticator.ID, of account: Account.ID, to name: String) throws(StoreError) -> Bool {
        try change(
            "UPDATE authenticator SET name = \(name) WHERE account_id = \(account) AND id = \(id) AND confirmed_at IS NOT NULL") == 1
    }

    /// Keys that wait for their first code are no longer waited for.
    borrowing func removePendingAuthenticators(of account: Account.ID) throws(StoreError) {
        try change("DELETE FROM authenticator WHERE account_id = \(account) AND confirmed_at IS NULL")
    }

    /// Whether the last code that this authenticator was used with is the one of that step.
    borrowing func wasLastUsed(_ step: Int64, of id: Authenticator.ID, _ account: Account.ID) throws(StoreError) -> Bool {
        try !run("SELECT 1 AS found FROM authenticator WHERE account_id = \(account) AND id = \(id) AND last_step = \(step)").isEmpty
    }

    borrowing func removeAuthenticator(_ id: Authenticator.ID, of account: Account.ID) throws(StoreError) -> Bool {
        try change("DELETE FROM authenticator WHERE account_id = \(account) AND id = \(id)") == 1
    }

    /// - Returns: how many confirmed ones there were.
    borrowing func removeAuthenticators(of account: Account.ID) throws(StoreError) -> Int {
        let count = try change("DELETE FROM authenticator WHERE account_id = \(account) AND confirmed_at IS NOT NULL")
        try change("DELETE FROM authenticator WHERE account_id = \(account)")
        return count
    }

    /// - Returns: how many confirmed ones there were.
    borrowing func removeAuthenticators(of account: Account.ID, addedSince time: Timestamp) throws(StoreError) -> Int {
        try removePendingAuthenticators(of: account)
        return try change("DELETE FROM authenticator WHERE account_id = \(account) AND confirmed_at >= \(time)")
    }

    /// Marks a step as used, unless it or a later one was (TO-02, TO-03), or codes must wait.
    borrowing func spend(
        _ step: Int64, _ clock: AuthenticatorClock, of id: Authenticator.ID, _ account: Account.ID, unlessStoppedAt limit: Int64,
        now: Timestamp
    ) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE authenticator SET last_step = \(step), used_at = \(now), drift = \(clock.drift), side = \(clock.side),
                clock_error = \(clock.error), stray_step = NULL
            WHERE account_id = \(account) AND id = \(id) AND confirmed_at IS NOT NULL AND last_step < \(step)
                AND EXISTS (SELECT 1 FROM second_factor WHERE second_factor.account_id = \(account)
                    AND second_factor.next_try_at <= \(now) AND second_factor.failures < \(limit))
            """) == 1
    }

    /// Two codes of different steps that agree on where a clock stands teach it; a single one is only remembered. The codes are spent.
    borrowing func learn(_ stray: CodeMatch.Stray, of account: Account.ID) throws(StoreError) -> Bool {
        let isLearnt =
            try change(
                """
                UPDATE authenticator SET drift = \(stray.drift), side = 0, clock_error = \(stray.error), last_step = \(stray.step),
                    stray_step = NULL
                WHERE account_id = \(account) AND id = \(stray.authenticator) AND last_step < \(stray.step)
                    AND stray_step IS NOT NULL AND stray_step <> \(stray.step)
                    AND stray_drift BETWEEN \(stray.drift - 1) AND \(stray.drift + 1)
                """) == 1
        if isLearnt { return true }
        try change(
            """
            UPDATE authenticator SET stray_step = \(stray.step), stray_drift = \(stray.drift)
            WHERE account_id = \(account) AND id = \(stray.authenticator) AND last_step < \(stray.step)
            """)
        return false
    }

    /// Seals every secret anew, with the newest key.
    borrowing func resealAuthenticators(_ reseal: (_ sealed: [UInt8], _ place: KeyRing.Place) -> [UInt8]?) throws(StoreError) -> Int {
        var count = 0
        for row in try run("SELECT account_id, id, secret FROM authenticator") {
            let (account, id): (Account.ID, Authenticator.ID) = (try row.id("account_id"), try row.id("id"))
            guard let sealed = reseal(try row.blob("secret"), Authenticator.place(of: id)) else { continue }
            count += try change("UPDATE authenticator SET secret = \(sealed) WHERE account_id = \(account) AND id = \(id)")
        }
        return count
    }

    borrowing func pruneAuthenticators(now: Timestamp) throws(StoreError) {
        try change("DELETE FROM authenticator WHERE confirmed_at IS NULL AND expires_at < \(now)")
    }
}
