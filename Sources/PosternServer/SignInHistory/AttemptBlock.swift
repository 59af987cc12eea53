import NetworkAddress
import Storage

/// A hundred and more attempts packed into one value, in the order of their time: about 50 bytes for each, where a row of a table with its
/// indexes takes 130.
///
/// ```
/// version (1) | attempts | reasons: how many, each with its length | attempts, each:
///   number, less the one before | flags (2) | number less that of the account's previous, 0 for none | who (0, 8 or 16) | reason |
///   browser (1) | system (1) | address (0, 4 or 16) | session (0, 10 or 16) | place | network | times, milliseconds to the last
/// ```
/// Numbers are variable-length: seven bits a byte, the lowest first, the highest bit set in all but the last (LEB128).
package enum AttemptBlock {
    /// Attempts in a block.
    package static let size: Int64 = 128
    private static let version: UInt8 = 1

    private struct Flags: OptionSet {
        let rawValue: UInt16

        static let spared = Flags(rawValue: 1 << 2)
        static let known = Flags(rawValue: 1 << 3)
        static let account = Flags(rawValue: 1 << 4)
        static let identifier = Flags(rawValue: 1 << 5)
        static let four = Flags(rawValue: 1 << 6)
        static let six = Flags(rawValue: 1 << 7)
        static let session = Flags(rawValue: 1 << 8)
        /// The session's id has a time of its own: else it is the attempt's.
        static let sessionTime = Flags(rawValue: 1 << 9)
        static let counted = Flags(rawValue: 1 << 10)
        static let place = Flags(rawValue: 1 << 11)
        static let network = Flags(rawValue: 1 << 12)
    }

    // MARK: Packing

    /// - Parameter attempts: in the order of their numbers.
    static func pack(_ attempts: [KeptAttempt]) -> [UInt8] {
        var reasons: [String] = []
        for attempt in attempts where !reasons.contains(attempt.reason) { reasons.append(attempt.reason) }
        var bytes: [UInt8] = [version]
        bytes.reserveCapacity(64 * attempts.count)
        put(UInt64(attempts.count), &bytes)
        put(UInt64(reasons.count), &bytes)
        for reason in reasons {
            let text = Array(reason.utf8.prefix(255))
            put(UInt64(text.count), &bytes)
            bytes += text
        }
        var last: Int64 = 0
        for attempt in attempts {
            put(UInt64(bitPattern: attempt.number.value &- last), &bytes)
            last = attempt.number.value
            put(attempt, reason: reasons.firstIndex(of: attempt.reason) ?? 0, &bytes)
        }
        return bytes
    }

    private static func put(_ attempt: KeptAttempt, reason: Int, _ bytes: inout [UInt8]) {
        let session = attempt.session?.bytes
        let address = attempt.address.map { Array($0.bytes) }
        var flags = Flags(rawValue: UInt16(SignInAttempt.Outcome.allCases.firstIndex(of: attempt.outcome) ?? 0))
        if attempt.isSpared { flags.insert(.spared) }
        if attempt.isKnownBrowser { flags.insert(.known) }
        if attempt.who.count == 16 { flags.insert(.account) }
        if attempt.who.count == SignInAttempt.identifierBytes { flags.insert(.identifier) }
        if address?.count == 4 { flags.insert(.four) }
        if address?.count == 16 { flags.insert(.six) }
        if session != nil { flags.insert(.session) }
        if let session, !session.starts(with: time(attempt.at)) { flags.insert(.sessionTime) }
        if attempt.times > 1 { flags.insert(.counted) }
        if attempt.place != nil { flags.insert(.place) }
        if attempt.network != nil { flags.insert(.network) }
        bytes.append(UInt8(truncatingIfNeeded: flags.rawValue))
        bytes.append(UInt8(truncatingIfNeeded: flags.rawValue >> 8))
        put(attempt.previous.map { UInt64(bitPattern: attempt.number.value &- $0.value) } ?? 0, &bytes)
        if !flags.isDisjoint(with: [.account, .identifier]) { bytes += attempt.who }
        put(UInt64(reason), &bytes)
        bytes.append(attempt.program.browserCode)
        bytes.append(attempt.program.systemCode)
        if let address { bytes += address }
        if let session { bytes += flags.contains(.sessionTime) ? session[...] : session.dropFirst(6) }
        if let place = attempt.place { put(UInt64(bitPattern: place), &bytes) }
        if let network = attempt.network { put(UInt64(network), &bytes) }
        if attempt.times > 1 {
            put(UInt64(bitPattern: attempt.times), &bytes)
            put(UInt64(max(0, (attempt.lastAt - attempt.at).wholeMicroseconds / 1_000)), &bytes)
        }
    }

    private static func put(_ number: UInt64, _ bytes: inout [UInt8]) {
        var rest = number
        while rest >= 128 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    // MARK: Unpacking

    /// - Returns: the attempts in their order; nil for what is no block.
    static func unpack(_ bytes: [UInt8]) -> [KeptAttempt]? {
        var attempts: [KeptAttempt] = []
        let isWhole = read(bytes) { raw, reasons in
            attempts.append(raw.attempt(reasons))
            return true
        }
        return isWhole ? attempts : nil
    }

    /// - Returns: the one with that number; nil where there is none.
    static func find(_ number: SignInAttempt.Number, in bytes: [UInt8]) -> KeptAttempt? {
        var found: KeptAttempt?
        _ = read(bytes) { raw, reasons in
            if raw.number == number.value { found = raw.attempt(reasons) }
            return raw.number < number.value
        }
        return found
    }

    /// Adds how often each outcome came from a number on.
    static func count(_ bytes: [UInt8], from first: SignInAttempt.Number, _ counts: inout [SignInAttempt.Outcome: Int64]) {
        _ = read(bytes) { raw, _ in
            if raw.number >= first.value { counts[raw.outcome, default: 0] += raw.times }
            return true
        }
    }

    /// Gives one attempt after the other, until told to stop.
    /// - Returns: false for what is no block.
    private static func read(_ bytes: [UInt8], _ give: (Raw, [Bytes]) -> Bool) -> Bool {
        bytes.withUnsafeBufferPointer { buffer in
            var reader = Reader(rest: buffer[...])
            guard reader.byte() == version, let count = reader.number(), count <= 100_000, let words = reader.number(), words <= count
            else {
                return false
            }
            var reasons: [Bytes] = []
            for _ in 0..<words {
                guard let length = reader.number(), let text = reader.take(length) else { return false }
                reasons.append(text)
            }
            var last: Int64 = 0
            for _ in 0..<count {
                guard let step = reader.number() else { return false }
                last = last &+ Int64(bitPattern: step)
                guard let raw = Raw(last, reasons: reasons.count, &reader) else { return false }
                guard give(raw, reasons) else { return true }
            }
            return true
        }
    }

    private typealias Bytes = Slice<UnsafeBufferPointer<UInt8>>

    /// An attempt as it stands in a block, nothing made of it yet.
    private struct Raw {
        let number: Int64
        private let flags: Flags
        private let back: UInt64
        private let who: Bytes
        private let reason: Int
        private let program: (UInt8, UInt8)
        private let address: Bytes
        private let session: Bytes
        private var place: UInt64?
        private var network: UInt64?
        private var counted: (times: UInt64, span: UInt64)?

        /// - Returns: nil for what no block holds.
        init?(_ number: Int64, reasons: Int, _ reader: inout Reader) {
            guard let low = reader.byte(), let high = reader.byte(), let back = reader.number() else { return nil }
            let flags = Flags(rawValue: UInt16(high) << 8 | UInt16(low))
            guard Int(low & 3) < SignInAttempt.Outcome.allCases.count,
                let who = reader.take(
                    flags.contains(.account) ? 16 : flags.contains(.identifier) ? UInt64(SignInAttempt.identifierBytes) : 0),
                let reason = reader.number(), reason < reasons, let browser = reader.byte(), let system = reader.byte(),
                let address = reader.take(flags.contains(.four) ? 4 : flags.contains(.six) ? 16 : 0),
                let session = reader.take(!flags.contains(.session) ? 0 : flags.contains(.sessionTime) ? 16 : 10)
            else { return nil }
            (self.number, self.flags, self.back, self.who, self.reason) = (number, flags, back, who, Int(reason))
            (program, self.address, self.session) = ((browser, system), address, session)
            if flags.contains(.place) {
                guard let place = reader.number() else { return nil }
                self.place = place
            }
            if flags.contains(.network) {
                guard let network = reader.number() else { return nil }
                self.network = network
            }
            if flags.contains(.counted) {
                guard let times = reader.number(), let span = reader.number(), times < 1 << 62, span < 1 << 52 else { return nil }
                counted = (times, span)
            }
        }

        var outcome: SignInAttempt.Outcome { SignInAttempt.Outcome.allCases[Int(flags.rawValue & 3)] }
        var times: Int64 { counted.map { Int64($0.times) } ?? 1 }

        func attempt(_ reasons: [Bytes]) -> KeptAttempt {
            let number = SignInAttempt.Number(number)
            var attempt = KeptAttempt(
                number: number, previous: back == 0 ? nil : SignInAttempt.Number(number.value &- Int64(bitPattern: back)), who: Array(who),
                outcome: outcome, reason: String(decoding: reasons[reason], as: UTF8.self),
                address: IPAddress(bytes: address), program: Program(browserCode: program.0, systemCode: program.1),
                session: AttemptBlock.id(Array(session), at: number.at), isSpared: flags.contains(.spared),
                isKnownBrowser: flags.contains(.known), lastAt: number.at, place: place.map { Int64(bitPattern: $0) },
                network: network.map { UInt32(truncatingIfNeeded: $0) })
            if let counted {
                attempt.times = Int64(counted.times)
                attempt.lastAt = number.at + .milliseconds(Int64(counted.span))
            }
            return attempt
        }
    }

    /// As it stands at the beginning of an identifier (RFC 9562 §5.7).
    private static func time(_ time: Timestamp) -> [UInt8] {
        let milliseconds = max(0, time.microseconds / 1_000)
        return [40, 32, 24, 16, 8, 0].map { UInt8(truncatingIfNeeded: milliseconds >> $0) }
    }

    private static func id(_ bytes: [UInt8], at time: Timestamp) -> Session.ID? {
        guard bytes.count == 10 else { return Session.ID(bytes: bytes) }
        return Session.ID(bytes: self.time(time) + bytes)
    }

    /// Reads from the front and never past the end.
    private struct Reader {
        var rest: Bytes

        mutating func byte() -> UInt8? { rest.popFirst() }

        mutating func take(_ count: UInt64) -> Bytes? {
            guard count <= rest.count else { return nil }
            defer { rest = rest.dropFirst(Int(count)) }
            return rest.prefix(Int(count))
        }

        mutating func number() -> UInt64? {
            var number: UInt64 = 0
            var shift: UInt64 = 0
            while shift < 64, let byte = rest.popFirst() {
                number |= UInt64(byte & 127) << shift
                if byte < 128 { return number }
                shift += 7
            }
            return nil
        }
    }
}
