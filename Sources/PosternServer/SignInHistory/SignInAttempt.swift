import Storage

/// One try to sign in, as the history keeps it.
struct SignInAttempt: Sendable {
    typealias ID = Identifier<SignInAttempt>

    enum Outcome: String, Sendable {
        case signedIn = "signed-in"
        /// The password was right, and a second factor was asked for.
        case challenged
        case refused
    }

    let id: ID
    let at: Timestamp
    /// Whose account it was; else ``identifierHash`` stands for the address that was typed.
    let account: Account.ID?
    /// A keyed hash of an address that has no account: the same address can be recognised, but not read back.
    let identifierHash: [UInt8]?
    let outcome: Outcome
    /// A reason code; `password` for a sign-in by password alone. The account's owner sees more than the answer told.
    let reason: String
    let client: Client
    let session: Session.ID?
}
