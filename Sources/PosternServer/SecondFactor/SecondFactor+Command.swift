import ArgumentParser
import Logging
import Storage

/// `postern account factors EMAIL`
struct FactorsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "factors", abstract: "Show an account's second factors, and whether codes are slowed down or stopped.")

    @OptionGroup var place: PlaceOptions
    @Argument(help: "The account's address.") var email: String
    @Flag(help: "Let codes be tried again at once after too many wrong ones.") var liftStop = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await place.withOpening { opening in
            let account = try await opening.account(email)
            if liftStop {
                let outcome = try await opening.resetFactors.perform(.liftStop, on: account.id, by: .commandLine, now: .now())
                guard outcome == .done || outcome == .unchanged else { throw failure("\(account.email) can't be changed.") }
            }
            let factors = try await opening.views.factors(of: account.id, now: .now())
            if json { return try printJSON(FactorsDocument(factors)) }
            let width = factors.authenticators.map(\.name.count).max() ?? 4
            print("\("NAME".padded(to: width))  ADDED                        LAST USED")
            for app in factors.authenticators {
                print(
                    "\(app.name.padded(to: width))  \(ISOTime.words(app.createdAt).padded(to: 27))  \(app.usedAt.map(ISOTime.words) ?? "never")"
                )
            }
            for phone in factors.phones { print("\(phone.masked), added \(ISOTime.words(phone.addedAt))") }
            print("Recovery codes left: \(factors.recoveryCodesLeft)")
            print("Trusted browsers: \(factors.trusted.count)")
            print("Wrong codes in a row: \(factors.tries.failures)\(factors.tries.isStopped ? ", stopped" : "")")
        }
    }
}

/// `postern account reset-factors EMAIL`
struct ResetFactorsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset-factors",
        abstract: "Remove all second factors of an account that is locked out. Its owner is told by mail.")

    @OptionGroup var place: PlaceOptions
    @Argument(help: "The account's address.") var email: String

    func run() async throws {
        try await place.withOpening { opening in
            let account = try await opening.account(email)
            switch try await opening.resetFactors.perform(.removeAll, on: account.id, by: .commandLine, now: .now()) {
            case .done: print("\(account.email) has no second factor any more.")
            case .unchanged: print("\(account.email) had none.")
            case .noSuchAccount, .notAllowed, .stepUpNeeded: throw failure("\(account.email) can't be changed.")
            }
        }
    }
}

extension Opening {
    fileprivate var views: Views {
        let delivery = DeliveryParts(
            settings, store: store, keys: keys, mailbox: nil, random: .system, logger: Logger(label: "postern"))
        return Views(
            store: store, calendar: PasswordCalendar(policy: settings.passwords), locks: AccountLocks(keys.current),
            phones: PhonePolicy(factors: settings.secondFactors, desk: delivery.desk))
    }

    fileprivate var resetFactors: ResetFactors {
        ResetFactors(
            store: store, desk: SessionDesk(store: store, logger: Logger(label: "postern")),
            notices: FactorNotices(
                notices: notices, mails: SecondFactorMail(publicURL: settings.publicURL, layout: settings.mailLayout)))
    }
}

private struct FactorsDocument: Encodable {
    struct App: Encodable {
        let id: String
        let name: String
        let created_at: String
        let used_at: String?
    }

    struct Number: Encodable {
        let id: String
        let number: String
        let added_at: String
    }

    let authenticators: [App]
    let phones: [Number]
    let recovery_codes_left: Int64
    let trusted_browsers: Int
    let failures: Int64
    let stopped: Bool

    init(_ factors: SecurityPage.Factors) {
        authenticators = factors.authenticators.map {
            App(id: $0.id.description, name: $0.name, created_at: ISOTime.text($0.createdAt), used_at: $0.usedAt.map(ISOTime.text))
        }
        phones = factors.phones.map { Number(id: $0.id.description, number: $0.masked, added_at: ISOTime.text($0.addedAt)) }
        recovery_codes_left = factors.recoveryCodesLeft
        trusted_browsers = factors.trusted.count
        failures = factors.tries.failures
        stopped = factors.tries.isStopped
    }
}
