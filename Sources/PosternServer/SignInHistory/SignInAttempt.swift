package import NetworkAddress
package import Storage

/// One try to sign in, as it happens.
package struct SignInAttempt: Sendable {
    /// Orders attempts by time and tells them apart: microseconds since 1970 UTC, and ten random bits below.
    package struct Number: Hashable, Comparable, Sendable, SQLBindable {
        package let value: Int64

        init(_ value: Int64) { self.value = value }
        /// - Parameter random: two bytes.
        package init(at time: Timestamp, random: [UInt8]) {
            let low = random.prefix(2).reduce(0) { $0 << 8 | Int64($1) } & 1_023
            value = max(0, min(time.microseconds, .max >> 10)) << 10 | low
        }

        /// The first of all attempts at that time or later.
        static func first(at time: Timestamp) -> Number { Number(max(0, min(time.microseconds, .max >> 10)) << 10) }

        var at: Timestamp { Timestamp(microseconds: value >> 10) }
        package var sqlValue: SQLValue { .integer(value) }
        package static func < (left: Number, right: Number) -> Bool { left.value < right.value }
    }

    package enum Outcome: String, CaseIterable, Sendable {
        case signedIn = "signed-in"
        /// The password was right, and a second factor was asked for.
        case challenged
        case refused
    }

    let number: Number
    /// Whose account it was; else ``identifier`` stands for the address that was typed.
    let account: Account.ID?
    /// A keyed hash of an address that has no account: the same address can be recognised, but not read back.
    let identifier: [UInt8]?
    let outcome: Outcome
    /// A reason code; for a sign-in what was proved last. The account's owner sees more than the answer told.
    let reason: String
    let client: Client
    let session: Session.ID?
    /// The browser was spared by throttling: it had signed in to the account since its last change of password.
    var isSpared = false

    var at: Timestamp { number.at }

    package init(
        at time: Timestamp, account: Account.ID?, identifier: [UInt8]? = nil, outcome: Outcome, reason: String, client: Client,
        session: Session.ID? = nil, isSpared: Bool = false, random: Randomness
    ) {
        number = Number(at: time, random: random.bytes(2))
        self.account = account
        self.identifier = identifier.map { Array($0.prefix(Self.identifierBytes)) }
        (self.outcome, self.reason, self.client, self.session, self.isSpared) = (outcome, reason, client, session, isSpared)
    }

    /// As many as tell the addresses of one attack apart.
    static let identifierBytes = 8
}

/// An attempt as it is kept.
package struct KeptAttempt: Equatable, Sendable {
    let number: SignInAttempt.Number
    /// The account's one before of the same kind: sign-ins, or refusals.
    var previous: SignInAttempt.Number?
    /// An account's id, or an address's hash; empty where neither is known.
    var who: [UInt8] = []
    let outcome: SignInAttempt.Outcome
    let reason: String
    /// Nil for a row that counts many sources together.
    let address: IPAddress?
    let program: Program
    let session: Session.ID?
    var isSpared = false
    /// The account had signed in with it before.
    var isKnownBrowser = false
    /// How often it happened, from then to ``lastAt``.
    var times: Int64 = 1
    var lastAt: Timestamp
    /// Nil for unknown.
    var place: Int64?
    /// Number of the autonomous system; nil for unknown.
    var network: UInt32?

    package init(
        number: SignInAttempt.Number, previous: SignInAttempt.Number? = nil, who: [UInt8] = [], outcome: SignInAttempt.Outcome,
        reason: String, address: IPAddress?, program: Program, session: Session.ID?, isSpared: Bool = false, isKnownBrowser: Bool = false,
        times: Int64 = 1, lastAt: Timestamp, place: Int64? = nil, network: UInt32? = nil
    ) {
        (self.number, self.previous, self.who, self.outcome, self.reason) = (number, previous, who, outcome, reason)
        (self.address, self.program, self.session, self.isSpared) = (address, program, session, isSpared)
        (self.isKnownBrowser, self.times, self.lastAt, self.place, self.network) = (isKnownBrowser, times, lastAt, place, network)
    }

    var at: Timestamp { number.at }
    var account: Account.ID? { who.count == 16 ? Account.ID(bytes: who) : nil }

    /// Nil for a row that counts many sources together.
    var addressText: String? { address?.description }
    var accountText: String? { account?.description }
    var sessionText: String? { session?.description }

    /// What was proved, as the API names it.
    var methods: [String] {
        switch outcome {
        case .signedIn: reason == "password" ? ["password"] : ["password", reason]
        case .challenged: ["password"]
        case .refused: []
        }
    }
}

/// An attempt as rules are tried on it.
struct TriedPassword: Sendable {
    let number: SignInAttempt.Number
    let at: Timestamp
    /// The account's id, or the keyed hash of what was typed; empty where the account is gone.
    let who: [UInt8]
    let isAccount: Bool
    let isRight: Bool
    /// Else a code was tried.
    let isOfPassword: Bool
    /// Nil where it is one of many that were counted together.
    let address: IPAddress?
    let isByKnownBrowser: Bool
}

extension KeptAttempt {
    private static let right: Set<String> = ["stolen-password", "expired-password", "change-required", "unusual-sign-in"]
    private static let wrong: Set<String> = ["unknown-address", "not-confirmed", "closed", "wrong-password"]

    /// The tries that it counts, evenly spread over its time.
    var tries: [TriedPassword] {
        let isRight = outcome != .refused || Self.right.contains(reason)
        let step = times > 1 ? (lastAt - at).wholeMicroseconds / (times - 1) : 0
        return (0..<times).map { index in
            TriedPassword(
                number: number, at: at + .microseconds(step * index), who: who, isAccount: who.count == 16, isRight: isRight,
                isOfPassword: isRight || Self.wrong.contains(reason), address: address, isByKnownBrowser: isSpared)
        }
    }
}
