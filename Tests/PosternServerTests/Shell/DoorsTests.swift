import HTTPTypes
import Support
import Testing

@testable import PosternServer

/// LG-21: every door, held against every state that an account can be in. There is no cell that is not said here.
@Suite struct DoorsTests {
    enum Caller: String, CaseIterable, Sendable {
        case nobody, unconfirmed, disabled, deleted, signedOut, member, administrator, owner
        /// The password was right, the second factor is still asked for (SE-05).
        case halfSignedIn
        /// May administer, but signed in with a password alone (AZ-05).
        case administratorByPassword

        var isSignedIn: Bool { [.member, .administrator, .owner, .administratorByPassword].contains(self) }
        var mayAdminister: Bool { [.administrator, .owner].contains(self) }
    }

    /// A caller's session token: for the closed ones, a session from before they were closed.
    private func token(_ caller: Caller, _ house: TestHouse) async throws -> String? {
        let email = "\(caller.rawValue.lowercased())@example.com"
        switch caller {
        case .nobody: return nil
        case .member: try await house.makeAccount(email)
        case .administratorByPassword: try await house.makeAccount(email, role: .administrator)
        case .administrator, .owner, .halfSignedIn:
            let id = try await house.makeAccount(
                email, role: caller == .owner ? .owner : caller == .administrator ? .administrator : .member)
            let phone = try await house.addPhone(to: id)
            let half = try await house.json(.post, "/auth/v1/sign-in", #"{"email":"\#(email)","password":"\#(TestHouse.password)"}"#)
            guard caller != .halfSignedIn else { return half.field("attempt") }
            return try await house.finish(half.field("attempt"), "totp", phone.code(at: .now())).field("session", "token")
        case .unconfirmed:
            try await house.makeAccount(email, state: .unconfirmed)
            #expect(try await house.signIn(email).isEmpty)
            return "A" + String(repeating: "A", count: 42)
        case .disabled, .deleted, .signedOut:
            let id = try await house.makeAccount(email)
            let token = try await house.signIn(email)
            if caller == .signedOut {
                _ = try await house.send(.delete, "/auth/v1/session", headers: [.authorization: "Bearer \(token)"])
            } else {
                let administer = house.administer
                #expect(
                    try await administer.perform(caller == .disabled ? .disable : .delete, on: id, by: .commandLine, now: .now()) == .done)
            }
            #expect(try await house.signIn(email).isEmpty == (caller != .signedOut))
            return token
        }
        return try await house.signIn(email)
    }

    @Test("doors × account states", arguments: Caller.allCases, StoreUnderTest.allCases)
    func matrix(caller: Caller, engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine) { $0.secondFactors.isNeededForAdministration = true }
        try await house.makeAccount("first@example.com", role: .owner)
        let token = try await token(caller, house)
        var headers: HTTPFields = [.accept: "text/html"]
        if let token { headers[.cookie] = "postern=\(token); postern-attempt=\(token)" }
        for path in ["/auth/request", "/auth/forward"] {
            let status = try await house.send(.get, path, headers: headers).status
            #expect(status == (caller.isSignedIn ? .ok : path == "/auth/request" ? .unauthorized : .found), "\(path)")
        }
        for route in house.server.routes where route.method != .delete && !route.path.contains("{") {
            // Unsafe ones are sent without a form's token: they must be refused before anything else, but for the calls that need none.
            let answer = try await house.send(route.method, route.path, headers: headers)
            let name = "\(route.method) \(route.path)"
            switch (route.access, route.surface, route.isUnsafe) {
            case (.anyone, _, _): #expect(answer.status != .unauthorized || route.surface == .api, "\(name)")
            case (_, .page, true): #expect(answer.status == .forbidden || answer.status == .unsupportedMediaType, "\(name)")
            case (_, .api, true): #expect([.unsupportedMediaType, .forbidden, .unauthorized].contains(answer.status), "\(name)")
            case (.signedIn, _, false) where route.path == "/auth/account/security/authenticators" && caller.isSignedIn:
                // Leads to the page that it was sent from.
                #expect(answer.status == .seeOther, "\(name)")
            case (.signedIn, _, false) where route.path == ReturnTo.ticketPath && caller.isSignedIn:
                // For no app there is none.
                #expect(answer.status == .forbidden, "\(name)")
            case (.signedIn, let surface, false):
                #expect(answer.status == (caller.isSignedIn ? .ok : surface == .page ? .seeOther : .unauthorized), "\(name)")
            case (.administrator, .api, false):
                #expect(answer.status == (caller.mayAdminister ? .ok : caller.isSignedIn ? .forbidden : .unauthorized), "\(name)")
            case (.administrator, _, false):
                #expect(answer.status == (caller.mayAdminister ? .ok : caller == .member ? .forbidden : .seeOther), "\(name)")
            case (_, .plain, _), (_, .hook, _): Issue.record("\(name) is for no account, but not for anyone")
            }
        }
        await house.close()
    }

    @Test("AZ-01: who may come in is what is written here, route by route")
    func declared() async throws {
        let house = try await TestHouse(.sqlite)
        let lines = house.server.routes.map { "\($0.method.rawValue) \($0.path) \($0.access)" }.sorted()
        let administrators = house.server.routes.filter { $0.path.hasPrefix("/auth/admin") }
        #expect(!administrators.isEmpty && administrators.allSatisfy { $0.access == .administrator })
        let open = house.server.routes.filter { $0.access == .anyone }.map { route in
            // The module's name has its content's hash.
            "\(route.method.rawValue) \(route.path)".replacing(/strength\.[0-9a-f]{16}\.wasm/, with: "strength.HASH.wasm")
        }.sorted()
        #expect(open == Self.open, "a door was opened to anyone, or closed: say so here")
        #expect(Set(lines).count == lines.count)
        await house.close()
    }

    /// Every door that needs no sign-in.
    private static let open = [
        "GET /", "GET /auth", "GET /auth/assets/postern-mark.svg", "GET /auth/assets/history.js",
        "GET /auth/not-me", "GET /auth/not-me/{id}", "POST /auth/not-me", "GET /auth/was-me", "GET /auth/was-me/{id}", "POST /auth/was-me",
        "GET /auth/assets/postern.css",
        "GET /auth/assets/strength.HASH.wasm", "GET /auth/assets/strength.js", "POST /auth/v1/password/strength",
        "GET /.well-known/change-password", "GET /auth/forgot-password", "POST /auth/forgot-password", "GET /auth/reset-password",
        "GET /auth/unlock", "GET /auth/unlock/{id}", "POST /auth/unlock", "POST /auth/v1/unlock",
        "GET /auth/new-email", "GET /auth/new-email/{id}", "POST /auth/new-email", "POST /auth/v1/account/email/confirm",
        "GET /auth/reset-password/{id}", "POST /auth/reset-password", "POST /auth/v1/forgot-password", "POST /auth/v1/reset-password",
        "GET /auth/sign-in/change-password", "POST /auth/sign-in/change-password", "POST /auth/v1/sign-in/change-password",
        "GET /auth/confirm",
        "GET /auth/confirm/{id}", "GET /auth/dev/mailbox", "GET /auth/health", "GET /auth/invitation", "GET /auth/invitation/{id}",
        "GET /auth/openapi.yaml", "GET /auth/begin", "GET /auth/enter", "GET /auth/sign-out", "GET /auth/jwks.json",
        "GET /auth/assets/postern.js", "GET /auth/setup", "GET /auth/setup/{id}", "GET /auth/sign-in", "GET /auth/sign-in/enrol",
        "GET /auth/sign-in/second-factor", "GET /auth/sign-up", "POST /auth/confirm",
        "POST /auth/invitation", "POST /auth/setup",
        "POST /auth/sign-in", "POST /auth/sign-out", "POST /auth/sign-up", "POST /auth/v1/accounts", "POST /auth/v1/accounts/confirm",
        "POST /auth/sign-in/enrol", "POST /auth/sign-in/enrol/confirm", "POST /auth/sign-in/second-factor",
        "POST /auth/v1/sign-in", "POST /auth/v1/sign-in/authenticators", "POST /auth/v1/sign-in/authenticators/{id}/confirm",
        "POST /auth/v1/sign-in/second-factor", "POST /auth/sign-in/second-factor/send", "POST /auth/v1/sign-in/second-factor/send",
        "GET /auth/delivery/receipts/{id}", "POST /auth/delivery/receipts/{id}", "POST /auth/v1/organizations",
        "POST /auth/v1/api-keys/leaked",
    ].sorted()

    @Test("HT-16: openapi.yaml names every JSON route, and no other")
    func openAPI() async throws {
        let house = try await TestHouse(.sqlite)
        let text = try await house.send(.get, "/auth/openapi.yaml").text
        var documented: Set<String> = []
        var path = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if let match = line.wholeMatch(of: /\ {2}(\/auth\/v1\/\S*):/) { path = String(match.1) }
            if let match = line.wholeMatch(of: /\ {4}(get|post|put|patch|delete):/), !path.isEmpty {
                documented.insert("\(match.1.uppercased()) \(path)")
            }
        }
        let real = Set(house.server.routes.filter { $0.surface == .api }.map { "\($0.method.rawValue) \($0.path)" })
        #expect(documented == real)
        await house.close()
    }
}
