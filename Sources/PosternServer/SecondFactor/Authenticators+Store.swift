import Secrets
import Storage

extension Transaction {
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
        try change("DELETE FROM authenticator WHERE account_id = \(account) AND confirmed_at IS NULL")
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
    ) throws(StoreError) -> (name: String, sealed: [UInt8], expiresAt: Timestamp)? {
        try run(
            """
            SELECT name, secret, expires_at FROM authenticator
            WHERE account_id = \(account) AND id = \(id) AND confirmed_at IS NULL AND expires_at > \(now)
            """
        ).first.map { (row) throws(StoreError) in
            (name: try row.text("name"), sealed: try row.blob("secret"), expiresAt: try row.time("expires_at"))
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

    borrowing func removeAuthenticator(_ id: Authenticator.ID, of account: Account.ID) throws(StoreError) -> Bool {
        try change("DELETE FROM authenticator WHERE account_id = \(account) AND id = \(id)") == 1
    }

    /// Removes every factor of an account, and what depends on them.
    /// - Returns: how many authenticators there were.
    borrowing func removeAllFactors(of account: Account.ID) throws(StoreError) -> Int {
        let count = try change("DELETE FROM authenticator WHERE account_id = \(account) AND confirmed_at IS NOT NULL")
        try change("DELETE FROM authenticator WHERE account_id = \(account)")
        try change("DELETE FROM recovery_set WHERE account_id = \(account)")
        try change(
            """
            UPDATE second_factor SET failures = 0, streak = 0, next_try_at = 0, last_method = NULL, recovery_set = NULL
            WHERE account_id = \(account)
            """)
        try endTrust(of: account)
        try endChallenges(of: account)
        try forgetFactorProofs(of: account)
        return count
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

    borrowing func pruneSecondFactors(now: Timestamp) throws(StoreError) {
        try change("DELETE FROM authenticator WHERE confirmed_at IS NULL AND expires_at < \(now)")
        try change("DELETE FROM sign_in_challenge WHERE expires_at < \(now)")
        try change("DELETE FROM trusted_browser WHERE expires_at < \(now)")
        // Sets that were made and never put to use.
        try change(
            """
            DELETE FROM recovery_set WHERE created_at < \(now - .seconds(86_400))
                AND NOT EXISTS (SELECT 1 FROM second_factor WHERE second_factor.recovery_set = recovery_set.id)
            """)
    }
}
