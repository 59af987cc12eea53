/// Typed reading of single settings, with one form of complaint.
struct SettingsReader {
    private let file: SettingsFile

    init(_ file: SettingsFile) { self.file = file }

    func text(_ key: String) -> String? { file.entries[key]?.values.first }

    func isSet(_ key: String) -> Bool { file.entries[key] != nil }

    /// Whether any key begins with `prefix` and a dot.
    func hasKeys(under prefix: String) -> Bool { file.entries.keys.contains { $0.hasPrefix(prefix + ".") } }

    func yesNo(_ key: String) throws(SettingsFile.Problem) -> Bool? {
        try choice(key, among: ["yes", "no", "true", "false"]).map { $0 == "yes" || $0 == "true" }
    }

    func list(_ key: String) -> [String] { file.entries[key]?.values ?? [] }

    /// The names that stand under a key with a `*`: `apps.shop.host` gives `shop`.
    func names(under key: String) -> [String] {
        Set(
            file.entries.keys.compactMap { entry -> String? in
                guard entry.hasPrefix(key + ".") else { return nil }
                return entry.dropFirst(key.count + 1).split(separator: ".").first.map(String.init)
            }
        ).sorted()
    }

    func number(_ key: String, in range: ClosedRange<Int>) throws(SettingsFile.Problem) -> Int? {
        guard let text = text(key) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw problem(key, found: text, allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func duration(_ key: String) throws(SettingsFile.Problem) -> Duration? {
        guard let text = text(key) else { return nil }
        guard let duration = Span.duration(text), duration > .zero else {
            throw problem(key, found: text, allowed: "a number with s, m, h or d, such as 15m, 12h or 30d")
        }
        return duration
    }

    func choice(_ key: String, among allowed: [String]) throws(SettingsFile.Problem) -> String? {
        guard let text = text(key) else { return nil }
        guard allowed.contains(text) else { throw problem(key, found: text, allowed: allowed.joined(separator: ", ")) }
        return text
    }

    func choice<Choice: RawRepresentable & CaseIterable>(_ key: String) throws(SettingsFile.Problem) -> Choice?
    where Choice.RawValue == String {
        try choice(key, among: Choice.allCases.map(\.rawValue)).flatMap(Choice.init(rawValue:))
    }

    func problem(_ key: String, found: String, allowed: String) -> SettingsFile.Problem {
        // What isn't there is named by what stands beside it.
        let parent = key.lastIndex(of: ".").map { key[...$0] } ?? ""
        let beside =
            parent.isEmpty ? nil : file.entries.filter { $0.key.hasPrefix(parent) || $0.key.hasPrefix(key + ".") }.min { $0.key < $1.key }
        let source = file.entries[key]?.source ?? beside?.value.source ?? "Settings"
        return SettingsFile.Problem(description: "\(source): '\(key)' is '\(found)'. Allowed: \(allowed).")
    }
}
