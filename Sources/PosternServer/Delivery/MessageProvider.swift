import PhoneNumbers
import Secrets

/// A way to bring messages. Only that: codes are made and checked here (OB-01).
protocol MessageProvider: Sendable {
    var channels: Set<Delivery.Channel> { get }
    /// Whether it tells what became of a message.
    var givesReceipts: Bool { get }

    func send(_ message: OutgoingMessage) async -> SendOutcome
    /// Reads what it tells afterwards; nil where that isn't proved to come from it.
    func receipt(_ call: ReceiptCall) -> [Receipt]?
}

extension MessageProvider {
    var givesReceipts: Bool { false }
    func receipt(_ call: ReceiptCall) -> [Receipt]? { nil }
}

struct OutgoingMessage: Sendable {
    enum Content: Sendable {
        case code(Secret<String>)
        /// Words without a secret, by text message only.
        case notice(String)
    }

    /// Ours, for the provider to give back.
    let id: String
    let channel: Delivery.Channel
    /// E.164.
    let to: Secret<String>
    let content: Content
    let siteName: String
    /// Host that the code is typed on.
    let host: String
    /// Where the provider may tell what became of it; empty where nobody wants to know.
    let receiptURL: String

    /// The last line lets a browser fill the code in, on that host alone (WICG, "Origin-bound one-time codes").
    var text: String {
        switch content {
        case .code(let code): "Your code for \(siteName) is \(code.exposed). We never ask for it by phone.\n\n@\(host) #\(code.exposed)"
        case .notice(let words): words
        }
    }

    /// To be said slowly, one digit after the other.
    var spokenDigits: [String] {
        guard case .code(let code) = content else { return [] }
        return code.exposed.map(String.init)
    }

    /// Empty for a notice.
    var code: Secret<String> { if case .code(let code) = content { code } else { Secret("") } }
}

/// What a provider says at once.
enum SendOutcome: Equatable, Sendable {
    /// - Parameter reference: the provider's own name for the message.
    case accepted(reference: String)
    /// Worth another way at once.
    /// - Parameter mayBeBilled: whether it may have been taken all the same.
    case temporary(String, mayBeBilled: Bool)
    /// This provider doesn't want this message, and nobody knows whether another would. No fault of the way: its circuit counts it not.
    case refused(String)
    /// No other way would help: the number is none, or not for messages.
    case permanent(String)
    /// The person told the provider to stop.
    case optedOut
}

/// What a provider tells afterwards.
struct Receipt: Equatable, Sendable {
    enum Verdict: Equatable, Sendable {
        case delivered
        /// Under way; nothing to write down.
        case pending
        /// - Parameter isFinal: no other way would help.
        case failed(String, isFinal: Bool)
    }

    /// Ours, where the provider gives it back.
    var delivery: Delivery.ID?
    /// Theirs.
    var reference = ""
    let verdict: Verdict
}

/// A call to our door for receipts.
struct ReceiptCall: Sendable {
    let method: String
    /// As the provider was told it, with the query.
    let url: String
    let query: [String: String]
    let headers: @Sendable (String) -> String?
    let body: [UInt8]
}

extension HTTPCaller.Outcome {
    /// What holds for every provider, before its own words are read: nil for an answer that needs them.
    var common: SendOutcome? {
        switch self {
        case .notReached: .temporary("not-reached", mayBeBilled: false)
        case .noReply: .temporary("no-reply", mayBeBilled: true)
        case .replied(let reply) where reply.status == 429: .temporary("throttled", mayBeBilled: false)
        // Only "not available" says that it wasn't taken; other errors may come from a proxy behind which it was.
        case .replied(let reply) where reply.status >= 500:
            .temporary("status-\(reply.status)", mayBeBilled: reply.status != 503)
        case .replied(let reply) where [401, 402, 403].contains(reply.status):
            // Ours to put right, and no fault of the number.
            .temporary("credentials-refused", mayBeBilled: false)
        case .replied: nil
        }
    }
}

/// What an answer means that no rule of a provider reads: it may have taken the message.
extension SendOutcome {
    static let garbled = SendOutcome.temporary("garbled-answer", mayBeBilled: true)
}
