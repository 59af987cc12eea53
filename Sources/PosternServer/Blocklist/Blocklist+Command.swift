import ArgumentParser
import Foundation
import NetworkAddress
import Storage

struct BlockCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "block", abstract: "Block networks and accounts, see who is blocked and why, and release.",
        discussion: "A block holds within a second on every node, over restarts, until its time is over or it is released.",
        subcommands: [Add.self, List.self, Show.self, Remove.self, Import.self, Export.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Block a network, or sign-ins to an account.",
            discussion: "Example: postern block add 192.0.2.0/24 --for 7d --why 'scans us'")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "An address or a network, such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32.") var network: String?
        @Option(help: "The e-mail address of an account that nobody may sign in to.") var account: String?
        @Option(name: .customLong("for"), help: "How long, such as 12h or 7d. Default: until it is released.") var time: String?
        @Option(help: "For those who look at it later.") var why = ""
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            let target = try blockTarget(network, account: account)
            let length = try time.map { try duration($0, of: "--for") }
            try await place.withOpening { opening in
                // One moment for both: a week is a week to the second.
                let now = Timestamp.now()
                let until = length.map { now + $0 }
                switch try await opening.blocks.add(target, why: String(why.prefix(200)), until: until, by: .commandLine, now: now) {
                case .added(let id): json ? try printJSON(["id": "\(id)"]) : print("Blocked: \(id)")
                case .exists: throw failure("That is blocked already. postern block list")
                case .holdsProxy(let proxy):
                    throw failure("The trusted proxy \(proxy) stands there: everybody who comes through it would be blocked.")
                case .noSuchAccount: throw failure("No account has that address.")
                case .notAllowed, .holdsYou, .stepUpNeeded: throw failure("That is not allowed.")
                }
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List blocks, the newest first.")

        @OptionGroup var place: PlaceOptions
        @Flag(help: "Also those that ended.") var all = false
        @Option(help: "At most so many.") var limit = 100
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            guard (1...1_000_000).contains(limit) else { throw failure("--limit is \(limit). Allowed: 1 to 1000000.") }
            try await place.withOpening { opening in
                let now = Timestamp.now()
                let lines = try await opening.blockLines(live: !all, limit: Int64(limit), now: now)
                if json { return try printJSON(lines.map { BlockDocument($0.block, person: $0.person, now: now) }) }
                guard !lines.isEmpty else { return print("Nobody is blocked.") }
                print("\("STATE".padded(to: 10))\("UNTIL".padded(to: 22))\("RULE".padded(to: 14))\("WHO".padded(to: 40))ID")
                for (block, person) in lines {
                    print(
                        "\(block.state(now: now).rawValue.padded(to: 10))\((block.until.map(ISOTime.text) ?? "its release").padded(to: 22))\((block.isByHand ? "by hand" : block.rule).padded(to: 14))\(block.words(person: person).padded(to: 40))\(block.id)"
                    )
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one block, or what blocks an address.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "A block's id, or an IP address.") var what: String
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            try await place.withOpening { opening in
                let now = Timestamp.now()
                let id: Block.ID
                if let address = IPAddress(what) {
                    let live = try await opening.store.read { (transaction) throws(StoreError) in
                        try transaction.liveNetworkBlocks(now: now)
                    }
                    guard let found = live.first(where: { $0.network.contains(address) }) else {
                        return json
                            ? try printJSON(["state": "not blocked"]) : print("\(address) is not blocked.")
                    }
                    id = found.id
                } else {
                    id = try blockID(what)
                }
                guard let (block, person) = try await opening.blockLine(id) else {
                    throw failure("There is no block \(what). postern block list")
                }
                if json { return try printJSON(BlockDocument(block, person: person, now: now)) }
                var lines = [
                    ("Id", "\(block.id)"), ("Who", block.words(person: person)), ("State", block.state(now: now).rawValue),
                    ("Meaning", block.meaning), ("Why", block.why), ("Made by", block.isByHand ? block.actor : "rule \(block.rule)"),
                    ("Since", ISOTime.words(block.at)), ("Until", block.until.map(ISOTime.words) ?? "it is released"),
                ]
                if !block.evidence.isEmpty { lines.append(("Evidence", block.evidence)) }
                if let at = block.releasedAt { lines.append(("Released", "\(ISOTime.words(at)) by \(block.releasedBy ?? "")")) }
                for (name, value) in lines { print("\(name.padded(to: 10))\(value)") }
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Release a block, or everything that was counted and blocked against an account.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "A block's id, or the network as it was blocked.") var what: String?
        @Option(help: "The e-mail address of an account: every count, wait and block of sign-ins to it ends.") var account: String?
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            try await place.withOpening { opening in
                let now = Timestamp.now()
                if let account {
                    guard what == nil, let email = EmailAddress(account) else { throw failure("Name a block, or one --account EMAIL.") }
                    let locks = AccountLocks(opening.keys.current)
                    let byHand = try await opening.store.write { (transaction) throws(StoreError) -> [Block]? in
                        guard let found = try transaction.account(email: email) else { return nil }
                        try locks.release(found.id, by: .commandLine, client: nil, in: transaction, now: now)
                        return try transaction.blocks(live: true, of: found.id, limit: 1_000, now: now)
                    }
                    guard let byHand else { throw failure("No account has that address.") }
                    for block in byHand { _ = try await opening.blocks.release(block.id, by: .commandLine, now: now) }
                    return json ? try printJSON(["account": email.address]) : print("\(email.address) can sign in again.")
                }
                guard let what else { throw failure("Name a block's id, a network, or --account EMAIL.") }
                var id = Block.ID(what)
                if id == nil, let range = AddressRange(what) {
                    let live = try await opening.store.read { (transaction) throws(StoreError) in
                        try transaction.liveNetworkBlocks(now: now)
                    }
                    id = live.first { $0.network == range }?.id
                }
                guard let id else { throw failure("Nothing is blocked by '\(what)'. postern block list") }
                switch try await opening.blocks.release(id, by: .commandLine, now: now) {
                case .released: json ? try printJSON(["id": "\(id)"]) : print("Released.")
                case .unknown: throw failure("There is no block \(what). postern block list")
                case .notLive, .notAllowed, .stepUpNeeded: throw failure("\(what) is released already, or over.")
                }
            }
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Block every network of a list.",
            discussion: """
                One network a line; what follows it and lines that begin with # are skipped. What 'fail2ban-client banned' and \
                'fail2ban-client get JAIL banip --with-time' print is read too. '-' reads standard input.
                """)

        @OptionGroup var place: PlaceOptions
        @Argument(help: "The file.") var file: String
        @Option(name: .customLong("for"), help: "How long, where the list doesn't say. Default: until it is released.") var time: String?
        @Option(help: "For those who look at it later.") var why = "imported"
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            let data = file == "-" ? FileHandle.standardInput.readDataToEndOfFile() : FileManager.default.contents(atPath: file)
            guard let data else { throw failure("\(file) can't be read: is it there, and may this user read it?") }
            let now = Timestamp.now()
            let until = try time.map { now + (try duration($0, of: "--for")) }
            let list: BlockImport
            do throws(BlockImport.Problem) {
                list = try BlockImport(String(decoding: data, as: UTF8.self), secondsFromUTC: TimeZone.current.secondsFromGMT(), now: now)
            } catch {
                throw failure("\(file), line \(error.line): '\(error.text)' is no address or network. Nothing was blocked.")
            }
            try await place.withOpening { opening in
                var (added, known, skipped) = (0, 0, 0)
                for start in stride(from: 0, to: list.entries.count, by: 1_000) {
                    let part = Array(list.entries[start..<min(start + 1_000, list.entries.count)])
                    let counts = try await opening.blocks.addAll(part, why: why, until: until, now: now)
                    (added, known, skipped) = (added + counts.added, known + counts.known, skipped + counts.proxies)
                    if list.entries.count > 20_000, !json {
                        FileHandle.standardError.write(Data("\r\(start + part.count) of \(list.entries.count)".utf8))
                    }
                }
                if json { return try printJSON(["added": added, "known": known, "skipped_proxies": skipped, "over": list.over]) }
                var words = "\(added) blocked, \(known) were already"
                if list.over > 0 { words += ", \(list.over) left out: their time is over" }
                if skipped > 0 { words += ", \(skipped) left out: a trusted proxy stands there" }
                print(words + ".")
            }
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print every network that is blocked by hand, one a line, as 'import' reads it.")

        @OptionGroup var place: PlaceOptions
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            try await place.withOpening { opening in
                let live = try await opening.store.read { (transaction) throws(StoreError) in try transaction.liveNetworkBlocks(now: .now())
                }
                if json {
                    return try printJSON(
                        live.filter(\.isByHand).map { ["network": "\($0.network)", "until": $0.until.map(ISOTime.text) ?? ""] })
                }
                for block in live where block.isByHand {
                    print("\(block.network)\(block.until.map { " # until \(ISOTime.text($0))" } ?? "")")
                }
            }
        }
    }
}

extension Opening {
    var blocks: ManageBlocks {
        ManageBlocks(store: store, trustedProxies: settings.trustedProxies, locks: AccountLocks(keys.current), random: .system)
    }

    fileprivate func blockLines(live: Bool, limit: Int64, now: Timestamp) async throws(StoreError) -> [(block: Block, person: String?)] {
        try await store.read { (transaction) throws(StoreError) in
            try transaction.blocks(live: live, limit: limit, now: now).map { (block) throws(StoreError) in
                (block, try block.account.flatMap { (id) throws(StoreError) in try transaction.account(id)?.email })
            }
        }
    }

    fileprivate func blockLine(_ id: Block.ID) async throws(StoreError) -> (block: Block, person: String?)? {
        try await store.read { (transaction) throws(StoreError) in
            guard let block = try transaction.block(id) else { return nil }
            return (block, try block.account.flatMap { (id) throws(StoreError) in try transaction.account(id)?.email })
        }
    }
}

private func blockTarget(_ network: String?, account: String?) throws -> ManageBlocks.Target {
    switch (network, account) {
    case (let network?, nil):
        guard let range = AddressRange(network) else {
            throw failure(
                "'\(network)' is no address or network. Allowed: 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32, with no bits set past the prefix."
            )
        }
        return .network(range)
    case (nil, let account?):
        guard let email = EmailAddress(account) else { throw failure("'\(account)' is no e-mail address.") }
        return .account(email)
    default: throw failure("Name a network, or --account EMAIL.")
    }
}

private func blockID(_ text: String) throws -> Block.ID {
    guard let id = Block.ID(text) else { throw failure("'\(text)' is no block's id. postern block list shows them.") }
    return id
}

func duration(_ text: String, of option: String) throws -> Duration {
    guard let duration = Span.duration(text), duration >= .seconds(60) else {
        throw failure("\(option) is '\(text)'. Allowed: a number with m, h or d, such as 30m, 12h or 7d.")
    }
    return duration
}

private struct BlockDocument: Encodable {
    let id, state, who, meaning, why, rule, evidence, by, since: String
    let network: String?
    let until, released_at: String?

    init(_ block: Block, person: String?, now: Timestamp) {
        (id, state, who, meaning) = ("\(block.id)", block.state(now: now).rawValue, block.words(person: person), block.meaning)
        (why, rule, evidence, by) = (block.why, block.rule, block.evidence, block.actor)
        since = ISOTime.text(block.at)
        network = block.network.isEmpty ? nil : block.network
        until = block.until.map(ISOTime.text)
        released_at = block.releasedAt.map(ISOTime.text)
    }
}
