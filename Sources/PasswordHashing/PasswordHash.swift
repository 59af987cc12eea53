/// A stored password hash in PHC form: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`, base64 without padding.
///
/// What parses prints back the same bytes: there is one spelling for each hash.
public struct PasswordHash: Equatable, Sendable {
    public let parameters: Argon2id.Parameters
    public let salt: [UInt8]
    public let output: [UInt8]

    /// The number of random bytes a new salt has (RFC 9106 §3.1).
    public static let saltBytes = 16

    /// Hashes a password. - Parameter salt: ``saltBytes`` random bytes.
    public init(
        password: [UInt8], salt: [UInt8], parameters: Argon2id.Parameters, memory: borrowing WorkMemory
    ) throws(Argon2id.Failure) {
        self.parameters = parameters
        self.salt = salt
        output = try Argon2id.hash(password: password, salt: salt, parameters: parameters, memory: memory)
    }

    /// Whether `password` is the one that was hashed. The comparison takes the same time wherever they differ.
    public func matches(password: [UInt8], memory: borrowing WorkMemory) throws(Argon2id.Failure) -> Bool {
        let other = try Argon2id.hash(
            password: password, salt: salt, parameters: parameters, length: output.count, memory: memory)
        return zip(other, output).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    /// Reads the PHC form; nil for another algorithm or version, parameters out of range, or another spelling.
    public init?(text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0].isEmpty, parts[1] == "argon2id", parts[2] == "v=19" else { return nil }
        let settings = parts[3].split(separator: ",", omittingEmptySubsequences: false)
        guard settings.count == 3,
            let memory = Self.number(settings[0], named: "m="), let passes = Self.number(settings[1], named: "t="),
            let lanes = Self.number(settings[2], named: "p="),
            let parameters = Argon2id.Parameters(memoryKiB: memory, passes: passes, lanes: lanes),
            let salt = UnpaddedBase64.decode(parts[4].utf8), (8...64).contains(salt.count),
            let output = UnpaddedBase64.decode(parts[5].utf8), (16...64).contains(output.count)
        else { return nil }
        self.parameters = parameters
        self.salt = salt
        self.output = output
    }

    public var text: String {
        "$argon2id$v=19$m=\(parameters.memoryKiB),t=\(parameters.passes),p=\(parameters.lanes)"
            + "$\(UnpaddedBase64.encode(salt))$\(UnpaddedBase64.encode(output))"
    }

    private static func number(_ text: Substring, named name: String) -> UInt32? {
        guard text.hasPrefix(name), let number = UInt32(text.dropFirst(name.count)) else { return nil }
        return name + String(number) == text ? number : nil
    }
}
