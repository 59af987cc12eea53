import HTTPTypes
import PasswordStrength
import Secrets
import Support
import Testing

@testable import PosternServer

struct PasswordPolicyTests {
    @Test("who is in several groups gets the strictest of what they ask")
    func groups() {
        var policy = PasswordPolicy()
        policy.ofGroups = [
            "staff": PasswordRules(strength: StrengthPolicy(fewestCodePoints: 15, lowestScore: 3)),
            "owners": PasswordRules(strength: StrengthPolicy(fewestCodePoints: 10, lowestScore: 4)),
        ]
        #expect(policy.strength(for: []) == StrengthPolicy())
        #expect(policy.strength(for: ["nobody"]) == StrengthPolicy())
        #expect(policy.strength(for: ["staff", "owners"]) == StrengthPolicy(fewestCodePoints: 15, lowestScore: 4))
    }

    @Test(
        "PW-07: what is known of the person and the site doesn't carry a password, leet and backwards neither",
        arguments: [
            "ada.lovelace1", "lovelace2024", "L0v3l4c3!", "ecalevol99", "example.com7", "ExampleShop!", "3x4mpl3sh0p", "pohselpmaxe",
            "rocketcandy", "R0ck3tc4ndy!", "ydnactekcor12",
        ])
    func context(password: String) async throws {
        let house = try await TestHouse(.sqlite) {
            $0.site.name = "ExampleShop"
            $0.passwords.words = ["rocketcandy"]
        }
        let answer = try await house.json(
            .post, "/auth/v1/accounts", #"{"email":"ada.lovelace@example.com","password":"\#(password)"}"#)
        #expect(answer.status == .unprocessableContent)
        #expect(answer.reason == "password-too-weak")
        await house.close()
    }

    @Test(
        "a common password is refused whatever score is asked for, and in any case",
        arguments: ["password1", "PASSWORD1", "qwertyuiop", "1qaz2wsx"])
    func common(password: String) async throws {
        let house = try await TestHouse(.sqlite) { $0.passwords.rules.strength.lowestScore = 0 }
        let answer = try await house.json(.post, "/auth/v1/accounts", #"{"email":"ada@example.com","password":"\#(password)"}"#)
        #expect(answer.reason == "password-common")
        await house.close()
    }

    @Test("the strength call says for a member of a group what the group asks", arguments: StoreUnderTest.allCases)
    func ofMembers(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine) {
            $0.passwords.ofGroups = ["staff": PasswordRules(strength: StrengthPolicy(fewestCodePoints: 30, lowestScore: 4))]
        }
        let id = try await house.makeAccount("ada@example.com")
        let token = try await house.signIn("ada@example.com")
        let document = #"{"password":"\#(TestHouse.password)"}"#
        #expect(try await house.json(.post, "/auth/v1/password/strength", document, bearer: token).text.contains(#""acceptable":true"#))
        _ = try await house.administer.perform(
            .join(try #require(GroupName("staff"))), on: id, by: .commandLine, now: .now())
        #expect(try await house.json(.post, "/auth/v1/password/strength", document, bearer: token).reason == "password-too-short")
        #expect(try await house.json(.post, "/auth/v1/password/strength", document).text.contains(#""acceptable":true"#))
        await house.close()
    }

    @Test("a page with a new password may run our module, and no other page may")
    func contentPolicy() async throws {
        let house = try await TestHouse(.sqlite)
        let browser = TestBrowser(house)
        let signUp = try await browser.get("/auth/sign-up")
        let signIn = try await browser.get("/auth/sign-in")
        #expect(signUp.headers[.contentSecurityPolicy]?.contains("script-src 'self' 'wasm-unsafe-eval';") == true)
        #expect(signIn.headers[.contentSecurityPolicy]?.contains("wasm") == false)
        #expect(signUp.text.contains(#"minlength="8""#))
        await house.close()
    }

    @Test("the module is served gzipped, under its content's hash, for good")
    func module() async throws {
        let house = try await TestHouse(.sqlite)
        let path = house.server.passwords.desk.module
        let answer = try await house.send(.get, path, headers: [.acceptEncoding: "gzip, br"])
        #expect(answer.status == .ok)
        #expect(answer.headers[.contentEncoding] == "gzip")
        #expect(answer.headers[.contentType] == "application/wasm")
        #expect(answer.headers[.cacheControl]?.contains("immutable") == true)
        #expect(try await house.send(.get, path).status == .notFound)
        await house.close()
    }
}
