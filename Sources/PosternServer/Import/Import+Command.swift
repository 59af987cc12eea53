import ArgumentParser
import Foundation
import Glibc
import Storage

/// `postern account import`.
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Take accounts over from another system, with their password hashes.",
        discussion: """
            A CSV file whose first line names the fields, or one JSON object a line (.ndjson, .jsonl). Fields: email, name, password_hash, \
            password_set_at, groups (with ; between). Whoever has an account already is left as they are: an import that was \
            broken off is run again. A line that is refused is told with its number and the reason, and the others go on.
            """)

    @OptionGroup var place: PlaceOptions
    @Argument(help: "The file.") var file: String
    @Option(help: "csv or ndjson. Default: by the file's name.") var format: String?
    @Flag(help: "Read and check everything, and make nothing.") var check = false
    @Flag(help: "Print the result as JSON.") var json = false

    func run() async throws {
        let ending = file.hasSuffix(".jsonl") ? "ndjson" : String(file.split(separator: ".").last ?? "")
        guard let known = ImportFile.Format(rawValue: format ?? ending) else {
            throw failure(format.map { "--format is '\($0)'. Allowed: csv, ndjson." } ?? "\(file): is it --format csv or --format ndjson?")
        }
        guard let handle = fopen(file, "r") else { throw failure("\(file) can't be read: \(String(cString: strerror(errno)))") }
        defer { fclose(handle) }
        var status = stat()
        fstat(fileno(handle), &status)
        let size = Int(status.st_size)
        var lines = ImportFile(format: known) { Self.line(of: handle) }
        let result = try await place.withOpening { opening in try await run(&lines, size, opening) }
        if json { return try printJSON(result) }
        print("\(check ? "Would be made" : "Made"): \(result.made). There already: \(result.there). Refused: \(result.refused.count).")
        if !result.refused.isEmpty { throw ExitCode(1) }
    }

    private func run(_ lines: inout ImportFile, _ size: Int, _ opening: Opening) async throws -> ImportResult {
        let flow = ImportAccounts(store: opening.store, random: .system)
        var result = ImportResult()
        var batch: [ImportRow] = []
        let progress = Progress(of: size)
        func flush() async throws {
            defer { batch = [] }
            guard !check else {
                result.made += batch.count
                return
            }
            let counts = try await flow.make(batch, now: .now())
            (result.made, result.there) = (result.made + counts.made, result.there + counts.there)
        }
        while let line = lines.line() {
            do throws(ImportRow.Refusal) { batch.append(try ImportRow(try line.values.get())) } catch {
                result.refused.append(.init(line: line.number, reason: error.words))
                if !json { FileHandle.standardError.write(Data("\(file), line \(line.number): \(error.words)\n".utf8)) }
            }
            if batch.count == ImportAccounts.batch {
                try await flush()
                progress.show(line.bytes, result.made + result.there)
            }
        }
        try await flush()
        progress.end()
        return result
    }

    private static func line(of handle: UnsafeMutablePointer<FILE>) -> String? {
        var buffer: UnsafeMutablePointer<CChar>?
        var capacity = 0
        let count = getline(&buffer, &capacity, handle)
        defer { free(buffer) }
        guard count > 0, let buffer else { return nil }
        let bytes = UnsafeRawBufferPointer(start: buffer, count: count)
        return String(decoding: bytes.last == 10 ? bytes.dropLast() : bytes[...], as: UTF8.self)
    }

    /// A line that moves, on a terminal only.
    private struct Progress {
        let size: Int
        let isShown = isatty(STDERR_FILENO) == 1

        init(of size: Int) { self.size = max(1, size) }

        func show(_ bytes: Int, _ people: Int) {
            guard isShown else { return }
            let share = min(100, bytes * 100 / size)
            let bar = String(repeating: "#", count: share / 4).padded(to: 25)
            FileHandle.standardError.write(Data("\r[\(bar)] \(share) %  \(people) people".utf8))
        }

        func end() { if isShown { FileHandle.standardError.write(Data("\n".utf8)) } }
    }
}

private struct ImportResult: Encodable {
    struct Refused: Encodable {
        let line: Int
        let reason: String
    }

    var made = 0
    var there = 0
    var refused: [Refused] = []
}
