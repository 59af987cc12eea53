import NetworkAddress
import Storage

/// A refusal that lasts: a row that says who, why, on what evidence, by whom and until when.
struct Block: Sendable {
    typealias ID = Identifier<Block>

    enum Subject: Sendable {
        /// Everything that comes from there; where a rule made it, only tries to sign in.
        case network(AddressRange)
        /// Tries to sign in with an address, whether it has an account or not.
        /// - Parameter network: from there alone; empty for everywhere but browsers that are known.
        case signIn([UInt8], Account.ID?, network: String)
        /// By hand: nobody signs in to it.
        case account(Account.ID)
    }

    let id: ID
    /// Empty for a block of an account from everywhere.
    let network: String
    /// Empty for a block of a network.
    let accountKey: [UInt8]
    let account: Account.ID?
    /// The rule that made it; empty where somebody did.
    let rule: String
    let why: String
    let evidence: String
    let actor: String
    let actorID: Account.ID?
    let at: Timestamp
    /// Nil until it is released.
    let until: Timestamp?
    let releasedAt: Timestamp?
    let releasedBy: String?

    var isByHand: Bool { rule.isEmpty }

    enum State: String, CaseIterable, Sendable { case live, released, over }

    func state(now: Timestamp) -> State {
        if releasedAt != nil { return .released }
        return until.map { $0 <= now } == true ? .over : .live
    }

    /// What is refused, for people.
    /// - Parameter person: the account's address, where it has one.
    func words(person: String?) -> String {
        if accountKey.isEmpty { return network }
        let whom = person ?? "an address without an account"
        return network.isEmpty ? whom : "\(whom) from \(network)"
    }

    /// What it means for whom it hits.
    var meaning: String {
        if accountKey.isEmpty {
            return isByHand
                ? "Nothing is answered to these addresses, on no page and for no app."
                : "Nobody signs in from these addresses, except browsers that signed in to the same account before."
        }
        if isByHand { return "Nobody signs in to this account. Whoever tries is told that the password is wrong." }
        return network.isEmpty
            ? "Only browsers that signed in to this account before may try."
            : "From there only browsers that signed in to this account before may try."
    }
}

struct NewBlock: Sendable {
    let id: Block.ID
    let subject: Block.Subject
    let rule: String
    let why: String
    let evidence: String
    let actor: AuditEvent.Actor
    let at: Timestamp
    let until: Timestamp?
}
