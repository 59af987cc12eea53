/// The name of a set of accounts that policies apply to: `[a-z0-9-]`, 1 to 40. Only an organization's roles hold a colon.
struct GroupName: Hashable, Sendable {
    let text: String

    init?(_ text: String) {
        guard (1...40).contains(text.utf8.count),
            text.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 45 })
        else { return nil }
        self.text = text
    }
}
