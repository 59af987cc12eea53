import HTTPTypes
import Hummingbird
import NetworkAddress

/// The development mailbox. It exists only for a peer on this machine that came straight here; to all others there is nothing.
struct NotificationsWeb: Room {
    /// Nil when mail goes out, or when somebody else could look.
    let mailbox: DevelopmentMailbox?
    let pages: Pages

    var routes: [Route] { [.plain("/auth/dev/mailbox", show)] }

    @Sendable private func show(_ request: Request, _ visit: Visit) async throws -> Response {
        guard let mailbox, isFromThisMachine(request, visit) else { throw Refused(.notFound) }
        if request.headers[.accept]?.contains("application/json") == true {
            return try .json(
                mailbox.letters.map {
                    Letter(
                        to: $0.to, subject: $0.subject, text: $0.text, html: $0.html, sent_at: ISOTime.text($0.sentAt))
                })
        }
        return .page(MailboxPage(letters: mailbox.letters).html(pages))
    }

    private func isFromThisMachine(_ request: Request, _ visit: Visit) -> Bool {
        let host = request.head.authority.flatMap(PublicURL.split)?.host ?? ""
        let forwarding: [HTTPField.Name] = [.xForwardedFor, .xForwardedHost, .xForwardedProto, .xForwardedURI, .xOriginalURL, .forwarded]
        return visit.peer?.isLoopback == true && PublicURL.isLoopback(host: host) && forwarding.allSatisfy { !request.headers.contains($0) }
    }
}

private struct Letter: Encodable {
    let to: String
    let subject: String
    let text: String
    let html: String
    let sent_at: String
}
