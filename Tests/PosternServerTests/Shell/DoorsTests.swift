import HTTPTypes
import Support
import Testing

@testable import PosternServer

/// LG-21: every door, held against every state that an account can be in. There is no cell that is not said here.
@Suite struct DoorsTests {
    enum Caller: String, CaseIterable, Sendable {
        case nobody, unconfirmed, disabled, deleted, signedOut, member, administrator, owner

        var isSignedIn: Bool { [.member, .administrator, .owner].contains(self) }
        var mayAdminister: Bool { [.administrator, .owner].contains(self) }
    }

    /// A caller's session token: for the closed ones, a session from before they were closed.
    private func token(_ caller: Caller, _ house: TestHouse) async throws -> String? {
        let email = "\(caller.rawValue.lowercased())@example.com"
        switch caller {
        case .nobody: return nil
        case .member: try await house.makeAccount(email)
        case .administrator: try await house.makeAccount(email, role: .administrator)
        case .owner: try await house.makeAccount(email, role: .owner)
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
                let administer = AdministerAccount(store: house.store, desk: house.server.desk)
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
        let house = try await TestHouse(engine)
        try await house.makeAccount("first@example.com", role: .owner)
        let token = try await token(caller, house)
        var headers: HTTPFields = [.accept: "text/html"]
        if let token { headers[.cookie] = "postern=\(token)" }
        for path in ["/auth/request", "/auth/forward"] {
            let status = try await house.send(.get, path, headers: headers).status
            #expect(status == (caller.isSignedIn ? .ok : path == "/auth/request" ? .unauthorized : .found), "\(path)")
        }
        for route in house.server.routes where route.method != .delete && !route.path.contains("{id}") {
            // Unsafe ones are sent without a form's token: they must be refused before anything else, but for the calls that need none.
            let answer = try await house.send(route.method, route.path, headers: headers)
            let name = "\(route.method) \(route.path)"
            switch (route.access, route.surface, route.isUnsafe) {
            case (.anyone, _, _): #expect(answer.status != .unauthorized || route.surface == .api, "\(name)")
            case (_, .page, true): #expect(answer.status == .forbidden || answer.status == .unsupportedMediaType, "\(name)")
            case (_, .api, true): #expect([.unsupportedMediaType, .forbidden, .unauthorized].contains(answer.status), "\(name)")
            case (.signedIn, let surface, false):
                #expect(answer.status == (caller.isSignedIn ? .ok : surface == .page ? .seeOther : .unauthorized), "\(name)")
            case (.administrator, _, false):
                #expect(answer.status == (caller.mayAdminister ? .ok : caller.isSignedIn ? .forbidden : .seeOther), "\(name)")
            case (_, .plain, _): Issue.record("\(name) is plain but not for anyone")
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
        let open = house.server.routes.filter { $0.access == .anyone }.map { "\($0.method.rawValue) \($0.path)" }.sorted()
        #expect(open == Self.open, "a door was opened to anyone, or closed: say so here")
        #expect(Set(lines).count == lines.count)
        await house.close()
    }

    /// Every door that needs no sign-in.
    private static let open = [
        "GET /", "GET /auth", "GET /auth/assets/postern-mark.svg", "GET /auth/assets/postern.css",
        "GET /auth/confirm-email",
        "GET /auth/confirm-email/{id}", "GET /auth/dev/mailbox", "GET /auth/health", "GET /auth/invitation", "GET /auth/invitation/{id}",
        "GET /auth/openapi.yaml",
        "GET /auth/setup", "GET /auth/setup/{id}", "GET /auth/sign-in", "GET /auth/sign-up", "POST /auth/confirm-email",
        "POST /auth/invitation", "POST /auth/setup",
        "POST /auth/sign-in", "POST /auth/sign-out", "POST /auth/sign-up", "POST /auth/v1/accounts", "POST /auth/v1/accounts/confirm",
        "POST /auth/v1/sign-in",
    ]

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
