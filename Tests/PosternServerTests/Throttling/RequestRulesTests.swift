import Foundation
import HTTPTypes
import NetworkAddress
import Storage
import Support
import Testing
import Throttle

@testable import PosternServer

@Suite struct RequestRulesTests {
    /// Windows lie fixed in time: a short one would end now and then in the middle of a test.
    private static let year = Int(Rate.longestPeriod)

    private func rule(_ name: String, _ kind: ThrottleRule.Kind, _ adjust: (inout ThrottleRule) -> Void) -> ThrottleRule {
        var rule = ThrottleRule(name: name, kind: kind)
        adjust(&rule)
        return rule
    }

    private func makeHouse(_ rules: [ThrottleRule], on engine: StoreUnderTest = .sqlite) async throws -> TestHouse {
        try await TestHouse(engine) { $0.throttleRules = rules }
    }

    @Test("a throttle refuses what is over its limit, says how long, and is written down")
    func throttle() async throws {
        let house = try await makeHouse([
            rule("forgotten", .throttle) {
                $0.paths = ["/auth/forgot-password"].compactMap(PathPattern.init)
                $0.rate = Rate(limit: 3, period: Self.year)
                $0.answer = "Only three a year here."
            }
        ])
        for _ in 1...3 { #expect(try await house.send(.get, "/auth/forgot-password").status == .ok) }
        let refused = try await house.send(.get, "/auth/forgot-password", headers: [.accept: "text/html"])
        #expect(refused.status == .tooManyRequests)
        #expect(refused.text.contains("Only three a year here."))
        #expect(refused.headers[.retryAfter].flatMap(Int.init).map { (1...Self.year).contains($0) } == true)
        #expect(refused.headers[.named("RateLimit-Policy")] == #""forgotten";q=3"#)
        #expect(try await house.send(.get, "/auth/forgot-password", peer: "192.0.2.99").status == .ok)
        #expect(try await house.send(.get, "/auth/sign-in").status == .ok)
        try await house.server.gate.writeNotes(now: .now())
        #expect(try await house.number("SELECT number FROM refusal WHERE rule = 'forgotten' AND mode = 'enforced'") == 1)
        await house.close()
    }

    @Test("a rule that is tried out, and one that watches, let pass and are written down", arguments: StoreUnderTest.allCases)
    func shadow(engine: StoreUnderTest) async throws {
        let house = try await makeHouse(
            [
                rule("tried", .throttle) { ($0.mode, $0.rate) = (.shadow, Rate(limit: 1, period: Self.year)) },
                rule("listed", .blocklist) { ($0.mode, $0.addresses) = (.shadow, ["192.0.2.0/24"].compactMap { AddressRange($0) }) },
                rule("seen", .watch) { $0.rate = Rate(limit: 2, period: Self.year) },
            ], on: engine)
        for _ in 1...5 { #expect(try await house.send(.get, "/auth/sign-in").status == .ok) }
        try await house.server.gate.writeNotes(now: .now())
        #expect(try await house.number("SELECT number FROM refusal WHERE rule = 'tried' AND mode = 'shadow'") == 4)
        #expect(try await house.number("SELECT number FROM refusal WHERE rule = 'listed' AND mode = 'shadow'") == 5)
        #expect(try await house.number("SELECT number FROM refusal WHERE rule = 'seen' AND mode = 'watched'") == 3)
        await house.close()
    }

    @Test("safelists are asked first, then blocks and blocklists, then throttles, whatever their order in the file")
    func order() async throws {
        let house = try await makeHouse([
            rule("slow", .throttle) { $0.rate = Rate(limit: 0, period: 60) },
            rule("bad", .blocklist) { $0.userAgents = ["sqlmap"] },
            rule("ours", .safelist) { $0.addresses = ["192.0.2.0/24"].compactMap { AddressRange($0) } },
        ])
        #expect(try await house.send(.get, "/auth/sign-in", headers: [.userAgent: "SQLMap/1.7"]).status == .ok)
        #expect(try await house.send(.get, "/auth/sign-in", headers: [.userAgent: "SQLMap/1.7"], peer: "203.0.113.1").status == .forbidden)
        #expect(try await house.send(.get, "/auth/sign-in", peer: "203.0.113.1").status == .tooManyRequests)
        // What load balancers ask is never refused.
        #expect(try await house.send(.get, "/auth/health", peer: "203.0.113.1").status == .ok)
        await house.close()
    }

    @Test(
        "HT-15, OSVDB-132234, CVE-2020-24660: every spelling of a path is one path",
        arguments: [
            "/login", "/login/", "//login", "/LOGIN", "/%6Cogin", "/./login", "/x/../login", "/login;a=b", "/login?next=/", "/%2e/login",
            "/login%2f", "/login%20", "/login.", "\\login", "/%256Cogin", "/login#x", "/lo%67in//",
        ])
    func paths(target: String) throws {
        let pattern = try #require(PathPattern("/login"))
        #expect(pattern.matches(ThrottledPath(target: target)))
        #expect(try !#require(PathPattern("/log")).matches(ThrottledPath(target: target)))
        #expect(try #require(PathPattern("/*")).matches(ThrottledPath(target: target)))
        #expect(try !#require(PathPattern("/logins/*")).matches(ThrottledPath(target: target)))
    }

    @Test("a path with a star holds itself and all below it, and nothing beside")
    func stars() throws {
        let pattern = try #require(PathPattern("/admin/*"))
        for target in ["/admin", "/admin/", "/admin/x", "/Admin/x/y.html", "/admin/x%2fy"] {
            #expect(pattern.matches(ThrottledPath(target: target)))
        }
        for target in ["/", "/administrator", "/x/admin", "/adminx/y", "/admin-x"] {
            #expect(!pattern.matches(ThrottledPath(target: target)))
        }
        for text in ["admin", "/a*b", "/a?b", "/a%20b", ""] { #expect(PathPattern(text) == nil) }
    }

    @Test("a key of several parts counts each of their combinations apart; without a part nothing is counted")
    func keys() async throws {
        let house = try await makeHouse([
            rule("by-agent", .throttle) {
                ($0.key, $0.rate) = ([.address, .userAgent, .header("x-kind")], Rate(limit: 1, period: Self.year))
            }
        ])
        func status(_ agent: String, _ kind: String?, peer: String = "192.0.2.10") async throws -> HTTPResponse.Status {
            var headers: HTTPFields = [.userAgent: agent]
            headers[.named("X-Kind")] = kind
            return try await house.send(.get, "/auth/sign-in", headers: headers, peer: peer).status
        }
        #expect(try await status("a", "1") == .ok)
        #expect(try await status("a", "1") == .tooManyRequests)
        #expect(try await status("b", "1") == .ok)
        #expect(try await status("a", "2") == .ok)
        #expect(try await status("a", "1", peer: "192.0.2.11") == .ok)
        for _ in 1...3 { #expect(try await status("a", nil) == .ok) }
        await house.close()
    }

    @Test("one count for two nodes, where a rule says shared", arguments: StoreUnderTest.allCases)
    func shared(engine: StoreUnderTest) async throws {
        let house = try await makeHouse(
            [
                rule("together", .throttle) { ($0.rate, $0.isShared) = (Rate(limit: 10, period: 86_400), true) }
            ], on: engine)
        let other = TestHouse(sharing: house, try house.secondNode())
        let passed = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<40 {
                group.addTask { try await (number % 2 == 0 ? house : other).send(.get, "/auth/sign-in").status == .ok }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(passed == 10)
        other.server.hasher.stop()
        await house.close()
    }

    @Test("the settings say what a rule is, and each mistake in it")
    func settings() throws {
        func load(_ text: String) throws(SettingsFile.Problem) -> Settings {
            let path = (try? StoreUnderTest.freshFolder()).map { $0 + "/postern.yaml" } ?? ""
            try? text.write(toFile: path, atomically: true, encoding: .utf8)
            return try Settings.load(file: path, environment: [:], cores: 2)
        }
        let settings = try load(
            """
            throttling:
              sign-in:
                per-address: 30/1m
                wait-after: 6/10m
                block-after: 12
                lock-after: 50
                lock-for: 30m
                stuffing: 20/1h
                stuffing-block: 2d
              rules:
                shop-search:
                  kind: throttle
                  apps: [shop]
                  paths: [/search, /api/*]
                  methods: [get]
                  key: [address, "header:X-Shop"]
                  limit: 100/1m
                  window: sliding
                  mode: shadow
                office:
                  kind: safelist
                  addresses: [192.0.2.0/24]
            """)
        #expect(settings.signInLimits.pair.lockFor == 1_800 && settings.signInLimits.account.lockAt == 50)
        #expect(settings.throttleRules.map(\.name) == ["office", "shop-search"])
        #expect(settings.throttleRules[1].key == [.address, .header("x-shop")] && settings.throttleRules[1].rate?.window == .sliding)
        for (key, line) in [
            ("throttling.rules.x.kind", "kind: allow"), ("throttling.rules.x.limit", "kind: throttle"),
            ("throttling.rules.x.limit", "kind: throttle\n      limit: 5"),
            ("throttling.rules.x.limit", "kind: throttle\n      limit: 5/0s"),
            ("throttling.rules.x.key", "kind: throttle\n      limit: 5/1m\n      key: [cookie]"),
            ("throttling.rules.x.paths", "kind: throttle\n      limit: 5/1m\n      paths: [login]"),
            ("throttling.rules.x.addresses", "kind: blocklist\n      addresses: [10.0.0.1/8]"), ("throttling.rules.x", "kind: safelist"),
            ("throttling.rules.x.limit", "kind: blocklist\n      paths: [/x]\n      limit: 5/1m"),
            ("throttling.rules.x.window", "kind: throttle\n      limit: 5/1m\n      window: sliding\n      shared: yes"),
        ] {
            #expect {
                _ = try load("throttling:\n  rules:\n    x:\n      \(line)\n")
            } throws: { "\($0)".contains("'\(key)'") && "\($0)".contains("Allowed:") }
        }
        for (key, line) in [
            ("lock-after", "lock-after: 101"), ("lock-for", "lock-for: 5m"), ("block-after", "block-after: 5"),
            ("wait-after", "wait-after: 2/15m"),
            ("stuffing", "stuffing: 15"), ("per-address", "per-address: many"),
        ] {
            #expect { _ = try load("throttling:\n  sign-in:\n    \(line)\n") } throws: { "\($0)".contains("throttling.sign-in.\(key)") }
        }
    }

    @Test(
        "other rules hold as soon as the file says so, each change is a version, and a mistake changes nothing",
        arguments: StoreUnderTest.allCases)
    func reload(engine: StoreUnderTest) async throws {
        let path = try StoreUnderTest.freshFolder() + "/postern.yaml"
        func write(_ limit: String) throws {
            try "throttling:\n  rules:\n    all:\n      kind: throttle\n      limit: \(limit)\n".write(
                toFile: path, atomically: true, encoding: .utf8)
        }
        try write("2/1h")
        let read = try Settings.load(file: path, environment: [:], cores: 2)
        let house = try await TestHouse(engine) { ($0.throttleRules, $0.source) = (read.throttleRules, read.source) }
        try await house.server.rules.noteVersion(house.server.settings, now: .now())
        for _ in 1...2 { #expect(try await house.send(.get, "/auth/sign-in").status == .ok) }
        #expect(try await house.send(.get, "/auth/sign-in").status == .tooManyRequests)
        try write("nonsense")
        await #expect(throws: SettingsFile.Problem.self) { try await house.server.rules.reload(now: .now()) }
        #expect(try await house.send(.get, "/auth/sign-in").status == .tooManyRequests)
        try write("20/1h")
        try await house.server.rules.reload(now: .now())
        #expect(try await house.send(.get, "/auth/sign-in").status == .ok)
        let versions = try await house.store.read { (transaction) throws(StoreError) in try transaction.ruleVersions(limit: 9) }
        #expect(versions.map(\.number) == [2, 1])
        #expect(versions.first?.lines.contains("throttle all 20/3600s fixed by address") == true)
        await house.close()
    }
}
