import ArgumentParser
import DeliveryRouting
import Foundation
import Logging
import Secrets
import Storage

struct DeliveryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delivery", abstract: "How codes by SMS and voice are brought: figures, experiments, outages.",
        subcommands: [Report.self, Experiment.self, OutageCommand.self, Guard.self])

    struct Report: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What each way brought: how many arrived, led in, after how long, at what cost.",
            discussion: "Example: postern delivery report --since 7d --by provider,country")

        @OptionGroup var place: PlaceOptions
        @Option(help: "How far back, in days (UTC), such as 7d.") var since = "7d"
        @Option(help: "What to tell apart: provider, channel, country, day; several with commas.") var by = "provider,channel"
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            let day = try firstDay(since)
            let dimensions = try by.split(separator: ",").map { text in
                guard let dimension = DeliveryDimension(rawValue: String(text)) else {
                    throw failure("--by has '\(text)'. Allowed: \(DeliveryDimension.allCases.map(\.rawValue).joined(separator: ", ")).")
                }
                return dimension
            }
            try await place.withOpening { opening in
                let counts = try await opening.store.read { (transaction) throws(StoreError) in
                    try transaction.deliveryFigures(sinceDay: day)
                }
                let report = DeliveryReport(counts, by: dimensions)
                if json { return try printJSON(report.lines.map { FiguresDocument($0, report.by) }) }
                guard !report.lines.isEmpty else { return print("No codes were sent by SMS or voice since then.") }
                print(table(report, currency: opening.settings.delivery.currency))
            }
        }

        private func table(_ report: DeliveryReport, currency: String) -> String {
            let heads = ["ASKED", "ACCEPTED", "DELIVERED", "FAILED", "USED", "P50", "P90", "P99", "RESENDS", "COST \(currency)"]
            var rows = [report.by.map { $0.rawValue.uppercased() } + heads]
            for line in report.lines + [DeliveryReport.Line(values: ["all"] + report.by.dropFirst().map { _ in "" }, figures: report.all)] {
                let figures = line.figures
                rows.append(
                    line.values + [
                        "\(figures.asked)", "\(figures.accepted)", "\(figures.delivered)", "\(figures.failures)",
                        Figure.percent(figures.used.share),
                    ]
                        + [0.5, 0.9, 0.99].map { figures.times.quantile($0).map(Figure.seconds) ?? "-" }
                        + [
                            Figure.decimals(figures.resendsEach, 2),
                            SpendAlarm.words(figures.cost, "").trimmingCharacters(in: .whitespaces),
                        ])
            }
            let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
            return rows.map { row in
                zip(row, widths).enumerated().map { index, cell in
                    index < report.by.count ? cell.0.padded(to: cell.1) : String(repeating: " ", count: cell.1 - cell.0.count) + cell.0
                }.joined(separator: "  ")
            }.joined(separator: "\n")
        }
    }

    struct Experiment: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What an experiment shows so far, with 95 % intervals.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "Its name in the settings.") var name: String
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            try await place.withOpening { opening in
                guard let result = try await opening.experiment(name) else {
                    throw failure("No experiment '\(name)' is in the settings, and none of that name chose in the last 400 days.")
                }
                if json { return try printJSON(result.places.map(PlaceDocument.init)) }
                for place in result.places {
                    print(place.country.isEmpty ? "ALL COUNTRIES" : CountryNames.english(place.country).uppercased())
                    for arm in place.arms {
                        let figures = arm.figures
                        print(
                            "  \(arm.provider.padded(to: 14)) \(Figure.percent(figures.first.share)) of \(figures.first.trials) led in, half after \(figures.times.quantile(0.5).map(Figure.seconds) ?? "-"), sent again \(Figure.percent(figures.resent.share))"
                        )
                    }
                    for arm in place.arms.dropFirst() {
                        let verdict = arm.conversion?.isKnown == true ? "" : ", not yet known"
                        print(
                            "  \(arm.provider) less \(place.arms[0].provider): led in \(arm.conversion?.points ?? "-")\(verdict), sent again \(arm.resends?.points ?? "-"), half in \(arm.median?.seconds ?? "-")"
                        )
                    }
                }
            }
        }
    }

    struct OutageCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "outage", abstract: "Tell people that a channel doesn't work well, or take that back.",
            discussion: "Without --channel: what is said now.")

        @OptionGroup var place: PlaceOptions
        @Option(help: "sms or voice.") var channel: String?
        @Option(help: "ISO 3166-1, such as FR. Default: all countries.") var country = ""
        @Flag(help: "Take it back.") var clear = false
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            try await place.withOpening { opening in
                guard let channel else { return try await list(opening) }
                guard let known = Delivery.Channel(rawValue: channel) else {
                    throw failure("--channel is '\(channel)'. Allowed: sms, voice.")
                }
                guard country.isEmpty || opening.settings.delivery.countries.contains(country) else {
                    throw failure(
                        "--country is '\(country)'. Allowed: \(opening.settings.delivery.countries.sorted().joined(separator: ", ")).")
                }
                let isDone = try await SetOutage(store: opening.store)
                    .set(known, country: country, isOn: !clear, by: .commandLine, now: .now())
                guard isDone else { throw failure("That was not said.") }
                if json { return try printJSON(["said": !clear]) }
                print(
                    clear
                        ? "Taken back."
                        : "\(known.words) to \(CountryNames.english(country)) are delayed: people are told so within 10 seconds.")
            }
        }

        private func list(_ opening: Opening) async throws {
            let now = Timestamp.now()
            let all = try await opening.store.read { (transaction) throws(StoreError) in try transaction.outages(now: now) }
            if json { return try printJSON(all.map(OutageDocument.init)) }
            guard !all.isEmpty else { return print("Nothing is said to be delayed.") }
            for outage in all {
                print(
                    "\(outage.channel.words) to \(CountryNames.english(outage.country)): \(outage.provider.isEmpty ? "said by hand" : "the circuit of \(outage.provider) is open") until \(ISOTime.words(outage.until))"
                )
            }
        }
    }

    struct Guard: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What the fraud guard refused, or would have.")

        @OptionGroup var place: PlaceOptions
        @Option(help: "At most so many.") var limit = 50
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            guard (1...100_000).contains(limit) else { throw failure("--limit is \(limit). Allowed: 1 to 100000.") }
            try await place.withOpening { opening in
                let lines = try await opening.store.read { (transaction) throws(StoreError) in
                    try transaction.guardDecisions(limit: Int64(limit))
                }
                if json { return try printJSON(lines.map(DecisionDocument.init)) }
                guard !lines.isEmpty else { return print("It had nothing to say.") }
                for line in lines {
                    print(
                        "\(ISOTime.text(line.at))  \(line.isRefused ? "refused     " : "only written")  \(line.rule.padded(to: 15))  \(line.channel.rawValue.padded(to: 5))  \(line.range)  \(line.detail)\(line.number > 1 ? ", \(line.number) times" : "")"
                    )
                }
            }
        }
    }
}

extension Opening {
    fileprivate func experiment(_ name: String) async throws(StoreError) -> ExperimentResult? {
        let delivery = DeliveryParts(settings, store: store, keys: keys, mailbox: nil, random: .system, logger: Logger(label: "postern"))
        return try await DeliveryViews(store: store, rules: delivery.rules, random: .system).experiment(name, now: .now())
    }
}

private func firstDay(_ text: String) throws -> Int64 {
    guard text.hasSuffix("d"), let days = Int64(text.dropLast()), (1...400).contains(days) else {
        throw failure("--since is '\(text)'. Allowed: 1d to 400d.")
    }
    // Today is one of them.
    return Timestamp.now().day - days + 1
}
