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
        let administer = AdministerAccount(store: house.store, desk: house.server.desk)
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
}
