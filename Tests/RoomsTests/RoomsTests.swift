import Foundation
import Testing

/// The walls of the house hold: a file's name says what it may import and do.
@Suite struct Rooms {
    @Test("an instrument knows the standard library, its declared helpers and nothing of us", arguments: House.instruments.sorted())
    func instruments(name: String) {
        let allowed: [String: Set<String>] = [
            "Secrets": ["Crypto", "CZlib"], "PasswordHashing": ["CArgon2", "CCrypt", "COpenSSL", "Glibc"], "NetworkAddress": ["Glibc"],
            "Throttle": ["Glibc", "Synchronization"],
            "OneTimePassword": ["Crypto"],
            "PasswordStrength": ["CPasswordWords"], "BreachFilter": ["Crypto"],
            "PhoneNumbers": ["CPhoneNumber"], "DeliveryRouting": ["Glibc"], "UnusualSignIns": ["Glibc"],
        ]
        for file in House.files(under: "Sources/\(name)") {
            #expect(file.imports.subtracting(allowed[name] ?? []).isEmpty, "\(file) imports \(file.imports)")
            for word in ["Date(", "random(", "SystemRandomNumberGenerator", " print(", "Logger"] {
                #expect(!file.text.contains(word), "\(file) has \(word): instruments have no clock, no chance and no output")
            }
        }
    }

    @Test("every file imports only what its wall may", arguments: House.files)
    func imports(file: House.File) {
        var allowed = House.exceptions[file.name]?.imports ?? []
        allowed.formUnion(
            file.room == "Shell"
                ? [
                    "Hummingbird", "HTTPTypes", "NIOCore", "Logging", "Mustache", "FoundationEssentials", "NetworkAddress", "Secrets",
                    "Storage",
                ] : [])
        allowed.formUnion(House.walls[file.wall] ?? [])
        let strangers = file.imports.subtracting(allowed)
        #expect(strangers.isEmpty, "\(file) may not import \(strangers.sorted().joined(separator: ", "))")
    }

    @Test("exceptions are for files that exist")
    func exceptionsExist() {
        for name in House.exceptions.keys { #expect(House.files.contains { $0.name == name }, "\(name) is excepted and gone") }
    }

    @Test("SQL stands only in +Store files", arguments: House.files)
    func sql(file: House.File) {
        guard file.wall != "+Store" else { return }
        #expect(!file.text.contains(/\b(SELECT .+ FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM|CREATE TABLE)\b/), "\(file) holds SQL")
        #expect(!file.text.contains("SQLStatement"), "\(file) names SQLStatement")
    }

    @Test("a table is written in one file only, and stands in the migration beside it")
    func tables() {
        var owner: [String: String] = [:]
        for file in House.files where file.wall == "+Store" {
            for match in file.text.matches(of: /(?:INSERT INTO|DELETE FROM|UPDATE|CREATE TABLE) (\w+)/) where match.1 != "SET" {
                let table = String(match.1)
                #expect(owner[table, default: file.path] == file.path, "\(table) is written by \(owner[table] ?? "") and \(file)")
                owner[table] = file.path
            }
        }
        #expect(owner.count >= 12)
    }

    @Test("pages and mails fetch nothing, web files touch no store, flows name no HTTP", arguments: House.files)
    func walls(file: House.File) {
        switch file.wall {
        case "Page", "Mail": #expect(!file.text.contains("await") && !file.text.contains("transaction"), "\(file) fetches")
        case "+Web":
            #expect(
                !file.text.contains("transaction") && !file.text.contains(".write {") && !file.text.contains(".read {"),
                "\(file) touches the store")
        case "+Store": #expect(!file.text.contains("await ") && !file.text.contains(".now()"), "\(file) waits or reads the clock")
        case "" where !file.room.isEmpty && file.room != "Shell" && House.exceptions[file.name] == nil:
            #expect(!file.text.contains("HTTPResponse") && !file.text.contains(": Response"), "\(file) names HTTP")
        default: break
        }
    }

    @Test("a flow calls no other flow")
    func hub() {
        let flows = House.files.filter {
            $0.wall.isEmpty && !$0.room.isEmpty && $0.room != "Shell" && $0.text.contains("let store: any Store")
                && !$0.name.hasSuffix("Desk") && $0.name != "JobWorker"
        }
        #expect(flows.count >= 8)
        for file in flows {
            for other in flows where other.name != file.name {
                #expect(
                    !file.text.contains("let \(other.name.prefix(1).lowercased())\(other.name.dropFirst()): \(other.name)"),
                    "\(file) holds \(other.name)")
            }
        }
    }

    @Test("routes are declared as Route, with who may come in")
    func routing() {
        // A snippet names routers of proxies.
        for file in House.files where file.name != "FrontDoor" && file.name != "Snippet" {
            #expect(!file.text.contains("router.") && !file.text.contains("Router("), "\(file) goes past Route")
        }
    }

    @Test("nothing traps where input could reach it", arguments: House.files)
    func traps(file: House.File) {
        for word in ["try!", "fatalError(", " as! ", "unsafeBitCast"] { #expect(!file.text.contains(word), "\(file) has \(word)") }
        #expect(
            !file.text.contains(/[\w)\]]!(?:[.,)\s\]]|$)/.anchorsMatchLineEndings()) || file.text.contains("!important"),
            "\(file) unwraps by force")
    }

    @Test("there is no room for leftovers")
    func leftovers() {
        for name in ["Utilities", "Helpers", "Common", "Models", "Managers"] {
            #expect(!House.files.contains { $0.path.contains("/\(name)") })
        }
        for file in House.files { #expect(!file.text.contains(/TODO|FIXME|XXX/), "\(file) leaves something open") }
    }

    @Test("files have at most 450 lines, functions at most 60")
    func sizes() {
        for file in House.files {
            let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.count <= 450, "\(file) has \(lines.count) lines")
            for (index, line) in lines.enumerated() {
                guard
                    let match = line.firstMatch(
                        of: /^(\s*)(?:@\w+ |private |static |package |mutating |borrowing |fileprivate )*(?:func|init)\b/)
                else { continue }
                let end = lines[index...].dropFirst().firstIndex { $0.hasPrefix(match.1 + "}") } ?? index
                #expect(end - index < 60 || line.hasSuffix("}"), "\(file):\(index + 1) is \(end - index + 1) lines long")
            }
        }
    }
}
