package import ArgumentParser
import Foundation
import Glibc
import Storage

/// The command line. Every subcommand speaks to the database that `serve` uses.
package struct PosternCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "postern",
        abstract: "Account security for any web application, in one server.",
        discussion: """
            Without options everything lives in ./postern-data and the server listens on 127.0.0.1:8080. Settings come from a YAML file \
            (--config, or POSTERN_CONFIG) and from the environment (POSTERN_ and the key's letters in capitals). Secrets are read from \
            standard input, never from arguments. docs/settings.md lists every setting.
            """,
        subcommands: [
            ServeCommand.self, DemoCommand.self, SetupLinkCommand.self, AccountCommand.self, AppCommand.self, SnippetCommand.self,
            CheckCommand.self, PasswordCommand.self, JobCommand.self, BlockCommand.self, KeyCommand.self, OrganizationCommand.self,
            DeliveryCommand.self, GeoCommand.self,
            SimulateCommand.self,
            SecretsCommand.self,
            MigrateCommand.self, BackupCommand.self,
        ])

    package init() {}
}

/// What every subcommand takes.
struct PlaceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The settings, a YAML file.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Where the database and the key ring lie. Default: ./postern-data", valueName: "directory"))
    var dataDirectory: String?

    @Option(help: ArgumentHelp("postgres://… or sqlite:PATH. A URL with a password belongs in POSTERN_DATABASE_FILE.", valueName: "url"))
    var database: String?

    func settings(listen: String? = nil) throws -> Settings {
        let environment = ProcessInfo.processInfo.environment
        do {
            return try Settings.load(
                file: config ?? environment["POSTERN_CONFIG"], environment: environment,
                overrides: .init(dataDirectory: dataDirectory, listen: listen, database: database),
                cores: ProcessInfo.processInfo.activeProcessorCount)
        } catch {
            throw failure(error.description)
        }
    }

    /// Opens, works and closes; whatever goes wrong becomes one line on standard error.
    func withOpening<Value>(_ work: (Opening) async throws -> Value) async throws -> Value {
        let settings = try settings()
        do {
            let opening = try await Opening.open(settings)
            let value = try await work(opening)
            await opening.store.close()
            return value
        } catch let exit as ExitCode {
            throw exit
        } catch {
            throw failure("\(error)")
        }
    }
}

/// Says what is wrong, in one line, and ends the command with status 1.
func failure(_ words: String) -> ExitCode {
    FileHandle.standardError.write(Data("postern: \(words)\n".utf8))
    return ExitCode(1)
}

/// Prints a value as JSON, with sorted keys.
func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
}

/// Reads a secret: from the terminal without showing it, or the first line of standard input.
func readSecret(prompt: String) -> String? {
    guard isatty(STDIN_FILENO) == 1 else { return readLine() }
    var before = termios()
    tcgetattr(STDIN_FILENO, &before)
    var quiet = before
    quiet.c_lflag &= ~tcflag_t(ECHO)
    FileHandle.standardError.write(Data(prompt.utf8))
    tcsetattr(STDIN_FILENO, TCSANOW, &quiet)
    defer {
        tcsetattr(STDIN_FILENO, TCSANOW, &before)
        FileHandle.standardError.write(Data("\n".utf8))
    }
    return readLine()
}
