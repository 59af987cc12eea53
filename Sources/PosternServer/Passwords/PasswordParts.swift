import CStrengthModule
import Crypto
import Foundation
import Secrets
import Storage

/// The room's parts, made once from the settings. What a setting names must be there: a server without the list it was given would not
/// do what it says.
struct PasswordParts: Sendable {
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    let desk: PasswordDesk
    /// The page's module, gzipped.
    let module: [UInt8]
    let lookup: BreachLookup
    /// The same lists, with places of its own: strangers who fill the others can't stop what is asked again.
    let lookupOfJobs: BreachLookup
    private let mails: PasswordMail
    private let policyAtSignIn: PasswordPolicy.AtSignIn
    let calendar: PasswordCalendar

    /// Of all lists together.
    private static let mostWords = 200_000
    private static let mostListBytes = 4 << 20

    private static func range(_ url: String) -> BreachRange {
        let probe = SiteProbe(longestSeconds: 2)
        return BreachRange(url: url) { url, headers in
            guard case .answered(let answer) = await probe.ask("GET", url, headers: headers), answer.status == 200 else { return nil }
            return answer.body
        }
    }

    /// - Parameter directory: where a server that runs for months keeps its copy of the filter; nil for one command.
    init(settings: Settings, filterCopiedTo directory: String? = nil) throws {
        let policy = settings.passwords
        let words = try Self.merged(policy.lists)
        let judge = PasswordJudge(policy: policy, site: [settings.site.name, settings.publicURL.host], listedWords: words)
        let filter = try policy.breached.filter.map { try BreachFilterFile(path: $0, copiedTo: directory) }
        lookup = BreachLookup(filter: filter, range: policy.breached.url.map(Self.range))
        lookupOfJobs = BreachLookup(filter: filter, range: policy.breached.url.map(Self.range))
        let built = UnsafeBufferPointer(start: postern_strength_module(), count: Int(postern_strength_module_size()))
        module = Array(built)
        desk = PasswordDesk(
            choose: ChoosePassword(judge: judge, breaches: lookup),
            module: "/auth/assets/strength.\(Self.name(of: module)).wasm",
            words: words.isEmpty ? nil : "/auth/assets/words.\(Self.name(of: Array(words.joined(separator: "\n").utf8))).txt")
        mails = PasswordMail(publicURL: settings.publicURL, layout: settings.mailLayout)
        policyAtSignIn = policy.breached.atSignIn
        calendar = PasswordCalendar(policy: policy)
    }

    func expirySource(_ store: any Store) -> ExpirySource { .passwords(calendar, store: store, mails: mails) }

    func followUp(_ notices: Notices) -> BreachFollowUp { BreachFollowUp(notices: notices, mails: mails) }

    func links(_ notices: Notices) -> PasswordResetLinks { PasswordResetLinks(notices: notices, mails: mails) }

    func atSignIn(_ notices: Notices) -> BreachAtSignIn? {
        guard policyAtSignIn != .off else { return nil }
        return BreachAtSignIn(
            policy: policyAtSignIn, breaches: lookup, followUp: followUp(notices))
    }

    /// A content's hash, for a name that changes with it.
    private static func name(of bytes: [UInt8]) -> String { Shell.hex(Array(SHA256.hash(data: bytes).prefix(8))) }

    /// One list of all: first what is first on each, then what is second.
    private static func merged(_ paths: [String]) throws(Problem) -> [String] {
        var (lists, bytes): ([[String]], Int) = ([], 0)
        for path in paths {
            guard let data = FileManager.default.contents(atPath: path), let text = String(validating: data, as: UTF8.self) else {
                throw Problem(description: "password.lists: \(path) can't be read, or isn't UTF-8.")
            }
            bytes += data.count
            let lines = text.split(whereSeparator: \.isNewline).map { Password.normalised(trimmed(String($0))) }
            // A byte order mark is no part of the first word.
            lists.append(lines.map { $0.first == "\u{FEFF}" ? String($0.dropFirst()) : $0 }.filter { !$0.isEmpty })
        }
        let count = lists.reduce(0) { $0 + $1.count }
        guard bytes <= mostListBytes, count <= mostWords else {
            throw Problem(
                description: "password.lists: \(count) words in \(bytes) bytes. Allowed: \(mostWords) words in \(mostListBytes) bytes.")
        }
        let longest = lists.map(\.count).max() ?? 0
        return (0..<longest).flatMap { place in lists.compactMap { place < $0.count ? $0[place] : nil } }
    }
}
