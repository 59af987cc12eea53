import OneTimePassword
import PasswordHashing
import Secrets
import Storage

/// The way back in when no device is at hand: ten codes, each for once.
struct RecoveryCode: Sendable {
    static let count = 10
    /// 16 characters of 5 bits (RC-01).
    static let randomBytes = 10

    /// Without `i`, `l`, `o` and `u`: nothing is mistaken for another, and no word appears (Crockford's Base32).
    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    /// The 16 characters without hyphens: what is hashed.
    let characters: Secret<[UInt8]>

    init(random: [UInt8]) {
        precondition(random.count == Self.randomBytes, "A recovery code needs \(Self.randomBytes) random bytes.")
        // Character by character the same 5 bits, in the other alphabet: A to Z stand for 0 to 25, 2 to 7 for the rest.
        let characters = Base32.encode(random).utf8.map { Self.alphabet[Int($0 >= UInt8(ascii: "A") ? $0 - 65 : $0 - 50 + 26)] }
        self.characters = Secret(characters)
    }

    /// Reads what a person typed: with or without hyphens and spaces, in any case, with `o` for zero and `i` or `l` for one.
    init?(_ text: String) {
        guard text.utf8.count <= 100 else { return nil }
        var characters: [UInt8] = []
        for byte in text.utf8 where byte != UInt8(ascii: "-") && byte != UInt8(ascii: " ") {
            let small = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
            switch small {
            case UInt8(ascii: "o"): characters.append(UInt8(ascii: "0"))
            case UInt8(ascii: "i"), UInt8(ascii: "l"): characters.append(UInt8(ascii: "1"))
            case _ where Self.alphabet.contains(small): characters.append(small)
            default: return nil
            }
        }
        guard characters.count == 16 else { return nil }
        self.characters = Secret(characters)
    }

    /// `sdt6-cye3-sqte-9dvs`
    var text: Secret<String> {
        let all = characters.exposed
        return Secret(
            stride(from: 0, to: 16, by: 4).map { String(decoding: all[$0..<$0 + 4], as: UTF8.self) }.joined(separator: "-"))
    }
}

/// What the codes of one set have in common: one salt, so that a try costs one hash.
struct RecoverySet: Sendable {
    typealias ID = Identifier<RecoverySet>

    let id: ID
    let salt: [UInt8]
    let parameters: Argon2id.Parameters
    let createdAt: Timestamp
    /// By what proof older codes were replaced with these; nil for those made with the first factor.
    let madeBy: String?

    /// How old codes must be that replaced others, before one of them removes an app in place of a code of its own.
    private static let standsInAfter = Duration.seconds(86_400)

    /// Whether one of these may remove an app beside which there are others. Whoever holds one app can make new codes with it: those must
    /// not throw the others out before the owner has read the mail about them.
    func mayRemove(_ id: Authenticator.ID, now: Timestamp) -> Bool { mayStandIn(for: .authenticator(id), now: now) }

    func mayStandIn(for factor: SessionProof.Means, now: Timestamp) -> Bool {
        madeBy == nil || madeBy == factor.text || now - createdAt >= Self.standsInAfter
    }
}

/// A set that was just made. Its codes are shown once, and stored as hashes only.
struct NewRecoverySet: Sendable {
    let set: RecoverySet
    let codes: [RecoveryCode]
    let hashes: [[UInt8]]

    /// Ten codes and their hashes: ten password hashes of work.
    init(hasher: PasswordHasher, madeBy: String? = nil, now: Timestamp, random: Randomness) async throws(PasswordHasher.Busy) {
        codes = (0..<RecoveryCode.count).map { _ in RecoveryCode(random: random.bytes(RecoveryCode.randomBytes)) }
        set = RecoverySet(
            id: RecoverySet.ID(now: now, random: random.bytes(10)), salt: random.bytes(PasswordHash.saltBytes),
            parameters: hasher.parameters, createdAt: now, madeBy: madeBy)
        hashes = try await hasher.hashes(of: codes.map(\.characters), salt: set.salt, parameters: set.parameters)
    }

    var texts: [Secret<String>] { codes.map(\.text) }
}
