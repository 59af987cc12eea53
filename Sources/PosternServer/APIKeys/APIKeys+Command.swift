import ArgumentParser
import Foundation
import Logging
import NetworkAddress
import Secrets
import Storage

struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Make, list, rotate and revoke API keys of organizations and accounts.",
        discussion: "A change holds within a second on every node. A key's text is printed once, when it is made.",
        subcommands: [Create.self, List.self, Show.self, Rotate.self, Revoke.self])

    /// Whose keys.
    struct OwnerOptions: ParsableArguments {
        @Option(help: "The organization's slug.") var organization: String?
        @Option(help: "An account's e-mail address, for its own keys.") var account: String?

        func validate() throws {
            guard (organization == nil) != (account == nil) else { throw ValidationError("Name --organization or --account, one of them.") }
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key. Its text is the last line, and is not shown again.",
            discussion: "Example: postern key create 'Checkout server' --organization acme --scope orders:read --expires-in 365d")

        @OptionGroup var place: PlaceOptions
        @OptionGroup var owner: OwnerOptions
        @Argument(help: "What uses it.") var name: String
        @Option(help: "What it is good for; may stand several times. * is everything. Default: what needs no scope.") var scope: [String] =
            []
        @Option(help: "live (default) or test.") var mode = "live"
        @Option(help: "How long it lives, such as 90d. Default: until it is revoked.") var expiresIn: String?
        @Option(help: "An address or a network that it works from; may stand several times. Default: any.") var address: [String] = []
        @Option(help: "How often it may be used, such as 600/1m.") var rate: String?
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            let now = Timestamp.now()
            let asked = try plainly { () throws -> (APIKey.Terms, KeyText.Mode) in
                var terms = APIKey.Terms(name: try KeyFields.name(self.name), scopes: try KeyFields.scopes(self.scope))
                terms.addresses = try KeyFields.addresses(self.address)
                if let rate = self.rate {
                    let parts = rate.split(separator: "/", maxSplits: 1).map(String.init)
                    terms.rate = try KeyFields.rate(parts.first.flatMap { Int($0) } ?? 0, per: parts.count == 2 ? parts[1] : "")
                }
                return (terms, try KeyFields.mode(self.mode))
            }
            var terms = asked.0
            if let expiresIn { terms.expiresAt = now + (try duration(expiresIn, of: "--expires-in")) }
            let (complete, mode) = (terms, asked.1)
            try await place.withOpening { opening in
                let owner = try await opening.keyOwner(owner)
                let outcome = try await opening.keyParts.make.make(complete, mode: mode, of: owner, by: .commandLine, client: nil, now: now)
                guard case .made(let key, let text) = outcome else { throw failure("The key could not be made.") }
                if json { return try printJSON(KeyDocument(key, text: text.exposed, now: now)) }
                print("\(key.id)  \(key.terms.name)  \(KeyWords.scopes(key.terms.scopes))\n\(text.exposed)")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List keys, the newest first.")

        @OptionGroup var place: PlaceOptions
        @OptionGroup var owner: OwnerOptions
        @Option(help: "At most so many.") var limit = 100
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            guard (1...1_000_000).contains(limit) else { throw failure("--limit is \(limit). Allowed: 1 to 1000000.") }
            try await place.withOpening { opening in
                let now = Timestamp.now()
                let owner = try await opening.keyOwner(owner)
                let keys = try await opening.store.read { [limit] (transaction) throws(StoreError) in
                    try transaction.keys(of: owner, before: nil, limit: Int64(limit))
                }
                if json { return try printJSON(keys.map { KeyDocument($0, now: now) }) }
                guard !keys.isEmpty else { return print("No key yet. Make one: postern key create NAME") }
                let width = max(4, keys.map(\.terms.name.count).max() ?? 4)
                print("\("NAME".padded(to: width))  \("KEY".padded(to: 12))\("STATE".padded(to: 9))\("LAST USED".padded(to: 22))ID")
                for key in keys {
                    let used = key.used.map { ISOTime.text($0.at) } ?? "never"
                    print(
                        "\(key.terms.name.padded(to: width))  \("\(key.mode.rawValue) …\(key.lastFour)".padded(to: 12))\(key.standing(at: now).word.padded(to: 9))\(used.padded(to: 22))\(key.id)"
                    )
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one key, and from where it was used in 30 days.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "Its id.") var id: String
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            let id = try keyID(id)
            try await place.withOpening { opening in
                let now = Timestamp.now()
                let read = ReadKeys(store: opening.store, desk: opening.keyParts.desk)
                guard let detail = try await read.detail(id, by: .commandLine, now: now) else { throw failure("There is no key \(id).") }
                if json { return try printJSON(ShownKey(key: KeyDocument(detail.key, now: now), uses: KeyUsesDocument(detail))) }
                let key = detail.key
                for (name, value) in [
                    ("Name", key.terms.name), ("Key", "\(key.mode.rawValue) …\(key.lastFour)"),
                    ("State", KeyWords.state(key.standing(at: now))),
                    ("May", KeyWords.scopes(key.terms.scopes)), ("Expires", key.terms.expiresAt.map(ISOTime.words) ?? "never"),
                    ("Made", "\(ISOTime.words(key.madeAt))\(detail.maker.map { " by \($0)" } ?? "")"),
                ] { print("\(name.padded(to: 10))\(value)") }
                guard !detail.sources.isEmpty else { return print("Nobody used it in 30 days.") }
                print("\n\("ADDRESS".padded(to: 40))\("PASSED".padded(to: 10))\("REFUSED".padded(to: 10))\("LAST".padded(to: 22))PROGRAM")
                for source in detail.sources {
                    print(
                        "\(source.address.padded(to: 40))\("\(source.passed)".padded(to: 10))\("\(source.refused)".padded(to: 10))\([source.passedAt, source.refusedAt].compactMap { $0 }.max().map(ISOTime.text) ?? "".padded(to: 22))\(source.agent)"
                    )
                }
            }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key's successor. The old one works for the overlap; the new text is the last line.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "Its id.") var id: String
        @Option(help: "How long the old one still works: 0h to 30d.") var overlap = "24h"
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            let id = try keyID(id)
            let overlap = try plainly { try KeyFields.overlap(self.overlap) }
            try await place.withOpening { opening in
                let now = Timestamp.now()
                switch try await opening.keyParts.make.rotate(id, overlap: overlap, by: .commandLine, client: nil, now: now) {
                case .made(let key, let text):
                    if json { return try printJSON(KeyDocument(key, text: text.exposed, now: now)) }
                    print("\(key.id) follows \(id), which works until \(ISOTime.words(now + overlap)).\n\(text.exposed)")
                case .notRotatable: throw failure("It has a successor already, or opens nothing any more: postern key show \(id)")
                default: throw failure("There is no key \(id).")
                }
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a key now.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "Its id.") var id: String
        @Option(help: "revoked (default), leaked or blocked: whoever brings a leaked or blocked key is told nothing more.") var why =
            "revoked"

        func run() async throws {
            let id = try keyID(id)
            guard let end = APIKey.End(rawValue: why), end != .rotated else {
                throw failure("--why is '\(why)'. Allowed: revoked, leaked, blocked.")
            }
            try await place.withOpening { opening in
                let outcome = try await opening.keyParts.manage.revoke(
                    id, end, isConfirmed: true, by: .commandLine, client: nil, now: .now())
                guard case .done = outcome else { throw failure("There is no key \(id).") }
                print("\(id) opens nothing any more.")
            }
        }
    }
}

private struct ShownKey: Encodable {
    let key: KeyDocument
    let uses: KeyUsesDocument
}

private func keyID(_ text: String) throws -> APIKey.ID {
    guard let id = APIKey.ID(text) else { throw failure("'\(text)' is no key's id. postern key list names them.") }
    return id
}

/// What pages and calls are refused with, in a line for a terminal.
private func plainly<Value>(_ read: () throws -> Value) throws -> Value {
    do { return try read() } catch let refused as Refused {
        let options = ["scopes": "--scope", "addresses": "--address", "name": "NAME"]
        let option = refused.field.map { "\(options[$0] ?? "--" + $0): " } ?? ""
        throw failure("\(option)\(refused.detail ?? refused.reason.advice)")
    }
}

extension Opening {
    var keyParts: KeyParts {
        KeyParts(
            settings, store: store, notices: notices, random: .system, logger: Logger(label: "postern") { _ in SwiftLogNoOpLogHandler() })
    }

    fileprivate func keyOwner(_ options: KeyCommand.OwnerOptions) async throws -> APIKey.Owner {
        if let slug = options.organization { return .organization(try await organization(slug).id) }
        let address = options.account ?? ""
        guard let email = EmailAddress(address),
            let account = try await store.read({ (transaction) throws(StoreError) in try transaction.account(email: email) })
        else { throw failure("No account has the address '\(address)'.") }
        return .account(account.id)
    }
}
