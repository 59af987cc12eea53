import Crypto

/// Signs tokens that others verify without asking: JWS in compact form with ES256 (RFC 7515 §3.1, RFC 7518 §3.4).
///
/// The key is derived from the ring's oldest key for one purpose alone, so that every node signs with the same one and no other secret has
/// to be kept. It stays the same when the ring is rotated.
public struct TokenSigner: Sendable {
    private let key: P256.Signing.PrivateKey
    /// `{"alg":"ES256","kid":…,"typ":"JWT"}` in base64url, with the dot after it.
    private let head: String
    /// The public key as a JWK Set (RFC 7517 §5), JSON.
    public let keySet: String

    /// - Parameter purpose: goes into the key; never changed.
    public init(_ ring: KeyRing, purpose: StaticString) {
        let candidates = ring.authenticator(for: purpose)
        key = Self.key(candidates)
        let point = Array(key.publicKey.x963Representation)
        let (x, y) = (Base64URL.encode(Array(point[1..<33])), Base64URL.encode(Array(point[33..<65])))
        // RFC 7638: the members in order, without spaces.
        let thumbprint = Array(SHA256.hash(data: Array(#"{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"}"#.utf8)))
        let id = Base64URL.encode(thumbprint)
        head = Base64URL.encode(Array(#"{"alg":"ES256","kid":"\#(id)","typ":"JWT"}"#.utf8)) + "."
        keySet = #"{"keys":[{"alg":"ES256","crv":"P-256","kid":"\#(id)","kty":"EC","use":"sig","x":"\#(x)","y":"\#(y)"}]}"#
    }

    /// The first candidate that is a private key: all but one in 2^32 are (FIPS 186-5, A.2.2, testing candidates).
    private static func key(_ candidates: KeyRing.Authenticator) -> P256.Signing.PrivateKey {
        for attempt in UInt8.min...UInt8.max {
            if let key = try? P256.Signing.PrivateKey(rawRepresentation: candidates.code(for: [attempt])) { return key }
        }
        preconditionFailure("256 candidates in a row were outside the order of P-256.")
    }

    /// - Parameter claims: a JSON object.
    public func sign(claims: [UInt8]) -> String {
        let message = head + Base64URL.encode(claims)
        do {
            return message + "." + Base64URL.encode(Array(try key.signature(for: Array(message.utf8)).rawRepresentation))
        } catch {
            preconditionFailure("P-256 refused to sign: \(error)")
        }
    }
}
