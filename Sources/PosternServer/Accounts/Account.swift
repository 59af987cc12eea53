package import Storage

/// A person's account, as the database has it.
package struct Account: Equatable, Sendable {
    package typealias ID = Identifier<Account>

    /// What a person may do here. Groups say what policies apply; roles say who administers.
    enum Role: String, CaseIterable, Sendable {
        case member, administrator, owner

        var mayAdminister: Bool { self != .member }
    }

    enum State: String, CaseIterable, Sendable {
        /// Signed up, the address not confirmed: nothing opens to it.
        case unconfirmed
        case active
        /// Closed by an administrator. Nothing is deleted.
        case disabled
    }

    let id: ID
    let email: String
    let username: String
    let name: String
    let role: Role
    let state: State
    /// PHC text; nil for an account that was invited and has no password yet.
    let passwordHash: String?
    /// Of a password that opens nothing any more, and that can't be chosen again.
    var lockedPasswordHash: String?
    let passwordSetAt: Timestamp?
    let createdAt: Timestamp
    let lastSignInAt: Timestamp?
    /// Since when an administrator asks for another password; nil once there is one.
    var passwordChangeRequiredAt: Timestamp?
}

/// What a new account starts with.
struct NewAccount: Sendable {
    let id: Account.ID
    let email: EmailAddress
    let userHandle: [UInt8]
    let role: Account.Role
    let state: Account.State
    let passwordHash: String?
    let createdAt: Timestamp

    /// WebAuthn §5.4.3: an opaque user handle of at most 64 bytes that says nothing about the person.
    static let userHandleBytes = 64
    /// How many names are tried before giving up.
    static let usernameTries = 8

    init(
        email: EmailAddress, role: Account.Role = .member, state: Account.State, passwordHash: String?, now: Timestamp, random: Randomness
    ) {
        id = Account.ID(now: now, random: random.bytes(10))
        self.email = email
        userHandle = random.bytes(Self.userHandleBytes)
        self.role = role
        self.state = state
        self.passwordHash = passwordHash
        createdAt = now
    }
}
