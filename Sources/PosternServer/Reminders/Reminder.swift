import Foundation
import Secrets
import Storage

/// Something of a person's that expires.
struct Expiring: Sendable {
    let account: Account.ID
    /// The account's own, as the database has it.
    let email: String
    let expiresAt: Timestamp
    /// Which of several; empty where there is one.
    var subject = ""
    /// What people call it, where they do.
    var name = ""
}

/// A kind of thing that expires. Whatever does registers with the daily run by one of these.
///
/// Nothing is stored of a reminder before it is sent: who is due follows from the things and from today's settings.
struct ExpirySource: Sendable {
    /// A row of the source's own.
    typealias Row = Identifier<ExpirySource>

    let kind: Notice.Kind
    /// Days ahead, the most first.
    let thresholds: [Int]
    /// One page of what expires until a time, or has by then, in the order of the rows' ids.
    /// - Returns: what is found, and the row to go on after; nil after the last.
    let page: @Sendable (_ until: Timestamp, _ after: Row?) async throws(StoreError) -> (found: [Expiring], next: Row?)
    /// The same of one account's, as it is when the reminder's turn comes.
    let current: @Sendable (Account.ID, _ subject: String) async throws(StoreError) -> Expiring?
    let mail: @Sendable (Expiring, EmailAddress, _ days: Int) -> Mail

    /// The threshold that a moment lies under: the nearest, so that of several that were missed one is sent. Nil before the first, and
    /// once it has expired.
    func threshold(of expiresAt: Timestamp, at now: Timestamp) -> Int? {
        guard expiresAt > now else { return nil }
        return thresholds.filter { now >= expiresAt - .seconds(Int64($0) * 86_400) }.min()
    }

    /// Of all reminders with the same key one is sent: for one thing, one date, one threshold.
    func uniqueKey(_ thing: Expiring, threshold: Int) -> String {
        "\(kind.rawValue)/\(thing.account)\(thing.subject.isEmpty ? "" : "/" + thing.subject)/\(thing.expiresAt.microseconds)/\(threshold)/\(Notice.Channel.mail.rawValue)"
    }
}

/// What a reminder's job carries: ids and numbers.
struct ReminderPayload: Codable, Equatable, Sendable {
    let kind: Notice.Kind
    let account: String
    /// Microseconds since 1970 UTC.
    let expiresAt: Int64
    let threshold: Int
    /// Left out where there is one alone.
    let subject: String?

    init(_ thing: Expiring, _ kind: Notice.Kind, threshold: Int) {
        (self.kind, account, expiresAt, self.threshold) = (kind, thing.account.description, thing.expiresAt.microseconds, threshold)
        subject = thing.subject.isEmpty ? nil : thing.subject
    }

    init?(_ payload: Secret<[UInt8]>) {
        guard let found = try? JSONDecoder().decode(Self.self, from: Data(payload.exposed)) else { return nil }
        self = found
    }

    // Texts and numbers always encode.
    var bytes: [UInt8] { Array((try? JSONEncoder().encode(self)) ?? Data()) }
}
