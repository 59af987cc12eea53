import Foundation
import Yams

/// The raw settings: what the file says, overridden by `POSTERN_…`, each with the place it came from.
///
/// Yams reads the file because the start must name line, key, finding and what is allowed (docs/decisions/0002).
package struct SettingsFile: Sendable {
    /// Why the server can't start with these settings: one sentence a person can act on.
    package struct Problem: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    struct Entry: Sendable {
        let values: [String]
        let isList: Bool
        let source: String
    }

    private(set) var entries: [String: Entry] = [:]

    /// - Parameters:
    ///   - path: nil for no file: defaults and environment only.
    ///   - environment: `public-url` is `POSTERN_PUBLIC_URL`; `POSTERN_DATABASE_FILE` names a file that holds the value.
    init(path: String?, environment: [String: String], keys: [SettingKey]) throws(Problem) {
        if let path { try read(file: path) }
        for (key, entry) in entries {
            guard let known = keys.first(where: { $0.matches(key) }) else {
                let nearest = keys.map(\.pattern).min { Self.distance($0, key) < Self.distance($1, key) } ?? ""
                throw Problem(
                    description:
                        "\(entry.source): the key '\(key)' is not known. Did you mean '\(nearest)'? docs/settings.md lists all keys.")
            }
            guard known.isList == entry.isList else {
                throw Problem(
                    description:
                        "\(entry.source): '\(key)' is \(entry.isList ? "a list" : "one value"). Allowed: \(known.isList ? "a list" : "one value")."
                )
            }
        }
        try read(environment: environment, keys: keys)
    }

    private mutating func read(file path: String) throws(Problem) {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw Problem(description: "\(path) can't be read: is it there, and may this user read it?")
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw Problem(description: Self.words(error, path: path))
        }
        guard let root else { return }
        guard root.mapping != nil else { throw Problem(description: "\(path): expected 'key: value' lines.") }
        try collect(root, prefix: "", path: path)
    }

    /// One line, and nothing of the file: Yams would quote the lines around the fault, and a secret may stand there.
    private static func words(_ error: any Error, path: String) -> String {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _)?, .parser(_, let problem, let mark, _)?, .composer(_, let problem, let mark, _)?:
            "\(path), line \(mark.line): this is not YAML (\(problem))."
        case .duplicatedKeysInMapping(let keys, _)?: "\(path): the key '\(keys.first ?? "")' stands twice."
        default: "\(path) is not YAML."
        }
    }

    private mutating func collect(_ node: Node, prefix: String, path: String) throws(Problem) {
        for (name, value) in node.mapping ?? [:] {
            let key = prefix + (name.string ?? "")
            let source = "\(path), line \(name.mark?.line ?? 0)"
            guard entries[key] == nil else { throw Problem(description: "\(source): the key '\(key)' stands twice.") }
            switch value {
            case .mapping: try collect(value, prefix: key + ".", path: path)
            case .sequence(let items):
                entries[key] = Entry(values: items.map { $0.string ?? "" }, isList: true, source: source)
            case .scalar(let scalar): entries[key] = Entry(values: [scalar.string], isList: false, source: source)
            case .alias: throw Problem(description: "\(source): aliases are not read here; write the value out.")
            }
        }
    }

    private mutating func read(environment: [String: String], keys: [SettingKey]) throws(Problem) {
        for (name, value) in environment where name.hasPrefix("POSTERN_") {
            let ofFile = name.hasSuffix("_FILE") && keys.contains { $0.isSecret && $0.key(for: String(name.dropLast(5))) != nil }
            let variable = ofFile ? String(name.dropLast(5)) : name
            guard let key = keys.first(where: { $0.key(for: variable) != nil }), let place = key.key(for: variable) else {
                if Self.ownVariables.contains(name) { continue }
                throw Problem(
                    description:
                        "The environment variable \(name) is not known. docs/settings.md lists all keys; a key's variable is POSTERN_ and its letters in capitals, with _ for the rest."
                )
            }
            var text = value
            if ofFile {
                guard let content = try? String(contentsOfFile: value, encoding: .utf8) else {
                    throw Problem(description: "\(name) names \(value), which can't be read.")
                }
                text = content.trimmingCharacters(in: .newlines)
            }
            let values = key.isList ? text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } : [text]
            entries[place] = Entry(values: values, isList: key.isList, source: name)
        }
    }

    /// Variables that the command line reads, not the settings.
    private static let ownVariables: Set<String> = ["POSTERN_CONFIG"]

    private static func distance(_ left: String, _ right: String) -> Int {
        var row = Array(0...right.utf8.count)
        for (i, a) in left.utf8.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.utf8.enumerated() {
                let cost = min(row[j] + 1, row[j + 1] + 1, diagonal + (a == b ? 0 : 1))
                diagonal = row[j + 1]
                row[j + 1] = cost
            }
        }
        return row[row.count - 1]
    }
}

/// One key that the file may have. `*` stands for a name of the reader's choice.
struct SettingKey: Sendable {
    let pattern: String
    var isList = false
    var isSecret = false

    var variable: String {
        "POSTERN_" + pattern.uppercased().map { $0.isLetter || $0.isNumber ? String($0) : "_" }.joined()
    }

    /// The key that an environment variable stands for; nil if it is another's. Of keys with a name of the reader's choice only secrets
    /// have variables: `POSTERN_DELIVERY_PROVIDERS_NORTH_SECRET` is `delivery.providers.north.secret`.
    func key(for variable: String) -> String? {
        guard pattern.contains("*") else { return variable == self.variable ? pattern : nil }
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard isSecret, parts.count == 2 else { return nil }
        let (head, tail) = (SettingKey(pattern: String(parts[0])).variable, SettingKey(pattern: String(parts[1])).variable.dropFirst(8))
        guard variable.hasPrefix(head), variable.hasSuffix(tail), variable.utf8.count > head.utf8.count + tail.utf8.count else {
            return nil
        }
        let name = variable.dropFirst(head.count).dropLast(tail.count).lowercased().replacing("_", with: "-")
        return "\(parts[0])\(name)\(parts[1])"
    }

    func matches(_ key: String) -> Bool {
        let mine = pattern.split(separator: ".")
        let theirs = key.split(separator: ".")
        return mine.count == theirs.count && zip(mine, theirs).allSatisfy { $0 == "*" || $0 == $1 }
    }
}
