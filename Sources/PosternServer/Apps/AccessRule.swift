/// Who may come to a path of an app: one line, such as `/public/* bypass` or `/admin/* group:staff`.
struct AccessRule: Equatable, Sendable {
    enum Requirement: Equatable, Sendable {
        /// Anybody, signed in or not.
        case bypass
        case signedIn
        /// A second factor proved in the session.
        case aal2
        case group(GroupName)

        var text: String {
            switch self {
            case .bypass: "bypass"
            case .signedIn: "signed-in"
            case .aal2: "aal2"
            case .group(let name): "group:\(name.text)"
            }
        }

        init?(_ text: some StringProtocol) {
            switch text {
            case "bypass": self = .bypass
            case "signed-in": self = .signedIn
            case "aal2": self = .aal2
            default:
                guard text.hasPrefix("group:"), let name = GroupName.orRole(String(text.dropFirst(6))) else { return nil }
                self = .group(name)
            }
        }
    }

    /// Begins with a slash; a `/*` at its end stands for the path before it and everything below.
    let pattern: String
    let requirement: Requirement

    static let allowed = "a path and what it requires, such as '/public/* bypass': bypass, signed-in, aal2 or group:NAME"

    /// - Returns: nil for a pattern that is no normal path, that has a star elsewhere than at its end, or another requirement.
    init?(_ text: String) {
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count == 2, let requirement = Requirement(words[1]) else { return nil }
        let pattern = String(words[0])
        let fixed = pattern.hasSuffix("/*") ? String(pattern.dropLast(1)) : pattern
        guard !fixed.contains("*"), RequestPath(target: fixed).isNormal, !fixed.contains("%") else { return nil }
        self.pattern = pattern
        self.requirement = requirement
    }

    var text: String { "\(pattern) \(requirement.text)" }

    /// - Parameter path: in normal form.
    ///
    /// What opens a path goes by its exact letters; what guards one goes by any case, because some apps don't tell `/Admin` from `/admin`.
    func matches(_ path: String) -> Bool {
        if requirement == .bypass { return Self.matches(pattern, path) }
        return Self.matches(pattern.lowercased(), path.lowercased())
    }

    /// By bytes: to Swift a slash with an accent after it is one character, and no slash.
    private static func matches(_ pattern: String, _ path: String) -> Bool {
        guard pattern.utf8.suffix(2).elementsEqual("/*".utf8) else { return pattern.utf8.elementsEqual(path.utf8) }
        return path.utf8.elementsEqual(pattern.utf8.dropLast(2)) || path.utf8.starts(with: pattern.utf8.dropLast(1))
    }
}

/// All that a request must meet.
struct Requirements: Equatable, Sendable {
    var signedIn = true
    var aal2 = false
    var groups: [GroupName] = []

    init(_ rule: AccessRule.Requirement) { add(rule) }

    fileprivate init() {}

    fileprivate mutating func add(_ rule: AccessRule.Requirement) {
        switch rule {
        case .bypass: signedIn = false
        case .signedIn: break
        case .aal2: aal2 = true
        case .group(let name): groups.append(name)
        }
    }

    /// Everything that any of these rules asks for: what a path gets that isn't in normal form.
    static func strictest(of rules: [AccessRule]) -> Requirements {
        var all = Requirements()
        for rule in rules where rule.requirement != .bypass { all.add(rule.requirement) }
        return all
    }
}
