import Mustache
import Yams

/// The words of mails, from one catalogue for each language. The built-in one is English; a folder of one's own may say any of them
/// differently.
struct MailWords: Sendable {
    /// Why a catalogue can't be used: file, key, what is wrong and what is allowed.
    struct Problem: Error, CustomStringConvertible { let description: String }

    struct Words: Sendable {
        let subject, opening, button, closing: String
        /// Of a second link; empty where there is none.
        var second = ""
    }

    private struct Entry: Sendable {
        var parts: [String: MustacheTemplate] = [:]
    }

    private var entries: [String: Entry] = [:]

    private static let parts = ["subject", "opening", "button", "closing", "second"]

    /// English as it is built in.
    static let builtIn: MailWords = {
        var words = MailWords()
        do throws(Problem) {
            try words.add(String(decoding: PackageResources.notices_en_yaml, as: UTF8.self), name: "notices.en.yaml", known: nil)
        } catch {
            // Our own mistake, found by the first test that sends a mail.
            preconditionFailure("The built-in words of mails: \(error)")
        }
        return words
    }()

    private init() {}

    /// The built-in words with some of them said differently.
    init(overriding text: String, name: String) throws(Problem) {
        self = Self.builtIn
        try add(text, name: name, known: Set(entries.keys))
    }

    private mutating func add(_ text: String, name: String, known: Set<String>?) throws(Problem) {
        let root: [String: [String: String]]
        do {
            guard let found = try Yams.load(yaml: text) as? [String: [String: String]] else {
                throw Problem(description: "\(name): expected a notice's key, and under it \(Self.parts.joined(separator: ", ")).")
            }
            root = found
        } catch let problem as Problem {
            throw problem
        } catch {
            throw Problem(description: "\(name) is not YAML.")
        }
        for (key, parts) in root {
            guard known?.contains(key) ?? true else {
                throw Problem(description: "\(name): there is no notice '\(key)'. Known: \(known?.sorted().joined(separator: ", ") ?? "").")
            }
            var entry = entries[key] ?? Entry()
            for (part, words) in parts {
                guard Self.parts.contains(part) else {
                    throw Problem(description: "\(name): '\(key).\(part)' is not known. Known: \(Self.parts.joined(separator: ", ")).")
                }
                do {
                    entry.parts[part] = try Pages.plainTemplate(of: words)
                } catch {
                    throw Problem(description: "\(name): '\(key).\(part)' is no template: \(error)")
                }
            }
            entries[key] = entry
        }
    }

    func words(_ key: String, _ values: [String: String]) -> Words {
        let entry = entries[key]
        func part(_ name: String) -> String { entry?.parts[name]?.render(values) ?? "" }
        return Words(
            subject: part("subject"), opening: part("opening"), button: part("button"), closing: part("closing"), second: part("second"))
    }
}
