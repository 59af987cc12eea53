import ArgumentParser
import Foundation
import NetworkAddress
import Storage

struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Try other rules on the sign-ins that were recorded, before they hold.",
        discussion: """
            Reads 'throttling', 'unusual' and 'password' of the settings file that --policy names, and says what they would have made of what \
            happened: refused attempts, owners who would have been locked out (their right password would have been refused), and \
            attackers (networks that were refused and signed in to nothing). Nothing is changed. Rules on requests aren't part of it: \
            how often a page was opened isn't recorded; let them run with 'mode: shadow'.
            """)

    @OptionGroup var place: PlaceOptions
    @Option(help: "A settings file with the rules to try.") var policy: String
    @Option(help: "How far back, such as 30d or 12h.") var since = "30d"
    @Flag(help: "Show whole addresses of people and networks.") var whole = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let units: [Character: Int64] = ["m": 60, "h": 3_600, "d": 86_400]
        guard let unit = since.last.flatMap({ units[$0] }), let count = Int64(since.dropLast()), (1...36_500).contains(count) else {
            throw failure("--since is '\(since)'. Allowed: a number with m, h or d, such as 12h or 30d.")
        }
        let tried: Settings
        do throws(SettingsFile.Problem) { tried = try Settings.load(file: policy, environment: [:], cores: 1) } catch {
            throw failure("\(error)")
        }
        try await place.withOpening { opening in
            let now = Timestamp.now()
            let isTerminal = isatty(2) == 1
            let report = try await Simulate(store: opening.store).run(
                tried, instead: opening.settings, since: now - .seconds(count * unit), now: now,
                progress: { if isTerminal { FileHandle.standardError.write(Data("\r\($0) attempts".utf8)) } })
            if isTerminal { FileHandle.standardError.write(Data("\r".utf8)) }
            if json { return try printJSON(SimulationDocument(report, isWhole: whole)) }
            Self.show(report, isWhole: whole)
        }
    }

    private static func show(_ report: Simulate.Report, isWhole: Bool) {
        print("\(report.attempts) attempts, \(report.right) with the right password.\n")
        print("\("RULE".padded(to: 22))\("REFUSED".padded(to: 12))\("OWNERS LOCKED OUT".padded(to: 20))ATTACKERS CAUGHT")
        for rule in PolicyReplay.Rule.allCases {
            let finding = report.findings[rule] ?? PolicyReplay.Finding()
            print(
                "\(rule.rawValue.padded(to: 22))\("\(finding.refused)".padded(to: 12))\("\(finding.lockedOut.count)".padded(to: 20))\(finding.attackers.count)"
            )
        }
        for rule in PolicyReplay.Rule.allCases {
            guard let finding = report.findings[rule], !finding.examples.isEmpty else { continue }
            print("\nOwners that '\(rule.rawValue)' would have kept out, for example")
            for example in finding.examples {
                let (person, network) = Masked.of(example, report.people, isWhole: isWhole)
                print("  \(ISOTime.text(example.at))  \(person)  from \(network)")
            }
        }
        if report.unusual.signIns > 0 {
            print("\n\(report.unusual.signIns) unusual sign-ins, by what would have been done (under today's settings)")
            for measure in report.measures { print("  \(measure.word.padded(to: 8))\(measure.then) (\(measure.now))") }
        }
        guard report.passwords.accounts > 0 else { return }
        print(
            "\nPasswords older than the rules allow: \(report.passwords.expiredThen) of \(report.passwords.accounts), under today's settings \(report.passwords.expiredNow)."
        )
    }
}

/// People and networks as they are shown: enough to recognise a pattern, not a person.
enum Masked {
    static func of(_ example: PolicyReplay.Example, _ people: [[UInt8]: String], isWhole: Bool) -> (person: String, network: String) {
        let person = people[example.who] ?? "an account that is gone"
        if isWhole { return (person, "\(example.address)") }
        let network = example.address.network(example.address.isIPv4 ? 24 : 48)
        guard let at = person.firstIndex(of: "@") else { return (person, "\(network)") }
        return ("\(person.prefix(1))•••\(person[at...])", "\(network)")
    }
}

private struct SimulationDocument: Encodable {
    struct Rule: Encodable {
        let rule: String
        let refused, owners_locked_out, attackers_caught: Int
        let examples: [Example]
    }

    struct Example: Encodable { let at, account, network: String }

    struct Unusual: Encodable {
        let action: String
        let then, now: Int
    }

    let attempts, right: Int
    let rules: [Rule]
    let unusual_sign_ins: Int
    let unusual: [Unusual]
    let passwords, passwords_expired_now, passwords_expired_then: Int

    init(_ report: Simulate.Report, isWhole: Bool) {
        (attempts, right) = (report.attempts, report.right)
        rules = PolicyReplay.Rule.allCases.map { rule in
            let finding = report.findings[rule] ?? PolicyReplay.Finding()
            return Rule(
                rule: rule.rawValue, refused: finding.refused, owners_locked_out: finding.lockedOut.count,
                attackers_caught: finding.attackers.count,
                examples: finding.examples.map {
                    let (person, network) = Masked.of($0, report.people, isWhole: isWhole)
                    return Example(at: ISOTime.text($0.at), account: person, network: network)
                })
        }
        unusual_sign_ins = report.unusual.signIns
        unusual = report.measures.map { Unusual(action: $0.word, then: $0.then, now: $0.now) }
        passwords = report.passwords.accounts
        passwords_expired_now = report.passwords.expiredNow
        passwords_expired_then = report.passwords.expiredThen
    }
}
