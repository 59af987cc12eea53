import Foundation
import Glibc
package import Secrets
import ServiceLifecycle
import Synchronization

/// The key ring's file: JSON, mode 0600, outside the database.
struct KeyRingFile: Sendable {
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    let path: String

    private struct Document: Codable {
        struct Key: Codable {
            let id: String
            let key: String
        }

        let keys: [Key]
    }

    var exists: Bool { FileManager.default.fileExists(atPath: path) }

    func read() throws(Problem) -> KeyRing {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Problem(description: "The key ring \(path) can't be read.")
        }
        guard let document = try? JSONDecoder().decode(Document.self, from: data) else {
            throw Problem(description: "The key ring \(path) is damaged: it is not the JSON that was written. Bring it back from a backup.")
        }
        var keys: [KeyRing.Key] = []
        for key in document.keys {
            guard let id = Base64URL.decode(key.id.utf8), let bytes = Base64URL.decode(key.key.utf8),
                let key = KeyRing.Key(id: id, bytes: bytes)
            else { throw Problem(description: "The key ring \(path) holds a key that is short, empty or damaged.") }
            keys.append(key)
        }
        guard let ring = KeyRing(keys: keys) else { throw Problem(description: "The key ring \(path) holds no key, or one twice.") }
        return ring
    }

    /// Writes beside the file, to the disk, and renames: a crash leaves the old ring or the new one. Nobody else can read either.
    func write(_ ring: KeyRing) throws(Problem) {
        let document = Document(keys: ring.keys.map { .init(id: Base64URL.encode($0.id), key: Base64URL.encode($0.bytes.exposed)) })
        let draft = path + ".new"
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        unlink(draft)
        guard let data = try? encoder.encode(document), Self.writeDurably(Array(data), to: draft), rename(draft, path) == 0 else {
            throw Problem(description: "The key ring \(path) can't be written: is the folder there, and may this user write to it?")
        }
        // The name must be on the disk before the database hears of the key.
        let folder = open(
            (path as NSString).deletingLastPathComponent.isEmpty ? "." : (path as NSString).deletingLastPathComponent, O_RDONLY)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    private static func writeDurably(_ bytes: [UInt8], to path: String) -> Bool {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard file >= 0 else { return false }
        defer { close(file) }
        return bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) } == bytes.count && fsync(file) == 0
    }

    /// Runs `body` while no other process of this machine changes the ring.
    func locked<Value>(_ body: () async throws -> Value) async throws -> Value {
        let lock = open(path + ".lock", O_RDWR | O_CREAT, 0o600)
        guard lock >= 0 else {
            throw Problem(description: "The key ring's lock \(path).lock can't be made: may this user write to that folder?")
        }
        // Asked again and again instead of waited for: a waiting thread would be one that others need.
        while flock(lock, LOCK_EX | LOCK_NB) != 0 { try await Task.sleep(for: .milliseconds(20)) }
        defer { close(lock) }
        return try await body()
    }

    static func freshKey(_ random: Randomness) -> KeyRing.Key {
        guard let key = KeyRing.Key(id: random.bytes(4), bytes: random.bytes(KeyRing.Key.byteCount)) else {
            preconditionFailure("The system's generator gave 32 equal bytes.")
        }
        return key
    }
}

/// The ring in use. `postern secrets rotate` in another process changes the file; a running server reads it again within seconds, and
/// at once when it meets a key that it doesn't know.
package final class KeyRingHolder: Sendable {
    private let file: KeyRingFile?
    private let ring: Mutex<KeyRing>

    /// How often the file is looked at.
    private static let watchInterval = Duration.seconds(5)

    init(_ ring: KeyRing, file: KeyRingFile? = nil) {
        self.file = file
        self.ring = Mutex(ring)
    }

    package var current: KeyRing { ring.withLock { $0 } }

    func open(_ sealed: [UInt8], at place: KeyRing.Place) throws(KeyRing.OpeningError) -> Secret<[UInt8]> {
        do {
            return try current.open(sealed, at: place)
        } catch .unknownKey {
            reload()
            return try current.open(sealed, at: place)
        }
    }

    private func reload() {
        guard let fresh = try? file?.read() else { return }
        // A ring only grows: one that lacks a key of ours is damaged or another's.
        ring.withLock { ring in
            if ring.keys.allSatisfy({ key in fresh.keys.contains { $0.id == key.id } }) { ring = fresh }
        }
    }
}

extension KeyRingHolder: Service {
    package func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.watchInterval)
                reload()
            }
        }
    }
}
