import Foundation

/// Lines of a file of people, one after the other, so that a file of any size needs little memory.
///
/// CSV as RFC 4180 has it, the first line naming the fields; or one JSON object a line.
struct ImportFile {
    enum Format: String, CaseIterable { case csv, ndjson }

    struct Line {
        /// In the file, from 1: where it begins.
        let number: Int
        let values: Result<[String: String], ImportRow.Refusal>
        /// Read of the file so far.
        let bytes: Int
    }

    private let format: Format
    private let next: () -> String?
    private var header: [String]?
    /// Read too far ahead, where a quote wasn't closed.
    private var pending: [String] = []
    private var number = 0
    private var bytes = 0

    /// Longer ones are no line of people.
    private static let mostBytes = 65_536

    /// - Parameter next: gives the file's lines without their ends, then nil.
    init(format: Format, next: @escaping () -> String?) {
        self.format = format
        self.next = next
    }

    /// - Returns: nil after the last.
    mutating func line() -> Line? {
        while let text = read() {
            if text.isEmpty { continue }
            guard !text.unicodeScalars.contains("\u{FFFD}") else {
                return Line(number: number, values: .failure(.init(words: "not UTF-8")), bytes: bytes)
            }
            if format == .ndjson { return Line(number: number, values: Self.object(text), bytes: bytes) }
            let first = number
            let fields = record(from: text)
            guard let header else {
                // A byte order mark is no part of a name.
                header = fields?.map { trimmed($0.replacing("\u{FEFF}", with: "")).lowercased() }
                continue
            }
            guard let fields else {
                return Line(number: first, values: .failure(.init(words: "a quote that isn't closed")), bytes: bytes)
            }
            guard fields.count == header.count else {
                let words = "\(fields.count) fields, and the first line names \(header.count)"
                return Line(number: first, values: .failure(.init(words: words)), bytes: bytes)
            }
            let values = Dictionary(zip(header, fields.map(trimmed))) { first, _ in first }
            return Line(number: first, values: .success(values), bytes: bytes)
        }
        return nil
    }

    private mutating func read() -> String? {
        guard let text = pending.popLast() ?? next() else { return nil }
        number += 1
        bytes += text.utf8.count + 1
        return text.hasSuffix("\r") ? String(text.dropLast()) : text
    }

    /// The fields of a record, which goes on over the next lines where a quote is open. Nil where it is never closed.
    private mutating func record(from start: String) -> [String]? {
        var (fields, field, isQuoted, wasQuoted): ([String], String.UnicodeScalarView, Bool, Bool) = ([], .init(), false, false)
        var text = start
        var ahead: [String] = []
        while true {
            var scalars = text.unicodeScalars[...]
            while let scalar = scalars.popFirst() {
                if isQuoted {
                    if scalar != "\"" {
                        field.append(scalar)
                    } else if scalars.first == "\"" {
                        field.append("\"")
                        scalars.removeFirst()
                    } else {
                        isQuoted = false
                    }
                } else if scalar == "\"", field.isEmpty, !wasQuoted {
                    (isQuoted, wasQuoted) = (true, true)
                } else if scalar == "," {
                    fields.append(String(field))
                    (field, wasQuoted) = (.init(), false)
                } else {
                    field.append(scalar)
                }
            }
            guard isQuoted else { return fields + [String(field)] }
            guard field.count < Self.mostBytes, let more = read() else {
                // The lines after the first may be good ones.
                pending += ahead.reversed()
                number -= ahead.count
                bytes -= ahead.reduce(0) { $0 + $1.utf8.count + 1 }
                return nil
            }
            ahead.append(more)
            field.append("\n")
            text = more
        }
    }

    private static func object(_ text: String) -> Result<[String: String], ImportRow.Refusal> {
        guard text.utf8.count < mostBytes, let object = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] else {
            return .failure(.init(words: "no JSON object"))
        }
        var values: [String: String] = [:]
        for (key, value) in object {
            switch value {
            case let text as String: values[key] = text
            case let list as [String]: values[key] = list.joined(separator: ";")
            case is NSNull: break
            default: return .failure(.init(words: "'\(key.prefix(40))' is neither a text nor a list of texts"))
            }
        }
        return .success(values)
    }
}
