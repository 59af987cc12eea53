import Secrets
import Storage

/// Tells of a sign-in. It says what, where, when, and what to do if it wasn't the owner.
struct SignInMail: Sendable {
    let publicURL: PublicURL
    let layout: MailLayout

    func notice(of event: SignInNotices.Event, to email: EmailAddress, link: Token) -> Mail {
        let key: String
        switch event.done {
        case .nothing: key = event.isHalfWay ? "sign-in-half-way" : "sign-in-unusual"
        case .held: key = "sign-in-held"
        case .ended: key = "sign-in-ended"
        case .refused: key = "sign-in-refused"
        }
        let place = event.place.words
        var values = [
            "time": ISOTime.words(event.number.at), "program": event.program.words,
            "address": event.address,
            "place": place.isEmpty ? "place unknown" : "roughly \(place)",
        ]
        values["reasons"] = event.findings.map { FindingWords.sentence(of: $0) }.joined(separator: " ")
        return layout.mail(
            event.isHalfWay ? .signInHalfWay : .signInUnusual, key: key, to: email, values,
            link: "\(publicURL)/auth/not-me/\(link.text.exposed)", second: "\(publicURL)/auth/was-me/\(link.text.exposed)")
    }
}
