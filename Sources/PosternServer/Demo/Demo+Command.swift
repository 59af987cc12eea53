import ArgumentParser
import Foundation
import Glibc
import NetworkAddress
import Storage

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Try it: a server, a sample app behind the gateway, a mailbox and an account, on this machine alone.",
        discussion: "Everything is kept in ./postern-demo. Delete that folder to begin anew. For real use: postern serve.")

    @Option(help: ArgumentHelp("Where to listen; the sample app takes the next port. Loopback only.", valueName: "host:port"))
    var listen = "127.0.0.1:8080"

    @Option(help: ArgumentHelp("Where everything is kept.", valueName: "directory"))
    var dataDirectory = "./postern-demo"

    func run() async throws {
        let settings = try settings()
        guard let app = settings.apps.first else { throw failure("The demo has no app.") }
        try await Serving(settings: settings).run(
            greet: { link, opening in
                let password = try await visitorPassword(opening)
                greet(settings, app, setupLink: link, password: password)
            },
            beside: { server, ready in
                server.listener(
                    DemoGate(frontDoor: server.frontDoor, app: app, publicURL: settings.publicURL), host: settings.listen.host,
                    port: settings.listen.port + 1, ready: ready)
            })
    }

    /// No file and no environment: the demo is the same everywhere. Only loopback, because it shows everybody's mail.
    private func settings() throws -> Settings {
        var settings: Settings
        do throws(SettingsFile.Problem) {
            settings = try Settings.load(
                file: nil, environment: [:], overrides: .init(dataDirectory: dataDirectory, listen: listen),
                cores: ProcessInfo.processInfo.activeProcessorCount)
        } catch { throw failure(error.description) }
        let environment = ProcessInfo.processInfo.environment
        if let url = environment["POSTERN_PUBLIC_URL"], PublicURL(url)?.isLoopback != true {
            throw failure("POSTERN_PUBLIC_URL is '\(url)', and the demo is for this machine alone. For real use: postern serve.")
        }
        guard settings.listen.isLoopback, settings.listen.port < 65_535 else {
            throw failure(
                "--listen is '\(listen)'. The demo shows everybody's mail, so it listens on loopback only, such as 127.0.0.1:8080.")
        }
        var fields = AppFields(name: "sample", host: "http://\(settings.listen.host):\(settings.listen.port + 1)")
        fields.rules = ["/ bypass", "/vault/* aal2"]
        fields.keys = APIKey.Kind.allCases.map(\.rawValue)
        do throws(AppFields.Problem) { settings.apps = [try fields.app(portal: settings.publicURL)] } catch {
            throw failure("\(error.key): \(error.allowed)")
        }
        settings.trustedProxies = [settings.listen.host == "localhost" ? "127.0.0.1" : settings.listen.host].compactMap { .init($0) }
        return settings
    }

    static let visitor = "visitor@example.org"

    /// Makes the second account at the first start; its password stays beside the data, for the next.
    private func visitorPassword(_ opening: Opening) async throws -> String {
        let file = opening.settings.dataDirectory + "/visitor-password"
        if let known = try? String(contentsOfFile: file, encoding: .utf8) { return known.trimmingCharacters(in: .newlines) }
        let text =
            Shell.hex(Randomness.system.bytes(3)) + "-" + Shell.hex(Randomness.system.bytes(3)) + "-"
            + Shell.hex(Randomness.system.bytes(3))
        guard let email = EmailAddress(Self.visitor) else { throw failure("\(Self.visitor) is no address.") }
        let passwords = try opening.passwords()
        let flow = opening.createAccount(passwords)
        let password = try await passwords.desk.choose.choose(text, about: [email.address])
        let made = try await flow.create(.init(email: email, password: password, role: .member, isConfirmed: true), now: .now())
        flow.hasher.stop()
        guard case .created = made,
            FileManager.default.createFile(atPath: file, contents: Data((text + "\n").utf8), attributes: [.posixPermissions: 0o600])
        else { return "(as it was; delete \(opening.settings.dataDirectory) to begin anew)" }
        return text
    }

    private func greet(_ settings: Settings, _ app: App, setupLink: String?, password: String) {
        print("Postern's demo is ready, on this machine alone.\n")
        print("  The sample app, behind the gateway   \(app.origin)")
        print("  Mail that was sent                   \(settings.publicURL)/auth/dev/mailbox")
        if let setupLink {
            print("  Become the owner (within an hour)    \(setupLink)")
        } else {
            print("  The administration                   \(settings.publicURL)/auth/admin")
        }
        print("\n  Sign up yourself, or sign in as \(Self.visitor) with \(password)")
        print("  Kept in \(settings.dataDirectory). Next: postern serve, and docs/integrate.md")
        fflush(nil)
    }
}
