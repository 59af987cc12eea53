extension HTTPSRules {
    private static let conditionsAllowed =
        "host NAME, path /… or /…/*, method GET,POST, group NAME, organization NAME, account ID, opted-in, N% of accounts"

    /// Reads a file of rules.
    /// - Parameters:
    ///   - text: at most ``most`` rules.
    ///   - environment: whose names of hosts hold; nil where the file names none.
    /// - Throws: ``Problem``, with the place and what is allowed there.
    public init(parsing text: String, environment: String? = nil) throws(Problem) {
        var reader = RuleReader(environment: environment)
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            try reader.read(line, number: index + 1)
        }
        if let environment, !reader.environments.isEmpty, !reader.environments.contains(environment) {
            throw Problem(line: 1, column: 1, found: environment, allowed: reader.environments.sorted().joined(separator: ", "))
        }
        self.init(rules: reader.rules, otherwise: reader.otherwise ?? .either, tests: reader.tests)
    }

    /// Reads lines into rules, and says where one can't be.
    private struct RuleReader {
        let environment: String?
        var environments: Set<String> = []
        var hosts: [String: String] = [:]
        var rules: [Rule] = []
        var tests: [Test] = []
        var otherwise: Word?

        private struct Token {
            let text: String
            let column: Int
        }

        private struct Line {
            let tokens: [Token]
            let number: Int
            let text: String
            var place = 0

            var next: Token? { place < tokens.count ? tokens[place] : nil }
            /// Just after the last word.
            var end: Int { (tokens.last.map { $0.column + $0.text.count }) ?? 1 }

            mutating func take(_ allowed: String) throws(Problem) -> Token {
                guard let token = next else { throw Problem(line: number, column: end, found: "nothing", allowed: allowed) }
                place += 1
                return token
            }

            func problem(_ token: Token, _ allowed: String) -> Problem {
                Problem(line: number, column: token.column, found: token.text, allowed: allowed)
            }
        }

        init(environment: String?) { self.environment = environment }

        mutating func read(_ text: Substring, number: Int) throws(Problem) {
            var line = Line(tokens: Self.tokens(text), number: number, text: String(text))
            guard let first = line.next else { return }
            line.place = 1
            switch first.text {
            case "environment": try readEnvironment(&line)
            case "otherwise":
                guard otherwise == nil else { throw line.problem(first, "one otherwise, after all rules") }
                otherwise = try word(&line)
                if let more = line.next { throw line.problem(more, "nothing more on this line") }
            case "when": try readTest(&line)
            default:
                guard let word = Word(rawValue: first.text) else {
                    throw line.problem(first, "environment, https, http, either, otherwise, when, or # for a comment")
                }
                guard otherwise == nil else { throw line.problem(first, "rules before otherwise: after it none is reached") }
                guard rules.count < HTTPSRules.most else { throw line.problem(first, "at most \(HTTPSRules.most) rules") }
                var conditions: [Condition] = []
                while line.next != nil { conditions.append(try condition(&line)) }
                guard !conditions.isEmpty else {
                    throw Problem(
                        line: number, column: line.end, found: "nothing", allowed: conditionsAllowed + "; for all requests: otherwise")
                }
                rules.append(Rule(word: word, conditions: conditions, line: number, text: line.tokens.map(\.text).joined(separator: " ")))
            }
        }

        /// Words between spaces, up to a comment.
        private static func tokens(_ text: Substring) -> [Token] {
            var tokens: [Token] = []
            var word = ""
            var start = 1
            for (index, character) in text.enumerated() {
                if character == "#", word.isEmpty { break }
                if character.isWhitespace {
                    if !word.isEmpty { tokens.append(Token(text: word, column: start)) }
                    word = ""
                } else {
                    if word.isEmpty { start = index + 1 }
                    word.append(character)
                }
            }
            if !word.isEmpty { tokens.append(Token(text: word, column: start)) }
            return tokens
        }

        private func word(_ line: inout Line) throws(Problem) -> Word {
            let token = try line.take("https, http or either")
            guard let word = Word(rawValue: token.text) else { throw line.problem(token, "https, http or either") }
            return word
        }

        private mutating func readEnvironment(_ line: inout Line) throws(Problem) {
            let name = try line.take("a name, such as production")
            guard Self.isName(name.text) else { throw line.problem(name, "a name of a-z, 0-9 and -") }
            guard environments.insert(name.text).inserted else { throw line.problem(name, "each environment once") }
            while let pair = line.next {
                line.place += 1
                let parts = pair.text.split(separator: "=", maxSplits: 1).map(String.init)
                guard parts.count == 2, Self.isName(parts[0]), Self.isHost(parts[1]) else {
                    throw line.problem(pair, "NAME=HOST, such as shop=www.example.org or shop=localhost:8081")
                }
                if name.text == environment { hosts[parts[0]] = parts[1].lowercased() }
            }
        }

        private func host(_ token: Token, _ line: Line) throws(Problem) -> String {
            if let known = hosts[token.text] { return known }
            // A name that another environment has must not fit nothing here without a word.
            guard Self.isHost(token.text), token.text.contains(".") || token.text.hasPrefix("localhost") || token.text.hasPrefix("[") else {
                let names = hosts.keys.sorted().joined(separator: ", ")
                throw line.problem(
                    token, "a host such as www.example.org\(names.isEmpty ? "" : ", or a name of this environment: \(names)")")
            }
            return token.text.lowercased()
        }

        private func condition(_ line: inout Line) throws(Problem) -> Condition {
            let token = try line.take(conditionsAllowed)
            switch token.text {
            case "host": return .host(try host(try line.take("a host"), line))
            case "path":
                let path = try line.take("a path, such as /shop or /shop/*")
                let stem = path.text.hasSuffix("*") ? String(path.text.dropLast()) : path.text
                guard stem.hasPrefix("/"), !stem.contains("*"), !stem.contains("?") else {
                    throw line.problem(path, "a path, such as /shop or /shop/*; one * at its end")
                }
                return .path(stem, isPrefix: path.text.hasSuffix("*"))
            case "method":
                let names = try line.take("methods, such as GET,HEAD")
                let methods = names.text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
                guard methods.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (65...90).contains($0) } }) else {
                    throw line.problem(names, "methods in capitals with commas between, such as GET,HEAD")
                }
                return .methods(Set(methods))
            case "group": return .group(try line.take("a group's name").text)
            case "organization": return .organization(try line.take("an organization's name").text)
            case "account": return .account(try line.take("an account's id").text)
            case "opted-in": return .optedIn
            default:
                guard token.text.hasSuffix("%"), let percent = UInt8(token.text.dropLast()), percent <= 100 else {
                    throw line.problem(token, conditionsAllowed)
                }
                for expected in ["of", "accounts"] {
                    let word = try line.take("“of accounts”")
                    guard word.text == expected else { throw line.problem(word, "“\(expected)”") }
                }
                return .share(percent: percent)
            }
        }

        /// `when GET http://shop/cart as account ID group beta organization acme opted-in expect https`
        private mutating func readTest(_ line: inout Line) throws(Problem) {
            let method = try line.take("a method, such as GET")
            guard !method.text.isEmpty, method.text.utf8.allSatisfy({ (65...90).contains($0) }) else {
                throw line.problem(method, "a method in capitals, such as GET")
            }
            let address = try line.take("an address, such as http://shop/cart")
            let scheme = ["http://", "https://"].first { address.text.hasPrefix($0) }
            guard let scheme else { throw line.problem(address, "an address that begins with http:// or https://") }
            let rest = address.text.dropFirst(scheme.count)
            let name = rest.prefix { $0 != "/" }
            let target = rest.dropFirst(name.count).prefix { $0 != "?" }
            let place = try host(Token(text: String(name), column: address.column + scheme.count), line)
            var request = Request(host: place, path: target.isEmpty ? "/" : String(target), method: method.text)
            while let token = line.next, token.text != "expect" {
                line.place += 1
                switch token.text {
                case "as": continue
                case "account": request.account = try line.take("an account's id").text
                case "group": request.groups.insert(try line.take("a group's name").text)
                case "organization": request.organizations.insert(try line.take("an organization's name").text)
                case "opted-in": request.isOptedIn = true
                default: throw line.problem(token, "as account ID, group NAME, organization NAME, opted-in, or expect")
                }
            }
            _ = try line.take("expect")
            let expected = try word(&line)
            if let more = line.next { throw line.problem(more, "nothing more on this line") }
            tests.append(
                Test(request: request, expected: expected, line: line.number, text: line.tokens.map(\.text).joined(separator: " ")))
        }

        private static func isName(_ text: String) -> Bool {
            (1...40).contains(text.utf8.count) && text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
        }

        private static func isHost(_ text: String) -> Bool {
            (1...260).contains(text.utf8.count)
                && text.utf8.allSatisfy { (97...122).contains($0 | 0x20) || (48...57).contains($0) || [45, 46, 58, 91, 93].contains($0) }
        }
    }
}
