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
            """
        ])
}

extension Transaction {
    /// How tries with codes stand.
    borrowing func codeTries(of account: Account.ID) throws(StoreError) -> CodeTries {
        let rows = try run("SELECT failures, next_try_at, streak, last_method FROM second_factor WHERE account_id = \(account)")
        guard let row = rows.first else { return CodeTries(failures: 0, nextAt: Timestamp(microseconds: 0), streak: 0, lastMethod: nil) }
        return CodeTries(
            failures: try row.integer("failures"), nextAt: try row.time("next_try_at"), streak: try row.integer("streak"),
            lastMethod: try row.optionalText("last_method"))
    }

    /// Whatever reads and then changes an account's factors does so one after the other.
    borrowing func lockFactors(of account: Account.ID) throws(StoreError) {
        try makeSecondFactorRow(of: account)
        _ = try run("SELECT failures FROM second_factor WHERE account_id = \(account)\(dialect.rowLock)")
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

    /// Counts a wrong code, and makes the next one wait.
    /// - Returns: false if codes must wait now: then nothing was tried, and nothing is counted.
    borrowing func countFailure(of account: Account.ID, now: Timestamp) throws(StoreError) -> Bool {
        let (first, wait) = (CodeLimits.firstDelay.wholeMicroseconds, CodeLimits.wait.wholeMicroseconds)
        return try change(
            """
            UPDATE second_factor SET failures = failures + 1, streak = 0, next_try_at = CASE
                WHEN failures + 1 < \(CodeLimits.delayFrom) THEN 0
                WHEN failures + 1 >= \(CodeLimits.stopAt) OR (failures + 2 - \(CodeLimits.delayFrom)) * \(first) > \(wait)
                    THEN \(now + CodeLimits.wait)
                ELSE \(now) + (failures + 2 - \(CodeLimits.delayFrom)) * \(first) END
            WHERE account_id = \(account) AND next_try_at <= \(now)
            """) == 1
    }

    borrowing func clearFailures(of account: Account.ID, method: String) throws(StoreError) {
        try change(
            """
            UPDATE second_factor SET failures = 0, streak = 0, next_try_at = 0, last_method = \(method)
            WHERE account_id = \(account) AND (failures > 0 OR last_method IS NULL OR last_method <> \(method))
            """)
    }

    /// Counts a right code towards the end of a stop.
    /// - Returns: whether it was the last one needed; nil if codes must wait now.
    borrowing func countRightCode(of account: Account.ID, now: Timestamp) throws(StoreError) -> Bool? {
        let isLifted =
            try change(
                """
                UPDATE second_factor SET failures = 0, streak = 0, next_try_at = 0
                WHERE account_id = \(account) AND next_try_at <= \(now) AND streak >= \(CodeLimits.rightOnesToLift - 1)
                """) == 1
        if isLifted { return true }
        let isCounted =
            try change(
                """
                UPDATE second_factor SET streak = streak + 1, next_try_at = \(now + CodeLimits.wait)
                WHERE account_id = \(account) AND next_try_at <= \(now)
                """) == 1
        return isCounted ? false : nil
    }

    /// Makes a set of recovery codes the one that counts: in this statement all codes of the one before are void (RC-05).
    borrowing func nameRecoverySet(_ id: RecoverySet.ID, of account: Account.ID) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE second_factor SET recovery_set = \(id) WHERE account_id = \(account)
                AND (recovery_set IS NULL OR recovery_set <> \(id))
                AND EXISTS (SELECT 1 FROM recovery_set WHERE recovery_set.id = \(id) AND recovery_set.account_id = \(account))
            """) == 1
    }

    /// There is no factor any more, and nothing to count. What a group asks for stays written down.
    borrowing func clearSecondFactor(of account: Account.ID) throws(StoreError) {
        try change(
            """
            UPDATE second_factor SET failures = 0, streak = 0, next_try_at = 0, last_method = NULL, recovery_set = NULL
            WHERE account_id = \(account)
            """)
    }

    /// An administrator lets codes be tried again.
    borrowing func liftCodeStop(of account: Account.ID) throws(StoreError) -> Bool {
        try change(
            "UPDATE second_factor SET failures = 0, streak = 0, next_try_at = 0 WHERE account_id = \(account) AND failures > 0") == 1
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
