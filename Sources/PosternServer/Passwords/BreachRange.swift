import BreachFilter
import Synchronization

/// Asks a range service, such as haveibeenpwned.com's, for the hashes that begin with five digits. It learns nothing more (PW-08).
final class BreachRange: Sendable {
    enum Answer: Equatable, Sendable { case listed, notListed, notAnswered }

    /// - Returns: the answer's body; nil for anything but an answer with status 200.
    typealias Fetch = @Sendable (_ url: String, _ headers: [(name: String, value: String)]) async -> String?

    private let url: String
    private let fetch: Fetch
    private let running = Atomic(0)
    /// At once. Past it nobody waits: the policy for a service that doesn't answer holds.
    private static let mostAtOnce = 16

    /// - Parameters:
    ///   - url: the five digits are put behind it.
    ///   - fetch: ends within two seconds.
    init(url: String, fetch: @escaping Fetch) {
        self.url = url
        self.fetch = fetch
    }

    func contains(_ hash: BreachedHash) async -> Answer {
        guard running.add(1, ordering: .relaxed).newValue <= Self.mostAtOnce else {
            running.subtract(1, ordering: .relaxed)
            return .notAnswered
        }
        defer { running.subtract(1, ordering: .relaxed) }
        // With padding every answer is as long as the others, and its length says nothing.
        guard let body = await fetch(url + hash.rangePrefix, [("Add-Padding", "true"), ("Accept", "text/plain")]) else {
            return .notAnswered
        }
        return Self.answer(for: hash.rangeSuffix, in: body)
    }

    /// Lines of `SUFFIX:COUNT`. A count of 0 is padding.
    static func answer(for suffix: String, in body: String) -> Answer {
        var (isAnswer, isListed) = (false, false)
        for line in body.utf8.split(whereSeparator: { $0 == 10 || $0 == 13 }) {
            let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 1)
            guard parts.count == 2, parts[0].count == suffix.utf8.count, parts[0].allSatisfy(isHexadecimal),
                let count = Int(String(decoding: parts[1], as: UTF8.self)), count >= 0
            else { continue }
            isAnswer = true
            if count > 0, String(decoding: parts[0], as: UTF8.self).uppercased() == suffix { isListed = true }
        }
        return isListed ? .listed : isAnswer ? .notListed : .notAnswered
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...70).contains(byte) || (97...102).contains(byte)
    }
}
