import Storage

extension Migration {
    static let groups = Migration(
        2, "groups",
        [
            "CREATE TABLE account_group (name TEXT NOT NULL PRIMARY KEY, created_at BIGINT NOT NULL)",
            """
            CREATE TABLE account_group_member (
                group_name TEXT NOT NULL REFERENCES account_group (name) ON DELETE CASCADE,
                account_id BYTEA NOT NULL REFERENCES account (id) ON DELETE CASCADE, PRIMARY KEY (account_id, group_name))
            """,
            "CREATE INDEX account_group_member_by_group ON account_group_member (group_name)",
        ])
}

extension Migration {
    static let joined = Migration(
        25, "when somebody joined a group", ["ALTER TABLE account_group_member ADD COLUMN joined_at BIGINT NOT NULL DEFAULT 0"])
}

extension Transaction {
    /// The groups of an account, in order, with what it is in organizations (`acme:owner`).
    borrowing func groups(of account: Account.ID) throws(StoreError) -> [String] {
        let rows = try run(
            """
            SELECT group_name FROM account_group_member WHERE account_id = \(account)
            UNION ALL SELECT organization.slug || ':' || organization_member.role FROM organization_member
                JOIN organization ON organization.id = organization_member.organization_id
                WHERE organization_member.account_id = \(account) AND organization.ends_at IS NULL
            ORDER BY group_name
            """)
        return try rows.map { (row) throws(StoreError) in try row.text("group_name") }
    }

    /// The same, with when they were joined.
    borrowing func memberships(of account: Account.ID) throws(StoreError) -> [(name: String, joinedAt: Timestamp)] {
        try memberships(from: account, to: account)[account] ?? []
    }

    /// Of all accounts whose ids lie between two.
    borrowing func memberships(
        from first: Account.ID, to last: Account.ID
    ) throws(StoreError) -> [Account.ID: [(name: String, joinedAt: Timestamp)]] {
        var found: [Account.ID: [(name: String, joinedAt: Timestamp)]] = [:]
        let rows = try run(
            """
            SELECT account_id, group_name, joined_at FROM account_group_member WHERE account_id >= \(first) AND account_id <= \(last)
            UNION ALL SELECT organization_member.account_id, organization.slug || ':' || organization_member.role, organization_member.joined_at
                FROM organization_member JOIN organization ON organization.id = organization_member.organization_id
                WHERE organization_member.account_id >= \(first) AND organization_member.account_id <= \(last)
                    AND organization.ends_at IS NULL
            ORDER BY account_id, group_name
            """)
        for row in rows { found[try row.id("account_id"), default: []].append((try row.text("group_name"), try row.time("joined_at"))) }
        return found
    }

    /// Adds an account to a group, which is made if it isn't there.
    /// - Returns: false if it was in it already.
    borrowing func addToGroup(_ group: GroupName, _ account: Account.ID, now: Timestamp) throws(StoreError) -> Bool {
        try change("INSERT INTO account_group (name, created_at) VALUES (\(group.text), \(now)) ON CONFLICT (name) DO NOTHING")
        return try change(
            """
            INSERT INTO account_group_member (group_name, account_id, joined_at) VALUES (\(group.text), \(account), \(now))
            ON CONFLICT (account_id, group_name) DO NOTHING
            """) == 1
    }

    borrowing func removeFromGroup(_ group: GroupName, _ account: Account.ID) throws(StoreError) -> Bool {
        try change("DELETE FROM account_group_member WHERE group_name = \(group.text) AND account_id = \(account)") == 1
    }

    borrowing func groupCount() throws(StoreError) -> Int64 {
        try run("SELECT COUNT(*) AS number FROM account_group")[0].integer("number")
    }
}
