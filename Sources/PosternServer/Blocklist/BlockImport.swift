import NetworkAddress
import Storage

/// Networks from a list: plain, or as fail2ban prints them.
struct BlockImport: Sendable {
    struct Entry: Sendable {
        let network: AddressRange
        let end: End
    }

    enum End: Equatable, Sendable {
        /// The list doesn't say.
        case unsaid
        case never
        case at(Timestamp)
    }

    struct Problem: Error, Equatable {
        let line: Int
        let text: String
    }

    private(set) var entries: [Entry] = []
    /// How many were left out because their time is over.
    private(set) var over = 0

    /// - Parameter secondsFromUTC: of the zone that fail2ban's times are in: the machine's own.
    init(_ text: String, secondsFromUTC: Int, now: Timestamp) throws(Problem) {
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.drop { $0.isWhitespace }
            if line.isEmpty || line.hasPrefix("#") || line.hasPrefix(";") { continue }
            let problem = Problem(line: number + 1, text: String(line.prefix(80)))
            // [{'sshd': ['192.0.2.1', '2001:db8::1']}, {'web': []}]
            if line.hasPrefix("[{") || line.hasPrefix("[]") {
                for list in line.dropFirst().split(separator: "[").dropFirst() {
                    for quoted in list.prefix(while: { $0 != "]" }).split(separator: ",") {
                        guard let network = AddressRange(quoted.filter { $0 != "'" && $0 != " " }) else { throw problem }
                        entries.append(Entry(network: network, end: .unsaid))
                    }
                }
                continue
            }
            guard let word = line.split(whereSeparator: { $0.isWhitespace || $0 == "," || $0 == ";" }).first,
                let network = AddressRange(word)
            else { throw problem }
            let end = Self.end(of: line, secondsFromUTC: secondsFromUTC)
            if case .at(let time) = end, time <= now {
                over += 1
                continue
            }
            entries.append(Entry(network: network, end: end))
        }
    }

    /// `192.0.2.1 	2026-11-22 10:00:00 + 600 = 2026-11-22 10:10:00` of fail2ban, `+ -1` for ever; `192.0.2.1 # until 2026-11-22T10:10:00Z` of
    /// our own.
    private static func end(of line: Substring, secondsFromUTC: Int) -> End {
        if let own = line.firstRange(of: "# until ") {
            return time(line[own.upperBound...]).map { .at(Timestamp(secondsSinceEpoch: $0)) } ?? .unsaid
        }
        let parts = line.split(separator: "=")
        guard parts.count == 2 else { return .unsaid }
        if parts[0].contains("+ -1") { return .never }
        return time(parts[1]).map { .at(Timestamp(secondsSinceEpoch: $0 - Int64(secondsFromUTC))) } ?? .unsaid
    }

    /// Six numbers with anything between them.
    private static func time(_ text: Substring) -> Int64? {
        let parts = text.split(whereSeparator: { !("0"..."9").contains($0) }).compactMap { Int64($0) }
        guard parts.count >= 6, (1970...9999).contains(parts[0]), (1...12).contains(parts[1]), (1...31).contains(parts[2]),
            (0...23).contains(parts[3]), (0...59).contains(parts[4]), (0...60).contains(parts[5])
        else { return nil }
        // Days since 1970 of a day of the Gregorian calendar.
        let year = parts[1] <= 2 ? parts[0] - 1 : parts[0]
        let month = parts[1] <= 2 ? parts[1] + 9 : parts[1] - 3
        let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + parts[2] - 1 - 719_468
        return days * 86_400 + parts[3] * 3_600 + parts[4] * 60 + parts[5]
    }
}
