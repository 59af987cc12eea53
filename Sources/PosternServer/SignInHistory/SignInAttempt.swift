import NetworkAddress
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
    /// The browser had signed in to the account before.
    var isByKnownBrowser = false
}

/// An attempt as rules are tried on it.
struct TriedPassword: Sendable {
    let id: SignInAttempt.ID
    let at: Timestamp
    /// The account's id, or the keyed hash of what was typed; empty where the account is gone.
    let who: [UInt8]
    let isAccount: Bool
    let isRight: Bool
    /// Else a code was tried.
    let isOfPassword: Bool
    let address: IPAddress
    let isByKnownBrowser: Bool
}
