import NetworkAddress
import PhoneNumbers
import Secrets
import Storage
import Support
import Synchronization
import Throttle

@testable import PosternServer

/// A way that does what it is told, and keeps what it was given: what is tested with it is the choice of ways. Real gateways are met end to
/// end.
final class ScriptedProvider: MessageProvider, Sendable {
    let name: String
    let channels: Set<Delivery.Channel> = [.sms, .voice]
    let givesReceipts = true
    private let state = Mutex<(script: [SendOutcome], sent: [OutgoingMessage])>(([], []))

    init(_ name: String) { self.name = name }

    /// What it answers next; afterwards it takes everything.
    func will(_ outcomes: SendOutcome...) { state.withLock { $0.script += outcomes } }
    var sent: [OutgoingMessage] { state.withLock { $0.sent } }
    var codes: [String] { sent.map(\.code.exposed) }

    func send(_ message: OutgoingMessage) async -> SendOutcome {
        state.withLock { state in
            state.sent.append(message)
            return state.script.isEmpty ? .accepted(reference: "\(name)-\(state.sent.count)") : state.script.removeFirst()
        }
    }
}

/// A server whose codes go by two scripted ways, north first.
struct DeliveryHouse: Sendable {
    let house: TestHouse
    let north = ScriptedProvider("north")
    let south = ScriptedProvider("south")
    let rules: DeliveryRules
    let policy: PhonePolicy
    let dispatcher: Dispatcher
    let send: SendCode

    init(_ engine: StoreUnderTest, _ adjust: (inout DeliverySettings) -> Void = { _ in }) async throws {
        house = try await TestHouse(engine)
        var settings = DeliverySettings()
        settings.countries = ["PT", "GB"]
        for name in ["north", "south"] { settings.providers[name] = DeliverySettings.Provider(name: name, kind: .kannel, price: 40_000) }
        let arms = [DeliverySettings.Arm(provider: "north", weight: 1), DeliverySettings.Arm(provider: "south", weight: 0)]
        settings.routes = Delivery.Channel.allCases.map {
            DeliverySettings.Route(name: $0.rawValue, channel: $0, countries: [], arms: arms)
        }
        adjust(&settings)
        let server = house.server
        rules = DeliveryRules(settings) { [north, south] in $0.name == "north" ? north : south }
        let desk = CodeDesk(
            rules: rules, keys: server.keys, guarding: server.delivery.desk.guarding, alarms: server.delivery.desk.alarms, random: .system)
        policy = PhonePolicy(factors: SecondFactorPolicy(), desk: desk)
        dispatcher = Dispatcher(
            store: house.store, keys: server.keys, desk: desk, place: server.delivery.place, random: .system, logger: server.logger)
        send = SendCode(store: house.store, policy: policy, keys: server.keys, wake: {})
    }

    /// Sends what waits, and what comes of that.
    func deliver() async {
        while await withDiscardingTaskGroup(body: { group in (try? await dispatcher.round(in: &group)) ?? 0 }) > 0 {}
    }

    /// A half-made sign-in of a new account with a confirmed number.
    func attempt(_ email: String = "ada@example.com", number: String = "+351912345678") async throws -> (Account.ID, Token) {
        let account = try await house.makeAccount(email)
        _ = try await house.addNumber(number, to: account, policy)
        return (account, try await challenge(account))
    }

    func challenge(_ account: Account.ID) async throws -> Token {
        let token = Token(random: Randomness.system.bytes(Token.byteCount))
        let setAt = try await house.store.read { (transaction) throws(StoreError) in try transaction.account(account)?.passwordSetAt }
        let new = NewChallenge(
            token: token, account: account, passwordSetAt: setAt ?? .now(), mustEnrol: false, isKept: false,
            expiresAt: .now() + NewChallenge.lifetime)
        try await house.store.write { (transaction) throws(StoreError) in try transaction.openChallenge(new) }
        return token
    }

    func ask(
        _ token: Token, _ channel: Delivery.Channel = .sms, from address: String = "192.0.2.1", now: Timestamp = .now()
    ) async throws -> SendCode.Outcome {
        try await send.send(
            channel, to: nil, for: .signIn(token), client: Client(address: IPAddress(address) ?? .unknown, browser: ""), now: now)
    }

    /// What every second step goes through.
    func settle(_ code: String, _ token: Token, _ account: Account.ID, now: Timestamp = .now()) async throws -> FactorCheck.Result? {
        let check = FactorCheck(
            store: house.store, hasher: house.server.hasher, matcher: CodeMatcher(keys: house.server.keys, reach: 1), phones: policy)
        let place = CodeWish.Place.signIn(token.hash(for: NewChallenge.purpose))
        guard let prepared = try await check.prepare(.phone(Secret(code), .sms), of: account, for: place, now: now) else { return nil }
        return try await house.store.write { (transaction) throws(StoreError) in try transaction.settle(prepared, of: account, now: now) }
    }

    /// As if what was sent had been sent that much earlier.
    func pass(_ seconds: Int64) async throws {
        let time = seconds * 1_000_000
        try await house.store.write { (transaction) throws(StoreError) in
            _ = try transaction.run("UPDATE delivery SET created_at = created_at - \(time), due_at = due_at - \(time)")
            _ = try transaction.run("UPDATE send_gate SET t1 = t1 - \(time), t2 = t2 - \(time), t3 = t3 - \(time), t5 = t5 - \(time)")
        }
    }

    func past(_ token: Token) async throws -> [PastDelivery] {
        try await house.store.read { (transaction) throws(StoreError) in
            guard let wish = try transaction.liveWish(.signIn(token.hash(for: NewChallenge.purpose)), now: .now()) else { return [] }
            return try transaction.deliveries(of: wish.id)
        }
    }

    func report() async throws -> DeliveryReport {
        let counts = try await house.store.read { (transaction) throws(StoreError) in
            try transaction.deliveryFigures(sinceDay: Timestamp.now().day - 1)
        }
        return DeliveryReport(counts, by: [.provider])
    }

    func close() async { await house.close() }
}

extension TestHouse {
    var phones: PhonePolicy { PhonePolicy(factors: server.settings.secondFactors, desk: server.delivery.desk) }

    /// Gives an account a confirmed number, straight in the database.
    func addNumber(_ text: String, to account: Account.ID, _ policy: PhonePolicy) async throws -> Phone.ID {
        let number = try PhoneNumber(text)
        let now = Timestamp.now()
        let id = Phone.ID(now: now, random: Randomness.system.bytes(10))
        let new = NewPhone(
            id: id, account: account, number: number,
            sealed: server.keys.current.seal(Array(number.e164.utf8), at: Phone.place(of: id), nonce: Randomness.system.bytes(12)),
            key: policy.desk.key(of: number), now: now)
        try await store.write { (transaction) throws(StoreError) in
            try transaction.makeSecondFactorRow(of: account)
            _ = try transaction.addPendingPhone(new)
            _ = try transaction.confirmPhone(id, of: account, usableFrom: now, now: now)
        }
        return id
    }
}
