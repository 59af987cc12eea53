import Secrets
import Storage

extension Migration {
    static let phones = Migration(
        31, "telephone numbers",
        [
            // Pending until expires_at, then confirmed_at takes its place. The number is sealed; its key is a keyed hash.
            """
            CREATE TABLE phone (
                account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE, id BYTEA NOT NULL, number BYTEA NOT NULL,
                number_key BYTEA NOT NULL, masked TEXT NOT NULL, country TEXT NOT NULL, takes_texts BIGINT NOT NULL,
                created_at BIGINT NOT NULL, expires_at BIGINT, confirmed_at BIGINT, usable_from BIGINT NOT NULL, used_at BIGINT,
                PRIMARY KEY (account_id, id))
            """,
            "CREATE UNIQUE INDEX phone_once ON phone (account_id, number_key) WHERE confirmed_at IS NOT NULL",
            "CREATE UNIQUE INDEX phone_by_id ON phone (id)",
            // When a number of an account was last removed: the next one counts as its change.
            "CREATE TABLE phone_change (account_id BYTEA NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE, at BIGINT NOT NULL)",
        ])
}

extension Transaction {
    /// Confirmed numbers, the last used first.
    borrowing func phones(of account: Account.ID) throws(StoreError) -> [Phone] {
        try run(
            """
            SELECT * FROM phone WHERE account_id = \(account) AND confirmed_at IS NOT NULL
            ORDER BY COALESCE(used_at, confirmed_at) DESC, id
            """
        ).map { (row) throws(StoreError) in try Self.phone(row) }
    }

    private static func phone(_ row: Row) throws(StoreError) -> Phone {
        Phone(
            id: try row.id("id"), masked: try row.text("masked"), country: try row.text("country"),
            takesTexts: try row.integer("takes_texts") == 1, addedAt: try row.time("created_at"), usableFrom: try row.time("usable_from"),
            usedAt: try row.optionalTime("used_at"))
    }

    /// One of an account, waiting or confirmed, with its sealed number.
    borrowing func phone(
        _ id: Phone.ID, of account: Account.ID, now: Timestamp
    ) throws(StoreError) -> (phone: Phone, sealed: [UInt8], key: [UInt8], isConfirmed: Bool)? {
        try run(
            """
            SELECT * FROM phone WHERE account_id = \(account) AND id = \(id) AND (confirmed_at IS NOT NULL OR expires_at > \(now))
            """
        ).first.map { (row) throws(StoreError) in
            (
                phone: try Self.phone(row), sealed: try row.blob("number"), key: try row.blob("number_key"),
                isConfirmed: try row.optionalTime("confirmed_at") != nil
            )
        }
    }

    /// The sealed number that a delivery goes to, if it still is one.
    borrowing func sealedNumber(_ id: Phone.ID, now: Timestamp) throws(StoreError) -> [UInt8]? {
        try run("SELECT number FROM phone WHERE id = \(id) AND (confirmed_at IS NOT NULL OR expires_at > \(now))").first
            .map { (row) throws(StoreError) in try row.blob("number") }
    }

    /// Adds one that waits for its code. Only the newest waits.
    /// - Returns: false if the account has as many as it may.
    borrowing func addPendingPhone(_ new: NewPhone) throws(StoreError) -> Bool {
        try removePendingPhones(of: new.account)
        let count = try run("SELECT COUNT(*) AS number FROM phone WHERE account_id = \(new.account)")[0].integer("number")
        guard count < Phone.most else { return false }
        return try change(
            """
            INSERT INTO phone (account_id, id, number, number_key, masked, country, takes_texts, created_at, expires_at, usable_from)
            VALUES (\(new.account), \(new.id), \(new.sealed), \(new.key), \(new.masked), \(new.country),
                \(new.takesTexts ? 1 as Int64 : 0), \(new.now), \(new.now + Phone.pendingLifetime), \(new.now))
            """) == 1
    }

    /// One with this number that waits for its code.
    borrowing func waitingPhone(key: [UInt8], of account: Account.ID, now: Timestamp) throws(StoreError) -> Phone.ID? {
        try run(
            "SELECT id FROM phone WHERE account_id = \(account) AND number_key = \(key) AND confirmed_at IS NULL AND expires_at > \(now)"
        ).first.map { (row) throws(StoreError) in try row.id("id") }
    }

    borrowing func hasPhone(key: [UInt8], of account: Account.ID) throws(StoreError) -> Bool {
        try !run(
            "SELECT 1 AS found FROM phone WHERE account_id = \(account) AND number_key = \(key) AND confirmed_at IS NOT NULL"
        ).isEmpty
    }

    /// Makes a waiting one count.
    borrowing func confirmPhone(
        _ id: Phone.ID, of account: Account.ID, usableFrom: Timestamp, now: Timestamp
    ) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE phone SET confirmed_at = \(now), used_at = \(now), expires_at = NULL, usable_from = \(usableFrom)
            WHERE account_id = \(account) AND id = \(id) AND confirmed_at IS NULL AND expires_at > \(now)
            """) == 1
    }

    borrowing func removePendingPhones(of account: Account.ID) throws(StoreError) {
        try change("DELETE FROM phone WHERE account_id = \(account) AND confirmed_at IS NULL")
    }

    borrowing func removePhone(_ id: Phone.ID, of account: Account.ID, now: Timestamp) throws(StoreError) -> Bool {
        guard try change("DELETE FROM phone WHERE account_id = \(account) AND id = \(id) AND confirmed_at IS NOT NULL") == 1 else {
            return false
        }
        try change(
            """
            INSERT INTO phone_change (account_id, at) VALUES (\(account), \(now))
            ON CONFLICT (account_id) DO UPDATE SET at = excluded.at
            """)
        return true
    }

    /// - Returns: how many confirmed ones there were.
    borrowing func removePhones(of account: Account.ID) throws(StoreError) -> Int {
        let count = try change("DELETE FROM phone WHERE account_id = \(account) AND confirmed_at IS NOT NULL")
        try removePendingPhones(of: account)
        return count
    }

    /// - Returns: how many confirmed ones there were.
    borrowing func removePhones(of account: Account.ID, addedSince time: Timestamp) throws(StoreError) -> Int {
        try removePendingPhones(of: account)
        return try change("DELETE FROM phone WHERE account_id = \(account) AND confirmed_at >= \(time)")
    }

    /// Whether a number was removed since: a new one takes its place.
    borrowing func changedPhone(_ account: Account.ID, since: Timestamp) throws(StoreError) -> Bool {
        try !run("SELECT 1 AS found FROM phone_change WHERE account_id = \(account) AND at > \(since)").isEmpty
    }

    borrowing func notePhoneUse(_ id: Phone.ID, of account: Account.ID, now: Timestamp) throws(StoreError) -> Bool {
        try change(
            """
            UPDATE phone SET used_at = \(now)
            WHERE account_id = \(account) AND id = \(id) AND confirmed_at IS NOT NULL AND usable_from <= \(now)
            """) == 1
    }

    /// Seals every number anew, with the newest key.
    borrowing func resealPhones(_ reseal: (_ sealed: [UInt8], _ place: KeyRing.Place) -> [UInt8]?) throws(StoreError) -> Int {
        var count = 0
        for row in try run("SELECT account_id, id, number FROM phone") {
            let (account, id): (Account.ID, Phone.ID) = (try row.id("account_id"), try row.id("id"))
            guard let sealed = reseal(try row.blob("number"), Phone.place(of: id)) else { continue }
            count += try change("UPDATE phone SET number = \(sealed) WHERE account_id = \(account) AND id = \(id)")
        }
        return count
    }

    borrowing func prunePhones(now: Timestamp) throws(StoreError) {
        try change("DELETE FROM phone WHERE confirmed_at IS NULL AND expires_at < \(now)")
        try change("DELETE FROM phone_change WHERE at < \(now - .seconds(31 * 86_400))")
    }
}
