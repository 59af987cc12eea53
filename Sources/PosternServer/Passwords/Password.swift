import Foundation
import Secrets

/// A password as it is hashed: normalised once (NFKC, Unicode UAX #15), never cut, never trimmed.
///
/// The normal form is part of every stored hash and can't be changed later (PW-05).
struct Password: Sendable {
    enum Refusal: Error, Equatable { case tooShort, tooLong }

    /// In characters as people count them in code points (PW-01).
    static let fewestCodePoints = 8
    /// Of UTF-8 as it was sent (PW-02).
    static let mostBytes = 1_024

    let bytes: Secret<[UInt8]>

    /// A password to be tried: any length up to the limit.
    init(trying text: String) throws(Refusal) {
        guard text.utf8.count <= Self.mostBytes else { throw .tooLong }
        bytes = Secret(Array(Self.normalised(text).utf8))
    }

    /// A password to be set.
    init(choosing text: String) throws(Refusal) {
        try self.init(trying: text)
        guard Self.normalised(text).unicodeScalars.count >= Self.fewestCodePoints else { throw .tooShort }
    }

    /// ASCII is its own normal form, and most passwords are nothing else.
    private static func normalised(_ text: String) -> String {
        text.utf8.allSatisfy { $0 < 128 } ? text : text.precomposedStringWithCompatibilityMapping
    }
}
