import ArgumentParser
import Foundation
import Storage

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Look at an app from outside: is it gated, and does the proxy say what it must?",
        discussion: """
            Run it where the settings and the database are. It sends about a dozen requests to the app's host, and asks the server what the \
            gateway saw of them. Ends with 1 if something is to be changed.
            """)

    @OptionGroup var place: PlaceOptions
    @Argument(help: ArgumentHelp("The app, as browsers open it, such as https://app.example.org", valueName: "url")) var url: String
    @Option(help: ArgumentHelp("Connect there, whatever the name leads to: before DNS is switched.", valueName: "host:port")) var connect:
        String?
    @Option(help: ArgumentHelp("The same for plain HTTP.", valueName: "host:port")) var connectPlain: String?
    @Option(help: ArgumentHelp("Certificates to trust besides the system's, a PEM file.", valueName: "file")) var caFile: String?
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await place.withOpening { opening in
            guard let origin = PublicURL(url) else { throw failure("'\(url)' is no address such as https://app.example.org.") }
            guard let served = try await opening.apps().first(where: { $0.app.origin == origin }) else {
                throw failure("No app is named by \(origin). Name it: postern app add NAME --host \(origin.authority)")
            }
            let flow = CheckSite(
                store: opening.store, probe: SiteProbe(connectTo: connect, caFile: caFile), connectPlain: connectPlain,
                portal: opening.settings.publicURL,
                app: served.app, cookies: Cookies(needTLS: opening.settings.cookiesNeedTLS), random: .system)
            let findings = try await flow.run(now: .now())
            if json { try printJSON(findings.map(FindingDocument.init)) } else { show(findings) }
            if findings.contains(where: { $0.verdict == .bad }) { throw ExitCode(1) }
        }
    }

    private func show(_ findings: [CheckSite.Finding]) {
        let width = findings.map(\.name.count).max() ?? 0
        for finding in findings {
            let mark = finding.verdict == .ok ? "ok " : finding.verdict == .bad ? "BAD" : " ? "
            print("\(mark)  \(finding.name.padded(to: width))  \(finding.words)")
            for line in finding.change.split(separator: "\n") { print("     \("".padded(to: width))  \(line)") }
        }
        let bad = findings.count { $0.verdict == .bad }
        print(bad == 0 ? "\nNothing to change." : "\n\(bad) to change.")
    }
}

private struct FindingDocument: Encodable {
    let name: String
    let verdict: String
    let words: String
    let change: String?

    init(_ finding: CheckSite.Finding) {
        name = finding.name
        verdict = finding.verdict == .notSeen ? "not-seen" : finding.verdict.rawValue
        words = finding.words
        change = finding.change.isEmpty ? nil : finding.change
    }
}
