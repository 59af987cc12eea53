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
        let session: Session.ID
        let app: String
    }

    private struct Kept {
        let text: String
        let expiresAt: Timestamp
        let assurance: Assurance
        let user: String
        let groups: String
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
        let key = Key(session: session.id, app: app.name)
        let known = kept.withLock { $0[key] }
        if let known, known.expiresAt - now >= Self.shortest, known.assurance == session.assurance, known.user == user,
            known.groups == groups
        {
            return known.text
        }
        let expiresAt = now + Self.lifetime
        let names = groups.split(separator: app.separator).map { "\"\($0)\"" }.joined(separator: ",")
        // Written out: every part is an id, a name of a-z, 0-9 and hyphens, a number, or made safe.
        let claims =
            #"{"iss":"\#(issuer)","aud":"\#(app.origin.authority)","sub":"\#(session.account)","sid":"\#(session.id)","#
            + #""preferred_username":"\#(Self.safe(user))","acr":"\#(session.assurance.rawValue)","groups":[\#(names)],"#
            + #""iat":\#(now.secondsSinceEpoch),"exp":\#(expiresAt.secondsSinceEpoch)}"#
        let fresh = Kept(
            text: signer.sign(claims: Array(claims.utf8)), expiresAt: Timestamp(secondsSinceEpoch: expiresAt.secondsSinceEpoch),
            assurance: session.assurance, user: user, groups: groups)
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
