import Foundation
import HTTPTypes
import NetworkAddress
import Secrets
import Storage
import Support
import Testing
import Throttle
import UnusualSignIns

@testable import PosternServer

@Suite struct SettleTests {
    static let lisbon = "5.1.0.7", rotterdam = "5.2.0.7", brasil = "5.3.0.7", tunnel = "5.4.0.7", mobile = "5.5.0.7", script = "5.7.0.7"

    /// A house that knows where the test's addresses are.
    static func house(
        _ engine: StoreUnderTest = .sqlite, _ measures: [Finding.Kind: Measure] = [:], mode: UnusualPolicy.Mode = .enforce
    ) async throws -> TestHouse {
        let file = try #require(Bundle.module.url(forResource: "places", withExtension: "mmdb")).path
        let house = try await TestHouse(engine) {
            $0.places.files = [file]
            $0.unusual.general.mode = mode
            $0.unusual.general.rules.measures.merge(measures) { $1 }
            $0.signInLimits.pair.waitFrom = 100
            $0.signInLimits.pair.lockAt = 100
        }
        await house.server.history.finder.refresh()
        return house
    }

    /// Looks after everything that waits.
    static func settle(_ house: TestHouse, now: Timestamp = .now()) async throws {
        while try await house.server.history.settling.round(now: now) > 0 {}
    }

    private func newest(_ house: TestHouse, _ id: Account.ID) async throws -> (KeptAttempt, place: ShownPlace, findings: [FindingLine]) {
        try await house.store.read { (transaction) throws(StoreError) in
            let attempt = try transaction.attempts(of: id, limit: 1)[0]
            return (
                attempt, try transaction.shownPlace(attempt.place, network: attempt.network), try transaction.findings(of: attempt.number)
            )
        }
    }

    private func browser(_ house: TestHouse, _ address: String) async throws -> TestBrowser {
        let browser = TestBrowser(house, peer: address)
        _ = try await browser.get("/auth/sign-in")
        return browser
    }

    @Test("places come from the file; private, loopback and carriers’ addresses are never looked up", arguments: StoreUnderTest.allCases)
    func places(engine: StoreUnderTest) async throws {
        let house = try await Self.house(engine)
        let id = try await house.makeAccount("ada@example.com")
        for (address, words, network) in [
            (Self.lisbon, "Lisbon, Portugal", "Example Portugal"), ("5.6.1.1", "Germany", ""),
            ("2a00:1::9", "Paris, France", "Example France"),
            ("9.9.9.9", "", ""), ("127.0.0.1", "", ""), ("10.0.0.1", "", ""), ("100.64.0.1", "", ""), ("fd00::1", "", ""),
        ] {
            _ = try await house.json(
                .post, "/auth/v1/sign-in", #"{"email":"ada@example.com","password":"\#(TestHouse.password)"}"#, peer: address)
            try await Self.settle(house)
            let (attempt, place, _) = try await newest(house, id)
            #expect(attempt.address == IPAddress(address))
            #expect(place.words == words && place.network == network, "\(address)")
        }
        await house.close()
    }

    @Test("a first sign-in is told to nobody, a new browser is told once, and a known one never again")
    func newBrowser() async throws {
        let house = try await Self.house()
        let id = try await house.makeAccount("ada@example.com")
        let (first, second) = (try await browser(house, Self.lisbon), try await browser(house, Self.lisbon))
        for (browser, mails, isKnown) in [(first, 0, false), (first, 0, true), (second, 1, false), (second, 1, true), (first, 1, true)] {
            browser.cookies["postern"] = nil
            #expect(try await browser.signIn("ada@example.com").status == .seeOther)
            try await Self.settle(house)
            #expect(try await house.mail().filter { $0.kind == .signInUnusual }.count == mails)
            #expect(try await newest(house, id).0.isKnownBrowser == isKnown)
        }
        let mail = try #require(try await house.mail().first { $0.kind == .signInUnusual })
        #expect(mail.text.contains("Firefox on Linux") && mail.text.contains("roughly Lisbon, Portugal") && mail.text.contains(Self.lisbon))
        #expect(mail.text.contains("/auth/not-me/") && mail.text.contains("/auth/was-me/") && mail.html.contains("/auth/was-me/"))
        await house.close()
    }

    @Test("the browser that made the account is told to nobody, another is")
    func maker() async throws {
        let house = try await Self.house()
        let maker = try await browser(house, Self.lisbon)
        _ = try await maker.submit("/auth/sign-up", ["email": "ada@example.com", "password": "a wholly different phrase"])
        let token = try await house.linkToken(to: "ada@example.com", "/auth/confirm/")
        _ = try await maker.get("/auth/confirm/\(token)")
        _ = try await maker.submit("/auth/confirm", ["password": "a wholly different phrase"])
        for (browser, mails) in [(maker, 0), (try await browser(house, Self.lisbon), 1)] {
            #expect(
                try await browser.signIn("ada@example.com", password: "a wholly different phrase").headers[.location] == "/auth/account")
            try await Self.settle(house)
            #expect(try await house.mail().filter { $0.kind == .signInUnusual }.count == mails)
        }
        await house.close()
    }

    @Test(
        "a way that nobody goes ends the session where a rule says so; in shadow it is only counted", arguments: UnusualPolicy.Mode.allCases
    )
    func travel(mode: UnusualPolicy.Mode) async throws {
        let house = try await Self.house(.sqlite, [.travel: .end], mode: mode)
        let id = try await house.makeAccount("ada@example.com")
        _ = try await browser(house, Self.lisbon).signIn("ada@example.com")
        try await Self.settle(house)
        let far = try await browser(house, Self.brasil)
        _ = try await far.signIn("ada@example.com")
        #expect(try await far.get("/auth/account").status == .ok)
        try await Self.settle(house)
        let found = try await newest(house, id).findings
        #expect(found.contains { $0.kind == "travel" && $0.done == "end" && $0.mode == mode.rawValue && $0.kilometres > 7_000 })
        #expect(try await far.get("/auth/account").status == (mode == .enforce ? .seeOther : .ok))
        let mails = try await house.mail().filter { $0.kind == .signInUnusual }
        #expect(mails.count == (mode == .enforce ? 1 : 0))
        #expect(mails.allSatisfy { $0.subject.contains("ended") && $0.text.contains("faster than anybody travels") })
        // Nothing was learnt of it: the next one is as unusual.
        if mode == .enforce {
            far.cookies["postern"] = nil
            _ = try await far.signIn("ada@example.com")
            try await Self.settle(house)
            #expect(try await newest(house, id).findings.contains { $0.kind == "travel" })
        }
        await house.close()
    }

    @Test("VPN and mobile networks raise nothing that anybody is told of, from a known browser")
    func tunnels() async throws {
        let house = try await Self.house(.sqlite, [.travel: .end, .newCountry: .tell, .newNetwork: .tell])
        try await house.makeAccount("ada@example.com")
        let one = TestHouse.Carried(house)
        for address in [Self.lisbon, Self.tunnel, Self.mobile, Self.lisbon, Self.tunnel] {
            try await one.signIn("ada@example.com", from: address)
            try await Self.settle(house)
        }
        #expect(try await house.mail().filter { $0.kind == .signInUnusual }.isEmpty)
        await house.close()
    }

    @Test(
        "a second factor is asked for afterwards: until then the session opens nothing, and then the place is known",
        arguments: StoreUnderTest.allCases)
    func held(engine: StoreUnderTest) async throws {
        let house = try await Self.house(engine, [.newCountry: .ask, .newBrowser: .record])
        let id = try await house.makeAccount("ada@example.com")
        let phone = try await house.addPhone(to: id)
        // Opened with a password alone, as on a browser that is trusted.
        func open(_ address: String) async throws -> String {
            let client = Client(address: try #require(IPAddress(address)), browser: "curl/8")
            let new = NewSession(account: id, policy: .standard, isKept: false, client: client, now: .now(), random: .system)
            let attempt = SignInAttempt(
                at: new.createdAt, account: id, outcome: .signedIn, reason: "password", client: client, session: new.id, random: .system)
            try await house.store.write { (transaction) throws(StoreError) in
                try transaction.openSession(new)
                try transaction.recordAttempt(attempt)
            }
            try await Self.settle(house)
            return new.token.token.text.exposed
        }
        func ask(_ path: String, _ token: String) async throws -> TestResponse {
            try await house.send(.get, path, headers: [.authorization: "Bearer \(token)"])
        }
        let home = try await open(Self.lisbon)
        #expect(try await ask("/auth/v1/account", home).status == .ok)
        let token = try await open(Self.rotterdam)
        #expect(try await ask("/auth/v1/account", token).reason == "second-factor-required")
        #expect(try await ask("/auth/request", token).status == .unauthorized)
        #expect(try await ask("/auth/v1/session", token).text.contains(#""waits_for_second_factor":true"#))
        #expect(try await house.mail().contains { $0.subject.contains("second factor") })
        let wrong = try await house.json(.post, "/auth/v1/session/step-up", #"{"method":"totp","code":"000000"}"#, bearer: token)
        #expect(wrong.status == .unauthorized)
        #expect(try await ask("/auth/v1/account", token).reason == "second-factor-required")
        let proved = try await house.json(
            .post, "/auth/v1/session/step-up", #"{"method":"totp","code":"\#(phone.code(at: .now()))"}"#, bearer: token)
        #expect(proved.status.kind == .successful)
        for path in ["/auth/v1/account", "/auth/request"] { #expect(try await ask(path, token).status == .ok) }
        // Rotterdam is known now.
        #expect(try await ask("/auth/v1/account", try await open(Self.rotterdam)).status == .ok)
        await house.close()
    }

    @Test("known at once: a rule refuses a new browser in the sign-in itself, until its owner says that it was them")
    func atOnce() async throws {
        let house = try await Self.house(.sqlite, [.newBrowser: .end])
        try await house.makeAccount("ada@example.com")
        let (known, other) = (try await browser(house, Self.lisbon), try await browser(house, Self.lisbon))
        _ = try await known.signIn("ada@example.com")
        try await Self.settle(house)
        let refused = try await other.signIn("ada@example.com")
        #expect(refused.status == .forbidden && refused.text.contains("We mailed you"))
        known.cookies["postern"] = nil
        #expect(try await known.signIn("ada@example.com").status == .seeOther)
        try await Self.settle(house)
        let token = try await house.linkToken(to: "ada@example.com", "/auth/was-me/")
        let anywhere = TestBrowser(house, peer: "9.9.9.9")
        _ = try await anywhere.get("/auth/was-me/\(token)")
        // Opening changes nothing.
        #expect(try await other.signIn("ada@example.com").status == .forbidden)
        #expect(try await anywhere.submit("/auth/was-me", [:]).status == .seeOther)
        #expect(try await other.signIn("ada@example.com").status == .seeOther)
        // A program without a browser's cookie is known by its name and address.
        let program = #"{"email":"ada@example.com","password":"\#(TestHouse.password)"}"#
        #expect(try await house.json(.post, "/auth/v1/sign-in", program, peer: Self.brasil).reason == "unusual-sign-in")
        try await Self.settle(house)
        let again = try await house.linkToken(to: "ada@example.com", "/auth/was-me/")
        let reader = TestBrowser(house, peer: "9.9.9.9")
        _ = try await reader.get("/auth/was-me/\(again)")
        #expect(try await reader.submit("/auth/was-me", [:]).status == .seeOther)
        #expect(try await house.json(.post, "/auth/v1/sign-in", program, peer: Self.brasil).status == .ok)
        await house.close()
    }

    @Test("a right password whose second factor doesn’t follow is told after five minutes; one that does is not")
    func halfWay() async throws {
        let house = try await Self.house()
        let id = try await house.makeAccount("ada@example.com")
        let phone = try await house.addPhone(to: id)
        let now = Timestamp.now()
        func pass(_ seconds: Int64) async throws {
            _ = try await house.store.write { (transaction) throws(StoreError) in
                try transaction.change("UPDATE sign_in_half_way SET due_at = due_at - \(seconds * 1_000_000)")
            }
            try await Self.settle(house)
        }
        let attempt = try await house.json(
            .post, "/auth/v1/sign-in", #"{"email":"ada@example.com","password":"\#(TestHouse.password)"}"#, peer: Self.rotterdam
        ).field("attempt")
        try await Self.settle(house)
        try await pass(150)
        #expect(try await house.mail().isEmpty)
        try await pass(151)
        let told = try #require(try await house.mail().first { $0.kind == .signInHalfWay })
        #expect(told.text.contains("Rotterdam") && told.html.contains("no second factor followed"))
        // Another, that is finished in time.
        let answer = try await house.json(
            .post, "/auth/v1/sign-in", #"{"email":"ada@example.com","password":"\#(TestHouse.password)"}"#, peer: Self.lisbon)
        let done = try await house.json(
            .post, "/auth/v1/sign-in/second-factor",
            #"{"attempt":"\#(answer.field("attempt"))","method":"totp","code":"\#(phone.code(at: .now()))"}"#, peer: Self.lisbon)
        #expect(done.status == .ok && !attempt.isEmpty)
        try await pass(1_000)
        #expect(Timestamp.now() - now < .seconds(290))
        #expect(try await house.mail().filter { $0.kind == .signInHalfWay }.count == 1)
        await house.close()
    }

    @Test("failures before a sign-in with a second factor count too")
    func failuresBeforeFactor() async throws {
        let house = try await Self.house()
        let id = try await house.makeAccount("ada@example.com")
        let phone = try await house.addPhone(to: id)
        for _ in 0..<5 {
            _ = try await house.json(.post, "/auth/v1/sign-in", #"{"email":"ada@example.com","password":"wrong"}"#, peer: Self.lisbon)
        }
        let attempt = try await house.attempt("ada@example.com")
        #expect(try await house.finish(attempt, "totp", phone.code(at: .now())).status == .ok)
        try await Self.settle(house)
        let found = try await newest(house, id).findings
        #expect(found.contains { $0.kind == "failures-before" && $0.measure == 5 })
        await house.close()
    }

    @Test("while the files can’t be asked attempts wait, two minutes at most; a rule isn’t slipped past by a restart")
    func filesAreAway() async throws {
        let file = try #require(Bundle.module.url(forResource: "places", withExtension: "mmdb")).path
        let house = try await TestHouse(.sqlite) { $0.places.files = [file] }
        let id = try await house.makeAccount("ada@example.com")
        _ = try await browser(house, Self.lisbon).signIn("ada@example.com")
        #expect(try await house.server.history.settling.round(now: .now()) == 0)
        await house.server.history.finder.refresh()
        try await Self.settle(house)
        #expect(try await newest(house, id).place.words == "Lisbon, Portugal")
        let other = try await TestHouse(.sqlite) { $0.places.files = [file] }
        let bob = try await other.makeAccount("bob@example.com")
        _ = try await browser(other, Self.lisbon).signIn("bob@example.com")
        try await Self.settle(other, now: .now() + .seconds(121))
        #expect(try await newest(other, bob).place.words.isEmpty)
        await house.close()
        await other.close()
    }

    @Test("FT-31: files that are none, cut short or broken anywhere are refused or say nothing, and never end the process")
    func brokenFiles() throws {
        let file = try #require(Bundle.module.url(forResource: "places", withExtension: "mmdb"))
        let good = [UInt8](try Data(contentsOf: file))
        let folder = try StoreUnderTest.freshFolder()
        let path = folder + "/broken.mmdb"
        var generator = SeededGenerator(seed: 31)
        let addresses = [Self.lisbon, Self.tunnel, "2a00:1::9", "9.9.9.9"].compactMap { IPAddress($0) }
        func look(_ bytes: [UInt8]) throws {
            try Data(bytes).write(to: URL(filePath: path))
            guard let file = try? PlaceFile(path: path, copiedTo: folder) else { return }
            for address in addresses {
                var place = AddressPlace()
                file.look(up: address, into: &place)
            }
        }
        for length in stride(from: 0, to: good.count, by: 7) { try look(Array(good.prefix(length))) }
        for _ in 0..<2_000 {
            var broken = good
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                broken[Int.random(in: 0..<broken.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            try look(broken)
        }
        // Another version of the format.
        if let at = good.indices.last(where: { good[$0...].starts(with: "binary_format_major_version".utf8) }) {
            var other = good
            other[at + 27 + 1] = 3
            try look(other)
        }
    }

    @Test("two nodes that look after the same attempts tell once", arguments: StoreUnderTest.allCases)
    func twoNodes(engine: StoreUnderTest) async throws {
        let house = try await Self.house(engine)
        try await house.makeAccount("ada@example.com")
        let other = TestHouse(sharing: house, try house.secondNode())
        _ = try await browser(house, Self.lisbon).signIn("ada@example.com")
        try await Self.settle(house)
        for _ in 0..<20 { _ = try await browser(house, Self.lisbon).signIn("ada@example.com") }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { try await Self.settle(house) }
                group.addTask { try await Self.settle(other) }
            }
            try await group.waitForAll()
        }
        #expect(try await house.number("SELECT COUNT(*) AS number FROM sign_in_finding WHERE kind = 'new-browser'") == 20)
        // However many there are, the mailbox isn't filled.
        #expect(try await house.mail().filter { $0.kind == .signInUnusual }.count == 5)
        #expect(try await house.number("SELECT COUNT(*) AS number FROM sign_in_attempt WHERE settled = 0") == 0)
        #expect(try await house.number("SELECT CAST(SUM(signed_in) AS BIGINT) AS number FROM place_day") == 21)
        other.server.hasher.stop()
        await house.close()
    }
}

extension TestHouse {
    /// A browser that is carried around: one mark, many addresses.
    struct Carried {
        private let house: TestHouse
        private let mark = Token(random: (0..<32).map { _ in UInt8.random(in: 0...255) })

        init(_ house: TestHouse) { self.house = house }

        func signIn(_ email: String, from address: String) async throws {
            let answer = try await house.send(
                .post, "/auth/sign-in",
                headers: [
                    .contentType: "application/x-www-form-urlencoded", .secFetchSite: "same-origin",
                    .cookie: "postern-browser=\(mark.text.exposed)", .userAgent: "Firefox/140.0",
                ],
                body: Array(
                    "email=\(percentEncoded(email))&password=\(percentEncoded(TestHouse.password))&form_token=\(percentEncoded(formToken()))"
                        .utf8),
                peer: address)
            #expect(answer.status == .seeOther)
        }

        private func formToken() -> String {
            CrossSite(keys: house.server.keys.current).token(for: .browser(mark.hash(for: Token.Purpose(label: "browser"))))
        }
    }
}
