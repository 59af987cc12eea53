import Foundation
import HTTPTypes
import OneTimePassword
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

/// Adding, using and removing second factors, as people and programs do it.
@Suite struct SecondFactorTests {
    private struct Begun {
        let id: String
        let secret: [UInt8]
        let text: String

        func code(_ offset: Int64 = 0) -> String {
            let password = OneTimePassword.standard
            return password.code(secret: secret, counter: password.step(at: Timestamp.now().secondsSinceEpoch) + offset).description
        }
    }

    private func begin(_ house: TestHouse, _ token: String, _ name: String = "Phone") async throws -> Begun {
        let answer = try await house.json(.post, "/auth/v1/account/authenticators", #"{"name":"\#(name)"}"#, bearer: token)
        #expect(answer.status == .created, "\(answer.text)")
        #expect(answer.headers[.cacheControl] == "no-store")
        return Begun(id: answer.field("id"), secret: Base32.decode(answer.field("secret")) ?? [], text: answer.text)
    }

    private func confirm(_ house: TestHouse, _ token: String, _ begun: Begun, _ code: String) async throws -> TestResponse {
        try await house.json(.post, "/auth/v1/account/authenticators/\(begun.id)/confirm", #"{"code":"\#(code)"}"#, bearer: token)
    }

    private func codes(_ answer: TestResponse) throws -> [String] {
        guard case .object(let object) = try JSONValue(parsing: answer.body), case .array(let codes)? = object["recovery_codes"] else {
            return []
        }
        return codes.compactMap { if case .string(let text) = $0 { text } else { nil } }
    }

    /// Moves what the sessions of an account proved into the past.
    private func age(_ house: TestHouse, _ id: Account.ID, by seconds: Int64) async throws {
        let micros = seconds * 1_000_000
        _ = try await house.store.write { (transaction) throws(StoreError) in
            try transaction.change(
                "UPDATE session SET password_proved_at = password_proved_at - \(micros), factor_proved_at = factor_proved_at - \(micros) WHERE account_id = \(id)"
            )
        }
    }

    @Test(
        "TO-07, TO-08: a new key has 160 bits, counts only after a right code, and gives ten recovery codes",
        arguments: StoreUnderTest.allCases)
    func enrolment(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        let begun = try await begin(house, token)
        #expect(begun.secret.count == 20)
        // Not yet: the password alone still signs in.
        #expect(try await !house.signIn("ada@example.com").isEmpty)
        #expect(try await confirm(house, token, begun, "000000").reason == "wrong-code")
        #expect(try await confirm(house, token, begun, "nonsense").reason == "wrong-code")
        let done = try await confirm(house, token, begun, begun.code())
        #expect(done.status == .ok)
        #expect(try codes(done).count == 10)
        #expect(try await house.signIn("ada@example.com").isEmpty)
        // The code that confirmed it is spent.
        let attempt = try await house.attempt("ada@example.com")
        #expect(try await house.finish(attempt, "totp", begun.code()).reason == "code-used")
        #expect(try await house.finish(attempt, "totp", begun.code(1)).field("session", "assurance") == "aal2")
        // A second one gives no more codes.
        let second = try await begin(house, token, "Tablet")
        let again = try await confirm(house, token, second, second.code())
        #expect(try codes(again).isEmpty && again.status == .ok)
        await house.close()
    }

    @Test("TO-07: every key is another")
    func keys() async throws {
        let house = try await TestHouse(.sqlite)
        try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        var seen: Set<[UInt8]> = []
        for _ in 0..<100 { seen.insert(try await begin(house, token).secret) }
        #expect(seen.count == 100)
        await house.close()
    }

    @Test("TO-08: a key waits ten minutes, and only the newest does", arguments: StoreUnderTest.allCases)
    func pending(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        let first = try await begin(house, token)
        let second = try await begin(house, token)
        #expect(try await confirm(house, token, first, first.code()).reason == "enrolment-over")
        _ = try await house.store.write { (transaction) throws(StoreError) in
            try transaction.change("UPDATE authenticator SET expires_at = expires_at - 600000000 WHERE account_id = \(id)")
        }
        #expect(try await confirm(house, token, second, second.code()).status == .gone)
        #expect(try await !house.signIn("ada@example.com").isEmpty)
        await house.close()
    }

    @Test("of two that confirm one new key at once, one gets the codes", arguments: StoreUnderTest.allCases)
    func confirmRace(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        let begun = try await begin(house, token)
        let answers = try await withThrowingTaskGroup(of: TestResponse.self) { group in
            for _ in 1...8 { group.addTask { try await confirm(house, token, begun, begun.code()) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.filter { $0.status == .ok }.count == 1)
        await house.close()
    }

    @Test("SE-05: a half-made sign-in opens no door, as cookie or as bearer", arguments: StoreUnderTest.allCases)
    func halfMade(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine) { $0.secondFactors.isNeededForAdministration = true }
        let id = try await house.makeAccount("ada@example.com", role: .owner)
        let phone = try await house.addPhone(to: id)
        let attempt = try await house.attempt("ada@example.com")
        #expect(attempt.count == 43)
        for route in house.server.routes where route.access != .anyone {
            let path = route.path.replacing("{id}", with: id.description)
            for headers: HTTPFields in [
                [.authorization: "Bearer \(attempt)"], [.cookie: "postern=\(attempt)"], [.cookie: "postern-attempt=\(attempt)"],
            ] {
                var headers = headers
                headers[.contentType] = "application/json"
                let answer = try await house.send(route.method, path, headers: headers, body: Array("{}".utf8))
                #expect([.unauthorized, .seeOther, .forbidden, .unsupportedMediaType].contains(answer.status), "\(route.method) \(path)")
                if answer.status == .seeOther { #expect(answer.headers[.location]?.hasPrefix("/auth/sign-in?") == true, "\(path)") }
            }
        }
        for path in ["/auth/request", "/auth/forward"] {
            #expect(try await house.send(.get, path, headers: [.cookie: "postern=\(attempt)"]).status == .unauthorized)
        }
        // And it is used up by the sign-in that comes of it.
        #expect(try await house.finish(attempt, "totp", phone.code(at: .now())).status == .ok)
        #expect(try await house.finish(attempt, "totp", phone.code(at: .now() + .seconds(30))).reason == "attempt-over")
        await house.close()
    }

    @Test("RC-04: ten wrong codes end the attempt; TO-05: a hundred attempts give no more guesses", arguments: StoreUnderTest.allCases)
    func attempts(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let phone = try await house.addPhone(to: id)
        let recovery = try await house.addRecoveryCodes(to: id)
        var attempts: [String] = []
        for _ in 1...rounds(100) { attempts.append(try await house.attempt("ada@example.com")) }
        var tried = 0
        for attempt in attempts {
            for number in 1...2 {
                let answer = try await house.finish(attempt, "totp", phone.wrongCode(at: .now(), number))
                if answer.reason == "wrong-code" { tried += 1 } else { #expect(answer.reason == "codes-wait") }
                if answer.reason == "codes-wait" { #expect(Int(answer.headers[.retryAfter] ?? "") ?? 0 > 0) }
            }
        }
        #expect(tried == 10)
        // Recovery codes are tried at any time, and end the attempt all the same.
        for _ in 1...8 { #expect(try await house.finish(attempts[0], "recovery_code", "aaaa-aaaa-aaaa-aaaa").reason == "wrong-code") }
        #expect(try await house.finish(attempts[0], "recovery_code", recovery[0]).reason == "attempt-over")
        #expect(try await house.finish(attempts[1], "recovery_code", recovery[0]).status == .ok)
        await house.close()
    }

    @Test("a half-made sign-in is worth nothing after the account is closed, or its password set anew", arguments: StoreUnderTest.allCases)
    func challengeVoid(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let phone = try await house.addPhone(to: id)
        let first = try await house.attempt("ada@example.com")
        _ = try await house.store.write { (transaction) throws(StoreError) in
            try transaction.change("UPDATE account SET password_set_at = password_set_at + 1 WHERE id = \(id)")
        }
        #expect(try await house.finish(first, "totp", phone.code(at: .now())).reason == "attempt-over")
        let second = try await house.attempt("ada@example.com")
        let administer = AdministerAccount(store: house.store, desk: house.server.desk)
        #expect(try await administer.perform(.disable, on: id, by: .commandLine, now: .now()) == .done)
        #expect(try await house.finish(second, "totp", phone.code(at: .now() + .seconds(30))).reason == "attempt-over")
        await house.close()
    }

    @Test("step-up: an old proof is asked for anew, by the strongest factor there is", arguments: StoreUnderTest.allCases)
    func stepUp(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        func stepUp(_ document: String) async throws -> TestResponse {
            try await house.json(.post, "/auth/v1/session/step-up", document, bearer: token)
        }
        try await age(house, id, by: 301)
        let refused = try await house.json(.post, "/auth/v1/account/authenticators", #"{"name":"Phone"}"#, bearer: token)
        #expect(refused.reason == "step-up-required" && refused.status == .forbidden)
        #expect(refused.text.contains(#""methods":["password"]"#))
        #expect(try await stepUp(#"{"method":"password","password":"wrong one"}"#).status == .unauthorized)
        #expect(try await stepUp(#"{"method":"password","password":"\#(TestHouse.password)"}"#).status == .noContent)
        let begun = try await begin(house, token)
        let recovery = try codes(try await confirm(house, token, begun, begun.code()))
        // From now on the password is not enough.
        try await age(house, id, by: 301)
        let stronger = try await stepUp(#"{"method":"password","password":"\#(TestHouse.password)"}"#)
        #expect(stronger.reason == "step-up-required" && stronger.text.contains(#""methods":["totp","recovery_code"]"#))
        #expect(try await house.json(.post, "/auth/v1/account/recovery-codes", "{}", bearer: token).reason == "step-up-required")
        #expect(try await stepUp(#"{"method":"recovery_code","code":"\#(recovery[0])"}"#).status == .noContent)
        #expect(try await house.json(.post, "/auth/v1/account/recovery-codes", "{}", bearer: token).status == .created)
        #expect(try await stepUp(#"{"method":"sms","code":"1"}"#).status == .badRequest)
        await house.close()
    }

    @Test("TO-11: an app is removed only with its own fresh code or a recovery code", arguments: StoreUnderTest.allCases)
    func removal(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let (first, second) = (try await house.addPhone(to: id, named: "First"), try await house.addPhone(to: id, named: "Second"))
        let recovery = try await house.addRecoveryCodes(to: id)
        let token = try await house.finish(try await house.attempt("ada@example.com"), "totp", first.code(at: .now())).field(
            "session", "token")
        func remove(_ phone: TestPhone) async throws -> TestResponse {
            try await house.send(
                .delete, "/auth/v1/account/authenticators/\(phone.id)", headers: [.authorization: "Bearer \(token)"])
        }
        func stepUp(_ method: String, _ code: String) async throws -> HTTPResponse.Status {
            try await house.json(.post, "/auth/v1/session/step-up", #"{"method":"\#(method)","code":"\#(code)"}"#, bearer: token).status
        }
        #expect(try await remove(second).reason == "step-up-required")
        #expect(try await remove(first).status == .noContent)
        #expect(try await stepUp("recovery_code", recovery[0]) == .noContent)
        #expect(try await remove(second).status == .noContent)
        #expect(try await remove(second).status == .notFound)
        // With the last one the recovery codes are gone, and the session is one of a password again.
        #expect(try await house.settle(.recoveryCode(Secret(recovery[1])), of: id, now: .now()) == .refused(.wrong))
        #expect(try await house.send(.get, "/auth/v1/session", headers: [.authorization: "Bearer \(token)"]).field("assurance") == "aal1")
        #expect(try await !house.signIn("ada@example.com").isEmpty)
        let mails = try await house.mail().filter { $0.to == "ada@example.com" }.map(\.subject)
        #expect(mails.filter { $0.contains("was removed") }.count == 2)
        #expect(mails.filter { $0.contains("recovery code was used") }.count == 1)
        await house.close()
    }

    @Test("a trusted browser skips the second step at the first level, until a factor changes", arguments: StoreUnderTest.allCases)
    func trust(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine) { $0.secondFactors.trust = .seconds(30 * 86_400) }
        let id = try await house.makeAccount("ada@example.com")
        let eve = try await house.makeAccount("eve@example.com")
        let phone = try await house.addPhone(to: id)
        let browser = TestBrowser(house)
        #expect(try await browser.signIn("ada@example.com").headers[.location] == "/auth/sign-in/second-factor?return_to=")
        let done = try await browser.submit(
            "/auth/sign-in/second-factor", ["method": "totp", "code": phone.code(at: .now()), "trust": "yes"])
        #expect(done.headers[.location] == "/auth/account")
        #expect(browser.cookies["postern-trust"]?.count == 43 && browser.cookies["postern-attempt"] == nil)
        browser.cookies["postern"] = nil
        #expect(try await browser.signIn("ada@example.com").headers[.location] == "/auth/account")
        let session = try #require(browser.cookies["postern"])
        #expect(try await house.send(.get, "/auth/v1/session", headers: [.authorization: "Bearer \(session)"]).field("assurance") == "aal1")
        #expect(try await house.send(.get, "/auth/request", headers: [.cookie: "postern=\(session)"]).headers[.remoteAssurance] == "aal1")
        // Step-up still asks; and the trust of one account is none for another.
        #expect(
            try await house.json(.post, "/auth/v1/account/authenticators", #"{"name":"x"}"#, bearer: session).reason == "step-up-required")
        _ = try await house.addPhone(to: eve)
        let other = TestBrowser(house)
        other.cookies["postern-trust"] = browser.cookies["postern-trust"]
        #expect(try await other.signIn("eve@example.com").headers[.location]?.hasPrefix("/auth/sign-in/second-factor") == true)
        // A change of factors voids it.
        let step = try await house.json(
            .post, "/auth/v1/session/step-up", #"{"method":"totp","code":"\#(phone.code(at: .now() + .seconds(30)))"}"#, bearer: session)
        #expect(step.status == .noContent)
        let begun = try await begin(house, session, "Tablet")
        #expect(try await confirm(house, session, begun, begun.code()).status == .ok)
        browser.cookies["postern"] = nil
        #expect(try await browser.signIn("ada@example.com").headers[.location]?.hasPrefix("/auth/sign-in/second-factor") == true)
        await house.close()
    }

    @Test(
        "where a group asks for a second factor, who has none adds one at sign-in, or by the end of the grace",
        arguments: StoreUnderTest.allCases)
    func required(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine) {
            $0.secondFactors.required = ["staff": .init(grace: .zero), "guests": .init(grace: .seconds(7 * 86_400))]
        }
        let (ada, ben) = (try await house.makeAccount("ada@example.com"), try await house.makeAccount("ben@example.com"))
        let administer = AdministerAccount(store: house.store, desk: house.server.desk)
        let (staff, guests) = (try #require(GroupName("staff")), try #require(GroupName("guests")))
        for (id, group) in [(ada, staff), (ada, guests), (ben, guests)] {
            #expect(try await administer.perform(.join(group), on: id, by: .commandLine, now: .now()) == .done)
        }
        // The strictest of two groups wins: no grace.
        let answer = try await house.json(.post, "/auth/v1/sign-in", #"{"email":"ada@example.com","password":"\#(TestHouse.password)"}"#)
        #expect(answer.field("next") == "enrol_second_factor")
        let attempt = answer.field("attempt")
        #expect(try await house.finish(attempt, "totp", "000000").reason == "second-factor-required")
        let begun = try await house.json(.post, "/auth/v1/sign-in/authenticators", #"{"attempt":"\#(attempt)","name":"Phone"}"#)
        let key = Begun(id: begun.field("id"), secret: Base32.decode(begun.field("secret")) ?? [], text: begun.text)
        let path = "/auth/v1/sign-in/authenticators/\(key.id)/confirm"
        #expect(try await house.json(.post, path, #"{"attempt":"\#(attempt)","code":"000000"}"#).reason == "wrong-code")
        let done = try await house.json(.post, path, #"{"attempt":"\#(attempt)","code":"\#(key.code())"}"#)
        #expect(done.field("session", "assurance") == "aal2")
        #expect(try codes(done).count == 10)
        // With the grace a sign-in is whole, and says until when.
        let whole = try await house.json(.post, "/auth/v1/sign-in", #"{"email":"ben@example.com","password":"\#(TestHouse.password)"}"#)
        #expect(whole.field("next") == "done" && !whole.field("enrol_by").isEmpty)
        _ = try await house.store.write { (transaction) throws(StoreError) in
            try transaction.change("UPDATE second_factor SET required_since = required_since - 604800000000 WHERE account_id = \(ben)")
        }
        let late = try await house.json(.post, "/auth/v1/sign-in", #"{"email":"ben@example.com","password":"\#(TestHouse.password)"}"#)
        #expect(late.field("next") == "enrol_second_factor")
        await house.close()
    }

    @Test("an attempt that must prove a factor can't add one instead")
    func noEnrolmentBesideAFactor() async throws {
        let house = try await TestHouse(.sqlite)
        let id = try await house.makeAccount("ada@example.com")
        _ = try await house.addPhone(to: id)
        let attempt = try await house.attempt("ada@example.com")
        #expect(
            try await house.json(.post, "/auth/v1/sign-in/authenticators", #"{"attempt":"\#(attempt)","name":"x"}"#).reason
                == "attempt-over")
        await house.close()
    }

    @Test("AZ-05: the administration needs a second factor, and leads to adding one", arguments: StoreUnderTest.allCases)
    func administration(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine) { $0.secondFactors.isNeededForAdministration = true }
        let id = try await house.makeAccount("ada@example.com", role: .owner)
        let browser = TestBrowser(house)
        _ = try await browser.signIn("ada@example.com")
        let refused = try await browser.get("/auth/admin")
        #expect(refused.headers[.location] == "/auth/account/step-up?return_to=%2Fauth%2Fadmin")
        #expect(
            try await browser.get("/auth/account/step-up?return_to=%2Fauth%2Fadmin").headers[.location]
                == "/auth/account/security?done=needed")
        let phone = try await house.addPhone(to: id)
        #expect(try await browser.get("/auth/account/step-up?return_to=%2Fauth%2Fadmin").status == .ok)
        let done = try await browser.submit(
            "/auth/account/step-up", from: "/auth/account/step-up?return_to=%2Fauth%2Fadmin",
            ["method": "totp", "code": phone.code(at: .now()), "return_to": "/auth/admin"])
        #expect(done.headers[.location] == "/auth/admin")
        #expect(try await browser.get("/auth/admin").status == .ok)
        await house.close()
    }

    @Test(
        "administrators remove factors only with their own fresh proof, never an owner's or their own", arguments: StoreUnderTest.allCases)
    func reset(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let admin = try await house.makeAccount("admin@example.com", role: .administrator)
        let (owner, ada) = (try await house.makeAccount("owner@example.com", role: .owner), try await house.makeAccount("ada@example.com"))
        let phone = try await house.addPhone(to: admin)
        for id in [owner, ada] {
            _ = try await house.addPhone(to: id)
            _ = try await house.addRecoveryCodes(to: id)
        }
        let browser = TestBrowser(house)
        _ = try await browser.signIn("admin@example.com")
        _ = try await browser.submit("/auth/sign-in/second-factor", ["method": "totp", "code": phone.code(at: .now())])
        func act(_ name: String, on id: Account.ID) async throws -> TestResponse {
            try await browser.submit("/auth/admin/people/\(id)/\(name)", from: "/auth/admin/people", [:])
        }
        #expect(try await act("reset-factors", on: owner).status == .forbidden)
        #expect(try await act("reset-factors", on: admin).status == .forbidden)
        try await age(house, admin, by: 301)
        #expect(try await act("reset-factors", on: ada).headers[.location]?.hasPrefix("/auth/account/step-up") == true)
        #expect(try await house.signIn("ada@example.com").isEmpty)
        _ = try await browser.submit("/auth/account/step-up", ["method": "totp", "code": phone.code(at: .now() + .seconds(30))])
        #expect(try await act("reset-factors", on: ada).headers[.location] == "/auth/admin/people/\(ada)")
        #expect(try await !house.signIn("ada@example.com").isEmpty)
        #expect(try await house.mail().contains { $0.to == "ada@example.com" && $0.subject.contains("second factor was removed") })
        await house.close()
    }

    @Test("the key ring is rotated, and codes still match", arguments: StoreUnderTest.allCases)
    func rotation(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let folder = try StoreUnderTest.freshFolder()
        let file = KeyRingFile(path: folder + "/ring.json")
        try file.write(house.server.keys.current)
        let phone = try await house.addPhone(to: id)
        let before = try await house.store.read { (transaction) throws(StoreError) in try transaction.authenticatorSecrets(of: id) }
        #expect(try await SecretsAtRest(store: house.store, file: file, random: .system).rotate(now: .now()) == 1)
        let after = try await house.store.read { (transaction) throws(StoreError) in try transaction.authenticatorSecrets(of: id) }
        #expect(before[0].sealed != after[0].sealed)
        let keys = KeyRingHolder(try file.read())
        #expect(try keys.open(after[0].sealed, at: Authenticator.place(of: phone.id)).exposed == phone.secret)
        // Moved to another row it does not open.
        let elsewhere = Authenticator.place(of: .init(now: .now(), random: Randomness.system.bytes(10)))
        #expect(throws: KeyRing.OpeningError.self) { try keys.open(after[0].sealed, at: elsewhere) }
        await house.close()
    }

    @Test("TO-10, RC-01: no secret that was issued stands in the database or in a mail", arguments: StoreUnderTest.allCases)
    func noSecrets(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine) { $0.secondFactors.trust = .seconds(86_400) }
        try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        let begun = try await begin(house, token)
        let recovery = try codes(try await confirm(house, token, begun, begun.code()))
        let attempt = try await house.attempt("ada@example.com")
        let done = try await house.json(
            .post, "/auth/v1/sign-in/second-factor",
            #"{"attempt":"\#(attempt)","method":"recovery_code","code":"\#(recovery[0])","trust":true}"#)
        let half = try await house.attempt("ada@example.com")
        let all = try await house.dump() + house.mail().map { $0.text + $0.html }.joined()
        var secrets = recovery + recovery.map { $0.replacing("-", with: "") }
        secrets += [Base32.encode(begun.secret), "\(begun.secret)", attempt, half, done.field("session", "token"), done.field("trust")]
        for secret in secrets { #expect(secret.count > 10 && !all.contains(secret)) }
        for code in recovery { #expect(!all.contains("\(Array(code.replacing("-", with: "").utf8))")) }
        await house.close()
    }
}

@Suite struct QRCodeTests {
    @Test("TO-09: pictures of any name are read by a real scanner as exactly the URI")
    func scanned() throws {
        var generator = SeededGenerator(seed: 45)
        let traps = [":", "&", "#", "%", "?", "=", "\r\n", "\n", "\u{0}", "é", "日本", "👩‍🚀", "\u{202e}", " ", "ß", "\u{7f}"]
        let folder = try StoreUnderTest.freshFolder()
        var expected: [String] = []
        for number in 0..<rounds(1_000) {
            let name = (0..<Int.random(in: 1...12, using: &generator)).map { _ in
                Bool.random(using: &generator)
                    ? traps[Int.random(in: 0..<traps.count, using: &generator)]
                    : Unicode.Scalar(UInt32.random(in: 32...0x10FFFF, using: &generator)).map(String.init) ?? "x"
            }.joined()
            let secret = (0..<20).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let uri = OTPAuthURI(issuer: String(name.prefix(6)) + "i", account: name, secret: secret).text
            expected.append(uri)
            try Data(#require(QRCode(uri)).png(scale: 4)).write(to: URL(filePath: folder + "/\(1_000 + number).png"))
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { folder + "/" + $0 }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/zbarimg")
        process.arguments = ["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"] + files
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(output.split(separator: "\n").map(String.init) == expected)
        try FileManager.default.removeItem(atPath: folder)
    }

    @Test("the picture as SVG has the same dark modules as the PNG, with four empty ones around")
    func sameModules() throws {
        let code = try #require(QRCode("otpauth://totp/A:b?secret=GEZDGNBVGY3TQOJQ"))
        let svg = code.svg(label: "x")
        let side = try #require(svg.firstMatch(of: #/viewBox="0 0 (\d+) /#).flatMap { Int($0.1) })
        var dark = 0
        for stroke in svg.matches(of: #/M(\d+) (\d+)\.5h(\d+)/#) {
            let (x, y, length) = (Int(stroke.1) ?? 0, Int(stroke.2) ?? 0, Int(stroke.3) ?? 0)
            #expect(x >= 4 && y >= 4 && y < side - 4 && x + length <= side - 4)
            dark += length
        }
        #expect(dark > side)
        #expect(QRCode("") == nil && QRCode(String(repeating: "a", count: 3_000)) == nil)
    }
}
