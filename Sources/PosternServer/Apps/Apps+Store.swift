import Storage

extension Migration {
    static let apps = Migration(
        15, "apps",
        [
            // Lists are joined by line breaks, which none of their parts may hold. NULL in seen_groups is all of them.
            """
            CREATE TABLE app (
                name TEXT NOT NULL PRIMARY KEY, origin TEXT NOT NULL UNIQUE, identity TEXT NOT NULL, email_domains TEXT NOT NULL,
                separator TEXT NOT NULL, letters TEXT NOT NULL, seen_groups TEXT, rules TEXT NOT NULL, cookie_domain TEXT,
                takes_keys BIGINT NOT NULL, key_header TEXT, created_at BIGINT NOT NULL)
            """,
            // One row from the first app on, also when the last is gone.
            "CREATE TABLE apps_in_use (one BIGINT NOT NULL PRIMARY KEY)",
        ])
}

extension Migration {
    static let appKeys = Migration(
        43, "which keys an app takes",
        [
            // Kinds and scopes, joined by spaces.
            "ALTER TABLE app ADD COLUMN key_kinds TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE app ADD COLUMN key_scopes TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE app DROP COLUMN takes_keys",
        ])
}

extension Transaction {
    /// - Returns: false if there is an app of that name or host already.
    borrowing func addApp(_ app: App, now: Timestamp) throws(StoreError) -> Bool {
        try change("INSERT INTO apps_in_use (one) VALUES (1) ON CONFLICT DO NOTHING")
        return try change(
            """
            INSERT INTO app (name, origin, identity, email_domains, separator, letters, seen_groups, rules, cookie_domain, key_kinds,
                key_scopes, key_header, created_at)
            VALUES (\(app.name), \(app.origin.description), \(app.identity.rawValue), \(app.emailDomains.joined(separator: "\n")),
                \(app.separator), \(app.letters.rawValue), \(app.groups?.map(\.text).joined(separator: "\n")),
                \(app.rules.map(\.text).joined(separator: "\n")), \(app.cookieDomain), \(app.keyKinds.map(\.rawValue).sorted().joined(separator: " ")),
                \(app.keyScopes.text), \(app.keyHeader), \(now))
            ON CONFLICT DO NOTHING
            """) == 1
    }

    /// Whether an app was ever named.
    borrowing func appsWereNamed() throws(StoreError) -> Bool { try !run("SELECT one FROM apps_in_use").isEmpty }

    borrowing func removeApp(_ name: String) throws(StoreError) -> Bool { try change("DELETE FROM app WHERE name = \(name)") == 1 }

    /// By name.
    borrowing func apps() throws(StoreError) -> [App] {
        var apps: [App] = []
        for row in try run("SELECT * FROM app ORDER BY name") {
            guard let origin = PublicURL(try row.text("origin")) else { throw .unexpectedColumn("origin") }
            guard let identity = App.Identity(rawValue: try row.text("identity")) else { throw .unexpectedColumn("identity") }
            guard let letters = App.Letters(rawValue: try row.text("letters")) else { throw .unexpectedColumn("letters") }
            var app = App(name: try row.text("name"), origin: origin)
            app.identity = identity
            app.letters = letters
            app.separator = try row.text("separator")
            app.emailDomains = try row.text("email_domains").split(separator: "\n").map(String.init)
            app.groups = try row.optionalText("seen_groups")?.split(separator: "\n").compactMap { GroupName.orRole(String($0)) }
            for line in try row.text("rules").split(separator: "\n") {
                // A rule that can't be read any more must not open what it guarded.
                guard let rule = AccessRule(String(line)) else { throw .unexpectedColumn("rules") }
                app.rules.append(rule)
            }
            app.cookieDomain = try row.optionalText("cookie_domain")
            app.keyKinds = Set(try row.text("key_kinds").split(separator: " ").compactMap { APIKey.Kind(rawValue: String($0)) })
            guard let scopes = KeyScopes(try row.text("key_scopes")) else { throw .unexpectedColumn("key_scopes") }
            app.keyScopes = scopes
            app.keyHeader = try row.optionalText("key_header")
            apps.append(app)
        }
        return apps
    }
}
