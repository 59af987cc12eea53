import ArgumentParser
import Storage

struct JobCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job", abstract: "Look at work that waits, runs or was given up, and try it again.",
        discussion: """
            Mail and everything else slow is done by jobs. What a job carries is never shown. 'parked' are jobs of a kind that this \
            server can't do under its settings: they wait.
            """,
        subcommands: [List.self, Show.self, Retry.self, Cancel.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List jobs, the newest first.")

        @OptionGroup var place: PlaceOptions
        @Option(help: ArgumentHelp("Only \(JobLine.State.allCases.map(\.rawValue).joined(separator: ", ")).")) var state: String?
        @Option(help: "Only of one kind, such as send-mail.") var kind: String?
        @Option(help: "At most so many.") var limit = 50
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            let state = try state.map { text in
                guard let state = JobLine.State(rawValue: text) else {
                    throw failure("--state is '\(text)'. Allowed: \(JobLine.State.allCases.map(\.rawValue).joined(separator: ", ")).")
                }
                return state
            }
            guard (1...10_000).contains(limit) else { throw failure("--limit is \(limit). Allowed: 1 to 10000.") }
            try await place.withOpening { opening in
                let known = opening.settings.doneJobs
                let lines = try await opening.store.read { (transaction) throws(StoreError) in
                    try transaction.jobLines(kind: kind, state: state, limit: Int64(limit), known: known)
                }
                if json { return try printJSON(lines.map(JobDocument.init)) }
                guard !lines.isEmpty else { return print("No jobs.") }
                print("\("STATE".padded(to: 10))\("KIND".padded(to: 26))\("TRIES".padded(to: 7))\("WRITTEN".padded(to: 22))ID")
                for line in lines {
                    print(
                        "\(line.state.rawValue.padded(to: 10))\(line.kind.padded(to: 26))\("\(line.tries)".padded(to: 7))\(ISOTime.text(line.createdAt).padded(to: 22))\(line.id)"
                    )
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one job, and how its last try ended.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "Its id.") var id: String
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            try await place.withOpening { opening in
                let known = opening.settings.doneJobs
                let job = try jobID(id)
                let found = try await opening.store.read { (transaction) throws(StoreError) in try transaction.jobLine(job, known: known) }
                guard let line = found else { throw failure("There is no job \(id). postern job list") }
                if json { return try printJSON(JobDocument(line)) }
                var lines = [
                    ("Id", "\(line.id)"), ("Kind", line.kind), ("State", line.state.rawValue), ("Tries", "\(line.tries)"),
                    ("Written", ISOTime.words(line.createdAt)),
                ]
                if line.state == .waiting || line.state == .parked { lines.append(("Due", ISOTime.words(line.runAt))) }
                if let ended = line.endedAt { lines.append(("Ended", ISOTime.words(ended))) }
                if !line.lastError.isEmpty { lines.append(("Last try", line.lastError)) }
                for (name, value) in lines { print("\(name.padded(to: 10))\(value)") }
            }
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a job that was given up be tried again, at once.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "Its id.") var id: String

        func run() async throws {
            try await place.withOpening { opening in
                let job = try jobID(id)
                let isRevived = try await opening.store.write { (transaction) throws(StoreError) in
                    guard try transaction.reviveJob(job, now: .now()) else { return false }
                    try transaction.noteRevived(job)
                    return true
                }
                guard isRevived else { throw failure("\(id) can't be tried again: it isn't given up, or no longer has what it needs.") }
                print("\(id) is tried again.")
            }
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a job that waits or was given up, and forget what it carried.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "Its id.") var id: String

        func run() async throws {
            try await place.withOpening { opening in
                let job = try jobID(id)
                let isCancelled = try await opening.store.write { (transaction) throws(StoreError) in
                    guard try transaction.cancelJob(job, now: .now()) else { return false }
                    try transaction.noteLostNotices(now: .now())
                    return true
                }
                guard isCancelled else { throw failure("\(id) neither waits nor was given up.") }
                print("\(id) is cancelled.")
            }
        }
    }
}

private func jobID(_ text: String) throws -> Job.ID {
    guard let id = Job.ID(text) else { throw failure("'\(text)' is no job's id. postern job list shows them.") }
    return id
}

private struct JobDocument: Encodable {
    let id, kind, state, created_at, run_at: String
    let tries: Int64
    let ended_at, last_error: String?

    init(_ line: JobLine) {
        (id, kind, state, tries) = (line.id.description, line.kind, line.state.rawValue, line.tries)
        (created_at, run_at, ended_at) = (ISOTime.text(line.createdAt), ISOTime.text(line.runAt), line.endedAt.map(ISOTime.text))
        last_error = line.lastError.isEmpty ? nil : line.lastError
    }
}
