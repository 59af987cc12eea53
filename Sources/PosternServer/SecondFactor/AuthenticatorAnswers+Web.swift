import FoundationEssentials
import Hummingbird
import OneTimePassword
import Secrets
import Storage

/// What the API answers while an authenticator is added, signed in or on the way to it.
enum AuthenticatorAnswers {
    private struct Begun: Encodable {
        let id: String
        let secret: String
        let uri: String
        let qr_svg: String
        /// Base64.
        let qr_png: String
        let expires_at: String
    }

    private struct Confirmed: Encodable {
        let recovery_codes: [String]?
    }

    static func begun(_ outcome: EnrolAuthenticator.Beginning) throws -> Response {
        switch outcome {
        case .pending(let pending):
            let uri = pending.uri.text
            let code = QRCode(uri)
            return try .json(
                Begun(
                    id: pending.id.description, secret: Base32.encode(pending.uri.secret), uri: uri,
                    qr_svg: code?.svg(label: "QR code for an authenticator app") ?? "",
                    qr_png: Data(code?.png() ?? []).base64EncodedString(), expires_at: ISOTime.text(pending.expiresAt)),
                status: .created)
        case .nameInvalid: throw Refused(.nameInvalid, field: "name", detail: "1 to \(Authenticator.longestName) characters on one line.")
        case .tooMany: throw Refused(.tooManyAuthenticators)
        case .stepUpNeeded: throw Refused(.stepUpRequired)
        }
    }

    static func confirmed(_ outcome: EnrolAuthenticator.Confirmation, now: Timestamp) throws -> Response {
        switch outcome {
        case .confirmed(let codes, let session?, _): return SignedIn(session: session, codes: codes).response
        case .confirmed(let codes, nil, _): return try .json(Confirmed(recovery_codes: codes?.texts.map(\.exposed)))
        case .wrongCode: throw CodeVerdict.wrong.refused(now: now)
        case .gone: throw Refused(.enrolmentOver)
        case .busy: throw Refused(.busy)
        }
    }
}
