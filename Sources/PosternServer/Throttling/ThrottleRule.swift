import NetworkAddress
import Throttle

/// What the settings say of requests: who passes, who doesn't, and how often.
struct ThrottleRule: Equatable, Sendable {
    /// Asked in this order: a safelist lets pass without more, a blocklist refuses, a throttle counts, a watch counts and lets pass.
    enum Kind: String, CaseIterable, Sendable { case safelist, blocklist, throttle, watch }

    enum Mode: String, CaseIterable, Sendable {
        case enforce
        /// Written down, and let pass.
        case shadow
    }

    /// What happens at the sign-in.
    enum Event: String, CaseIterable, Sendable {
        case tried = "sign-in.tried"
        case failed = "sign-in.failed"
    }

    /// What is counted apart.
    enum KeyPart: Equatable, Sendable {
        /// An IPv4 address, or a network of 64 bits of IPv6 (LG-06).
        case address
        /// The account of a session; requests without one aren't counted.
        case account
        case userAgent
        /// Requests without it aren't counted.
        case header(String)

        init?(_ text: String) {
            switch text {
            case "address": self = .address
            case "account": self = .account
            case "user-agent": self = .userAgent
            default:
                guard text.hasPrefix("header:"), text.count > 7 else { return nil }
                self = .header(String(text.dropFirst(7)).lowercased())
            }
        }

        var text: String {
            switch self {
            case .address: "address"
            case .account: "account"
            case .userAgent: "user-agent"
            case .header(let name): "header:\(name)"
            }
        }
    }

    let name: String
    let kind: Kind
    var mode = Mode.enforce
    /// For tries to sign in, counted in the database; nil for requests.
    var event: Event?
    /// Requests to apps through the gateway, by name; `*` for all. Empty for Postern's own pages and API.
    var apps: [String] = []
    /// Any of them; empty for all.
    var paths: [PathPattern] = []
    var methods: [String] = []
    var addresses: [AddressRange] = []
    /// Parts of the User-Agent, in any case.
    var userAgents: [String] = []
    var key: [KeyPart] = [.address]
    /// Nil for lists.
    var rate: Rate?
    /// One count for all nodes, kept in the database: each request costs a write.
    var isShared = false
    /// What is told instead of our own words.
    var answer: String?

    /// The same in one line, for the record of changes.
    var text: String {
        var words = [kind.rawValue, name]
        if let event { words.append(event.rawValue) }
        if let rate { words.append("\(rate.limit)/\(rate.period)s \(rate.window.rawValue)") }
        if kind == .throttle || kind == .watch { words.append("by " + key.map(\.text).joined(separator: "+")) }
        for (label, values) in [
            ("apps", apps), ("path", paths.map(\.text)), ("method", methods), ("from", addresses.map(\.description)),
            ("user-agent", userAgents),
        ] where !values.isEmpty {
            words.append("\(label)=\(values.joined(separator: ","))")
        }
        if isShared { words.append("shared") }
        if mode == .shadow { words.append("shadow") }
        if let answer { words.append("answer=“\(answer)”") }
        return words.joined(separator: " ")
    }
}

extension ThrottleRule {
    /// What a try to sign in is counted under; nil where a part of it is missing.
    func signInKey(_ account: TriedAccount, network: String, client: Client) -> String? {
        var parts: [String] = []
        for part in key {
            switch part {
            case .address:
                if network.isEmpty { return nil }
                parts.append(network)
            case .account: parts.append(Shell.hex(account.key))
            case .userAgent: parts.append(client.browser)
            case .header: return nil
            }
        }
        return parts.joined(separator: " ")
    }
}

/// A path, or with `/*` at its end all below it and itself. Case doesn't count, nor how else a path may be written (HT-15).
struct PathPattern: Equatable, Sendable {
    let text: String
    /// Before the star, as ``ThrottledPath`` writes it.
    let bytes: [UInt8]
    private let isPrefix: Bool

    var holdsAll: Bool { isPrefix && bytes == [UInt8(ascii: "/")] }

    init?(_ text: String) {
        isPrefix = text.hasSuffix("/*")
        let fixed = isPrefix ? String(text.dropLast(2)) : text
        guard text.hasPrefix("/"), !fixed.contains("*"), !fixed.contains("?"), !fixed.contains("%") else { return nil }
        self.text = text
        bytes = ThrottledPath(target: fixed).bytes
    }

    func matches(_ path: ThrottledPath) -> Bool {
        guard isPrefix else { return path.bytes == bytes }
        // The root ends in its slash, every other path has none.
        if holdsAll { return true }
        return path.bytes.starts(with: bytes) && (path.bytes.count == bytes.count || path.bytes[bytes.count] == UInt8(ascii: "/"))
    }
}

/// The path of a request as rules count it: one spelling for all that some server behind might take for the same.
struct ThrottledPath: Equatable, Sendable {
    let bytes: [UInt8]
    /// It came in this spelling.
    let isAsSent: Bool

    /// - Parameter target: path and query, as sent.
    init(target: some StringProtocol) {
        var raw = Array(target.utf8.prefix { $0 != UInt8(ascii: "?") })
        isAsSent = Self.isPlain(raw)
        if isAsSent {
            bytes = raw
            return
        }
        // What was encoded twice is decoded twice: a proxy and an app may each decode once.
        for _ in 0..<3 where raw.contains(UInt8(ascii: "%")) { raw = Self.decoded(raw) }
        var segments: [[UInt8]] = []
        for segment in raw.split(whereSeparator: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }) {
            var part = Array(segment.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "#") })
            while let last = part.last, last <= UInt8(ascii: " ") { part.removeLast() }
            if part == Array("..".utf8) {
                _ = segments.popLast()
                continue
            }
            while let last = part.last, last == UInt8(ascii: ".") || last <= UInt8(ascii: " ") { part.removeLast() }
            if !part.isEmpty { segments.append(part.map(Self.lowered)) }
        }
        bytes = [UInt8(ascii: "/")] + Array(segments.joined(separator: [UInt8(ascii: "/")]))
    }

    /// Lower case, single slashes between segments of ordinary letters, none at the end.
    private static func isPlain(_ raw: [UInt8]) -> Bool {
        guard raw.first == UInt8(ascii: "/") else { return false }
        if raw.count == 1 { return true }
        var previous = UInt8(0)
        for byte in raw {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"): break
            case UInt8(ascii: "/"), UInt8(ascii: "."):
                if previous == UInt8(ascii: "/") || previous == UInt8(ascii: ".") { return false }
            default: return false
            }
            previous = byte
        }
        return previous != UInt8(ascii: "/") && previous != UInt8(ascii: ".")
            && !raw.indices.dropLast().contains {
                raw[$0] == UInt8(ascii: ".") && raw[$0 + 1] == UInt8(ascii: "/")
            }
    }

    private static func lowered(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte + 32 : byte }

    private static func decoded(_ raw: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        var index = 0
        while index < raw.count {
            if raw[index] == UInt8(ascii: "%"), index + 2 < raw.count, let high = digit(raw[index + 1]), let low = digit(raw[index + 2]) {
                bytes.append(high << 4 | low)
                index += 3
            } else {
                bytes.append(raw[index])
                index += 1
            }
        }
        return bytes
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}
