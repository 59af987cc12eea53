import Crypto

/// A random 256-bit value that stands for a right: a session, a confirmation link, an invitation.
///
/// Only its hash is stored. The hash is bound to the token's purpose, so a token of one kind is never accepted as another.
public struct Token: Sendable {
    /// The number of random bytes.
    public static let byteCount = 32

    /// What a token is for. The label goes into its hash and must never change.
    public struct Purpose: Sendable {
        let label: StaticString
        fileprivate let detail: [UInt8]

        /// - Parameter detail: the one place where the token is good, such as a host, without NUL: the hash is another for each.
        public init(label: StaticString, detail: String = "") {
            self.label = label
            self.detail = detail.isEmpty ? [] : [0] + Array(detail.utf8)
        }
    }

    private let bytes: [UInt8]

    /// - Parameter random: exactly ``byteCount`` bytes from the system's generator.
    public init(random: [UInt8]) {
        precondition(random.count == Self.byteCount, "A token needs \(Self.byteCount) random bytes.")
        bytes = random
    }

    /// Reads a token's text form: 43 characters of base64url. A truncated, extended or respelled one is nil.
    public init?(text: some Collection<UInt8>) {
        guard text.count == 43, let bytes = Base64URL.decode(text), bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// The text that is handed out once: 43 characters of base64url.
    public var text: Secret<String> { Secret(Base64URL.encode(bytes)) }

    /// SHA-256 over the purpose and the token. A fast hash is enough for 256 random bits.
    public func hash(for purpose: Purpose) -> [UInt8] { Array(digest(for: purpose)) }

    /// The first 128 bits of ``hash(for:)``, for look-ups in memory: no chance hits them, and they need no allocation.
    public func shortHash(for purpose: Purpose) -> (UInt64, UInt64) {
        digest(for: purpose).withUnsafeBytes {
            ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
    }

    private func digest(for purpose: Purpose) -> SHA256.Digest {
        var hash = SHA256()
        purpose.label.withUTF8Buffer { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        if !purpose.detail.isEmpty { purpose.detail.withUnsafeBytes { hash.update(bufferPointer: $0) } }
        withUnsafeBytes(of: UInt8(0)) { hash.update(bufferPointer: $0) }
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return hash.finalize()
    }
}

extension Token: CustomStringConvertible, CustomReflectable {
    public var description: String { "•••" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
