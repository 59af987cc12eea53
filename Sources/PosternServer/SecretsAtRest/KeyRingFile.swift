import Foundation
import Secrets
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

    /// Writes beside the file and renames: a crash leaves the old ring or the new one.
    func write(_ ring: KeyRing) throws(Problem) {
        let document = Document(
            keys: ring.keys.map { .init(id: Base64URL.encode($0.id), key: Base64URL.encode($0.bytes.exposed)) })
        let draft = path + ".new"
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let files = FileManager.default
        guard let data = try? encoder.encode(document),
            files.createFile(atPath: draft, contents: data, attributes: [.posixPermissions: 0o600]), rename(draft, path) == 0
        else { throw Problem(description: "The key ring \(path) can't be written: is the folder there, and may this user write to it?") }
    }

    static func freshKey(_ random: Randomness) -> KeyRing.Key {
        guard let key = KeyRing.Key(id: random.bytes(4), bytes: random.bytes(KeyRing.Key.byteCount)) else {
            preconditionFailure("The system's generator gave 32 equal bytes.")
        }
        return key
    }
}

/// The ring in use. `postern secrets rotate` in another process changes the file; an unknown key makes this read it again.
package final class KeyRingHolder: Sendable {
    private let file: KeyRingFile?
    private let ring: Mutex<KeyRing>

    init(_ ring: KeyRing, file: KeyRingFile? = nil) {
        self.file = file
        self.ring = Mutex(ring)
    }

    var current: KeyRing { ring.withLock { $0 } }

    func open(_ sealed: [UInt8], at place: KeyRing.Place) throws(KeyRing.OpeningError) -> Secret<[UInt8]> {
        do {
            return try current.open(sealed, at: place)
        } catch .unknownKey {
            if let fresh = try? file?.read() { ring.withLock { $0 = fresh } }
            return try current.open(sealed, at: place)
        }
    }
}
