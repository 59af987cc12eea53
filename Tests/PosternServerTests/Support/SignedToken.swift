import Crypto
import Foundation
import Secrets

/// What Vonage signs its calls with (RFC 7515).
enum SignedToken {
    static func make(_ algorithm: String, payload: String, at time: Int64, key: String) -> String {
        let hash = SHA256.hash(data: Data(payload.utf8)).map { String(format: "%02x", $0) }.joined()
        let head = Base64URL.encode(Array(#"{"alg":"\#(algorithm)","typ":"JWT"}"#.utf8))
        let claims = Base64URL.encode(Array(#"{"iat":\#(time),"iss":"Vonage","payload_hash":"\#(hash)","api_key":"key"}"#.utf8))
        let code = HMAC<SHA256>.authenticationCode(for: Data("\(head).\(claims)".utf8), using: SymmetricKey(data: Data(key.utf8)))
        return "\(head).\(claims).\(algorithm == "none" ? "" : Base64URL.encode(Array(code)))"
    }
}
