import NetworkAddress
import Secrets
import Storage

extension Migration {
    static let challenges = Migration(
        14, "sign-in challenges and trusted browsers",
        [
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

extension Migration {
    static let challengesForChange = Migration(
        20, "sign-ins that wait for another password",
        // What was proved already; empty where that is still to come.
        ["ALTER TABLE sign_in_challenge ADD COLUMN change_after TEXT NOT NULL DEFAULT ''"])
}

extension Transaction {
    borrowing func openChallenge(_ new: NewChallenge) throws(StoreError) {
        try change(
            """
            INSERT INTO sign_in_challenge (token_hash, account_id, password_set_at, must_enrol, is_kept, expires_at, tries, change_after)
            VALUES (\(new.token.hash(for: NewChallenge.purpose)), \(new.account), \(new.passwordSetAt), \(new.mustEnrol ? 1 as Int64 : 0),
                \(new.isKept ? 1 as Int64 : 0), \(new.expiresAt), 0, \(new.changeAfter?.text ?? ""))
            """)
    }

    /// A half-made sign-in that still lives.
    borrowing func challenge(tokenHash: [UInt8], now: Timestamp) throws(StoreError) -> Challenge? {
        try run(
            """
            SELECT * FROM sign_in_challenge
            WHERE token_hash = \(tokenHash) AND expires_at > \(now) AND tries < \(NewChallenge.mostTries)
            """
        ).first.map { (row) throws(StoreError) in
            Challenge(
                tokenHash: tokenHash, account: try row.id("account_id"), passwordSetAt: try row.time("password_set_at"),
                mustEnrol: try row.integer("must_enrol") == 1, isKept: try row.integer("is_kept") == 1,
                changeAfter: Challenge.Proved(text: try row.text("change_after")))
        }
    }

    /// Counts a try against it (RC-04).
    /// - Returns: false if it is over.
    borrowing func countTry(of challenge: Challenge, now: Timestamp) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE sign_in_challenge SET tries = tries + 1
            WHERE token_hash = \(challenge.tokenHash) AND expires_at > \(now) AND tries < \(NewChallenge.mostTries)
            """) == 1
    }

    /// Ends it: once, and only one sign-in comes of it.
    borrowing func spendChallenge(_ challenge: Challenge) throws(StoreError) -> Bool {
        try change("DELETE FROM sign_in_challenge WHERE token_hash = \(challenge.tokenHash)") == 1
    }

    /// The factors or the password changed: whatever was half made is over.
    borrowing func endChallenges(of account: Account.ID) throws(StoreError) {
        try change("DELETE FROM sign_in_challenge WHERE account_id = \(account)")
    }

    borrowing func trustBrowser(_ new: NewTrust) throws(StoreError) {
        try change(
            """
            INSERT INTO trusted_browser (account_id, id, token_hash, created_at, expires_at, address, browser)
            VALUES (\(new.account), \(new.id), \(new.token.hash(for: NewTrust.purpose)), \(new.createdAt), \(new.expiresAt),
                \(new.client.address.description), \(new.client.browser))
            """)
    }

    borrowing func isTrusted(tokenHash: [UInt8], by account: Account.ID, now: Timestamp) throws(StoreError) -> Bool {
        try !run(
            """
            SELECT 1 AS found FROM trusted_browser
            WHERE token_hash = \(tokenHash) AND account_id = \(account) AND expires_at > \(now)
            """
        ).isEmpty
    }

    borrowing func trustedBrowsers(of account: Account.ID, now: Timestamp) throws(StoreError) -> [TrustedBrowser] {
        try run(
            """
            SELECT id, created_at, expires_at, address, browser FROM trusted_browser
            WHERE account_id = \(account) AND expires_at > \(now) ORDER BY created_at DESC, id
            """
        ).map { (row) throws(StoreError) in
            TrustedBrowser(
                id: try row.id("id"), createdAt: try row.time("created_at"), expiresAt: try row.time("expires_at"),
                address: try row.text("address"), browser: try row.text("browser"))
        }
    }

    borrowing func endTrust(_ id: TrustedBrowser.ID, of account: Account.ID) throws(StoreError) -> Bool {
        try change("DELETE FROM trusted_browser WHERE account_id = \(account) AND id = \(id)") == 1
    }

    /// After any change of password or factors.
    borrowing func endTrust(of account: Account.ID) throws(StoreError) {
        try change("DELETE FROM trusted_browser WHERE account_id = \(account)")
    }

    borrowing func pruneChallenges(now: Timestamp) throws(StoreError) {
        try change("DELETE FROM sign_in_challenge WHERE expires_at < \(now)")
        try change("DELETE FROM trusted_browser WHERE expires_at < \(now)")
    }
}
