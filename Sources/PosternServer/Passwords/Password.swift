import Foundation
import Secrets

/// A password as it is hashed: normalised once (NFKC, Unicode UAX #15), never cut, never trimmed.
///
/// The normal form is part of every stored hash and can't be changed later (PW-05).
struct Password: Sendable {
    struct TooLong: Error {}

    /// Of UTF-8 as it was sent; no setting goes beyond it (PW-02).
    static let mostBytes = 4_096

    let bytes: Secret<[UInt8]>
    /// What length and strength are taken of: the form with fewer characters. One sign that stands for eighteen was one key press, and
    /// accents typed apart are no letters of their own.
    let judged: Secret<String>
    /// The hashes' other spelling: as it was typed, if that is not the normal form.
    let typed: Secret<[UInt8]>?

    /// A password to be tried: any length up to the limit. Whether one may be *set* is `ChoosePassword`'s to say.
    init(trying text: String) throws(TooLong) {
        guard text.utf8.count <= Self.mostBytes else { throw TooLong() }
        let normal = Self.normalised(text)
        bytes = Secret(Array(normal.utf8))
        judged = Secret(text.unicodeScalars.count < normal.unicodeScalars.count ? text : normal)
        typed = text.utf8.elementsEqual(normal.utf8) ? nil : Secret(Array(text.utf8))
    }

    /// Whether a letter and a digit are both in it: alphabetic, and of the general categories N (Unicode chapter 4).
    var mixesLettersAndDigits: Bool {
        let scalars = judged.exposed.unicodeScalars
        return scalars.contains { $0.properties.isAlphabetic }
            && scalars.contains { [.decimalNumber, .letterNumber, .otherNumber].contains($0.properties.generalCategory) }
    }

    /// ASCII is its own normal form, and most passwords are nothing else.
    static func normalised(_ text: String) -> String {
        text.utf8.allSatisfy { $0 < 128 } ? text : text.precomposedStringWithCompatibilityMapping
    }
}
