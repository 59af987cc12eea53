import HTTPTypes
import Secrets
import Storage
import Support
import Synchronization
import Testing

@testable import PosternServer

/// Who hears of keys, and how often.
@Suite struct KeyNoticesTests {
    private static let day = Duration.seconds(86_400)

    @Test(
        "owners and managers are reminded 15, 7 and 1 days before a key expires, once each; not of one that was replaced",
        arguments: StoreUnderTest.allCases)
    func expiry(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let shop = try await KeysTests.Shop(house)
        let id = try #require(Organization.ID(shop.organization))
        for (email, role) in [("may@example.com", Organization.Role.manager), ("dev@example.com", .developer)] {
            let account = try await house.makeAccount(email)
            _ = try await house.store.write { (transaction) throws(StoreError) in
                try transaction.addMember(account, to: id, as: role, now: .now())
            }
        }
        let now = Timestamp.now()
        let end = ISOTime.text(now + Self.day * 10)
        let key = try await shop.make(#"{"name":"Robot","expires_at":"\#(end)"}"#, by: shop.key).field("api_key", "id")
        let replaced = try await shop.make(#"{"name":"Old","expires_at":"\#(end)"}"#, by: shop.key).field("api_key", "id")
        _ = try await house.json(.post, "\(shop.place)/\(replaced)/rotate", "{}", bearer: shop.session)
        let own = try await house.json(.post, "/auth/v1/account/api-keys", #"{"name":"Mine","expires_at":"\#(end)"}"#, bearer: shop.session)
        #expect(own.status == .created)
        let source = house.server.apiKeys.expirySource
        let sent = Mutex<[String]>([])
        func round(_ days: Int) async throws -> [String] {
            let time = now + Self.day * days
            let new = try await FindExpiring(store: house.store, sources: [source], notices: house.notices).run(now: time)
            #expect(try await FindExpiring(store: house.store, sources: [source], notices: house.notices).run(now: time) == 0)
            let remind = Remind(store: house.store, sources: [source]) { mail, _ in
                sent.withLock { $0.append("\(mail.to): \(mail.subject)") }
                return .done
            }
            let jobs = try await house.store.read { (transaction) throws(StoreError) in
                try transaction.notices(of: nil, state: .waiting, before: nil, limit: 100).filter { $0.kind == "api-key-expires" }.count
            }
            #expect(jobs >= new)
            let ada = try #require(try await house.account("ada@example.com"))
            for expiring in try await source.page(time + Self.day * 15, nil).found where expiring.account == ada.id {
                let threshold = try #require(source.threshold(of: expiring.expiresAt, at: time))
                let payload = ReminderPayload(expiring, .apiKeyExpires, threshold: threshold)
                _ = try await remind.remind(Secret(payload.bytes), id: Job.ID(now: time, random: Randomness.system.bytes(10)), now: time)
            }
            return sent.withLock { lines in
                defer { lines = [] }
                return lines.sorted()
            }
        }
        let first = try await round(0)
        #expect(first.count == 3 && first.contains { $0.contains("Robot") } && first.contains { $0.contains("Mine") })
        // The replaced key's successor expires with the life it was given.
        #expect(try await round(4).allSatisfy { $0.hasPrefix("ada@example.com: An API key expires in 7 days") })
        _ = try await house.json(.delete, "\(shop.place)/\(key)", "{}", bearer: shop.session)
        #expect(try await !round(9).contains { $0.contains("Robot") })
        await house.close()
    }

    @Test("who still brings an ended key is told of once a week; a hundred keys fill nobody's mailbox", arguments: StoreUnderTest.allCases)
    func tried(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let shop = try await KeysTests.Shop(house)
        let desk = house.server.apiKeys.desk
        let made = try await shop.make(#"{"name":"Robot"}"#, by: shop.key)
        _ = try await house.json(.delete, "\(shop.place)/\(made.field("api_key", "id"))", "{}", bearer: shop.key)
        for _ in 0..<3 {
            #expect(try await shop.whoAmI(made.field("api_key", "key")).status == .unauthorized)
            try await desk.writeUses(now: .now())
        }
        #expect(try await house.mail().filter { $0.kind == .apiKeyTried }.count == 1)
        try await desk.writeUses(now: .now() + Self.day * 8)
        for _ in 0..<30 {
            let key = try await shop.make(#"{"name":"Many"}"#, by: shop.key).field("api_key", "key")
            _ = try await house.json(.post, "/auth/v1/api-keys/leaked", #"{"key":"\#(key)"}"#)
        }
        let mails = try await house.mail().filter { $0.kind == .apiKeyLeaked }.count
        // Two hours, where one begins meanwhile.
        #expect((10...20).contains(mails))
        await house.close()
    }

    @Test("the webhook hears of keys that are made, rotated and revoked, and never their text")
    func webhook() async throws {
        let house = try await TestHouse(.sqlite) {
            $0.siteChannels = [
                SiteChannel(
                    channel: .webhook, url: Secret("https://127.0.0.1:1/hook"), key: Secret([1, 2, 3]), kinds: SiteChannel.standardKinds)
            ]
        }
        let shop = try await KeysTests.Shop(house)
        let made = try await shop.make(#"{"name":"Robot"}"#, by: shop.key)
        let place = "\(shop.place)/\(made.field("api_key", "id"))"
        let rotated = try await house.json(.post, place + "/rotate", "{}", bearer: shop.session)
        _ = try await house.json(.delete, place, "{}", bearer: shop.session)
        let lines = try await house.store.read { (transaction) throws(StoreError) in
            try transaction.notices(of: nil, state: nil, before: nil, limit: 100).filter { $0.channel == "webhook" }
        }
        #expect(Set(lines.map(\.kind)) == ["api-key-made", "api-key-rotated", "api-key-revoked"])
        for text in [shop.key, made.field("api_key", "key"), rotated.field("api_key", "key")] {
            #expect(!lines.contains { $0.subject.contains(text.dropFirst(9).prefix(12)) })
        }
        await house.close()
    }
}
