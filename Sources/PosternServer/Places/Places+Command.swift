import ArgumentParser
import Foundation
import Hummingbird
import Logging
import NetworkAddress
import Storage

struct GeoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "geo", abstract: "Databases that say where addresses are: fetch newer ones, look an address up.",
        subcommands: [Update.self, Lookup.self])

    struct Update: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fetch newer databases from where the settings say (places.sources).",
            discussion: "The nightly job does the same. A running server takes a new file within seconds.")

        @OptionGroup var place: PlaceOptions
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            let settings = try place.settings()
            guard !settings.places.sources.isEmpty else {
                throw failure(
                    "The settings name no source. Put its address into places.sources.NAME.url; docs/features/places.md has examples.")
            }
            if !json {
                print("Fetching \(settings.places.sources.count) from \(settings.places.sources.map(\.name).joined(separator: ", ")) …")
            }
            let outcomes = await UpdatePlaces(sources: settings.places.sources, directory: settings.dataDirectory).run(now: .now())
            if json {
                try printJSON(outcomes.map { UpdateDocument($0.source, $0.outcome) })
            } else {
                for (source, outcome) in outcomes { print("\(source): \(outcome.words)") }
            }
            if outcomes.contains(where: { if case .failed = $0.outcome { true } else { false } }) { throw ExitCode.failure }
        }
    }

    struct Lookup: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say where an address is, as sign-ins would be told.",
            discussion: "With - addresses are read from standard input, one a line, and each is answered by one line of JSON.")

        @OptionGroup var place: PlaceOptions
        @Flag(help: "Print JSON.") var json = false
        @Argument(help: "An IPv4 or IPv6 address, or -.") var address: String

        func run() async throws {
            let settings = try place.settings()
            let finder = PlaceFinder(
                paths: settings.placeFiles, directory: FileManager.default.temporaryDirectory.path,
                logger: Logger(label: "postern") { _ in SwiftLogNoOpLogHandler() })
            await finder.refresh()
            if address == "-" { return try await answerLines(finder) }
            guard let asked = IPAddress(address) else { throw failure("'\(address)' is no IPv4 or IPv6 address.") }
            let now = Timestamp.now()
            let found = await finder.find([asked])?.first ?? AddressPlace()
            if json { return try printJSON(LookupDocument(asked, found, finder.listings, now: now)) }
            print(found.lines(of: asked).joined(separator: "\n"))
            for file in finder.listings {
                let age = file.isOld(at: now) ? ", older than 30 days: fetch a newer one with 'postern geo update'" : ""
                print("Read from \(file.path): \(file.type), of \(ISOTime.day(file.builtAt))\(age).")
            }
            for problem in finder.problems { print(problem) }
            if settings.placeFiles.isEmpty { print("There is no database of places: set places.files or places.sources.") }
        }

        private func answerLines(_ finder: PlaceFinder) async throws {
            while let line = readLine() {
                guard let asked = IPAddress(line) else { throw failure("'\(line.prefix(100))' is no IPv4 or IPv6 address.") }
                let found = await finder.find([asked])?.first ?? AddressPlace()
                print(try Response.text(of: LookupDocument(asked, found, [], now: .now())))
            }
        }
    }
}

extension UpdatePlaces.Outcome {
    /// For people.
    var words: String {
        switch self {
        case .updated(let type, let builtAt, let bytes): "\(type) of \(ISOTime.day(builtAt)), \((bytes + 500_000) / 1_000_000) MB."
        case .unchanged: "there is no newer one."
        case .failed(let problem): "not updated, what was there stays: \(problem)."
        }
    }
}

extension AddressPlace {
    fileprivate func lines(of address: IPAddress) -> [String] {
        guard AddressPlace.canBeKnown(address) else {
            return ["\(address) is no address of the open internet: its place is never looked up."]
        }
        var lines = ["\(address): " + (words.isEmpty ? "place unknown" : words)]
        if let place = coordinates {
            lines.append(
                "About \(Figure.decimals(place.latitude, 2)), \(Figure.decimals(place.longitude, 2)), give or take \(Int(place.radius)) km."
            )
        }
        if let network { lines.append("Network AS\(network)\(networkName.isEmpty ? "" : ", \(networkName)").") }
        switch kind {
        case .plain: break
        case .anonymous: lines.append("A VPN, a proxy, Tor or a hoster: it says nothing of where somebody is.")
        case .mobile: lines.append("A mobile network: its addresses are where its exchange is.")
        }
        return lines
    }
}

private struct UpdateDocument: Encodable {
    let source, outcome: String
    let type, built, problem: String?

    init(_ source: String, _ outcome: UpdatePlaces.Outcome) {
        self.source = source
        switch outcome {
        case .updated(let type, let builtAt, _): (self.outcome, self.type, built, problem) = ("updated", type, ISOTime.text(builtAt), nil)
        case .unchanged: (self.outcome, type, built, problem) = ("unchanged", nil, nil, nil)
        case .failed(let words): (self.outcome, type, built, problem) = ("failed", nil, nil, words)
        }
    }
}

private struct LookupDocument: Encodable {
    struct File: Encodable {
        let path, type, built: String
        let old: Bool
    }

    let address, country, region, city: String
    let latitude, longitude, radius_km: Double?
    let network: UInt32?
    let network_name, kind: String
    let files: [File]

    init(_ address: IPAddress, _ place: AddressPlace, _ listings: [PlaceFinder.Listing], now: Timestamp) {
        self.address = address.description
        (country, region, city) = (place.country, place.region, place.city)
        (latitude, longitude, radius_km) = (place.coordinates?.latitude, place.coordinates?.longitude, place.coordinates?.radius)
        (network, network_name, kind) = (place.network, place.networkName, place.kind.rawValue)
        files = listings.map { File(path: $0.path, type: $0.type, built: ISOTime.text($0.builtAt), old: $0.isOld(at: now)) }
    }
}
