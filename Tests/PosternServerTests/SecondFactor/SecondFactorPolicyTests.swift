import Foundation
import HTTPTypes
import OneTimePassword
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

/// What the settings and administrators say of second factors.
@Suite struct SecondFactorPolicyTests {
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
        let begun = try await house.begin(session, "Tablet")
        #expect(try await house.confirm(session, begun, begun.code()).status == .ok)
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
        let administer = house.administer
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
        let key = BegunPhone(begun)
        let path = "/auth/v1/sign-in/authenticators/\(key.id)/confirm"
        #expect(try await house.json(.post, path, #"{"attempt":"\#(attempt)","code":"000000"}"#).reason == "wrong-code")
        let done = try await house.json(.post, path, #"{"attempt":"\#(attempt)","code":"\#(key.code())"}"#)
        #expect(done.field("session", "assurance") == "aal2")
        #expect(done.recoveryCodes.count == 10)
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
        let stepUp = "/auth/account/step-up?return_to=%2Fauth%2Fadmin&need=second-factor"
        #expect(refused.headers[.location] == stepUp)
        #expect(
            try await browser.get(stepUp).headers[.location] == "/auth/account/security?done=needed&return_to=%2Fauth%2Fadmin")
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
        try await house.age(admin, by: 301)
        #expect(try await act("reset-factors", on: ada).headers[.location]?.hasPrefix("/auth/account/step-up") == true)
        #expect(try await house.signIn("ada@example.com").isEmpty)
        _ = try await browser.submit("/auth/account/step-up", ["method": "totp", "code": phone.code(at: .now() + .seconds(30))])
        #expect(try await act("reset-factors", on: ada).headers[.location] == "/auth/admin/people/\(ada)")
        #expect(try await !house.signIn("ada@example.com").isEmpty)
        #expect(try await house.mail().contains { $0.to == "ada@example.com" && $0.subject.contains("second factor was removed") })
        await house.close()
    }

    @Test("an enrolment whose account was closed meanwhile leaves nothing behind", arguments: StoreUnderTest.allCases)
    func closedWhileEnrolling(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine) { $0.secondFactors.required = ["staff": .init(grace: .zero)] }
        let id = try await house.makeAccount("ada@example.com")
        let administer = house.administer
        #expect(try await administer.perform(.join(try #require(GroupName("staff"))), on: id, by: .commandLine, now: .now()) == .done)
        let attempt = try await house.attempt("ada@example.com")
        let begun = try await house.json(.post, "/auth/v1/sign-in/authenticators", #"{"attempt":"\#(attempt)","name":"Phone"}"#)
        let key = BegunPhone(begun)
        #expect(try await administer.perform(.disable, on: id, by: .commandLine, now: .now()) == .done)
        let answer = try await house.json(
            .post, "/auth/v1/sign-in/authenticators/\(key.id)/confirm", #"{"attempt":"\#(attempt)","code":"\#(key.code())"}"#)
        #expect(answer.reason == "attempt-over")
        #expect(try await !house.store.read { (transaction) throws(StoreError) in try transaction.hasSecondFactor(id) })
        #expect(try await house.mail().isEmpty)
        await house.close()
    }

    @Test("TO-11: recovery codes made a moment ago don't throw out another app; a day later they do", arguments: StoreUnderTest.allCases)
    func freshCodesDontRemove(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let (stolen, other) = (try await house.addPhone(to: id, named: "Stolen"), try await house.addPhone(to: id, named: "Other"))
        let token = try await house.finish(try await house.attempt("ada@example.com"), "totp", stolen.code(at: .now()))
            .field("session", "token")
        let codes = try await house.json(.post, "/auth/v1/account/recovery-codes", "{}", bearer: token).recoveryCodes
        let proof = #"{"method":"recovery_code","code":"\#(codes[0])"}"#
        #expect(try await house.json(.post, "/auth/v1/session/step-up", proof, bearer: token).status == .noContent)
        func remove() async throws -> TestResponse {
            try await house.send(.delete, "/auth/v1/account/authenticators/\(other.id)", headers: [.authorization: "Bearer \(token)"])
        }
        #expect(try await remove().reason == "step-up-required")
        _ = try await house.store.write { (transaction) throws(StoreError) in
            try transaction.change("UPDATE recovery_set SET created_at = created_at - 86400000000 WHERE account_id = \(id)")
        }
        #expect(try await remove().status == .noContent)
        await house.close()
    }

    @Test("what a session proved by an app ends with that app, in every other session", arguments: StoreUnderTest.allCases)
    func proofsEndWithTheApp(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let (stolen, own) = (try await house.addPhone(to: id, named: "Stolen"), try await house.addPhone(to: id, named: "Own"))
        let thief = try await house.finish(try await house.attempt("ada@example.com"), "totp", stolen.code(at: .now())).field(
            "session", "token")
        // The thief begins to add an app; the owner removes the stolen one with a code of it, from a session of their own.
        let begun = try await house.begin(thief)
        let owner = try await house.finish(try await house.attempt("ada@example.com"), "totp", own.code(at: .now())).field(
            "session", "token")
        let next = stolen.code(at: .now() + .seconds(30))
        let step = try await house.json(.post, "/auth/v1/session/step-up", #"{"method":"totp","code":"\#(next)"}"#, bearer: owner)
        #expect(step.status == .noContent)
        let path = "/auth/v1/account/authenticators/\(stolen.id)"
        #expect(try await house.send(.delete, path, headers: [.authorization: "Bearer \(owner)"]).status == .noContent)
        #expect(try await house.send(.get, "/auth/v1/session", headers: [.authorization: "Bearer \(thief)"]).field("assurance") == "aal1")
        #expect(try await house.confirm(thief, begun, begun.code()).reason == "enrolment-over")
        #expect(try await house.json(.post, "/auth/v1/account/recovery-codes", "{}", bearer: thief).reason == "step-up-required")
        await house.close()
    }

    @Test(
        "SE-02: a browser's session goes on under a new token after a step-up, and the old one is dead", arguments: StoreUnderTest.allCases)
    func newTokenAtStepUp(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await house.makeAccount("ada@example.com")
        let browser = TestBrowser(house)
        _ = try await browser.signIn("ada@example.com")
        let before = try #require(browser.cookies["postern"])
        let done = try await browser.submit("/auth/account/step-up", ["method": "password", "code": TestHouse.password])
        #expect(done.headers[.location] == "/auth/account/security")
        let after = try #require(browser.cookies["postern"])
        #expect(after != before)
        #expect(try await house.send(.get, "/auth/v1/session", headers: [.authorization: "Bearer \(before)"]).status == .unauthorized)
        #expect(try await house.send(.get, "/auth/v1/session", headers: [.authorization: "Bearer \(after)"]).status == .ok)
        // Adding an app there changes it once more, and the codes' page works with the new one.
        let page = try await browser.submit("/auth/account/security/authenticators", from: "/auth/account/security", [:])
        let key = try #require(page.text.firstMatch(of: #/data-copy="([A-Z2-7]{32})"/#).map { String($0.1) })
        let id = try #require(page.text.firstMatch(of: #/name="id" value="([^"]+)"/#).map { String($0.1) })
        let password = OneTimePassword.standard
        let code = password.code(secret: Base32.decode(key) ?? [], counter: password.step(at: Timestamp.now().secondsSinceEpoch))
        let shown = try await browser.post(
            "/auth/account/security/authenticators/confirm",
            ["form_token": TestBrowser.formToken(page.text), "id": id, "name": "Phone", "code": code.description])
        #expect(shown.status == .ok && browser.cookies["postern"] != after)
        let set = try #require(shown.text.firstMatch(of: #/name="set" value="([^"]+)"/#).map { String($0.1) })
        let used = try await browser.post(
            "/auth/account/security/recovery-codes/use",
            ["form_token": TestBrowser.formToken(shown.text), "set": set, "saved": "yes"])
        #expect(used.headers[.location] == "/auth/account/security?done=codes")
        await house.close()
    }

    @Test("wrong recovery codes don't stop the owner's app", arguments: StoreUnderTest.allCases)
    func wrongRecoveryCodes(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let phone = try await house.addPhone(to: id)
        for _ in 1...6 {
            let attempt = try await house.attempt("ada@example.com")
            for _ in 1...10 { #expect(try await house.finish(attempt, "recovery_code", "x").reason == "wrong-code") }
        }
        #expect(try await house.finish(try await house.attempt("ada@example.com"), "totp", phone.code(at: .now())).status == .ok)
        await house.close()
    }

    @Test(
        "AZ-05: what administrators do to people needs a proof of minutes ago; ending sessions never waits",
        arguments: StoreUnderTest.allCases)
    func administratorsStepUp(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let (owner, ada) = (try await house.makeAccount("owner@example.com", role: .owner), try await house.makeAccount("ada@example.com"))
        let browser = TestBrowser(house)
        _ = try await browser.signIn("owner@example.com")
        try await house.age(owner, by: 301)
        for (act, fields) in [("disable", [:]), ("delete", [:]), ("role", ["role": "owner"]), ("join", ["group": "staff"])] {
            let answer = try await browser.submit("/auth/admin/people/\(ada)/\(act)", from: "/auth/admin/people", fields)
            #expect(answer.headers[.location]?.hasPrefix("/auth/account/step-up") == true, "\(act)")
        }
        let ended = try await browser.submit("/auth/admin/people/\(ada)/end-sessions", from: "/auth/admin/people", [:])
        #expect(ended.headers[.location] == "/auth/admin/people/\(ada)")
        let account = try await house.store.read { (transaction) throws(StoreError) in try transaction.account(ada) }
        #expect(account?.state == .active && account?.role == .member)
        await house.close()
    }
}

@Suite struct EscapingTests {
    @Test("a quote with an accent on it is escaped like any other")
    func combiningMarks() {
        let template = Pages.template(#"<input value="{{name}}"{{#list}} data-x="{{word}}"{{/list}}>"#)
        let nasty = "\"\u{301} formaction=\u{301}<\u{301}>&'\u{20DD}"
        let page = Pages(site: Settings.Site()).gate(template, title: "x", ["name": nasty, "list": [["word": nasty]]])
        let text = page.split(separator: "\n").first { $0.contains("<input") } ?? ""
        #expect(text.utf8.filter { $0 == UInt8(ascii: "\"") }.count == 4)
        #expect(text.utf8.filter { $0 == UInt8(ascii: "<") }.count == 1)
        #expect(!text.utf8.contains(UInt8(ascii: "'")))
    }
}
