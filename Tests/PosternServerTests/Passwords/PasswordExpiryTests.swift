import Foundation
import HTTPTypes
import PasswordStrength
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

@Suite struct PasswordExpiryTests {
    private static let email = "ada@example.org"
    private static let next = "purple monkey dishwasher 9"

    private func house(_ engine: StoreUnderTest, _ adjust: @escaping (inout PasswordRules) -> Void) async throws -> TestHouse {
        let house = try await TestHouse(engine) {
            adjust(&$0.passwords.rules)
            $0.passwords.spread = .zero
        }
        _ = try await house.makeAccount(Self.email)
        return house
    }

    /// Moves the password, and every rule, so far into the past.
    private func age(_ house: TestHouse, days: Int64) async throws {
        let account = try #require(try await house.account(Self.email))
        let (id, before) = (account.id, try #require(account.passwordSetAt))
        let hash = account.passwordHash ?? ""
        let then = Timestamp.now() - .seconds(days * 86_400)
        try await house.store.write { (transaction) throws(StoreError) in
            try house.server.passwords.calendar.noteRules(in: transaction, now: then)
            _ = try transaction.setPassword(of: id, setAt: before, to: hash, now: then)
        }
    }

    private func signIn(_ house: TestHouse, _ password: String = TestHouse.password) async throws -> TestResponse {
        try await house.json(.post, "/auth/v1/sign-in", #"{"email":"\#(Self.email)","password":"\#(password)"}"#)
    }

    private func change(_ house: TestHouse, _ attempt: String, _ password: String = Self.next) async throws -> TestResponse {
        try await house.json(.post, "/auth/v1/sign-in/change-password", #"{"attempt":"\#(attempt)","password":"\#(password)"}"#)
    }

    @Test("PW-15: an expired password opens nothing but the choice of another", arguments: StoreUnderTest.allCases)
    func expired(engine: StoreUnderTest) async throws {
        let house = try await house(engine) { $0.expiresAfter = .seconds(90 * 86_400) }
        try await age(house, days: 89)
        #expect(try await signIn(house).field("next") == "done")
        try await age(house, days: 91)
        let answer = try await signIn(house)
        #expect(answer.field("next") == "change_password")
        let attempt = answer.field("attempt")
        #expect(try await house.json(.get, "/auth/v1/session", "", bearer: attempt).status == .unauthorized)
        #expect(try await change(house, attempt, TestHouse.password).reason == "password-unchanged")
        let done = try await change(house, attempt)
        #expect(done.field("next") == "done")
        #expect(try await change(house, attempt).reason == "attempt-over")
        #expect(try await house.json(.get, "/auth/v1/session", "", bearer: done.field("session", "token")).status == .ok)
        #expect(try await signIn(house, Self.next).field("next") == "done")
        #expect(try await signIn(house).reason == "wrong-credentials")
        await house.close()
    }

    @Test("PW-15: who found an old backup doesn't get to choose: long after, a link is mailed", arguments: StoreUnderTest.allCases)
    func longExpired(engine: StoreUnderTest) async throws {
        let house = try await house(engine) { $0.expiresAfter = .seconds(90 * 86_400) }
        try await age(house, days: 121)
        #expect(try await signIn(house).reason == "password-expired")
        let token = try await house.linkToken(to: Self.email, "/auth/reset-password/")
        let reset = try await house.json(.post, "/auth/v1/reset-password", #"{"token":"\#(token)","password":"\#(Self.next)"}"#)
        #expect(reset.status == .noContent)
        #expect(try await signIn(house, Self.next).field("next") == "done")
        await house.close()
    }

    @Test("PW-15: to ask for a change, or to change the period, opens nothing that had expired", arguments: StoreUnderTest.allCases)
    func reopening(engine: StoreUnderTest) async throws {
        let house = try await house(engine) { $0.expiresAfter = .seconds(90 * 86_400) }
        try await age(house, days: 300)
        #expect(try await signIn(house).reason == "password-expired")
        let id = try #require(try await house.account(Self.email)).id
        #expect(try await house.administer.perform(.requirePasswordChange, on: id, by: .commandLine, now: .now()) == .done)
        #expect(try await signIn(house).reason == "password-expired")
        var policy = house.server.settings.passwords
        policy.rules.expiresAfter = .seconds(91 * 86_400)
        policy.spread = .seconds(14 * 86_400)
        let later = PasswordCalendar(policy: policy)
        let expiry = try await house.store.write { (transaction) throws(StoreError) in
            try later.noteRules(in: transaction, now: .now())
            return try transaction.account(id).flatMap { (account) throws(StoreError) in try later.expiry(of: account, in: transaction) }
        }
        #expect(try #require(expiry) < .now() - .seconds(100 * 86_400))
        await house.close()
    }

    @Test("a sign-in that waits for another password is over once a second factor is there", arguments: StoreUnderTest.allCases)
    func factorMeanwhile(engine: StoreUnderTest) async throws {
        let house = try await house(engine) { $0.expiresAfter = .seconds(90 * 86_400) }
        try await age(house, days: 91)
        let attempt = try await signIn(house).field("attempt")
        _ = try await house.addPhone(to: try #require(try await house.account(Self.email)).id)
        #expect(try await change(house, attempt).reason == "attempt-over")
        #expect(try await signIn(house).field("next") == "second_factor")
        await house.close()
    }

    @Test("PW-13: the last four can't be chosen again, by whatever way; the fifth can", arguments: StoreUnderTest.allCases)
    func history(engine: StoreUnderTest) async throws {
        let house = try await house(engine) { $0.history = 4 }
        let passwords = (1...5).map { "purple monkey dishwasher \($0)\($0)" }
        var current = TestHouse.password
        func change(to next: String) async throws -> TestResponse {
            let token = try await signIn(house, current).field("session", "token")
            let answer = try await house.json(
                .post, "/auth/v1/account/password", #"{"current":"\#(current)","password":"\#(next)"}"#, bearer: token)
            if answer.status == .noContent { current = next }
            return answer
        }
        for password in passwords.prefix(3) { #expect(try await change(to: password).status == .noContent) }
        #expect(try await change(to: TestHouse.password).reason == "password-used")
        #expect(try await change(to: passwords[0]).reason == "password-used")
        #expect(try await change(to: passwords[2]).reason == "password-unchanged")
        _ = try await house.json(.post, "/auth/v1/forgot-password", #"{"email":"\#(Self.email)"}"#)
        let token = try await house.linkToken(to: Self.email, "/auth/reset-password/")
        let reset = try await house.json(.post, "/auth/v1/reset-password", #"{"token":"\#(token)","password":"\#(passwords[1])"}"#)
        #expect(reset.reason == "password-used")
        #expect(try await change(to: passwords[3]).status == .noContent)
        #expect(try await change(to: TestHouse.password).status == .noContent, "four others came after it")
        let kept = try await house.store.read { (transaction) throws(StoreError) in
            try transaction.run("SELECT COUNT(*) AS number FROM password_history")[0].integer("number")
        }
        #expect(kept == 3)
        await house.close()
    }

    @Test("a new password stays for its minimum age, unless another is asked for", arguments: StoreUnderTest.allCases)
    func minimumAge(engine: StoreUnderTest) async throws {
        let house = try await house(engine) { $0.minimumAge = .seconds(86_400) }
        let token = try await signIn(house).field("session", "token")
        let body = #"{"current":"\#(TestHouse.password)","password":"\#(Self.next)"}"#
        #expect(try await house.json(.post, "/auth/v1/account/password", body, bearer: token).reason == "password-too-soon")
        let id = try #require(try await house.account(Self.email)).id
        #expect(try await house.administer.perform(.requirePasswordChange, on: id, by: .commandLine, now: .now()) == .done)
        #expect(try await house.json(.post, "/auth/v1/account/password", body, bearer: token).status == .noContent)
        #expect(try await signIn(house, Self.next).field("next") == "done", "what was asked for is done")
        await house.close()
    }

    @Test(
        "PW-17: an administrator can ask for another password, or have a link mailed, and never sets one",
        arguments: StoreUnderTest.allCases)
    func administrators(engine: StoreUnderTest) async throws {
        let house = try await house(engine) { _ in }
        let id = try #require(try await house.account(Self.email)).id
        #expect(try await house.administer.perform(.requirePasswordChange, on: id, by: .commandLine, now: .now()) == .done)
        #expect(try await house.administer.perform(.requirePasswordChange, on: id, by: .commandLine, now: .now()) == .unchanged)
        #expect(try await signIn(house).field("next") == "change_password")
        #expect(try await house.administer.perform(.startPasswordReset, on: id, by: .commandLine, now: .now()) == .done)
        let token = try await house.linkToken(to: Self.email, "/auth/reset-password/")
        let reset = try await house.json(.post, "/auth/v1/reset-password", #"{"token":"\#(token)","password":"\#(Self.next)"}"#)
        #expect(reset.status == .noContent)
        #expect(try await signIn(house, Self.next).field("next") == "done")
        await house.close()
    }

    @Test("letters and digits are both asked for where a standard wants them", arguments: [StoreUnderTest.sqlite])
    func mixed(engine: StoreUnderTest) async throws {
        let house = try await house(engine) { $0.mixesLettersAndDigits = true }
        func strength(_ password: String) async throws -> TestResponse {
            try await house.json(.post, "/auth/v1/password/strength", #"{"password":"\#(password)"}"#)
        }
        #expect(try await strength("purple monkey dishwasher").field("reason") == "password-not-mixed")
        #expect(try await strength("purple monkey dishwasher 7").text.contains(#""acceptable":true"#))
        let refused = try await house.json(
            .post, "/auth/v1/accounts", #"{"email":"bob@example.org","password":"purple monkey dishwasher"}"#)
        #expect(refused.reason == "password-not-mixed")
        await house.close()
    }

    @Test("the first dates are spread, each account has its own, and another period counts anew")
    func spread() {
        var policy = PasswordPolicy()
        policy.rules.expiresAfter = .seconds(90 * 86_400)
        policy.spread = .seconds(14 * 86_400)
        let calendar = PasswordCalendar(policy: policy)
        let came = Timestamp(secondsSinceEpoch: 1_790_000_000)
        let dates = (0..<1_000).map { _ in
            let facts = PasswordCalendar.Facts(
                account: Account.ID(now: came, random: Randomness.system.bytes(10)), setAt: came - .seconds(1_000 * 86_400), groups: [],
                hasFactor: false)
            return calendar.expiry(facts, since: ["*": came]) ?? .init(microseconds: 0)
        }
        let days = Set(dates.map { ($0 - came).components.seconds / 86_400 })
        #expect(days == Set(0..<14))
        let young = PasswordCalendar.Facts(
            account: Account.ID(now: came, random: Randomness.system.bytes(10)), setAt: came, groups: [], hasFactor: false)
        #expect(calendar.expiry(young, since: ["*": came]) == came + .seconds(90 * 86_400))
    }

    @Test("the strictest of everybody's rules and the groups' counts, and a second factor spares whom the rule says")
    func groups() {
        var policy = PasswordPolicy()
        policy.rules = PasswordPreset.nist.rules
        policy.ofGroups = ["cards": PasswordPreset.pci.rules, "audited": PasswordPreset.iso.rules]
        policy.groupsWithFactor = ["cards"]
        #expect(policy.strength(for: []).fewestCodePoints == 15)
        #expect(policy.strength(for: ["cards"]).fewestCodePoints == 12, "eight with a second factor, twelve for cards")
        #expect(policy.rules(for: ["cards", "audited"]).history == 4)
        let calendar = PasswordCalendar(policy: policy)
        let set = Timestamp(secondsSinceEpoch: 1_790_000_000)
        func expiry(_ groups: [String], hasFactor: Bool) -> Timestamp? {
            calendar.expiry(
                .init(
                    account: Account.ID(now: set, random: Randomness.system.bytes(10)), setAt: set,
                    groups: groups.map { ($0, set - .seconds(1_000 * 86_400)) }, hasFactor: hasFactor),
                since: [:])
        }
        #expect(expiry([], hasFactor: false) == nil)
        #expect(expiry(["cards"], hasFactor: false) == set + .seconds(90 * 86_400))
        #expect(expiry(["cards"], hasFactor: true) == nil)
        #expect(expiry(["cards", "audited"], hasFactor: true) == set + .seconds(90 * 86_400))
    }
}
