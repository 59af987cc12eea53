import ArgumentParser
import Glibc
import Hummingbird
import Logging
import NIOCore
import Secrets
import ServiceLifecycle
import Storage
import UnixSignals

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Start the server.",
        discussion: "TERM and INT end it gently: what is under way is answered, for 15 seconds at most.")

    @OptionGroup var place: PlaceOptions

    @Option(help: ArgumentHelp("Where to listen. Default: 127.0.0.1:8080", valueName: "host:port"))
    var listen: String?

    /// Longest wait for requests under way when the server is told to stop.
    private static let drain = Duration.seconds(15)

    func run() async throws {
        let settings = try place.settings(listen: listen)
        let level = Logger.Level(rawValue: settings.logLevel) ?? .info
        LoggingSystem.bootstrap { LogLines(label: $0, level: level) }
        let logger = Logger(label: "postern")
        do {
            let opening = try await Opening.open(settings)
            let server = Server(settings: settings, store: opening.store, keys: opening.keys, logger: logger)
            // Links of an earlier run die here.
            let setupLink = try await server.setUp.freshLink(now: .now())
            let application = server.application { port in
                logger.info("accepting connections", metadata: ["address": "\(settings.listen)", "public-url": "\(settings.publicURL)"])
                Self.greet(settings, setupLink: setupLink.map { "\(settings.publicURL)/auth/setup/\($0.text.exposed)" })
            }
            var configuration = ServiceGroupConfiguration(
                services: [.init(service: application)], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
            configuration.maximumGracefulShutdownDuration = Self.drain
            try await ServiceGroup(configuration: configuration).run()
            server.hasher.stop()
            await opening.store.close()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw failure("Port taken: something else listens on \(settings.listen). Stop it, or choose another with --listen.")
        } catch let error as IOError {
            throw failure("Can't listen on \(settings.listen): \(String(cString: strerror(error.errnoCode))).")
        } catch {
            throw failure("\(error)")
        }
    }

    /// What to open next, for a person at the terminal. The setup link goes here and never into the log.
    private static func greet(_ settings: Settings, setupLink: String?) {
        print("Postern is ready at \(settings.publicURL)")
        print("  Sign-up is '\(settings.signUp.rawValue)'.")
        if let setupLink { print("  There is no owner yet. Within an hour, open\n    \(setupLink)") }
        if settings.showsDevelopmentMailbox {
            print("  Mail lands in \(settings.publicURL)/auth/dev/mailbox")
        } else if settings.smtp == nil {
            print("  mail.smtp is not set: mail waits in the queue until it is.")
        }
        fflush(nil)
    }
}
