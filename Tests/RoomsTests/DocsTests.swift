import Foundation
import Testing

/// Code and docs hold each other: what one names, the other has.
@Suite struct DocsTests {
    private func text(_ path: String) throws -> String { try String(contentsOf: House.root.appending(path: path), encoding: .utf8) }

    @Test("docs/settings.md has a row for every setting, and for no other")
    func settings() throws {
        let code = try text("Sources/PosternServer/Settings+File.swift").matches(of: /SettingKey\(pattern: "([^"]+)"/).map { String($0.1) }
        let docs = try text("docs/settings.md").matches(of: /(?m)^\| `([^`]+)` \|/).map { String($0.1) }
        #expect(!code.isEmpty)
        #expect(Set(code) == Set(docs), "only in code: \(Set(code).subtracting(docs)); only in docs: \(Set(docs).subtracting(code))")
        #expect(docs.count == Set(docs).count)
    }

    @Test("docs/reasons.md has a row for every reason code, and for no other")
    func reasons() throws {
        let source = try text("Sources/PosternServer/Shell/Reason.swift")
        let enumeration =
            source.prefix { $0 != "{" }
            + source.drop { $0 != "{" }.prefix(upTo: source.range(of: "var status")?.lowerBound ?? source.endIndex)
        let code = enumeration.matches(of: /(?m)^    case (\w+)(?: = "([^"]+)")?$/).map { String($0.2 ?? $0.1) }
        let docs = try text("docs/reasons.md").matches(of: /(?m)^\| `([^`]+)` \|/).map { String($0.1) }
        #expect(code.count > 20)
        #expect(Set(code) == Set(docs), "only in code: \(Set(code).subtracting(docs)); only in docs: \(Set(docs).subtracting(code))")
    }

    @Test("every room has its page in docs/features")
    func features() throws {
        let rooms = Set(House.files.map(\.room)).subtracting(["", "Assets", "Outgoing"])
        for room in rooms {
            let page = room.replacing(/([A-Z]+)([A-Z][a-z])/) { "\($0.1)-\($0.2)" }.replacing(/([a-z])([A-Z])/) { "\($0.1)-\($0.2)" }
                .lowercased()
            #expect(
                FileManager.default.fileExists(atPath: House.root.appending(path: "docs/features/\(page).md").path),
                "docs/features/\(page).md is missing")
        }
        for file in try FileManager.default.contentsOfDirectory(atPath: House.root.appending(path: "docs/features").path) {
            let words = file.dropLast(3).replacing("-", with: "")
            #expect(
                rooms.union(House.instruments).contains { $0.lowercased() == words },
                "docs/features/\(file) is about neither a room nor an instrument")
        }
    }

    @Test("the first screen of the README names the two commands")
    func readme() throws {
        let first = try text("README.md").split(separator: "\n", omittingEmptySubsequences: false).prefix(60).joined(separator: "\n")
        #expect(first.contains("make run") && first.contains("make test"))
    }

    @Test("the README's nginx snippet is the one that the end-to-end tests run")
    func snippet() throws {
        #expect(try text("README.md").contains(text("docs/nginx.conf.example")))
    }

    @Test("the audit vocabulary in the docs is the one in the code")
    func audit() throws {
        let code = try text("Sources/PosternServer/Audit/AuditEvent.swift").matches(of: /case \w+ = "([^"]+)"/).map { String($0.1) }
        let docs = try text("docs/features/audit.md").matches(of: /(?m)^\| `([^`]+)` \|/).map { String($0.1) }
        #expect(
            !code.isEmpty && Set(code) == Set(docs),
            "only in code: \(Set(code).subtracting(docs)); only in docs: \(Set(docs).subtracting(code))")
    }

    @Test("nothing in the project points outside it")
    func outside() throws {
        for file in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "Makefile", ".ci/run"] {
            #expect(try !text(file).contains("../shared"), "\(file)")
        }
    }
}
