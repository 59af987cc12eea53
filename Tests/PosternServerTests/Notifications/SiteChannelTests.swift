import Crypto
import Foundation
import HTTPTypes
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

@Suite struct SiteChannelTests {
    @Test("a webhook's signature is what Standard Webhooks says, and covers id, time and body")
    func signature() throws {
        // The example of the Standard Webhooks libraries' own tests, with our body in place of theirs.
        let key = try #require(Data(base64Encoded: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        let channel = SiteChannel(channel: .webhook, url: Secret("https://x"), key: Secret(Array(key)), kinds: [])
        let email = try #require(EmailAddress("ada@example.org"))
        let mail = Mail(.passwordChanged, to: email, subject: "Your password was changed · Shop", text: "secret", html: "secret")
        let id = Job.ID(now: .now(), random: Randomness.system.bytes(10))
        let message = channel.message(SiteEvent(mail, at: .now()), id: id, now: .now(), siteName: "Shop")
        let headers = Dictionary(uniqueKeysWithValues: message.headers.map { ($0.name, $0.value) })
        let signed = "\(headers["webhook-id"] ?? "").\(headers["webhook-timestamp"] ?? "").\(String(decoding: message.body, as: UTF8.self))"
        let code = HMAC<SHA256>.authenticationCode(for: Array(signed.utf8), using: SymmetricKey(data: key))
        #expect(headers["webhook-signature"] == "v1," + Data(code).base64EncodedString())
        let body = String(decoding: message.body, as: UTF8.self)
        #expect(body.contains(#""type":"password-changed""#) && body.contains("ada@example.org") && !body.contains("secret"))
    }

    @Test("Slack gets a text in which nothing of a subject is a command")
    func slack() throws {
        let channel = SiteChannel(channel: .slack, url: Secret("https://x"), key: nil, kinds: [])
        let email = try #require(EmailAddress("ada@example.org"))
        let mail = Mail(.authenticatorAdded, to: email, subject: "<!channel> & co", text: "", html: "")
        let id = Job.ID(now: .now(), random: Randomness.system.bytes(10))
        let message = channel.message(SiteEvent(mail, at: .now()), id: id, now: .now(), siteName: "Shop")
        #expect(String(decoding: message.body, as: UTF8.self) == #"{"text":"*&lt;!channel&gt; &amp; co*\nada@example.org"}"#)
        #expect(message.headers.map(\.name) == ["Content-Type"])
    }

    @Test("each place hears of the kinds it asks for, once, and people see only what went to them", arguments: StoreUnderTest.allCases)
    func kinds(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine) {
            $0.siteChannels = [
                SiteChannel(channel: .slack, url: Secret("https://x"), key: nil, kinds: [.passwordChanged]),
                SiteChannel(channel: .webhook, url: Secret("https://x"), key: Secret([1]), kinds: [.emailChanged]),
            ]
        }
        let id = try await house.makeAccount("ada@example.org")
        let token = try await house.signIn("ada@example.org")
        _ = try await house.json(
            .post, "/auth/v1/account/password", #"{"current":"\#(TestHouse.password)","password":"purple monkey dishwasher 9"}"#,
            bearer: token)
        let all = try await house.store.read { (transaction) throws(StoreError) in
            try transaction.notices(of: nil, state: nil, before: nil, limit: 10).map(\.channel).sorted()
        }
        #expect(all == ["mail", "slack"])
        let own = try await house.store.read { (transaction) throws(StoreError) in
            try transaction.notices(of: id, state: nil, before: nil, limit: 10).map(\.channel)
        }
        #expect(own == ["mail"])
        await house.close()
    }
}
