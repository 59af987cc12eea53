import Glibc
import Hummingbird
import Logging
import NIOCore
import Secrets
import ServiceLifecycle
import Storage
import Synchronization
import UnixSignals

/// Opens the database, serves until a signal says to end, and closes: what `serve` and `demo` have in common.
struct Serving {
    let settings: Settings

    /// Longest wait for requests under way when the server is told to stop.
    private static let drain = Duration.seconds(15)

    /// - Parameters:
    ///   - greet: called once connections are accepted, with the link that makes the first owner, if there is none.
    ///   - beside: one more server, which tells when it accepts connections; nobody is greeted before.
    func run(
        greet: @escaping @Sendable (_ setupLink: String?, Opening) async throws -> Void,
        beside: ((Server, _ ready: @escaping @Sendable () async -> Void) -> any Service)? = nil
    ) async throws {
        let level = Logger.Level(rawValue: settings.logLevel) ?? .info
        LoggingSystem.bootstrap { LogLines(label: $0, level: level) }
        let logger = Logger(label: "postern")
        do {
            let opening = try await Opening.open(settings, listens: true)
            let server = try Server(settings: settings, store: opening.store, keys: opening.keys, logger: logger)
            try await opening.store.write { (transaction) throws(StoreError) in
                try server.passwords.calendar.noteRules(in: transaction, now: .now())
            }
            try await server.gate.blocks.load(now: .now())
            try await server.rules.noteVersion(settings, now: .now())
            // Links of an earlier run die here.
            let setupLink = try await server.setUp.freshLink(now: .now()).map { "\(settings.publicURL)/auth/setup/\($0.text.exposed)" }
            let stillToCome = Mutex(beside == nil ? 1 : 2)
            let ready = { @Sendable () async in
                let isLast = stillToCome.withLock { count in
                    count -= 1
                    return count == 0
                }
                guard isLast else { return }
                do { try await greet(setupLink, opening) } catch { logger.error("\(error)") }
            }
            let application = server.application { [settings] _ in
                logger.info("accepting connections", metadata: ["address": "\(settings.listen)", "public-url": "\(settings.publicURL)"])
                await ready()
            }
            let services: [any Service] = [beside?(server, ready), application].compactMap { $0 }
            var configuration = ServiceGroupConfiguration(
                services: services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
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
}
