/// Which requests must come over HTTPS: rules in one file, the first that fits counts.
///
/// ```
/// environment production shop=www.example.org pay=pay.example.org
/// environment development shop=localhost:8081 pay=localhost:8081
///
/// https  host pay
/// https  path /account/* group beta
/// https  opted-in
/// https  10% of accounts path /shop/*
/// either method GET,HEAD path /feeds/*
/// http   host old.example.org
/// otherwise either
///
/// when GET http://pay/cart expect https
/// when GET http://shop/feeds/a.xml as group beta expect either
/// ```
public struct HTTPSRules: Sendable {
    /// What a rule says of the requests that fit.
    public enum Word: String, CaseIterable, Sendable { case http, https, either }

    /// A request as rules see it.
    public struct Request: Sendable {
        /// Lower case, with its port where that isn't the scheme's own.
        public var host: String
        /// Without a query.
        public var path: String
        public var method: String
        /// The account's id; nil for nobody.
        public var account: String?
        public var groups: Set<String>
        public var organizations: Set<String>
        /// "Always use HTTPS" is chosen, by the account or in this browser.
        public var isOptedIn: Bool

        public init(
            host: String, path: String, method: String = "GET", account: String? = nil, groups: Set<String> = [],
            organizations: Set<String> = [], isOptedIn: Bool = false
        ) {
            (self.host, self.path, self.method, self.account) = (host, path, method, account)
            (self.groups, self.organizations, self.isOptedIn) = (groups, organizations, isOptedIn)
        }
    }

    /// One rule: all of its conditions must hold.
    public struct Rule: Hashable, Sendable {
        public let word: Word
        public let conditions: [Condition]
        /// Where it stands in the file, from 1.
        public let line: Int
        /// As it was written.
        public let text: String
    }

    public enum Condition: Hashable, Sendable {
        case host(String)
        /// A path, or all that begins so where it ended in `*`.
        case path(String, isPrefix: Bool)
        case methods(Set<String>)
        case group(String)
        case organization(String)
        case account(String)
        case optedIn
        /// So many accounts of a hundred, always the same: what is 10 % is part of what is 20 %.
        case share(percent: UInt8)
    }

    /// What is to happen to a request, and why.
    public struct Decision: Hashable, Sendable {
        public let word: Word
        /// Nil where no rule fits: then `otherwise` holds.
        public let rule: Rule?
    }

    /// A `when … expect …` of the file.
    public struct Test: Sendable {
        public let request: Request
        public let expected: Word
        public let line: Int
        public let text: String
    }

    /// What a file holds that can't be read.
    public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
        /// From 1.
        public let line: Int
        /// From 1, in characters.
        public let column: Int
        public let found: String
        public let allowed: String

        public var description: String { "line \(line), column \(column): found “\(found)”. Allowed: \(allowed)." }
    }

    public let rules: [Rule]
    public let otherwise: Word
    public let tests: [Test]
    /// Rules that may fit a host, by their place; those for every host are in each.
    private let byHost: [String: [Int]]
    private let forOthers: [Int]

    /// Rules that one file may hold.
    public static let most = 2_000

    init(rules: [Rule], otherwise: Word, tests: [Test]) {
        (self.rules, self.otherwise, self.tests) = (rules, otherwise, tests)
        var hosts: Set<String> = []
        for rule in rules { for case .host(let host) in rule.conditions { hosts.insert(host) } }
        func fitting(_ host: String?) -> [Int] {
            rules.indices.filter { index in
                rules[index].conditions.allSatisfy { if case .host(let wanted) = $0 { wanted == host } else { true } }
            }
        }
        byHost = Dictionary(uniqueKeysWithValues: hosts.map { ($0, fitting($0)) })
        forOthers = fitting(nil)
    }

    public func decide(_ request: Request) -> Decision {
        for index in byHost[request.host] ?? forOthers where Self.fits(rules[index], request) {
            return Decision(word: rules[index].word, rule: rules[index])
        }
        return Decision(word: otherwise, rule: nil)
    }

    /// Tests of the file that don't come out as it says.
    public var failures: [(test: Test, decision: Decision)] {
        tests.compactMap { test in
            let decision = decide(test.request)
            return decision.word == test.expected ? nil : (test, decision)
        }
    }

    private static func fits(_ rule: Rule, _ request: Request) -> Bool {
        for condition in rule.conditions where !fits(condition, request) { return false }
        return true
    }

    private static func fits(_ condition: Condition, _ request: Request) -> Bool {
        switch condition {
        case .host(let host): request.host == host
        case .path(let path, let isPrefix): isPrefix ? request.path.utf8.starts(with: path.utf8) : request.path == path
        case .methods(let methods): methods.contains(request.method)
        case .group(let name): request.groups.contains(name)
        case .organization(let name): request.organizations.contains(name)
        case .account(let id): request.account == id
        case .optedIn: request.isOptedIn
        case .share(let percent): request.account.map { place(of: $0) < UInt64(percent) * 100 } ?? false
        }
    }

    /// Where an account stands among 10,000, for ever: FNV-1a (draft-eastlake-fnv) spreads ids evenly, and nothing secret hangs on it.
    static func place(of account: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in account.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        // Its low bits alone are uneven for short texts.
        hash ^= hash >> 32
        return hash % 10_000
    }
}
