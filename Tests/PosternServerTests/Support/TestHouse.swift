import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NetworkAddress
import Secrets
import Storage
import Support
import Synchronization
import Throttle

@testable import PosternServer

/// A whole server without a socket, on a real store.
struct TestHouse: Sendable {
    package let server: Server
    package let store: any Store
    package let engine: StoreUnderTest

    package init(_ engine: StoreUnderTest, _ adjust: (inout Settings) -> Void = { _ in }) async throws {
        self.engine = engine
        store = try await engine.make()
        _ = try await store.migrate(Migration.all, now: .now())
        var settings = try Settings.load(file: nil, environment: [:], cores: 2)
        settings.hashing.queue = 10_000
        // Most tests of the administration are about something else; SecondFactorDoorsTests hold the default.
        settings.secondFactors.isNeededForAdministration = false
        let folder = try StoreUnderTest.freshFolder()
        settings.dataDirectory = folder
        // All tests come from few addresses; those of throttling hold the default.
        settings.signInLimits.perAddress = Rate.perMinute(.max)
        adjust(&settings)
        let ring = try await SecretsAtRest(store: store, file: KeyRingFile(path: folder + "/ring.json"), random: .system).open(now: .now())
        server = try Server(
            settings: settings, store: store, keys: KeyRingHolder(ring), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Another node on the same database.
    init(sharing other: TestHouse, _ server: Server) { (self.server, store, engine) = (server, other.store, other.engine) }

    var administer: AdministerAccount {
        AdministerAccount(store: store, desk: server.desk, links: server.passwords.links(notices), locks: AccountLocks(server.keys.current))
    }

    func account(_ email: String) async throws -> Account? {
        guard let address = EmailAddress(email) else { return nil }
        return try await store.read { (transaction) throws(StoreError) in try transaction.account(email: address) }
    }

    var previous: PreviousPasswords {
        PreviousPasswords(store: store, hasher: server.hasher, policy: server.settings.passwords)
    }

    package var notices: Notices { server.notices }

    package func close() async {
        server.hasher.stop()
        await store.close()
    }

    /// Sends one request in process.
    package func send(
        _ method: HTTPRequest.Method, _ target: String, headers: HTTPFields = [:], body: [UInt8] = [], peer: String = "192.0.2.10",
        host: String? = nil
    ) async throws -> TestResponse {
        var headers = headers
        if !body.isEmpty || [.post, .put, .patch].contains(method) { headers[.contentLength] = "\(body.count)" }
        let head = HTTPRequest(
            method: method, scheme: "http", authority: host ?? server.settings.publicURL.authority, path: target, headerFields: headers)
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer(bytes: body)))
        let visit = Visit(peer: IPAddress(peer) ?? .unknown, logger: server.logger)
        let response = try await server.frontDoor.respond(to: request, context: visit)
        let collected = Collected()
        try await response.body.write(collected)
        return TestResponse(status: response.status, headers: response.headers, body: collected.bytes)
    }

    package func json(
        _ method: HTTPRequest.Method, _ target: String, _ document: String, bearer: String? = nil, headers: HTTPFields = [:],
        peer: String = "192.0.2.10"
    ) async throws -> TestResponse {
        var headers = headers
        headers[.contentType] = "application/json"
        if let bearer { headers[.authorization] = "Bearer \(bearer)" }
        return try await send(method, target, headers: headers, body: Array(document.utf8), peer: peer)
    }

    /// Runs all waiting jobs, and gives the mail that came.
    package func mail() async throws -> [Mail] {
        let worker = server.worker
        while try await worker.runOne() {}
        return server.mailbox?.letters.compactMap(\.mail) ?? []
    }

    /// The token in the newest mail's link to an address.
    package func linkToken(to email: String, _ path: String) async throws -> String {
        let text = try await mail().first { $0.to == email && $0.text.contains(path) }?.text ?? ""
        return text.split(separator: "\n").first { $0.contains(path) }.flatMap { $0.split(separator: "/").last }.map(String.init) ?? ""
    }

    package static let password = "correct horse battery"

    /// An open account, made straight in the database.
    @discardableResult
    package func makeAccount(
        _ email: String, password: String = TestHouse.password, role: Account.Role = .member, state: Account.State = .active
    ) async throws -> Account.ID {
        guard let address = EmailAddress(email) else { throw StoreError.unavailable(reason: "no address") }
        let hash = try await server.hasher.hash(Password(trying: password))
        let account = NewAccount(email: address, role: role, state: state, passwordHash: hash, now: .now(), random: .system)
        _ = try await store.write { (transaction) throws(StoreError) in
            try transaction.createAccountUnderFreeName(account, random: .system)
        }
        return account.id
    }

    /// Signs in by the API and gives the token.
    package func signIn(_ email: String, password: String = TestHouse.password) async throws -> String {
        try await json(.post, "/auth/v1/sign-in", #"{"email":"\#(email)","password":"\#(password)"}"#).field("session", "token")
    }

    /// A fresh session, straight in the database: what an administrator acts in.
    package func openSession(for account: Account.ID) async throws -> Session.ID {
        let new = NewSession(
            account: account, policy: .standard, isKept: false, client: Client(address: .unknown, browser: ""), now: .now(), random: .system
        )
        try await store.write { (transaction) throws(StoreError) in try transaction.openSession(new) }
        return new.id
    }

    /// Everything the database holds, as one text.
    package func dump() async throws -> String {
        try await store.read { (transaction) throws(StoreError) in
            var text = ""
            for statement: SQLStatement in [
                "SELECT * FROM account", "SELECT * FROM session", "SELECT * FROM audit_event", "SELECT * FROM sign_in_attempt",
                "SELECT * FROM job", "SELECT * FROM email_confirmation", "SELECT * FROM invitation", "SELECT * FROM setup_link",
                "SELECT * FROM sealing_key", "SELECT * FROM sign_up_mail", "SELECT * FROM username_taken",
                "SELECT * FROM second_factor", "SELECT * FROM authenticator", "SELECT * FROM recovery_set", "SELECT * FROM recovery_code",
                "SELECT * FROM sign_in_challenge", "SELECT * FROM trusted_browser", "SELECT * FROM ticket", "SELECT * FROM app_session",
                "SELECT * FROM check_round", "SELECT * FROM app", "SELECT * FROM username_shape", "SELECT * FROM breached_password",
                "SELECT * FROM password_reset",
                "SELECT * FROM password_reset_mail", "SELECT * FROM password_try", "SELECT * FROM rate_count",
                "SELECT * FROM failed_account", "SELECT * FROM known_browser", "SELECT * FROM refusal", "SELECT * FROM unlock_link",
                "SELECT * FROM block", "SELECT * FROM rule_version", "SELECT * FROM phone", "SELECT * FROM code_wish",
                "SELECT * FROM delivery",
                "SELECT * FROM send_gate", "SELECT * FROM number_seen", "SELECT * FROM guard_decision", "SELECT * FROM notice",
                "SELECT * FROM sign_in_chain", "SELECT * FROM sign_in_tally", "SELECT * FROM sign_in_block", "SELECT * FROM place",
                "SELECT * FROM place_network", "SELECT * FROM place_day", "SELECT * FROM sign_in_habit",
                "SELECT * FROM sign_in_whereabouts", "SELECT * FROM sign_in_finding", "SELECT * FROM sign_in_half_way",
                "SELECT * FROM sign_in_link", "SELECT * FROM sign_in_erasure", "SELECT * FROM account_email_before",
                "SELECT * FROM sign_in_case", "SELECT * FROM organization", "SELECT * FROM organization_member",
                "SELECT * FROM organization_invitation", "SELECT * FROM api_key", "SELECT * FROM api_key_use",
            ] {
                for row in try transaction.run(statement) { text += "\(row)\n" }
            }
            return text
        }
    }
}

struct TestResponse: Sendable {
    package let status: HTTPResponse.Status
    package let headers: HTTPFields
    package let body: [UInt8]

    package var text: String { String(decoding: body, as: UTF8.self) }

    /// A text in a JSON answer, by its path; empty if it isn't there.
    package func field(_ path: String...) -> String {
        var value = try? JSONValue(parsing: body)
        for name in path {
            guard case .object(let object)? = value else { return "" }
            value = object[name]
        }
        guard case .string(let text)? = value else { return "" }
        return text
    }

    package var reason: String { field("reason") }
}

/// A browser without a screen: keeps cookies, says where requests come from, and finds the form's token.
final class TestBrowser: Sendable {
    private let house: TestHouse
    private let jar = Mutex<[String: String]>([:])
    private let peer: String

    package init(_ house: TestHouse, peer: String = "192.0.2.20") {
        self.house = house
        self.peer = peer
    }

    package var cookies: [String: String] {
        get { jar.withLock { $0 } }
        set { jar.withLock { $0 = newValue } }
    }

    package func get(_ target: String) async throws -> TestResponse {
        try await keep(house.send(.get, target, headers: headers([.accept: "text/html"]), peer: peer))
    }

    /// Opens the page that holds the form, and sends it with its token.
    package func submit(_ target: String, from page: String? = nil, _ fields: [String: String]) async throws -> TestResponse {
        let shown = try await get(page ?? target)
        var all = fields
        all["form_token"] = Self.formToken(shown.text)
        return try await post(target, all)
    }

    package func post(_ target: String, _ fields: [String: String], headers extra: HTTPFields = [:]) async throws -> TestResponse {
        let body = fields.map { "\(percentEncoded($0.key))=\(percentEncoded($0.value))" }.joined(separator: "&")
        var headers = headers([.contentType: "application/x-www-form-urlencoded", .secFetchSite: "same-origin"])
        for field in extra { headers[field.name] = field.value }
        return try await keep(house.send(.post, target, headers: headers, body: Array(body.utf8), peer: peer))
    }

    package func signIn(_ email: String, password: String = TestHouse.password, _ more: [String: String] = [:]) async throws -> TestResponse
    {
        try await submit("/auth/sign-in", ["email": email, "password": password].merging(more) { $1 })
    }

    package static func formToken(_ html: String) -> String {
        html.firstMatch(of: /name="form_token" value="([^"]*)"/).map { String($0.1) } ?? ""
    }

    private func headers(_ headers: HTTPFields) -> HTTPFields {
        var headers = headers
        let cookies = jar.withLock { $0 }.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
        if !cookies.isEmpty { headers[.cookie] = cookies }
        headers[.userAgent] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        return headers
    }

    private func keep(_ response: TestResponse) -> TestResponse {
        jar.withLock { jar in
            for cookie in response.headers[values: .setCookie] {
                let pair = cookie.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                jar[String(pair[0])] = cookie.contains("Max-Age=0") ? nil : String(pair[1])
            }
        }
        return response
    }
}

private final class Collected: ResponseBodyWriter {
    private(set) var bytes: [UInt8] = []

    func write(_ buffer: ByteBuffer) async throws { bytes += Array(buffer: buffer) }
    func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
