import DeliveryRouting
import Foundation
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

@Suite struct DeliveryRulesTests {
    private func settings(_ text: String, environment: [String: String] = [:]) throws -> DeliverySettings {
        let path = try StoreUnderTest.freshFolder() + "/postern.yaml"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return try Settings.load(file: path, environment: environment, cores: 2).delivery
    }

    private static let two = """
        delivery:
          countries: [PT, GB]
          providers:
            north: {kind: kannel, url: "http://10.0.0.5/cgi-bin/sendsms", account: shop, secret: a, from: Shop, price: 0.041, prices: ["PT 0.03"]}
            south: {kind: twilio, account: AC1, secret: b, from: "+351900000000"}

        """

    @Test("routes by country, weights, prices and experiments are read")
    func read() throws {
        let settings = try settings(
            Self.two + """
                  routes:
                    texts: {channel: sms, arms: [north 70, south 30]}
                    home: {channel: sms, countries: [PT], arms: [south]}
                    calls: {channel: voice, arms: [south]}
                  experiments:
                    one: {channel: sms, countries: [GB], arms: [north 50, south 50], start: 2026-11-16, end: 2026-11-23}
                  guard: {mode: enforce, spend-per-day: 12.5, burst: 5/10m}
                """)
        #expect(settings.route(.sms, to: "PT")?.name == "home" && settings.route(.sms, to: "GB")?.name == "texts")
        #expect(settings.route(.sms, to: "GB")?.arms == [.init(provider: "north", weight: 70), .init(provider: "south", weight: 30)])
        #expect(settings.providers["north"]?.cost(to: "PT") == 30_000 && settings.providers["north"]?.cost(to: "GB") == 41_000)
        #expect(settings.guardRules == .init(mode: .enforce, countryFloor: 50, burst: (5, .seconds(600)), spendPerDay: 12_500_000))
        let day = try #require(ISOTime.day("2026-11-16"))
        #expect(settings.experiment(.sms, to: "GB", now: day)?.name == "one")
        #expect(settings.experiment(.sms, to: "GB", now: day - .seconds(1)) == nil)
        #expect(settings.experiment(.sms, to: "GB", now: day + .seconds(7 * 86_400)) == nil)
        #expect(settings.channels(to: "GB") == [.sms, .voice] && settings.channels(to: "DE").isEmpty)
    }

    @Test("a secret of a provider comes from the environment, or from a file that it names")
    func environment() throws {
        let file = try StoreUnderTest.freshFolder() + "/secret"
        try "from a file\n".write(toFile: file, atomically: true, encoding: .utf8)
        let text = """
            delivery:
              countries: [PT]
              providers:
                north-2: {kind: twilio, account: AC1, from: "+351900000000"}
                south: {kind: twilio, account: AC1, from: "+351900000000"}
            """
        let settings = try settings(
            text,
            environment: ["POSTERN_DELIVERY_PROVIDERS_NORTH_2_SECRET": "one", "POSTERN_DELIVERY_PROVIDERS_SOUTH_SECRET_FILE": file])
        #expect(settings.providers["north-2"]?.secret?.exposed == "one" && settings.providers["south"]?.secret?.exposed == "from a file")
        #expect(throws: SettingsFile.Problem.self) { try self.settings(text) }
        #expect(throws: SettingsFile.Problem.self) {
            try self.settings(text, environment: ["POSTERN_DELIVERY_PROVIDERS_NORTH_2_ACCOUNT": "x"])
        }
    }

    @Test(
        "a mistake names its place and what is allowed",
        arguments: [
            ("  routes: {a: {channel: sms, arms: [east]}}", "north, south"), ("  routes: {a: {channel: sms, arms: []}}", "at least one"),
            ("  routes: {a: {channel: voice, arms: [north]}}", "south"), ("  routes: {a: {channel: sms, arms: [north -1]}}", "weight"),
            ("  routes: {a: {channel: sms, arms: [north]}, b: {channel: sms, arms: [south]}}", "one route"),
            ("  routes: {a: {arms: [north]}}", "sms or voice"), ("  currency: euro", "three capitals"), ("  resend-after: 5s", "10s to 5m"),
            ("  experiments: {a: {channel: sms, countries: [PT], arms: [north], start: 2026-11-16}}", "at least two"),
            ("  experiments: {a: {channel: sms, countries: [PT], arms: [north, south], start: 2026-02-30}}", "a day"),
            ("  guard: {burst: 1/1h}", "2 to 1000"), ("  guard: {spend-per-day: lots}", "an amount"),
            ("  routes: {a: {channel: sms, countries: [XX], arms: [north]}}", "ISO 3166-1"),
        ])
    func mistakes(text: String, allowed: String) {
        #expect { _ = try settings(Self.two + text) } throws: { "\($0)".contains(allowed) && "\($0)".contains("Allowed") }
    }

    @Test("http:// only to this machine or a Kannel, and no URL with a name and password")
    func urls() {
        for (kind, url) in [
            ("twilio", "http://api.example.com"), ("http", "http://sms.example.com/x"), ("twilio", "ftp://x"), ("http", "https://a@b/"),
        ] {
            let text =
                "delivery:\n  countries: [PT]\n  providers:\n    a: {kind: \(kind), url: \"\(url)\", account: a, secret: b, from: c, body: d}\n"
            #expect(throws: SettingsFile.Problem.self, "\(url)") { try settings(text) }
        }
    }

    private func rules(_ adjust: (inout DeliverySettings) -> Void) -> DeliveryRules {
        var settings = DeliverySettings()
        settings.countries = ["PT", "GB"]
        for name in ["a", "b", "c"] { settings.providers[name] = .init(name: name, kind: .kannel) }
        settings.routes = [
            .init(
                name: "all", channel: .sms, countries: [], arms: ["a", "b", "c"].map { .init(provider: $0, weight: $0 == "a" ? 80 : 10) })
        ]
        adjust(&settings)
        return DeliveryRules(settings) { ScriptedProvider($0.name) }
    }

    @Test("weights are kept, and the rest comes in the order of the settings")
    func weights() throws {
        let rules = rules { _ in }
        var counts: [String: Int] = [:]
        for _ in 0..<5_000 {
            let plan = try #require(rules.plan(.sms, to: "PT", tried: [], now: .now(), random: .system))
            counts[plan.providers[0], default: 0] += 1
            #expect(Set(plan.providers) == ["a", "b", "c"])
        }
        #expect(abs((counts["a"] ?? 0) - 4_000) < 200 && (counts["b"] ?? 0) > 350)
        #expect(rules.plan(.voice, to: "PT", tried: [], now: .now(), random: .system) == nil)
        #expect(rules.plan(.sms, to: "DE", tried: [], now: .now(), random: .system) == nil)
    }

    @Test("a resend takes what was not tried, then what was tried longest ago, and the last again only where there is no other")
    func resend() {
        let rules = rules { _ in }
        func next(_ tried: String...) -> String? { rules.plan(.sms, to: "PT", tried: tried, now: .now(), random: .system)?.providers.first }
        #expect(next("a") == "b" && next("b") == "a" && next("a", "b") == "c" && next("a", "b", "c") == "a" && next("c", "b", "a") == "c")
        #expect(next("a", "b", "a") == "c")
        let single = self.rules { $0.routes = [.init(name: "x", channel: .sms, countries: [], arms: [.init(provider: "a", weight: 1)])] }
        #expect(single.plan(.sms, to: "PT", tried: ["a"], now: .now(), random: .system)?.providers == ["a"])
    }

    @Test("a shut circuit moves codes elsewhere, out of the experiment, and people are told once none is left")
    func circuits() throws {
        let start = Timestamp.now() - .seconds(60)
        let rules = rules { settings in
            settings.experiments = [
                .init(
                    name: "x", channel: .sms, countries: ["PT"], arms: [.init(provider: "b", weight: 1), .init(provider: "c", weight: 0)],
                    start: start, end: nil)
            ]
        }
        let now = Timestamp.now()
        let before = try #require(rules.plan(.sms, to: "PT", tried: [], now: now, random: .system))
        #expect(before.providers == ["b", "c", "a"] && before.experiment == "x")
        func shut(_ name: String) { for _ in 0..<5 { _ = rules.note(failed: true, name, .sms, now: now) } }
        shut("b")
        let after = try #require(rules.plan(.sms, to: "PT", tried: [], now: now, random: .system))
        #expect(after.providers == ["c", "a", "b"] && after.experiment.isEmpty)
        #expect(!rules.isDelayed(.sms, to: "PT", now: now))
        shut("a")
        shut("c")
        #expect(rules.isDelayed(.sms, to: "PT", now: now))
        #expect(!rules.isDelayed(.sms, to: "PT", now: now + .seconds(31)), "it is tried again")
    }

    @Test("learning takes the better arm of a country, with its reason, and the other at least one time in twenty")
    func learning() throws {
        let rules = rules { $0.learns = true }
        rules.learn([
            ArmFigures(channel: "sms", country: "PT", provider: "a", asked: 2_000, used: 1_600),
            ArmFigures(channel: "sms", country: "PT", provider: "b", asked: 2_000, used: 1_800),
            ArmFigures(channel: "sms", country: "PT", provider: "c", asked: 2_000, used: 1_500),
        ])
        var counts: [String: Int] = [:]
        var reasons: Set<String> = []
        for _ in 0..<4_000 {
            let plan = try #require(rules.plan(.sms, to: "PT", tried: [], now: .now(), random: .system))
            counts[plan.providers[0], default: 0] += 1
            reasons.insert(plan.choice)
        }
        #expect((counts["b"] ?? 0) > 3_400 && (counts["a"] ?? 0) > 120 && (counts["c"] ?? 0) > 120, "\(counts)")
        #expect(reasons == ["learning: 1800 of 2000 led in", "learning: the floor of 5 %"])
    }

    @Test("what the settings say is in force at once, with other credentials too")
    func replaced() {
        let rules = rules { _ in }
        var settings = rules.settings
        settings.routes = [.init(name: "all", channel: .sms, countries: [], arms: [.init(provider: "c", weight: 1)])]
        rules.replace(settings)
        #expect(rules.plan(.sms, to: "PT", tried: [], now: .now(), random: .system)?.providers == ["c"])
    }
}
