import Secrets
import Storage

extension Migration {
    static let secondFactor = Migration(
        11, "second factor",
        [
            // A row is there once an account has had a factor, or must get one.
            """
            CREATE TABLE second_factor (
                account_id BYTEA NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
                failures BIGINT NOT NULL, next_try_at BIGINT NOT NULL, streak BIGINT NOT NULL,
                last_method TEXT, recovery_set BYTEA, required_since BIGINT)
            """,
            // Pending until expires_at, then confirmed_at takes its place. What is learnt of the clock is in steps and seconds.
            """
            CREATE TABLE authenticator (
                account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE, id BYTEA NOT NULL,
                name TEXT NOT NULL, secret BYTEA NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT, confirmed_at BIGINT,
                used_at BIGINT, last_step BIGINT NOT NULL, drift BIGINT NOT NULL, side BIGINT NOT NULL, clock_error BIGINT NOT NULL,
                stray_step BIGINT, stray_drift BIGINT, stray_error BIGINT, PRIMARY KEY (account_id, id))
            """,
            // The set that counts is named by second_factor.recovery_set: replacing all codes is one statement there.
            """
            CREATE TABLE recovery_set (
                id BYTEA NOT NULL PRIMARY KEY, account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE,
                salt BYTEA NOT NULL, memory_kib BIGINT NOT NULL, passes BIGINT NOT NULL, lanes BIGINT NOT NULL, created_at BIGINT NOT NULL)
            """,
            "CREATE INDEX recovery_set_by_account ON recovery_set (account_id)",
            """
            CREATE TABLE recovery_code (
                set_id BYTEA NOT NULL REFERENCES recovery_set (id) ON DELETE CASCADE, hash BYTEA NOT NULL, used_at BIGINT,
                PRIMARY KEY (set_id, hash))
            """,
            // A password was right, and the second factor is asked for. Opens nothing but that.
            """
            CREATE TABLE sign_in_challenge (
                token_hash BYTEA NOT NULL PRIMARY KEY, account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE,
                password_set_at BIGINT NOT NULL, must_enrol BIGINT NOT NULL, is_kept BIGINT NOT NULL,
                expires_at BIGINT NOT NULL, tries BIGINT NOT NULL)
            """,
            "CREATE INDEX sign_in_challenge_by_account ON sign_in_challenge (account_id)",
            """
            CREATE TABLE trusted_browser (
                account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE, id BYTEA NOT NULL,
                token_hash BYTEA NOT NULL UNIQUE, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL,
                address TEXT NOT NULL, browser TEXT NOT NULL, PRIMARY KEY (account_id, id))
            """,
        ])
}

extension Transaction {
    /// Whether the account holds a second factor.
    borrowing func hasSecondFactor(_ account: Account.ID) throws(StoreError) -> Bool {
        try !run("SELECT 1 AS found FROM authenticator WHERE account_id = \(account) AND confirmed_at IS NOT NULL LIMIT 1").isEmpty
    }

    /// How tries with codes stand.
    borrowing func codeTries(of account: Account.ID) throws(StoreError) -> CodeTries {
        let rows = try run("SELECT failures, next_try_at, streak, last_method FROM second_factor WHERE account_id = \(account)")
        guard let row = rows.first else { return CodeTries(failures: 0, nextAt: Timestamp(microseconds: 0), streak: 0, lastMethod: nil) }
        return CodeTries(
            failures: try row.integer("failures"), nextAt: try row.time("next_try_at"), streak: try row.integer("streak"),
            lastMethod: try row.optionalText("last_method"))
    }

    borrowing func makeSecondFactorRow(of account: Account.ID) throws(StoreError) {
        try change(
            """
            INSERT INTO second_factor (account_id, failures, next_try_at, streak) VALUES (\(account), 0, 0, 0)
            ON CONFLICT (account_id) DO NOTHING
            """)
    }

    /// Since when the account must have a second factor: from now on, if that was not written down yet.
    borrowing func secondFactorRequiredSince(_ account: Account.ID, now: Timestamp) throws(StoreError) -> Timestamp {
        try makeSecondFactorRow(of: account)
        try change("UPDATE second_factor SET required_since = \(now) WHERE account_id = \(account) AND required_since IS NULL")
        let row = try run("SELECT required_since FROM second_factor WHERE account_id = \(account)").first
        return try row?.time("required_since") ?? now
    }

    /// Spends a code, or counts a wrong one: each a single conditional statement.
    borrowing func settle(_ match: CodeMatch, of account: Account.ID, now: Timestamp) throws(StoreError) -> CodeVerdict {
        switch match {
        case .step(let step, let id, let clock):
            let isSpent = try spend(step, clock, of: id, account, unlessStoppedAt: CodeLimits.stopAt, now: now)
            if isSpent {
                try clearFailures(of: account, method: "totp")
                return .accepted(id)
            }
            return try refuse(step, clock, of: id, account, now: now)
        case .none(let strays):
            guard try countFailure(of: account, evenWhileWaiting: false, now: now) else { return try wait(account) }
            for stray in strays where try learn(stray, of: account) { return .clockOff(seconds: stray.error) }
            return .wrong
        }
    }

    /// Marks a step as used, unless it or a later one was (TO-02, TO-03), or codes must wait.
    private borrowing func spend(
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

    /// Why a right code was not enough.
    private borrowing func refuse(
        _ step: Int64, _ clock: AuthenticatorClock, of id: Authenticator.ID, _ account: Account.ID, now: Timestamp
    ) throws(StoreError) -> CodeVerdict {
        let tries = try codeTries(of: account)
        if tries.nextAt > now { return .wait(until: tries.nextAt) }
        // Used before, or the authenticator is gone; else the account is stopped, and the code counts towards lifting that.
        guard try spend(step, clock, of: id, account, unlessStoppedAt: .max, now: now) else { return .used }
        if try change(
            """
            UPDATE second_factor SET failures = 0, streak = 0, next_try_at = 0
            WHERE account_id = \(account) AND next_try_at <= \(now) AND streak >= \(CodeLimits.rightOnesToLift - 1)
            """) == 1
        {
            return .accepted(id)
        }
        let from = now + CodeLimits.wait
        guard
            try change(
                """
                UPDATE second_factor SET streak = streak + 1, next_try_at = \(from)
                WHERE account_id = \(account) AND next_try_at <= \(now)
                """) == 1
        else { return try wait(account) }
        return .moreNeeded(CodeLimits.rightOnesToLift - 1 - tries.streak, from: from)
    }

    private borrowing func wait(_ account: Account.ID) throws(StoreError) -> CodeVerdict {
        .wait(until: try codeTries(of: account).nextAt)
    }

    /// Counts a wrong code, and makes the next one wait.
    /// - Returns: false if codes must wait now: then nothing was tried, and nothing is counted.
    borrowing func countFailure(of account: Account.ID, evenWhileWaiting: Bool, now: Timestamp) throws(StoreError) -> Bool {
        let (first, wait) = (CodeLimits.firstDelay.wholeMicroseconds, CodeLimits.wait.wholeMicroseconds)
        let admitted = evenWhileWaiting ? Timestamp(microseconds: .max) : now
        return try change(
            """
            UPDATE second_factor SET failures = failures + 1, streak = 0, next_try_at = \(now) + CASE
                WHEN failures + 1 < \(CodeLimits.delayFrom) THEN 0
                WHEN failures + 1 >= \(CodeLimits.stopAt) OR (failures + 2 - \(CodeLimits.delayFrom)) * \(first) > \(wait) THEN \(wait)
                ELSE (failures + 2 - \(CodeLimits.delayFrom)) * \(first) END
            WHERE account_id = \(account) AND next_try_at <= \(admitted)
            """) == 1
    }

    borrowing func clearFailures(of account: Account.ID, method: String) throws(StoreError) {
        try change(
            """
            UPDATE second_factor SET failures = 0, streak = 0, next_try_at = 0, last_method = \(method)
            WHERE account_id = \(account) AND (failures > 0 OR last_method IS NULL OR last_method <> \(method))
            """)
    }

    /// An administrator lets codes be tried again.
    borrowing func liftCodeStop(of account: Account.ID) throws(StoreError) -> Bool {
        try change(
            "UPDATE second_factor SET failures = 0, streak = 0, next_try_at = 0 WHERE account_id = \(account) AND failures > 0") == 1
    }

    /// Two codes of different steps that agree on where a clock stands teach it; a single one is only remembered. The codes are spent.
    private borrowing func learn(_ stray: CodeMatch.Stray, of account: Account.ID) throws(StoreError) -> Bool {
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
            UPDATE authenticator SET stray_step = \(stray.step), stray_drift = \(stray.drift), stray_error = \(stray.error)
            WHERE account_id = \(account) AND id = \(stray.authenticator) AND last_step < \(stray.step)
            """)
        return false
    }
}

/// How tries with codes stand for an account.
struct CodeTries: Equatable, Sendable {
    let failures: Int64
    let nextAt: Timestamp
    let streak: Int64
    let lastMethod: String?

    var isStopped: Bool { failures >= CodeLimits.stopAt }
}
