import CStrengthModule
import Crypto
import Foundation
import Secrets

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
    private let mails: PasswordMail
    let policyAtSignIn: PasswordPolicy.AtSignIn

    /// Of all lists together.
    private static let mostWords = 200_000
    private static let mostListBytes = 4 << 20

    init(settings: Settings) throws {
        let policy = settings.passwords
        let words = try policy.lists.flatMap(Self.words)
        guard words.count <= Self.mostWords else {
            throw Problem(description: "password.lists: \(words.count) words. Allowed: at most \(Self.mostWords) in all lists.")
        }
        let judge = PasswordJudge(policy: policy, site: [settings.site.name, settings.publicURL.host], listedWords: words)
        let probe = SiteProbe(longestSeconds: 2)
        lookup = BreachLookup(
            filter: try policy.breached.filter.map(BreachFilterFile.init),
            range: policy.breached.url.map { url in
                BreachRange(url: url) { url, headers in
                    guard case .answered(let answer) = await probe.ask("GET", url, headers: headers), answer.status == 200 else {
                        return nil
                    }
                    return answer.body
                }
            })
        let built = UnsafeBufferPointer(start: postern_strength_module(), count: Int(postern_strength_module_size()))
        module = Array(built)
        desk = PasswordDesk(
            choose: ChoosePassword(judge: judge, breaches: lookup),
            module: "/auth/assets/strength.\(Self.name(of: module)).wasm",
            words: words.isEmpty ? nil : "/auth/assets/words.\(Self.name(of: Array(words.joined(separator: "\n").utf8))).txt")
        mails = PasswordMail(publicURL: settings.publicURL, layout: MailLayout(siteName: settings.site.name))
        policyAtSignIn = policy.breached.atSignIn
    }

    func followUp(keys: KeyRingHolder, random: Randomness) -> BreachFollowUp {
        BreachFollowUp(keys: keys, mails: mails, random: random)
    }

    func links(keys: KeyRingHolder, random: Randomness) -> PasswordResetLinks {
        PasswordResetLinks(keys: keys, mails: mails, random: random)
    }

    func atSignIn(keys: KeyRingHolder, random: Randomness) -> BreachAtSignIn? {
        guard policyAtSignIn != .off else { return nil }
        return BreachAtSignIn(
            policy: policyAtSignIn, breaches: lookup, followUp: followUp(keys: keys, random: random),
            links: links(keys: keys, random: random))
    }

    /// A content's hash, for a name that changes with it.
    private static func name(of bytes: [UInt8]) -> String { Shell.hex(Array(SHA256.hash(data: bytes).prefix(8))) }

    private static func words(of path: String) throws -> [String] {
        guard let data = FileManager.default.contents(atPath: path), data.count <= mostListBytes else {
            throw Problem(description: "password.lists: \(path) can't be read, or has more than \(mostListBytes) bytes.")
        }
        return String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).map { trimmed(String($0)) }.filter { !$0.isEmpty }
    }
}
