import ArgumentParser
import FoundationEssentials
import Storage

/// `postern password due`: what a day's run would send.
struct PasswordDueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "due", abstract: "Preview whom a day's run reminds that their password expires.",
        discussion: "Nothing is sent. Reminders that were sent already are left out.")

    @OptionGroup var place: PlaceOptions
    @Option(help: ArgumentHelp("The day, at the run's hour. Default: now.", valueName: "yyyy-mm-dd")) var on: String?
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let day = try on.map { text in
            let date = text.wholeMatch(of: /\d{4}-\d{2}-\d{2}/) == nil ? nil : try? Date("\(text)T06:00:00Z", strategy: .iso8601)
            let time = date.map { Timestamp(secondsSinceEpoch: Int64($0.timeIntervalSince1970)) }
            // What is no day, such as the 30th of February, is read as another.
            guard let time, ISOTime.text(time).hasPrefix(text), time > .now() - .seconds(86_400) else {
                throw failure("--on is '\(text)'. Allowed: today or a later day, such as 2026-12-01.")
            }
            return time
        }
        try await place.withOpening { opening in
            let source = try opening.passwords().expirySource(opening.store)
            let find = FindExpiring(store: opening.store, sources: [source], notices: opening.notices)
            let due = try await find.preview(on: day ?? .now())
            if json { return try printJSON(due.map(DueDocument.init)) }
            guard !due.isEmpty else { return print("Nobody is due.") }
            let width = max(6, due.map(\.thing.email.count).max() ?? 6)
            print("\("PERSON".padded(to: width))  \("DAYS".padded(to: 4))  EXPIRES")
            for due in due {
                print("\(due.thing.email.padded(to: width))  \("\(due.threshold)".padded(to: 4))  \(ISOTime.words(due.thing.expiresAt))")
            }
        }
    }
}

private struct DueDocument: Encodable {
    let account, email, kind, expires_at: String
    let threshold: Int

    init(_ due: FindExpiring.Due) {
        (account, email, kind) = (due.thing.account.description, due.thing.email, due.kind.rawValue)
        (expires_at, threshold) = (ISOTime.text(due.thing.expiresAt), due.threshold)
    }
}
