import Support
import Testing

@testable import HTTPSPolicy

@Suite struct HTTPSRulesTests {
    private static let file = """
        # For all environments.
        environment production shop=www.example.org pay=pay.example.org
        environment development shop=localhost:8081 pay=localhost:8082

        https  host pay            # money
        https  path /account/* group beta
        https  opted-in
        https  10% of accounts path /shop/*
        either method GET,HEAD path /feeds/*
        http   host old.example.org
        otherwise either

        when GET http://pay/cart expect https
        when GET http://shop/account/profile as group beta expect https
        when GET http://shop/account/profile expect either
        when POST http://shop/ as account a1 opted-in expect https
        when GET http://old.example.org/x expect http
        """

    @Test("the first rule that fits counts, and the file's own tests say so", arguments: ["production", "development"])
    func readsItself(environment: String) throws {
        let rules = try HTTPSRules(parsing: Self.file, environment: environment)
        #expect(rules.rules.count == 6 && rules.tests.count == 5 && rules.failures.isEmpty)
        let pay = environment == "production" ? "pay.example.org" : "localhost:8082"
        let decision = rules.decide(.init(host: pay, path: "/"))
        #expect(decision.word == .https && decision.rule?.line == 5 && decision.rule?.text == "https host pay")
        #expect(rules.decide(.init(host: "elsewhere.example.org", path: "/")) == HTTPSRules.Decision(word: .either, rule: nil))
    }

    @Test("a test that doesn't come out is named with its line")
    func failing() throws {
        let rules = try HTTPSRules(parsing: "https path /a\nwhen GET http://x.org/b expect https\nwhen GET http://x.org/a expect https")
        #expect(rules.failures.map(\.test.line) == [2] && rules.failures.first?.decision.word == .either)
    }

    @Test(
        "what can't be read is told with line, column and what is allowed",
        arguments: [
            ("https", 1, 6), ("htps path /", 1, 1), ("https path shop", 1, 12), ("https path /a*b", 1, 12), ("https method get", 1, 14),
            ("https host shop", 1, 12), ("https 101% of accounts", 1, 7), ("https 10% accounts", 1, 11), ("otherwise maybe", 1, 11),
            ("otherwise https\nhttps path /", 2, 1), ("# x\n\nwhen GET /x expect https", 3, 10),
            ("when get http://a.b/ expect https", 1, 6),
            ("when GET http://a.b/ expect", 1, 28), ("when GET http://a.b/ if expect https", 1, 22), ("environment Prod", 1, 13),
            ("environment prod shop", 1, 18), ("when GET http://shop/ expect https", 1, 17), ("https path /x y", 1, 15),
        ] as [(String, Int, Int)])
    func problems(text: String, line: Int, column: Int) {
        do throws(HTTPSRules.Problem) {
            _ = try HTTPSRules(parsing: text)
            Issue.record("it was read: \(text)")
        } catch {
            #expect(error.line == line && error.column == column && !error.allowed.isEmpty, "\(text): \(error)")
        }
    }

    @Test("what is 10 % is part of what is 20 %, and both are about as many as they say")
    func shares() throws {
        var counts: [Int: Int] = [:]
        for number in 0..<20_000 {
            let account = "01920000-0000-7000-8000-\(String(1_000_000_000_000 + number * 7_919))"
            var before = false
            for percent in [0, 10, 20, 50, 100] {
                let rules = try HTTPSRules(parsing: "https \(percent)% of accounts")
                let isIn = rules.decide(.init(host: "a.b", path: "/", account: account)).word == .https
                #expect(isIn || !before, "\(account) fell out at \(percent)")
                before = isIn
                counts[percent, default: 0] += isIn ? 1 : 0
            }
        }
        #expect(counts[0] == 0 && counts[100] == 20_000)
        #expect(
            (1_800...2_200).contains(counts[10] ?? 0) && (3_700...4_300).contains(counts[20] ?? 0)
                && (9_600...10_400).contains(counts[50] ?? 0))
        #expect(try HTTPSRules(parsing: "https 100% of accounts").decide(.init(host: "a.b", path: "/")).word == .either)
    }

    /// Read anew for each request, from the text, word by word, as slowly as can be.
    private static func oracle(_ lines: [String], _ request: HTTPSRules.Request) -> String {
        for line in lines where !line.hasPrefix("otherwise") {
            var words = line.split(separator: " ").map(String.init)
            let say = words.removeFirst()
            var fits = true
            while !words.isEmpty {
                let kind = words.removeFirst()
                switch kind {
                case "host": fits = words.removeFirst() == request.host && fits
                case "path":
                    let path = words.removeFirst()
                    fits = (path.hasSuffix("*") ? request.path.hasPrefix(path.dropLast()) : request.path == path) && fits
                case "method": fits = words.removeFirst().split(separator: ",").contains { $0 == request.method } && fits
                case "group": fits = request.groups.contains(words.removeFirst()) && fits
                case "organization": fits = request.organizations.contains(words.removeFirst()) && fits
                case "account": fits = words.removeFirst() == request.account && fits
                case "opted-in": fits = request.isOptedIn && fits
                default:
                    words.removeFirst(2)
                    let percent = UInt64(kind.dropLast()) ?? 0
                    fits = (request.account.map { HTTPSRules.place(of: $0) < percent * 100 } ?? false) && fits
                }
            }
            if fits { return say }
        }
        return lines.last { $0.hasPrefix("otherwise") }?.split(separator: " ").last.map(String.init) ?? "either"
    }

    @Test("100,000 random requests to random files are decided as by reading the file word by word")
    func bruteForce() throws {
        var random = SeededGenerator(seed: 42)
        func pick(_ choices: [String]) -> String { choices[Int(random.next() % UInt64(choices.count))] }
        let (hosts, paths) = (["a.org", "b.org", "c.org:8080"], ["/", "/a", "/a/b", "/a/b/c", "/b"])
        for _ in 0..<rounds(1_000) {
            var lines: [String] = []
            for _ in 0..<(random.next() % 12) {
                var line = pick(["https", "http", "either"])
                for _ in 0...(random.next() % 3) {
                    line += " "
                    line += pick([
                        "host \(pick(hosts))", "path \(pick(paths))", "path \(pick(paths))*", "method \(pick(["GET", "GET,HEAD", "POST"]))",
                        "group \(pick(["g", "h"]))", "organization \(pick(["o", "p"]))", "account \(pick(["1", "2"]))", "opted-in",
                        "\(pick(["0", "33", "50", "100"]))% of accounts",
                    ])
                }
                lines.append(line)
            }
            if random.next() % 2 == 0 { lines.append("otherwise \(pick(["https", "http", "either"]))") }
            let rules = try HTTPSRules(parsing: lines.joined(separator: "\n"))
            for _ in 0..<100 {
                let request = HTTPSRules.Request(
                    host: pick(hosts + ["d.org"]), path: pick(paths), method: pick(["GET", "HEAD", "POST"]),
                    account: pick(["1", "2", "3", ""]),
                    groups: Set([pick(["g", "h", "i"])]), organizations: Set([pick(["o", "p", "q"])]), isOptedIn: random.next() % 2 == 0)
                #expect(rules.decide(request).word.rawValue == Self.oracle(lines, request), "\(lines) \(request)")
            }
        }
    }
}
