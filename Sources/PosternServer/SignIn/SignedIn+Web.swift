import Hummingbird
import Secrets
import Storage

/// What the API answers once somebody is signed in: `next` is `done`, and the session's token stands here and nowhere else.
///
/// Written out, not encoded: the general encoder takes a twentieth of all that a sign-in costs besides its hash. Every text here is an id, a
/// token, a code or a time, of signs that JSON takes as they are (RFC 8259 §7).
struct SignedIn {
    let session: NewSession
    /// To send as the `postern-trust` cookie's value with later sign-ins.
    var trust: NewTrust?
    var codes: NewRecoverySet?
    /// Until when a group asks for a second factor.
    var enrolBy: Timestamp?

    var response: Response {
        var text = #"{"#
        if let enrolBy { text += #""enrol_by":"\#(ISOTime.text(enrolBy))","# }
        text += #""next":"done","#
        if let codes { text += #""recovery_codes":[\#(codes.texts.map { "\"\($0.exposed)\"" }.joined(separator: ","))],"# }
        text += #""session":{"account":"\#(session.account)","assurance":"\#(session.proof.assurance.rawValue)","#
        text += #""expires_at":"\#(ISOTime.text(session.expiresAt))","id":"\#(session.id)","token":"\#(session.token.token.text.exposed)"}"#
        if let trust { text += #","trust":"\#(trust.token.text.exposed)""# }
        return .json(text: text + "}")
    }
}
