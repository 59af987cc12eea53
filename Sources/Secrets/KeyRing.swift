import Crypto

/// The keys that seal what must be read back later. The newest seals; every one opens what it sealed.
///
/// A sealed value is `1 | key id (4) | nonce (12) | ciphertext | tag (16)`, AES-256-GCM (NIST SP 800-38D), bound to the
/// place it stands in: a value copied to another row, column or table does not open.
public struct KeyRing: Sendable {
    /// One key with the four random bytes that name it.
    public struct Key: Sendable {
        public static let byteCount = 32
        public let id: [UInt8]
        public let bytes: Secret<[UInt8]>

        /// - Returns: nil unless the id has 4 bytes and the key 32, not all of them equal.
        public init?(id: [UInt8], bytes: [UInt8]) {
            guard id.count == 4, bytes.count == Self.byteCount, Set(bytes).count > 1 else { return nil }
            self.id = id
            self.bytes = Secret(bytes)
        }

        fileprivate var symmetric: SymmetricKey { SymmetricKey(data: bytes.exposed) }
    }

    /// Why a sealed value did not open.
    public enum OpeningError: Error, Equatable, Sendable {
        /// Not a sealed value, or sealed in a newer format.
        case malformed
        /// Sealed by a key that this ring doesn't hold.
        case unknownKey(id: [UInt8])
        /// Changed since, or moved from another place.
        case notAuthentic
    }

    /// Where a sealed value stands.
    public struct Place: Sendable {
        let text: String

        public init(table: StaticString, column: StaticString, row: String) {
            text = "\(table)\u{0}\(column)\u{0}\(row)"
        }
    }

    /// Oldest first; never empty.
    public let keys: [Key]

    /// - Returns: nil for an empty ring or two keys with one id.
    public init?(keys: [Key]) {
        guard !keys.isEmpty, Set(keys.map(\.id)).count == keys.count else { return nil }
        self.keys = keys
    }

    private static let format: UInt8 = 1
    private static let nonceBytes = 12
    private static let tagBytes = 16

    /// - Parameter nonce: 12 random bytes, never used before.
    public func seal(_ plaintext: [UInt8], at place: Place, nonce: [UInt8]) -> [UInt8] {
        precondition(nonce.count == Self.nonceBytes, "A nonce has \(Self.nonceBytes) bytes.")
        let newest = keys[keys.count - 1]
        do {
            let box = try AES.GCM.seal(
                plaintext, using: newest.symmetric, nonce: AES.GCM.Nonce(data: nonce), authenticating: Array(place.text.utf8))
            return [Self.format] + newest.id + nonce + Array(box.ciphertext) + Array(box.tag)
        } catch {
            preconditionFailure("AES-256-GCM refused a 32-byte key and a 12-byte nonce: \(error)")
        }
    }

    public func open(_ sealed: [UInt8], at place: Place) throws(OpeningError) -> Secret<[UInt8]> {
        let header = 1 + 4 + Self.nonceBytes
        guard sealed.count >= header + Self.tagBytes, sealed[0] == Self.format else { throw .malformed }
        let id = Array(sealed[1..<5])
        guard let key = keys.first(where: { $0.id == id }) else { throw .unknownKey(id: id) }
        do {
            let box = try AES.GCM.SealedBox(
                nonce: AES.GCM.Nonce(data: sealed[5..<header]),
                ciphertext: sealed[header..<(sealed.count - Self.tagBytes)],
                tag: sealed[(sealed.count - Self.tagBytes)...])
            return Secret(Array(try AES.GCM.open(box, using: key.symmetric, authenticating: Array(place.text.utf8))))
        } catch {
            throw .notAuthentic
        }
    }

    /// Computes authentication codes for one purpose, and no other.
    public struct Authenticator: Sendable {
        private let key: SymmetricKey

        fileprivate init(_ key: SymmetricKey) { self.key = key }

        /// HMAC-SHA-256 of a message.
        public func code(for message: [UInt8]) -> [UInt8] { Array(HMAC<SHA256>.authenticationCode(for: message, using: key)) }
    }

    /// An authenticator whose key is derived (HKDF, RFC 5869) from the ring's oldest key for `purpose` alone: about 50 µs, so keep it
    /// where it is often needed. It stays the same when the ring is rotated.
    public func authenticator(for purpose: StaticString) -> Authenticator {
        Authenticator(HKDF<SHA256>.deriveKey(inputKeyMaterial: keys[0].symmetric, info: Array("\(purpose)".utf8), outputByteCount: 32))
    }

    /// Proves to a database that this is the key it knows, without giving the key away.
    public func fingerprint(of key: Key) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array("postern key ring".utf8), using: key.symmetric))
    }
}
