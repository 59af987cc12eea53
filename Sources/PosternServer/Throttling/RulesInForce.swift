import Foundation
import Logging
import Secrets
import ServiceLifecycle
import Storage
import Synchronization
import Throttle

/// What is counted and refused now. Reads the settings file again when it changes; a file with a mistake changes nothing.
final class RulesInForce: Sendable {
    let requests: RequestRules
    private let store: any Store
    private let source: Settings.Source?
    private let logger: Logger
    private let delivery: DeliveryRules
    private let signIn: Mutex<(SignInLimits, [ThrottleRule])>

    private static let interval = Duration.seconds(1)

    init(_ settings: Settings, delivery: DeliveryRules, store: any Store, logger: Logger) {
        self.delivery = delivery
        requests = RequestRules(settings.throttleRules, trustedProxies: settings.trustedProxies)
        (self.store, source, self.logger) = (store, settings.source, logger)
        signIn = Mutex((settings.signInLimits, settings.throttleRules.filter { $0.event != nil }))
    }

    var signInLimits: SignInLimits { signIn.withLock { $0.0 } }
    /// Those on tries to sign in.
    var signInRules: [ThrottleRule] { signIn.withLock { $0.1 } }

    /// Every rule in a line of its own.
    static func text(_ settings: Settings) -> String {
        (settings.signInLimits.lines + settings.throttleRules.map(\.text)).joined(separator: "\n")
    }

    /// Keeps a version of the rules, if they are others than the last.
    func noteVersion(_ settings: Settings, now: Timestamp) async throws(StoreError) {
        let text = Self.text(settings)
        try await store.write { (transaction) throws(StoreError) in
            guard let number = try transaction.noteRules(text, now: now) else { return }
            try transaction.record(AuditEvent(.rulesChanged, account: nil, by: .server, from: nil, at: now, detail: "version \(number)"))
        }
    }

    /// What a file is known by: another one may take its place, also behind a link.
    private struct Mark: Equatable {
        let number, size: UInt64
        let changedAt: Date

        init?(_ path: String) {
            let path = URL(filePath: path).resolvingSymlinksInPath().path
            guard let found = try? FileManager.default.attributesOfItem(atPath: path), let date = found[.modificationDate] as? Date else {
                return nil
            }
            number = found[.systemFileNumber] as? UInt64 ?? 0
            size = found[.size] as? UInt64 ?? 0
            changedAt = date
        }
    }

    /// Reads the settings file again.
    func reload(now: Timestamp) async throws {
        guard let source else { return }
        let settings = try Settings.load(
            file: source.file, environment: source.environment.exposed, overrides: source.overrides, cores: source.cores)
        try await noteVersion(settings, now: now)
        signIn.withLock { $0 = (settings.signInLimits, settings.throttleRules.filter { $0.event != nil }) }
        requests.replace(settings.throttleRules)
        delivery.replace(settings.delivery)
    }
}

extension RulesInForce: Service {
    func run() async throws {
        guard let file = source?.file else { return try await gracefulShutdown() }
        await cancelWhenGracefulShutdown { [self] in
            var (known, seen) = (Mark(file), Mark(file))
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.interval)
                // Not while it is still being written: what is half there may read well and say less.
                let before = seen
                seen = Mark(file)
                guard seen != nil, seen == before, seen != known else { continue }
                known = seen
                do {
                    try await reload(now: .now())
                    logger.info(
                        "the settings file changed: rules of throttling and delivery are read anew; all else holds from the next start")
                } catch {
                    logger.error("the settings file changed and can't be used; the rules stay as they are", metadata: ["error": "\(error)"])
                }
            }
        }
    }
}

extension SignInLimits {
    /// As the record of changes shows them.
    var lines: [String] {
        func time(_ seconds: Int64?) -> String { seconds.map { "\($0)s" } ?? "released" }
        return [
            "sign-in per-address \(perAddress.limit)/\(perAddress.period)s",
            "sign-in wait-after \(pair.waitFrom)/\(time(pair.window)), block-after \(pair.lockAt), until \(time(pair.lockFor))",
            "sign-in lock-after \(account.lockAt), until \(time(account.lockFor))",
            "sign-in stuffing \(stuffing.accounts)/\(stuffing.within.components.seconds)s, for \(stuffingBlock.components.seconds)s",
        ]
    }
}
