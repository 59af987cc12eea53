import Secrets
import Storage

/// What an app's host gives a browser before it sends it to the portal: a random value that the ticket is bound to, and how often it went
/// round lately. As a cookie: `TOKEN.SECONDS.COUNT.PLACE`.
struct EntryState: Sendable {
    /// Of the cookie, in seconds.
    static let lifetime: Int64 = 600
    /// The third way to the same page within this many seconds is one too many.
    private static let window: Int64 = 10
    private static let mostRounds: Int64 = 2

    let token: Token
    private let firstAt: Int64
    private let count: Int64
    /// Tells one page from another; pages that are opened together don't count as going round.
    private let place: String

    init?(text: [UInt8]) {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4, let token = Token(text: parts[0]), let firstAt = Int64(String(decoding: parts[1], as: UTF8.self)),
            let count = Int64(String(decoding: parts[2], as: UTF8.self)), (0...9).contains(count), (0...1 << 40).contains(firstAt)
        else { return nil }
        self.token = token
        self.firstAt = firstAt
        self.count = count
        place = String(decoding: parts[3].prefix(16), as: UTF8.self)
    }

    /// - Parameter random: 32 bytes, asked for only where the browser holds nothing yet.
    init(after held: EntryState?, to returnTo: String, now: Timestamp, random: () -> [UInt8]) {
        token = held?.token ?? Token(random: random())
        // Only to tell places apart: no secret, and a collision costs an early word of warning.
        place = String(returnTo.utf8.reduce(UInt64(14_695_981_039_346_656_037)) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }, radix: 36)
        if let held, held.place == String(place.prefix(16)), now.secondsSinceEpoch - held.firstAt < Self.window {
            firstAt = held.firstAt
            count = min(held.count + 1, 9)
        } else {
            firstAt = now.secondsSinceEpoch
            count = 1
        }
    }

    var text: String { "\(token.text.exposed).\(firstAt).\(count).\(place.prefix(16))" }
    /// What the portal is shown of it: enough to bind a ticket to, not enough to use one.
    var proof: String { Base64URL.encode(token.hash(for: NewTicket.statePurpose)) }
    var goesRound: Bool { count > Self.mostRounds }
}
