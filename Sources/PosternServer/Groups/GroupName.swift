/// The name of a set of accounts that policies apply to: `[a-z0-9-]`, 1 to 40. Only an organization's roles hold a colon.
struct GroupName: Hashable, Sendable {
    let text: String

    init?(_ text: String) {
        guard (1...40).contains(text.utf8.count),
            text.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 45 })
        else { return nil }
        self.text = text
    }

    /// A group, or what somebody is in an organization: `acme:owner`, or `*:owner` in any.
    static func orRole(_ text: String) -> GroupName? {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else { return GroupName(text) }
        guard parts[0] == "*" || GroupName(parts[0]) != nil, Organization.Role(rawValue: parts[1]) != nil else { return nil }
        return GroupName(known: text)
    }

    private init(known text: String) { self.text = text }

    /// Whether a group of somebody's is meant.
    func covers(_ name: some StringProtocol) -> Bool {
        name == text || (text.hasPrefix("*:") && name.hasSuffix(text.dropFirst()))
    }
}
