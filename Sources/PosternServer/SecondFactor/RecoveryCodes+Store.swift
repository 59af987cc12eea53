import PasswordHashing
import Storage

extension Migration {
    static let recoveryCodes = Migration(
        13, "recovery codes",
        [
            // The set that counts is named by second_factor.recovery_set: replacing all codes is one statement there.
            """
            CREATE TABLE recovery_set (
                id BYTEA NOT NULL PRIMARY KEY, account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE,
                salt BYTEA NOT NULL, memory_kib BIGINT NOT NULL, passes BIGINT NOT NULL, lanes BIGINT NOT NULL, created_at BIGINT NOT NULL, made_by TEXT)
            """,
            "CREATE INDEX recovery_set_by_account ON recovery_set (account_id)",
            """
            CREATE TABLE recovery_code (
                set_id BYTEA NOT NULL REFERENCES recovery_set (id) ON DELETE CASCADE, hash BYTEA NOT NULL, used_at BIGINT,
                PRIMARY KEY (set_id, hash))
            """,
        ])
}

extension Transaction {
    /// Writes a new set down. It counts only once it is put to use.
    borrowing func addRecoverySet(_ new: NewRecoverySet, of account: Account.ID, now: Timestamp) throws(StoreError) {
        let (set, parameters) = (new.set, new.set.parameters)
        try change(
            """
            INSERT INTO recovery_set (id, account_id, salt, memory_kib, passes, lanes, created_at, made_by)
            VALUES (\(set.id), \(account), \(set.salt), \(Int64(parameters.memoryKiB)), \(Int64(parameters.passes)),
                \(Int64(parameters.lanes)), \(now), \(set.madeBy))
            """)
        for hash in new.hashes { try change("INSERT INTO recovery_code (set_id, hash) VALUES (\(set.id), \(hash))") }
    }

    /// Makes a set the one that counts, and forgets the others.
    /// - Returns: false if it isn't the account's, or counts already.
    borrowing func useRecoverySet(_ id: RecoverySet.ID, of account: Account.ID) throws(StoreError) -> Bool {
        try makeSecondFactorRow(of: account)
        guard try nameRecoverySet(id, of: account) else { return false }
        try change("DELETE FROM recovery_set WHERE account_id = \(account) AND id <> \(id)")
        return true
    }

    borrowing func removeRecoverySets(of account: Account.ID) throws(StoreError) {
        try change("DELETE FROM recovery_set WHERE account_id = \(account)")
    }

    /// - Returns: whether the codes that counted were among them.
    borrowing func removeRecoverySets(of account: Account.ID, madeSince time: Timestamp) throws(StoreError) -> Bool {
        try change("DELETE FROM recovery_set WHERE account_id = \(account) AND created_at >= \(time)") > 0
    }

    /// Sets that were made and never put to use.
    borrowing func pruneRecoverySets(now: Timestamp) throws(StoreError) {
        try change(
            """
            DELETE FROM recovery_set WHERE created_at < \(now - .seconds(86_400))
                AND NOT EXISTS (SELECT 1 FROM second_factor WHERE second_factor.account_id = recovery_set.account_id
                    AND second_factor.recovery_set = recovery_set.id)
            """)
    }

    /// The set that counts: what a typed code is hashed with.
    borrowing func recoverySet(of account: Account.ID) throws(StoreError) -> RecoverySet? {
        let rows = try run(
            """
            SELECT recovery_set.* FROM second_factor JOIN recovery_set ON recovery_set.id = second_factor.recovery_set
            WHERE second_factor.account_id = \(account)
            """)
        guard let row = rows.first else { return nil }
        guard
            let parameters = Argon2id.Parameters(
                memoryKiB: UInt32(clamping: try row.integer("memory_kib")), passes: UInt32(clamping: try row.integer("passes")),
                lanes: UInt32(clamping: try row.integer("lanes")))
        else { throw .unexpectedColumn("memory_kib") }
        return RecoverySet(
            id: try row.id("id"), salt: try row.blob("salt"), parameters: parameters, createdAt: try row.time("created_at"),
            madeBy: try row.optionalText("made_by"))
    }

    borrowing func recoveryCodesLeft(of account: Account.ID) throws(StoreError) -> Int64 {
        try run(
            """
            SELECT COUNT(*) AS number FROM recovery_code JOIN second_factor ON second_factor.recovery_set = recovery_code.set_id
            WHERE second_factor.account_id = \(account) AND recovery_code.used_at IS NULL
            """)[0].integer("number")
    }

    /// Spends a code: once, however many ask at the same time (RC-02).
    borrowing func spendRecoveryCode(hash: [UInt8], of account: Account.ID, now: Timestamp) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE recovery_code SET used_at = \(now) WHERE hash = \(hash) AND used_at IS NULL
                AND set_id = (SELECT recovery_set FROM second_factor WHERE second_factor.account_id = \(account))
            """) == 1
    }

    /// Whether a code would be taken. Changes nothing.
    borrowing func recoveryCodeIsGood(hash: [UInt8], of account: Account.ID) throws(StoreError) -> Bool {
        try !run(
            """
            SELECT 1 AS found FROM recovery_code JOIN second_factor ON second_factor.recovery_set = recovery_code.set_id
            WHERE second_factor.account_id = \(account) AND recovery_code.hash = \(hash) AND recovery_code.used_at IS NULL
            """
        ).isEmpty
    }
}
