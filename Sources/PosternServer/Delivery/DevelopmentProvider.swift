import Secrets
import Storage

/// The mailbox of a server that is being tried out: nothing leaves this machine.
struct DevelopmentProvider: MessageProvider {
    let mailbox: DevelopmentMailbox
    let clock: @Sendable () -> Timestamp

    let channels: Set<Delivery.Channel> = [.sms, .voice]
    let givesReceipts = false

    func send(_ message: OutgoingMessage) async -> SendOutcome {
        let (subject, text) =
            message.channel == .sms
            ? ("Text message", message.text)
            : ("Call", "“Your code for \(message.siteName) is \(message.spokenDigits.joined(separator: " … "))”, said twice.")
        mailbox.deliver(to: message.to.exposed, subject: subject, text: text, at: clock())
        return .accepted(reference: "")
    }
}
