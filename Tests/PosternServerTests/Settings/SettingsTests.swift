import Foundation
import NetworkAddress
import PasswordHashing
import Secrets
import Support
import Testing

@testable import PosternServer

@Suite struct SettingsTests {
    private func load(_ yaml: String, _ environment: [String: String] = [:]) throws -> Settings {
        let path = try StoreUnderTest.freshFolder() + "/postern.yaml"
        try yaml.write(toFile: path, atomically: true, encoding: .utf8)
        return try Settings.load(file: path, environment: environment, cores: 2)
    }

    private func problem(_ yaml: String, _ environment: [String: String] = [:]) -> String {
        do {
            _ = try load(yaml, environment)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("without any setting everything has its default")
    func defaults() throws {
        let settings = try Settings.load(file: nil, environment: ["PATH": "/bin", "HOME": "/root"], cores: 4)
        #expect(settings.publicURL.description == "http://127.0.0.1:8080")
        #expect(settings.listen.description == "127.0.0.1:8080")
        #expect(settings.signUp == .open)
        #expect(settings.hashing.threads == 4)
        #expect(settings.trustedProxies.isEmpty)
        #expect(settings.showsDevelopmentMailbox)
        #expect(!settings.cookiesNeedTLS)
        guard case .sqlite(let path) = settings.database else { Issue.record("no SQLite"); return }
        #expect(path == "./postern-data/postern.sqlite")
    }

    @Test("a whole file is read, and the environment wins over it")
    func reading() throws {
        let settings = try load(
            """
            public-url: https://shop.example
            listen: "[::]:8443"
            trusted-proxies: [127.0.0.1, 10.0.0.0/8]
            session: {idle: 30m, absolute: 24h, keep: 90d}
            groups:
              staff:
                session: {idle: 5m}
            apps: {grafana: {host: g.example.org}}
            hashing: {memory-kib: 65536, passes: 3, threads: 1, queue: 5}
            mail: {smtp: "smtp://mailer@mail.example:587", from: accounts@shop.example}
            site: {name: Example Shop, accent: "#0c5872", help: "mailto:help@shop.example"}
            """, ["POSTERN_SITE_NAME": "Other", "POSTERN_MAIL_SMTP_PASSWORD": "s3cret", "POSTERN_TRUSTED_PROXIES": "192.0.2.1, ::1"])
        #expect(settings.publicURL.isHTTPS && settings.cookiesNeedTLS)
        #expect(settings.listen.description == "[::]:8443")
        #expect(settings.trustedProxies.map(\.description) == ["192.0.2.1", "::1"])
        #expect(settings.session == SessionPolicy(idle: .seconds(1_800), absolute: .seconds(86_400), keep: .seconds(7_776_000)))
        #expect(settings.groupSessions["staff"]?.idle == .seconds(300))
        #expect(settings.apps.map(\.origin.description) == ["https://g.example.org"])
        #expect(settings.hashing.parameters.memoryKiB == 65_536 && settings.hashing.queue == 5)
        #expect(settings.smtp?.password?.exposed == "s3cret")
        #expect(settings.site.name == "Other")
        #expect(settings.signUp == .invited)
        #expect(!settings.showsDevelopmentMailbox)
        #expect(!"\(settings)".contains("s3cret"))
    }

    @Test("a secret may stand in a file that a variable names")
    func secretFile() throws {
        let path = try StoreUnderTest.freshFolder() + "/password"
        try "p4ss\n".write(toFile: path, atomically: true, encoding: .utf8)
        let settings = try load("mail: {smtp: 'smtps://mail.example'}", ["POSTERN_MAIL_SMTP_PASSWORD_FILE": path])
        #expect(settings.smtp?.password?.exposed == "p4ss")
        #expect(problem("", ["POSTERN_DATABASE_FILE": "/nowhere"]).contains("can't be read"))
    }

    @Test(
        "what is wrong is told with place, key, finding and what is allowed",
        arguments: [
            ("pubic-url: x", ["line 1", "'pubic-url' is not known", "'public-url'"]),
            ("site:\n  nam: x", ["line 2", "site.nam", "site.name"]),
            ("public-url: ftp://x", ["line 1", "public-url", "ftp://x", "https://HOST"]),
            ("public-url: http://shop.example", ["https:// for every host but loopback"]),
            ("listen: 8080", ["listen", "8080", "127.0.0.1:8080"]), ("trusted-proxies: 10.0.0.0/8", ["one value", "Allowed: a list"]),
            ("trusted-proxies: [10.0.0.1/8]", ["10.0.0.1/8", "networks such as"]), ("trusted-proxies: [0.0.0.0/0]", ["whoever is trusted"]),
            ("listen: [a]", ["a list", "one value"]), ("sign-up: maybe", ["maybe", "open, domains, invited, closed"]),
            ("sign-up: domains", ["at least one e-mail domain"]),
            ("session: {idle: 5}", ["session.idle", "'5'", "15m"]), ("session: {idle: -5m}", ["-5m"]),
            ("session: {idle: 30s}", ["2m or more"]),
            ("session: {idle: 99999999999999999999d}", ["session.idle"]),
            ("hashing: {memory-kib: 1024}", ["1024", "from 19456"]), ("hashing: {passes: 1}", ["47104"]),
            ("database: mysql://x:pw@y/z", ["postgres://"]),
            ("mail: {smtp: 'http://x'}", ["smtp://"]),
            ("mail: {smtp: 'smtp://u:p@x'}", ["a password in the URL", "POSTERN_MAIL_SMTP_PASSWORD"]),
            ("site: {logo: 'https://cdn.example/x.svg'}", ["nothing is loaded from other hosts"]), ("site: {accent: red}", ["#0c5872"]),
            ("site: {name: ''}", ["1 to 60"]),
            ("groups: {Staff: {session: {idle: 1m}}}", ["a-z, 0-9 and -"]), ("apps: {x: {host: 'a b'}}", ["a host name"]),
            ("site: x", ["'site' is not known"]), ("- a", ["expected 'key: value'"]),
            ("a: [", ["is not YAML"]), ("site: &x {name: a}\nsession: *x", ["'session.name' is not known"]),
            ("log-level: loud", ["debug, info"]),
        ])
    func wrong(yaml: String, words: [String]) {
        let problem = problem(yaml)
        for word in words { #expect(problem.contains(word), "\(problem)") }
        #expect(!problem.contains("pw@"))
    }

    @Test("a password in an argument is refused: everybody on the machine can read it")
    func passwordInArgument() {
        #expect(throws: SettingsFile.Problem.self) {
            try Settings.load(file: nil, environment: [:], overrides: .init(database: "postgres://u:secret@h/d"), cores: 1)
        }
        #expect(throws: Never.self) {
            try Settings.load(
                file: nil, environment: [:], overrides: .init(database: "postgres:///d?host=/tmp/x&options=-csearch_path%3Da"), cores: 1)
        }
    }

    @Test("an unknown variable of ours is refused, others are not ours")
    func variables() {
        #expect(problem("", ["POSTERN_PUBIC_URL": "x"]).contains("POSTERN_PUBIC_URL is not known"))
        #expect(problem("", ["POSTERNX": "x"]).isEmpty)
        #expect(problem("", ["POSTERN_CONFIG": "x"]).isEmpty)
    }
}
