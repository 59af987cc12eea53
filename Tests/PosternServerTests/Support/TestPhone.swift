import HTTPTypes
import OneTimePassword
import Secrets
import Storage

@testable import PosternServer

/// A phone with an authenticator app, whose clock may be off.
struct TestPhone: Sendable {
    let id: Authenticator.ID
    let secret: [UInt8]
    /// Seconds ahead.
    var clockError: Int64 = 0

    func code(at time: Timestamp) -> String {
        let password = OneTimePassword.standard
        return password.code(secret: secret, counter: password.step(at: time.secondsSinceEpoch + clockError)).description
    }

    /// A code that is none of those it could show around that time.
    func wrongCode(at time: Timestamp, _ number: Int = 0) -> String {
        let near = Set((-15...15).map { code(at: time + .seconds($0 * 30)) })
        return (0...).lazy.map { String(String(1_000_000 + ($0 + number * 100) % 1_000_000).dropFirst()) }.first { !near.contains($0) }
            ?? ""
    }
}

extension TestHouse {
    /// Gives an account a confirmed authenticator, straight in the database.
    func addPhone(to account: Account.ID, named name: String = "Phone", confirmedAt now: Timestamp = .now()) async throws -> TestPhone {
        let phone = TestPhone(id: Authenticator.ID(now: now, random: Randomness.system.bytes(10)), secret: Randomness.system.bytes(20))
        let sealed = server.keys.current.seal(
            phone.secret, at: Authenticator.place(of: phone.id), nonce: Randomness.system.bytes(12))
        let isAdded = try await store.write { (transaction) throws(StoreError) in
            guard try transaction.addPendingAuthenticator(phone.id, named: name, sealed: sealed, of: account, now: now) else {
                return false
            }
            return try transaction.confirmAuthenticator(phone.id, of: account, step: 0, clock: AuthenticatorClock(), now: now)
        }
        guard isAdded else { throw StoreError.unavailable(reason: "no authenticator was added") }
        return phone
    }

    /// Ten recovery codes that count.
    func addRecoveryCodes(to account: Account.ID) async throws -> [String] {
        let new = try await NewRecoverySet(hasher: server.hasher, now: .now(), random: .system)
        _ = try await store.write { (transaction) throws(StoreError) in
            try transaction.addRecoverySet(new, of: account, now: .now())
            return try transaction.useRecoverySet(new.set.id, of: account)
        }
        return new.texts.map(\.exposed)
    }

    /// The first step by the API: gives the attempt's token.
    func attempt(_ email: String) async throws -> String {
        try await json(.post, "/auth/v1/sign-in", #"{"email":"\#(email)","password":"\#(Self.password)"}"#).field("attempt")
    }

    /// The second step by the API.
    func finish(_ attempt: String, _ method: String, _ code: String) async throws -> TestResponse {
        try await json(.post, "/auth/v1/sign-in/second-factor", #"{"attempt":"\#(attempt)","method":"\#(method)","code":"\#(code)"}"#)
    }

    /// What every second step goes through, with a clock of the test's own.
    func settle(_ proof: OfferedProof, of account: Account.ID, reach: Int64 = 1, now: Timestamp) async throws -> FactorCheck.Result? {
        let check = FactorCheck(store: store, hasher: server.hasher, matcher: CodeMatcher(keys: server.keys, reach: reach), phones: phones)
        guard let prepared = try await check.prepare(proof, of: account, for: .signIn([1]), now: now) else { return nil }
        return try await store.write { (transaction) throws(StoreError) in try transaction.settle(prepared, of: account, now: now) }
    }

    func settle(_ code: String, of account: Account.ID, reach: Int64 = 1, now: Timestamp) async throws -> FactorCheck.Result? {
        try await settle(.totp(Secret(code)), of: account, reach: reach, now: now)
    }
}

/// An authenticator as the API hands it out.
struct BegunPhone: Sendable {
    let id: String
    let secret: [UInt8]
    let text: String

    init(_ answer: TestResponse) {
        id = answer.field("id")
        secret = Base32.decode(answer.field("secret")) ?? []
        text = answer.text
    }

    /// - Parameter offset: steps from now.
    func code(_ offset: Int64 = 0) -> String {
        let password = OneTimePassword.standard
        return password.code(secret: secret, counter: password.step(at: Timestamp.now().secondsSinceEpoch) + offset).description
    }
}

extension TestHouse {
    func begin(_ token: String, _ name: String = "Phone") async throws -> BegunPhone {
        BegunPhone(try await json(.post, "/auth/v1/account/authenticators", #"{"name":"\#(name)"}"#, bearer: token))
    }

    func confirm(_ token: String, _ begun: BegunPhone, _ code: String) async throws -> TestResponse {
        try await json(.post, "/auth/v1/account/authenticators/\(begun.id)/confirm", #"{"code":"\#(code)"}"#, bearer: token)
    }

    /// Moves what the sessions of an account proved into the past.
    func age(_ id: Account.ID, by seconds: Int64) async throws {
        let micros = seconds * 1_000_000
        _ = try await store.write { (transaction) throws(StoreError) in
            try transaction.change(
                """
                UPDATE session SET password_proved_at = password_proved_at - \(micros), factor_proved_at = factor_proved_at - \(micros)
                WHERE account_id = \(id)
                """)
        }
    }
}

extension TestResponse {
    var recoveryCodes: [String] {
        guard case .object(let object)? = try? JSONValue(parsing: body), case .array(let codes)? = object["recovery_codes"] else {
            return []
        }
        return codes.compactMap { if case .string(let text) = $0 { text } else { nil } }
    }
}
