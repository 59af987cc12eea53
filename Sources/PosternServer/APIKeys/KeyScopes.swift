/// What a key is good for: names that apps define, and Postern's own.
struct KeyScopes: Hashable, Sendable {
    /// Postern's own: look at keys, make and end them, ask about others' keys.
    static let read = "keys:read"
    static let write = "keys:write"
    static let verify = "keys:verify"
    /// End the organization itself.
    static let organization = "organization:write"
    static let own = [read, write, verify, organization]

    static let all = KeyScopes(sorted: ["*"])
    static let most = 20
    static let longest = 40
    static let allowed = "up to \(most) names of a-z, 0-9, : . _ and -, up to \(longest) characters, beginning with a letter or a digit"

    /// In order, each once; `*` alone for all there are.
    let names: [String]

    private init(sorted names: [String]) { self.names = names }

    init() { names = [] }

    /// - Returns: nil for what can't be a name, or too many.
    init?(names: [String]) {
        guard names.count <= Self.most, names.allSatisfy(Self.isName) else { return nil }
        let names = Set(names)
        self.names = names.contains("*") ? ["*"] : names.sorted()
    }

    /// - Parameter text: separated by spaces or commas.
    init?(_ text: String) { self.init(names: text.split { $0 == " " || $0 == "," }.map(String.init)) }

    var isAll: Bool { names == ["*"] }
    /// Separated by spaces, as OAuth does (RFC 6749 §3.3).
    var text: String { names.joined(separator: " ") }

    func has(_ name: String) -> Bool { isAll || names.contains(name) }
    func covers(_ other: KeyScopes) -> Bool { isAll || other.names.allSatisfy(names.contains) }

    private static func isName(_ name: String) -> Bool {
        if name == "*" { return true }
        guard let first = name.utf8.first, (1...longest).contains(name.utf8.count), isPlain(first) else { return false }
        return name.utf8.allSatisfy { isPlain($0) || [45, 46, 58, 95].contains($0) }
    }

    private static func isPlain(_ byte: UInt8) -> Bool { (97...122).contains(byte) || (48...57).contains(byte) }
}
