import FoundationEssentials
import PasswordHashing
import Storage

/// One person of another system, as a line of a file has them.
struct ImportRow: Sendable {
    /// Why a line is refused: what is wrong, and what is allowed.
    struct Refusal: Error, Equatable { let words: String }

    let email: EmailAddress
    let name: String
    let passwordHash: String?
    let passwordSetAt: Timestamp?
    let groups: [GroupName]

    /// What a file may say of a person.
    static let fields = ["email", "name", "password_hash", "password_set_at", "groups"]

    init(_ values: [String: String]) throws(Refusal) {
        if let stranger = values.keys.filter({ !Self.fields.contains($0) }).min() {
            throw Refusal(words: "unknown field '\(stranger.prefix(40))'; known: \(Self.fields.joined(separator: ", "))")
        }
        guard let email = EmailAddress(values["email"] ?? "") else { throw Refusal(words: "email is no address") }
        self.email = email
        guard let name = (values["name"] ?? "").isEmpty ? "" : RenameAccount.name(values["name"] ?? "") else {
            throw Refusal(words: "name: at most 100 characters on one line")
        }
        self.name = name
        let hash = values["password_hash"] ?? ""
        passwordHash = hash.isEmpty ? nil : hash
        if !hash.isEmpty { try Self.check(hash) }
        passwordSetAt = try Self.time(values["password_set_at"] ?? "")
        groups = try (values["groups"] ?? "").split(separator: ";").map { text throws(Refusal) in
            guard let group = GroupName(trimmed(String(text))) else {
                throw Refusal(words: "groups: names of a-z, 0-9 and -, with ; between")
            }
            return group
        }
    }

    private static func check(_ hash: String) throws(Refusal) {
        if PasswordHash(text: hash) != nil { return }
        do throws(ForeignHash.Problem) { _ = try ForeignHash(text: hash) } catch {
            switch error {
            case .unknownForm:
                throw Refusal(words: "password_hash: not a form that is read here (bcrypt, scrypt, PBKDF2, SHA-crypt, yescrypt, Argon2)")
            case .damaged(let what): throw Refusal(words: "password_hash is damaged: \(what)")
            case .tooDear(let what): throw Refusal(words: "password_hash is too dear: \(what)")
            }
        }
    }

    private static func time(_ text: String) throws(Refusal) -> Timestamp? {
        guard !text.isEmpty else { return nil }
        guard let date = try? Date(text, strategy: .iso8601), date.timeIntervalSince1970 > 0,
            date.timeIntervalSince1970 <= Double(Timestamp.now().secondsSinceEpoch)
        else {
            throw Refusal(words: "password_set_at: a time that is past, such as 2026-01-31T12:00:00Z")
        }
        return Timestamp(secondsSinceEpoch: Int64(date.timeIntervalSince1970))
    }
}
