import ArgumentParser
import Foundation
import Secrets
import Storage

struct AppCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "app", abstract: "Name the apps behind the gateway, and see what they see.",
        discussion: """
            An app is named by its host. Apps can also stand in the settings file, under 'apps'; those are changed there. A change here \
            holds within a second, without a restart.
            """,
        subcommands: [Add.self, List.self, Show.self, Remove.self, Preview.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Name an app.",
            discussion: "Example: postern app add grafana --host grafana.example.org --preset grafana --rule '/api/health bypass'")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "A name of a-z, 0-9 and -.") var name: String
        @Option(help: "The host that browsers open, with :PORT unless it is 443.") var host: String
        @Option(help: ArgumentHelp("What is known of an app: \(AppPreset.allCases.map(\.rawValue).joined(separator: ", ")).")) var preset:
            String?
        @Option(help: "What Remote-User holds: username (default), email, local-part or id.") var identity: String?
        @Option(help: "Only people with addresses of this domain; may stand several times.") var emailDomain: [String] = []
        @Option(help: "A group that the app may see; may stand several times. Default: all.") var group: [String] = []
        @Option(help: "Between the groups in Remote-Groups. Default: a comma.") var groupsSeparator: String?
        @Option(help: "How names are sent: ascii (default) or utf-8.") var letters: String?
        @Option(help: "A path and what it requires, such as '/public/* bypass'; the first that fits counts.") var rule: [String] = []
        @Option(help: "For an app that can't hand /auth/ on: a domain that it shares with the public URL.") var cookieDomain: String?
        @Option(help: "Whose API keys pass: personal, organization or guest; may stand several times. Default: nobody's.") var keys:
            [String] = []
        @Option(help: "What such a key must be good for; may stand several times.") var keyScope: [String] = []
        @Option(help: "A header in which a key may come, besides Authorization.") var keyHeader: String?

        func run() async throws {
            var fields = AppFields(name: name, host: host)
            (fields.identity, fields.emailDomains, fields.groups) = (identity, emailDomain, group)
            (fields.separator, fields.letters, fields.rules) = (groupsSeparator, letters, rule)
            (fields.cookieDomain, fields.keyHeader, fields.keys, fields.keyScopes) = (cookieDomain, keyHeader, keys, keyScope)
            if let preset {
                guard let known = AppPreset(rawValue: preset) else {
                    throw failure("--preset is '\(preset)'. Allowed: \(AppPreset.allCases.map(\.rawValue).joined(separator: ", ")).")
                }
                known.complete(&fields)
            }
            let complete = fields
            try await place.withOpening { opening in
                let app: App
                do throws(AppFields.Problem) { app = try complete.app(portal: opening.settings.publicURL) } catch {
                    throw failure("\(error.key) is '\(error.found)'. Allowed: \(error.allowed).")
                }
                if opening.settings.apps.contains(where: { $0.name == app.name || $0.origin.authority == app.origin.authority }) {
                    throw failure("The settings file names that app or host already. Change it there.")
                }
                let isAdded = try await opening.store.write { (transaction) throws(StoreError) in
                    // A person by an app's name would be taken for it.
                    guard try !transaction.isUsernameTaken(Username.folded(app.name)) else { return false }
                    guard try transaction.addApp(app, now: .now()) else { return false }
                    try transaction.record(
                        AuditEvent(.appAdded, account: nil, by: .commandLine, from: nil, at: .now(), detail: app.name))
                    return true
                }
                guard isAdded else { throw failure("The name '\(app.name)' or the host \(app.origin.authority) is taken.") }
                print("\(app.name) is named: \(app.origin). Next:")
                if app.origin.host == opening.settings.publicURL.host, !app.origin.isLoopback {
                    print("  It is on the portal's own host and shares its cookies. Better: a host of its own for the portal (public-url).")
                }
                print("  postern snippet nginx --app \(app.name)     what to give the proxy")
                print("  postern check \(app.origin)     whether it holds")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the apps.")

        @OptionGroup var place: PlaceOptions
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            try await place.withOpening { opening in
                let apps = try await opening.apps()
                if json { return try printJSON(apps.map(AppDocument.init)) }
                guard !apps.isEmpty else { return print("No app yet. Name one: postern app add NAME --host app.example.org") }
                let width = max(4, apps.map(\.app.name.count).max() ?? 4)
                print("\("NAME".padded(to: width))  \("IDENTITY".padded(to: 10))  \("FROM".padded(to: 8))  HOST")
                for app in apps {
                    print(
                        "\(app.app.name.padded(to: width))  \(app.app.identity.rawValue.padded(to: 10))  \((app.isConfigured ? "settings" : "database").padded(to: 8))  \(app.app.origin)"
                    )
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one app.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "Its name.") var name: String
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            try await place.withOpening { opening in
                let served = try await opening.app(name)
                if json { return try printJSON(AppDocument(served)) }
                let app = served.app
                let lines = [
                    ("Name", app.name), ("Host", app.origin.description),
                    ("From", served.isConfigured ? "the settings file" : "postern app add"),
                    ("Remote-User", app.identity.rawValue),
                    ("E-mail", app.emailDomains.isEmpty ? "any domain" : app.emailDomains.joined(separator: ", ")),
                    ("Groups", app.groups?.map(\.text).joined(separator: ", ") ?? "all"), ("Separator", app.separator),
                    ("Letters", app.letters.rawValue), ("API keys", app.keyWords),
                    ("Cookie", app.cookieDomain.map { "of all of \($0)" } ?? "of this host"),
                ]
                for (name, value) in lines { print("\(name.padded(to: 13))\(value)") }
                print("Rules")
                for rule in app.rules { print("  \(rule.text)") }
                print("  everything else signed-in")
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take an app away. From then on its host is refused; nothing of its own is touched.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "Its name.") var name: String

        func run() async throws {
            try await place.withOpening { opening in
                let served = try await opening.app(name)
                guard !served.isConfigured else { throw failure("'\(name)' stands in the settings file. Remove it there.") }
                let name = name
                let isRemoved = try await opening.store.write { (transaction) throws(StoreError) in
                    guard try transaction.removeApp(name) else { return false }
                    try transaction.record(
                        AuditEvent(.appRemoved, account: nil, by: .commandLine, from: nil, at: .now(), detail: name))
                    return true
                }
                guard isRemoved else { throw failure("There is no app '\(name)' any more.") }
                print("\(name) is no longer behind the gateway.")
            }
        }
    }

    struct Preview: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what an app would be told of somebody: the decision, and every header to the byte.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "The app's name.") var name: String
        @Option(help: "The person's address.") var account: String
        @Option(help: "Path and query that they open.") var path = "/"
        @Option(help: "As if they had proved this much: aal1 (default) or aal2.") var assurance = "aal1"
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            guard let email = EmailAddress(account) else { throw ValidationError("'\(account)' is no e-mail address.") }
            guard let assurance = Assurance(rawValue: assurance) else { throw ValidationError("An assurance is aal1 or aal2.") }
            try await place.withOpening { opening in
                let app = try await opening.app(name).app
                let flow = PreviewApp(store: opening.store, assertions: opening.assertions, random: .system)
                guard let preview = try await flow.preview(app, as: email, at: path, assurance: assurance, now: .now()) else {
                    throw failure("\(email) has no open account.")
                }
                if json { return try printJSON(PreviewDocument(preview)) }
                print("\(preview.email) at \(app.origin)\(preview.path.text): \(preview.verdict)\n\(preview.rule)\n")
                for (name, value) in preview.headers { print("\(name): \(value)") }
            }
        }
    }
}

struct AppDocument: Encodable {
    let name: String
    let host: String
    let identity: String
    let email_domains: [String]
    let groups: [String]?
    let groups_separator: String
    let letters: String
    let rules: [String]
    let cookie_domain: String?
    let keys: [String]
    let key_scopes: [String]
    let key_header: String?
    let from: String

    init(_ served: ServedApp) {
        let app = served.app
        name = app.name
        host = app.origin.description
        identity = app.identity.rawValue
        email_domains = app.emailDomains
        groups = app.groups?.map(\.text)
        groups_separator = app.separator
        letters = app.letters.rawValue
        rules = app.rules.map(\.text)
        cookie_domain = app.cookieDomain
        keys = app.keyKinds.map(\.rawValue).sorted()
        key_scopes = app.keyScopes.names
        key_header = app.keyHeader
        from = served.isConfigured ? "settings" : "database"
    }
}

private struct PreviewDocument: Encodable {
    struct Header: Encodable {
        let name: String
        let value: String
    }

    let app: String
    let account: String
    let path: String
    let path_is_normal: Bool
    let verdict: String
    let rule: String
    let headers: [Header]

    init(_ preview: PreviewApp.Preview) {
        app = preview.app.name
        account = preview.email
        path = preview.path.text
        path_is_normal = preview.path.isNormal
        verdict = preview.verdict
        rule = preview.rule
        headers = preview.headers.map { Header(name: $0.name, value: $0.value) }
    }
}

extension Opening {
    /// As the server lists them.
    func apps() async throws -> [ServedApp] {
        let stored = try await store.read { (transaction) throws(StoreError) in try transaction.apps() }
        return AppDirectory.Listing(configured: settings.apps, stored: stored).all
    }

    func app(_ name: String) async throws -> ServedApp {
        let apps = try await apps()
        guard let found = apps.first(where: { $0.app.name == name }) else {
            let known = apps.map(\.app.name).joined(separator: ", ")
            throw failure("There is no app '\(name)'. Known: \(known.isEmpty ? "none" : known).")
        }
        return found
    }

    var assertions: Assertions {
        Assertions(signer: TokenSigner(keys.current, purpose: Assertions.purpose), issuer: settings.publicURL)
    }
}
