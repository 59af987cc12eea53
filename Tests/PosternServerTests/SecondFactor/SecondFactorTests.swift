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
    @Test(
        "TO-07, TO-08: a new key has 160 bits, counts only after a right code, and gives ten recovery codes",
        arguments: StoreUnderTest.allCases)
    func enrolment(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        let begun = try await house.begin(token)
        #expect(begun.secret.count == 20)
        // Not yet: the password alone still signs in.
        #expect(try await !house.signIn("ada@example.com").isEmpty)
        #expect(try await house.confirm(token, begun, "000000").reason == "wrong-code")
        #expect(try await house.confirm(token, begun, "nonsense").reason == "wrong-code")
        let code = begun.code()
        let done = try await house.confirm(token, begun, code)
        #expect(done.status == .ok)
        #expect(done.recoveryCodes.count == 10)
        #expect(try await house.signIn("ada@example.com").isEmpty)
        // The code that confirmed it is spent.
        let attempt = try await house.attempt("ada@example.com")
        #expect(try await house.finish(attempt, "totp", code).reason == "code-used")
        #expect(try await house.finish(attempt, "totp", begun.code(1)).field("session", "assurance") == "aal2")
        // A second one gives no more codes.
        let second = try await house.begin(token, "Tablet")
        let again = try await house.confirm(token, second, second.code())
        #expect(again.recoveryCodes.isEmpty && again.status == .ok)
        await house.close()
    }

    @Test("TO-07, CVE-2024-8796: every key is another")
    func keys() async throws {
        let house = try await TestHouse(.sqlite)
        try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        var seen: Set<[UInt8]> = []
        for _ in 0..<100 { seen.insert(try await house.begin(token).secret) }
        #expect(seen.count == 100)
        await house.close()
    }

    @Test("TO-08: a key waits ten minutes, and only the newest does", arguments: StoreUnderTest.allCases)
    func pending(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        let first = try await house.begin(token)
        let second = try await house.begin(token)
        #expect(try await house.confirm(token, first, first.code()).reason == "enrolment-over")
        _ = try await house.store.write { (transaction) throws(StoreError) in
            try transaction.change("UPDATE authenticator SET expires_at = expires_at - 600000000 WHERE account_id = \(id)")
        }
        #expect(try await house.confirm(token, second, second.code()).status == .gone)
        #expect(try await !house.signIn("ada@example.com").isEmpty)
        await house.close()
    }

    @Test("of two that confirm one new key at once, one gets the codes", arguments: StoreUnderTest.allCases)
    func confirmRace(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        let begun = try await house.begin(token)
        let answers = try await withThrowingTaskGroup(of: TestResponse.self) { group in
            for _ in 1...8 { group.addTask { try await house.confirm(token, begun, begun.code()) } }
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
            let path = route.path.replacing(/\{\w+\}/) { _ in id.description }
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
        let administer = house.administer
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
        try await house.age(id, by: 301)
        let refused = try await house.json(.post, "/auth/v1/account/authenticators", #"{"name":"Phone"}"#, bearer: token)
        #expect(refused.reason == "step-up-required" && refused.status == .forbidden)
        #expect(refused.text.contains(#""methods":["password"]"#))
        #expect(try await stepUp(#"{"method":"password","password":"wrong one"}"#).status == .unauthorized)
        #expect(try await stepUp(#"{"method":"password","password":"\#(TestHouse.password)"}"#).status == .noContent)
        let begun = try await house.begin(token)
        let recovery = try await house.confirm(token, begun, begun.code()).recoveryCodes
        // From now on the password is not enough.
        try await house.age(id, by: 301)
        let stronger = try await stepUp(#"{"method":"password","password":"\#(TestHouse.password)"}"#)
        #expect(stronger.reason == "step-up-required" && stronger.text.contains(#""methods":["totp","recovery_code"]"#))
        #expect(try await house.json(.post, "/auth/v1/account/recovery-codes", "{}", bearer: token).reason == "step-up-required")
        #expect(try await stepUp(#"{"method":"recovery_code","code":"\#(recovery[0])"}"#).status == .noContent)
        #expect(try await house.json(.post, "/auth/v1/account/recovery-codes", "{}", bearer: token).status == .created)
        #expect(try await stepUp(#"{"method":"mail","code":"1"}"#).status == .badRequest)
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
        let begun = try await house.begin(token)
        let recovery = try await house.confirm(token, begun, begun.code()).recoveryCodes
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

    @Test("a step-up by code without a second factor says which proof is wanted, and counts nothing")
    func stepUpWithoutFactor() async throws {
        let house = try await TestHouse(.sqlite)
        try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        let answer = try await house.json(.post, "/auth/v1/session/step-up", #"{"method":"totp","code":"000000"}"#, bearer: token)
        #expect(answer.reason == "step-up-required" && answer.text.contains(#""methods":["password"]"#))
        await house.close()
    }

    @Test("the owner hears once that codes are stopped", arguments: StoreUnderTest.allCases)
    func stopIsMailed(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let id = try await house.makeAccount("ada@example.com")
        let phone = try await house.addPhone(to: id)
        _ = try await house.store.write { (transaction) throws(StoreError) in
            try transaction.change("UPDATE second_factor SET failures = 48 WHERE account_id = \(id)")
        }
        for number in 1...3 {
            let attempt = try await house.attempt("ada@example.com")
            _ = try await house.finish(attempt, "totp", phone.wrongCode(at: .now(), number))
            _ = try await house.store.write { (transaction) throws(StoreError) in
                try transaction.change("UPDATE second_factor SET next_try_at = 0 WHERE account_id = \(id)")
            }
        }
        #expect(try await house.mail().filter { $0.subject.contains("Too many wrong codes") }.count == 1)
        await house.close()
    }
}
