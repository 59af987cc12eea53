import ArgumentParser
import Foundation
import Glibc
import Secrets
import Storage

struct PasswordCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "password", abstract: "Estimate passwords, hold them against lists of stolen ones, and see which expire.",
        subcommands: [Check.self, Breached.self, PasswordDueCommand.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say how long a password would hold, and whether it may be set here.",
            discussion: """
                Asks for one on a terminal, without showing it; else reads one a line from standard input. Needs no database. The settings \
                say what is asked of a password.
                """)

        @Option(help: ArgumentHelp("The settings, a YAML file.", valueName: "file")) var config: String?
        @Option(help: ArgumentHelp("What is known of the person or site: a name, an address. May be repeated.", valueName: "text"))
        var about: [String] = []
        @Flag(help: "Print one JSON object a line.") var json = false

        func run() async throws {
            let choose = try passwords(config).desk.choose
            if isatty(STDIN_FILENO) == 1 {
                guard let text = readSecret(prompt: "Password: ") else { return }
                return try show(text, choose)
            }
            while let line = readLine() { try show(line, choose) }
        }

        private func show(_ text: String, _ choose: ChoosePassword) throws {
            guard let password = try? Password(trying: text) else { throw failure("A password has at most \(Password.mostBytes) bytes.") }
            let hasSettings = config != nil || ProcessInfo.processInfo.environment["POSTERN_CONFIG"] != nil
            let document = choose.judge.document(
                on: password, about: about, isSiteKnown: hasSettings, isBreached: choose.breaches.isListedHere(password))
            if json {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
                print(String(decoding: try encoder.encode(document), as: UTF8.self))
            } else {
                print("\(document.title) (\(document.level) of 4). \(document.sentences.joined(separator: " "))")
            }
        }
    }

    struct Breached: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make and use a filter of stolen passwords, on this machine alone.", subcommands: [Build.self, Ask.self, Show.self])
    }

    struct Build: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Turn lists of SHA-1 hashes into a filter file.",
            discussion: """
                Each line has 40 hexadecimal digits, and perhaps ':' and a count, as the lists of haveibeenpwned.com have. A server that \
                uses a filter of that name takes the new one as soon as it has copied it.
                """)

        @Argument(help: "Lists of hashes.") var lists: [String]
        @Option(name: .shortAndLong, help: "The filter file.") var output: String
        @Option(help: "16, or 8 for half the size: that errs once in 256, and only warns.") var bits = 16

        func validate() throws {
            guard bits == 8 || bits == 16 else { throw ValidationError("A fingerprint has 8 or 16 bits.") }
        }

        func run() async throws {
            let shows = isatty(STDERR_FILENO) == 1
            var last = -1
            let build = BuildBreachFilter(fingerprintBits: bits) { done, words in
                let percent = Int(done * 100)
                guard shows, percent != last else { return }
                last = percent
                FileHandle.standardError.write(Data("\r\(percent) % \(words)\u{1B}[K".utf8))
            }
            do {
                let hashes = try build.build(lists, target: output, madeAt: Timestamp.now().microseconds)
                if shows { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
                print("\(output): \(hashes) hashes.")
            } catch {
                throw failure("\(error)")
            }
        }
    }

    struct Ask: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check", abstract: "Ask the filter and the service whether passwords are on their lists.",
            discussion: "Asks for one on a terminal; else reads one a line from standard input. Ends with status 1 if one is.")

        @Option(help: ArgumentHelp("The settings, a YAML file.", valueName: "file")) var config: String?
        @Option(help: ArgumentHelp("A filter file, instead of what the settings name.", valueName: "file")) var filter: String?
        @Flag(help: "Print one JSON object a line.") var json = false

        func run() async throws {
            let lookup = try lookup()
            var isFound = false
            let isTerminal = isatty(STDIN_FILENO) == 1
            while let text = isTerminal ? readSecret(prompt: "Password: ") : readLine() {
                guard let password = try? Password(trying: text) else {
                    throw failure("A password has at most \(Password.mostBytes) bytes.")
                }
                let answer = await lookup.answer(for: password)
                if answer == .found { isFound = true }
                print(json ? "{\"answer\":\"\(answer)\"}" : Self.words(answer))
                if isTerminal { break }
            }
            if isFound { throw ExitCode(1) }
        }

        private func lookup() throws -> BreachLookup {
            if let filter {
                do { return BreachLookup(filter: try BreachFilterFile(path: filter, copiedTo: nil), range: nil) } catch {
                    throw failure(error.description)
                }
            }
            let lookup = try passwords(config).lookup
            guard lookup.filter != nil || lookup.range != nil else {
                throw failure(
                    "There is no list to ask. Name a file with --filter, or set password.breached.filter or password.breached.url.")
            }
            return lookup
        }

        private static func words(_ answer: BreachLookup.Answer) -> String {
            switch answer {
            case .clean: "Not on the list."
            case .found: "On the list: stolen somewhere, and tried first."
            case .suspected: "Perhaps on the list: this filter errs once in 256."
            case .unknown: "The list doesn't answer."
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show what a filter file holds, and when it was made.")

        @Argument(help: "The filter file.") var filter: String
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            let file: BreachFilterFile
            do { file = try BreachFilterFile(path: filter, copiedTo: nil) } catch { throw failure(error.description) }
            let figures = file.figures
            let madeAt = Timestamp(microseconds: figures.madeAt)
            if json {
                return try printJSON(
                    FilterDocument(
                        hashes: figures.hashes, bits: figures.fingerprintBits, bytes: figures.bytes, madeAt: ISOTime.text(madeAt)))
            }
            print("Hashes       \(figures.hashes)")
            print("Made         \(ISOTime.words(madeAt))")
            print("Fingerprints \(figures.fingerprintBits) bits: errs once in \(figures.fingerprintBits == 8 ? "256" : "65,536")")
            print("Size         \(figures.bytes) bytes")
        }
    }

    private struct FilterDocument: Encodable {
        let hashes, bits, bytes: Int
        let madeAt: String

        enum CodingKeys: String, CodingKey {
            case hashes, bits, bytes
            case madeAt = "made_at"
        }
    }
}

/// The room's parts from the settings alone, without a database.
private func passwords(_ config: String?) throws -> PasswordParts {
    let environment = ProcessInfo.processInfo.environment
    do {
        let settings = try Settings.load(file: config ?? environment["POSTERN_CONFIG"], environment: environment, cores: 1)
        return try PasswordParts(settings: settings)
    } catch {
        throw failure("\(error)")
    }
}
