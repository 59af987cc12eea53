import Secrets
import Storage
import Synchronization

/// `Remote-Assertion`: who is there, signed, for apps that verify rather than believe a header (RFC 7515, RFC 7519; ES256).
///
/// One is kept for each session and app, so that a signature isn't made for every picture on a page.
final class Assertions: Sendable {
    /// Goes into the key; never changed.
    static let purpose: StaticString = "assertion to apps"
    /// An app must look at it within that time.
    static let lifetime = Duration.seconds(60)
    /// What is handed out lives at least this long yet.
    private static let shortest = Duration.seconds(20)
    /// Past this many all are forgotten: they cost a signature each.
    private static let most = 50_000

    private struct Key: Hashable {
        /// A session's, or an API key's.
        let holder: Identifier<Assertions>
        let app: String
    }

    /// What an assertion says; another one is signed when it changes.
    private struct Said: Equatable {
        var user = ""
        /// Groups of a session, scopes of a key.
        let names: String
        var assurance: Assurance?
    }

    private struct Kept {
        let text: String
        let expiresAt: Timestamp
        let said: Said
    }

    private let signer: TokenSigner
    private let issuer: String
    private let kept = Mutex<[Key: Kept]>([:])

    init(signer: TokenSigner, issuer: PublicURL) {
        self.signer = signer
        self.issuer = issuer.description
    }

    /// - Parameters:
    ///   - user: what `Remote-User` says.
    ///   - groups: what `Remote-Groups` says, between the app's own separators.
    func assertion(for session: LiveSession, app: App, user: String, groups: String, now: Timestamp) -> String {
        let names = groups.split(separator: app.separator).map { "\"\($0)\"" }.joined(separator: ",")
        // Written out: every part is an id, a name of a-z, 0-9 and signs that are safe, a number, or made safe.
        let claims =
            #""sub":"\#(session.account)","sid":"\#(session.id)","preferred_username":"\#(Self.safe(user))","#
            + #""acr":"\#(session.assurance.rawValue)","groups":[\#(names)]"#
        return signed(
            claims, Key(holder: session.id.number(), app: app.name), app,
            Said(user: user, names: groups, assurance: session.assurance), now: now)
    }

    /// Of an API key: nobody's name, and no assurance. `sub` is the key's id.
    func assertion(for key: LiveKey, app: App, now: Timestamp) -> String {
        let organization = key.organization.map { #""organization":"\#($0.slug)","# } ?? ""
        let claims = #""sub":"\#(key.id)",\#(organization)"api_key":"\#(key.id)","mode":"\#(key.modeText)","scope":"\#(key.scopes.text)""#
        return signed(
            claims, Key(holder: key.id.number(), app: app.name), app, Said(names: key.scopes.text), now: now)
    }

    private func signed(_ claims: String, _ key: Key, _ app: App, _ said: Said, now: Timestamp) -> String {
        let known = kept.withLock { $0[key] }
        if let known, known.expiresAt - now >= Self.shortest, known.said == said { return known.text }
        let expiresAt = now + Self.lifetime
        let all =
            #"{"iss":"\#(issuer)","aud":"\#(app.origin.authority)",\#(claims),"iat":\#(now.secondsSinceEpoch),"exp":\#(expiresAt.secondsSinceEpoch)}"#
        let fresh = Kept(
            text: signer.sign(claims: Array(all.utf8)), expiresAt: Timestamp(secondsSinceEpoch: expiresAt.secondsSinceEpoch), said: said)
        kept.withLock { kept in
            if kept.count >= Self.most { kept = [:] }
            kept[key] = fresh
        }
        return fresh.text
    }

    /// For `/auth/jwks.json` (RFC 7517).
    var keySet: String { signer.keySet }

    /// Usernames and addresses hold neither quotes nor backslashes; if one did, it must not end the text.
    private static func safe(_ text: String) -> String { text.filter { $0 != "\"" && $0 != "\\" && $0 >= " " } }
}
