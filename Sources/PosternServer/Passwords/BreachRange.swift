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
    /// How long anybody waits: looking up a name can take longer than any limit on the transfer.
    private static let longest = Duration.seconds(2)

    /// - Parameters:
    ///   - url: the five digits are put behind it.
    ///   - fetch: may take longer than anybody waits for it.
    init(url: String, fetch: @escaping Fetch) {
        self.url = url
        self.fetch = fetch
    }

    func contains(_ hash: BreachedHash) async -> Answer {
        guard running.add(1, ordering: .relaxed).newValue <= Self.mostAtOnce else {
            running.subtract(1, ordering: .relaxed)
            return .notAnswered
        }
        let body = await withCheckedContinuation { continuation in
            let first = FirstAnswer(continuation)
            Task { [self] in
                // With padding every answer is as long as the others, and its length says nothing.
                let headers = [("Add-Padding", "true"), ("Accept", "text/plain"), ("User-Agent", "Postern")]
                let body = await fetch(url + hash.rangePrefix, headers.map { (name: $0.0, value: $0.1) })
                // The place is taken as long as the work goes on, whoever still waits for it.
                running.subtract(1, ordering: .relaxed)
                first.give(body)
            }
            Task {
                try? await Task.sleep(for: Self.longest)
                first.give(nil)
            }
        }
        return body.map { Self.answer(for: hash.rangeSuffix, in: $0) } ?? .notAnswered
    }

    /// Hands on what comes first: an answer, or the end of patience.
    private final class FirstAnswer: Sendable {
        private let continuation: Mutex<CheckedContinuation<String?, Never>?>

        init(_ continuation: CheckedContinuation<String?, Never>) { self.continuation = Mutex(continuation) }

        func give(_ body: String?) {
            continuation.withLock { waiting in
                waiting?.resume(returning: body)
                waiting = nil
            }
        }
    }

    /// Lines of `SUFFIX:COUNT`. A count of 0 is padding; whatever else stands behind the own suffix, it is listed.
    static func answer(for suffix: String, in body: String) -> Answer {
        var isAnswer = false
        for line in body.utf8.split(whereSeparator: { $0 == 10 || $0 == 13 }) {
            let bytes = line.starts(with: [0xEF, 0xBB, 0xBF]) ? line.dropFirst(3) : line
            let digits = bytes.prefix(suffix.utf8.count)
            let rest = bytes.dropFirst(suffix.utf8.count)
            guard digits.count == suffix.utf8.count, digits.allSatisfy(isHexadecimal), rest.first == UInt8(ascii: ":") else { continue }
            isAnswer = true
            let isPadding = rest.dropFirst().elementsEqual("0".utf8)
            if !isPadding, String(decoding: digits, as: UTF8.self).uppercased() == suffix { return .listed }
        }
        return isAnswer ? .notListed : .notAnswered
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...70).contains(byte) || (97...102).contains(byte)
    }
}
