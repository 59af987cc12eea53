import CZlib
import Crypto
import Foundation
import Secrets
import Storage

/// Brings newer databases of places. Each takes its predecessor's place in one step, once it was read and found good.
struct UpdatePlaces: Sendable {
    enum Outcome: Equatable, Sendable {
        case updated(type: String, builtAt: Timestamp, bytes: Int)
        /// Its maker has no newer one.
        case unchanged
        /// What went wrong; what was there stays.
        case failed(String)
    }

    let sources: [PlaceSettings.Source]
    let directory: String
    var fetch = FileFetch()

    /// - Returns: an outcome for each source.
    func run(now: Timestamp) async -> [(source: String, outcome: Outcome)] {
        var outcomes: [(source: String, outcome: Outcome)] = []
        for source in sources { outcomes.append((source.name, await update(source, now: now))) }
        return outcomes
    }

    private func update(_ source: PlaceSettings.Source, now: Timestamp) async -> Outcome {
        let path = PlaceSettings.path(of: source.name, in: directory)
        let folder = URL(filePath: path).deletingLastPathComponent()
        // Names that no other run has: two at the same time each finish their own.
        let mark = UUID().uuidString
        let (raw, unpacked) = (folder.appending(path: ".\(mark).download").path, folder.appending(path: ".\(mark).mmdb").path)
        defer { for left in [raw, unpacked] { try? FileManager.default.removeItem(atPath: left) } }
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            Self.removeLeftovers(in: folder, now: now)
            let known = try? FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
            let url = source.url.replacing("{month}", with: ISOTime.day(now).prefix(7))
            let user = source.licenceKey.map { (name: source.account, password: $0) }
            switch try await bring(url, user, newerThan: known.map { Int($0.timeIntervalSince1970) }, to: raw) {
            case .fetched: break
            case .unchanged: return .unchanged
            case .failed(let words): return .failed(words)
            }
            if let problem = try await check(raw, source, user, now: now) { return .failed(problem) }
            try Self.unpack(raw, to: unpacked)
            let file = try PlaceFile(path: unpacked, copiedTo: folder.path)
            guard rename(unpacked, path) == 0 else { return .failed("\(path) can't be written: \(String(cString: strerror(errno)))") }
            return .updated(type: file.type, builtAt: file.builtAt, bytes: file.identity.size)
        } catch let problem as PlaceFile.Problem {
            return .failed(problem.description)
        } catch let problem as Unpacking {
            return .failed(problem.description)
        } catch {
            return .failed("\(folder.path) can't be written to: \(error.localizedDescription)")
        }
    }

    /// What a run left that was ended in its middle, more than a day ago.
    private static func removeLeftovers(in folder: URL, now: Timestamp) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] where name.hasPrefix(".") {
            let path = folder.appending(path: name).path
            guard let date = try? FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date,
                Int64(date.timeIntervalSince1970) < now.secondsSinceEpoch - 86_400
            else { continue }
            try? FileManager.default.removeItem(atPath: path)
        }
    }

    private func bring(
        _ url: String, _ user: (name: String, password: Secret<String>)?, newerThan: Int?, to path: String
    ) async throws -> FileFetch.Outcome {
        guard FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]),
            let file = FileHandle(forWritingAtPath: path)
        else { throw Unpacking("\(path) can't be made") }
        defer { try? file.close() }
        let outcome = await fetch.fetch(url, user: user, newerThan: newerThan, into: file)
        try file.synchronize()
        return outcome
    }

    /// - Returns: what is wrong with the file, by the sum that its maker says.
    private func check(
        _ path: String, _ source: PlaceSettings.Source, _ user: (name: String, password: Secret<String>)?, now: Timestamp
    ) async throws -> String? {
        guard let checksum = source.checksum else { return nil }
        let sumPath = path + ".sum"
        defer { try? FileManager.default.removeItem(atPath: sumPath) }
        let url = checksum.replacing("{month}", with: ISOTime.day(now).prefix(7))
        guard case .fetched = try await bring(url, user, newerThan: nil, to: sumPath) else { return "its checksum can't be fetched" }
        // "HASH  NAME", as sha256sum writes it.
        let text = String(decoding: try Data(contentsOf: URL(filePath: sumPath)).prefix(1_000), as: UTF8.self)
        let said = text.prefix { $0.isHexDigit }.lowercased()
        guard said.count == 64 else { return "its checksum is none of SHA-256" }
        let file = try FileHandle(forReadingFrom: URL(filePath: path))
        defer { try? file.close() }
        var sum = SHA256()
        while let part = try file.read(upToCount: 1 << 20), !part.isEmpty { sum.update(data: part) }
        return sum.finalize().map({ Shell.hex([$0]) }).joined() == said ? nil : "it isn't what its checksum says"
    }

    // MARK: Unpacking

    struct Unpacking: Error, CustomStringConvertible {
        let description: String

        init(_ description: String) { self.description = description }
    }

    /// Writes the database that a file is or holds: as it is, compressed (RFC 1952), or in an archive (POSIX.1-1988 tar), compressed or not.
    static func unpack(_ source: String, to path: String) throws {
        // Reads what isn't compressed as it is.
        guard let input = gzopen(source, "rb") else { throw Unpacking("\(source) can't be read") }
        defer { gzclose(input) }
        guard FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]),
            let output = FileHandle(forWritingAtPath: path)
        else { throw Unpacking("\(path) can't be made") }
        defer { try? output.close() }
        var first = try read(input, 512)
        if first.count == 512, first[257..<262].elementsEqual("ustar".utf8) {
            // Entries, each a header of 512 bytes and a content that fills whole ones.
            var skipped = 0
            while skipped < FileFetch.mostBytes {
                guard first.count == 512, let size = octal(first[124..<136]) else { throw Unpacking("the archive holds no .mmdb file") }
                let name = String(decoding: first.prefix(100).prefix { $0 != 0 }, as: UTF8.self)
                if name.hasSuffix(".mmdb"), first[156] == UInt8(ascii: "0") || first[156] == 0 {
                    try copy(input, to: output, bytes: size, isAll: true)
                    return try output.synchronize()
                }
                try copy(input, to: nil, bytes: (size + 511) / 512 * 512, isAll: true)
                skipped += size + 512
                first = try read(input, 512)
            }
            throw Unpacking("the archive is too large")
        } else {
            try output.write(contentsOf: Data(first))
            try copy(input, to: output, bytes: FileFetch.mostBytes, isAll: false)
        }
        try output.synchronize()
    }

    private static func octal(_ field: ArraySlice<UInt8>) -> Int? {
        let digits = field.filter { (48...55).contains($0) }
        guard !digits.isEmpty, digits.count < 12 else { return nil }
        let number = digits.reduce(0) { $0 << 3 | Int($1 - 48) }
        return number <= FileFetch.mostBytes ? number : nil
    }

    private static func read(_ input: gzFile, _ most: Int) throws -> [UInt8] {
        var part = [UInt8](repeating: 0, count: most)
        let count = gzread(input, &part, UInt32(most))
        guard count >= 0 else { throw Unpacking("it isn't compressed as gzip does it") }
        return Array(part.prefix(Int(count)))
    }

    /// - Parameters:
    ///   - output: nil to skip.
    ///   - isAll: whether as many bytes must come.
    private static func copy(_ input: gzFile, to output: FileHandle?, bytes: Int, isAll: Bool) throws {
        var left = bytes
        while left > 0 {
            let part = try read(input, min(left, 1 << 20))
            if part.isEmpty { break }
            try output?.write(contentsOf: Data(part))
            left -= part.count
        }
        guard isAll ? left == 0 : left > 0 else { throw Unpacking(isAll ? "it ends too early" : "it is too large") }
    }
}
