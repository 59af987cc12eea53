import Storage

/// Words about keys.
struct KeyMail: Sendable {
    let publicURL: PublicURL
    let layout: MailLayout

    /// - Parameter place: where it was tried from; empty where that says nothing.
    func key(_ kind: Notice.Kind, _ key: APIKey, of owner: String, from place: String, to email: EmailAddress, now: Timestamp) -> Mail {
        layout.mail(
            kind, to: email,
            [
                "name": key.terms.name, "last": key.lastFour, "owner": owner, "address": place.isEmpty ? "several addresses" : place,
                "time": ISOTime.words(now),
            ],
            link: "\(publicURL)/auth/account/keys/\(key.id)")
    }

    func expires(_ thing: Expiring, to email: EmailAddress, days: Int) -> Mail {
        layout.mail(
            .apiKeyExpires, to: email,
            ["name": thing.name, "days": days == 1 ? "one day" : "\(days) days", "time": ISOTime.words(thing.expiresAt)],
            link: "\(publicURL)/auth/account/keys/\(thing.subject)")
    }
}
