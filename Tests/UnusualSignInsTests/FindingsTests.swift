import Support
import Testing
import UnusualSignIns

@Suite struct FindingsTests {
    private static let lisbon = Position(latitude: 38.72, longitude: -9.14, radius: 20)
    private static let rotterdam = Position(latitude: 51.92, longitude: 4.48, radius: 20)
    private static let home = Whereabouts(country: "PT", network: 3_243, position: lisbon)
    private static let away = Whereabouts(country: "NL", network: 1_136, position: rotterdam)

    private func kinds(
        _ here: Whereabouts, after before: Whereabouts? = home, seconds: Double = 3_600, isKnown: Bool = false,
        countries: Set<String> = ["PT"], networks: Set<UInt32> = [3_243]
    ) -> [Finding.Kind: Int] {
        let findings = Findings.ofPlace(
            here, before: before.map { ($0, seconds) }, isKnownBrowser: isKnown, knownCountries: countries, knownNetworks: networks)
        return Dictionary(uniqueKeysWithValues: findings.map { ($0.kind, $0.confidence) })
    }

    @Test("another country within an hour is a new country, a new network and a way that nobody goes")
    func away() {
        let found = kinds(Self.away)
        #expect(Set(found.keys) == [.newCountry, .newNetwork, .travel])
        #expect(found.values.allSatisfy { $0 >= 50 })
    }

    @Test("a day later it is only new; a known browser halves what it means")
    func later() {
        #expect(Set(kinds(Self.away, seconds: 86_400).keys) == [.newCountry, .newNetwork])
        let known = kinds(Self.away, isKnown: true)
        #expect(known.values.allSatisfy { $0 < 50 })
    }

    @Test("VPNs and mobile networks tell of no travel, on either end")
    func tunnels() {
        for change in [\Whereabouts.isAnonymous, \.isMobile] {
            var (from, to) = (Self.home, Self.away)
            to[keyPath: change] = true
            #expect(kinds(to)[.travel] == nil)
            from[keyPath: change] = true
            #expect(kinds(Self.away, after: from)[.travel] == nil)
        }
        var tunnel = Self.away
        tunnel.isAnonymous = true
        #expect(kinds(tunnel).values.allSatisfy { $0 < 50 })
    }

    @Test("who keeps their network roams: neither its country nor the way means anything")
    func roaming() {
        let roaming = Whereabouts(country: "NL", network: 3_243, position: Self.rotterdam)
        #expect(kinds(roaming).isEmpty)
    }

    @Test("a place that is known vaguely, or not at all, tells of no travel")
    func vague() {
        for radius in [201.0, 1_000] {
            var vague = Self.away
            vague.position = Position(latitude: 51.92, longitude: 4.48, radius: radius)
            #expect(kinds(vague)[.travel] == nil)
        }
        #expect(kinds(Whereabouts(country: "NL", network: 1_136))[.travel] == nil)
        #expect(kinds(Whereabouts()).isEmpty)
        #expect(kinds(Self.away, after: nil)[.travel] == nil)
        #expect(kinds(Self.away, after: Whereabouts(country: "PT"))[.travel] == nil)
    }

    @Test("a first sign-in has nothing to be compared with")
    func first() {
        #expect(kinds(Self.away, after: nil, countries: [], networks: []).isEmpty)
        #expect(Findings.atOnce(isKnownBrowser: nil, failures: 0).isEmpty)
    }

    @Test("failures count from the third on, and weigh more the more there are")
    func failures() {
        #expect(Findings.atOnce(isKnownBrowser: true, failures: 2).isEmpty)
        var last = 0
        for failures in 3...100 {
            let found = Findings.atOnce(isKnownBrowser: nil, failures: failures)
            #expect(found.map(\.kind) == [.failuresBefore] && found[0].measure == failures)
            #expect(found[0].confidence >= last && found[0].confidence <= 95)
            last = found[0].confidence
        }
        #expect(Findings.atOnce(isKnownBrowser: false, failures: 0).map(\.kind) == [.newBrowser])
        #expect(Findings.halfWay(isKnownBrowser: true).confidence < 50)
    }

    @Test("whatever the places, confidence stays in its bounds and travel is as fast as it says")
    func properties() {
        var generator = SeededGenerator(seed: 12)
        for _ in 0..<20_000 {
            func random() -> Whereabouts {
                Whereabouts(
                    country: ["", "PT", "NL", "BR"].randomElement(using: &generator) ?? "",
                    network: Bool.random(using: &generator) ? .random(in: 0...9, using: &generator) : nil,
                    position: Position(
                        latitude: .random(in: -100...100, using: &generator), longitude: .random(in: -200...200, using: &generator),
                        radius: .random(in: 0...400, using: &generator)),
                    isAnonymous: Bool.random(using: &generator), isMobile: Bool.random(using: &generator))
            }
            let seconds = Double.random(in: 0...1e6, using: &generator)
            let (here, before) = (random(), random())
            let findings = Findings.ofPlace(
                here, before: (before, seconds), isKnownBrowser: Bool.random(using: &generator), knownCountries: ["PT"], knownNetworks: [3])
            for finding in findings {
                #expect((0...100).contains(finding.confidence))
                guard finding.kind == .travel, let from = before.position, let to = here.position else { continue }
                let way = Travel(from: from, to: to, seconds: seconds)
                #expect(way.speed >= Double(Findings.slowest) && way.kilometres >= Findings.shortestWay)
                #expect(finding.kilometres == Int(way.kilometres))
            }
        }
    }

    @Test("rules: what is less sure than they ask, or slower, is only written down; of two groups the stricter wins")
    func rules() {
        let rules = Rules(measures: [.newCountry: .tell, .travel: .end], confidence: 50, speed: 1_000)
        #expect(rules.measure(for: Finding(.newCountry, confidence: 49)) == .record)
        #expect(rules.measure(for: Finding(.newCountry, confidence: 50)) == .tell)
        #expect(rules.measure(for: Finding(.travel, confidence: 90, measure: 999)) == .record)
        #expect(rules.measure(for: [Finding(.newCountry, confidence: 90), Finding(.travel, confidence: 90, measure: 5_000)]) == .end)
        #expect(rules.measure(for: Finding(.newNetwork, confidence: 100)) == .record)
        #expect(rules.measure(for: []) == .record)
        let other = Rules(measures: [.newCountry: .ask, .travel: .tell], confidence: 70, speed: 500)
        let both = rules.strictest(with: other)
        #expect(both.measures == [.newCountry: .ask, .travel: .end] && both.confidence == 50 && both.speed == 500)
        #expect(both == other.strictest(with: rules))
    }
}
