import HTTPTypes
import Hummingbird
import Secrets

/// Takes a link's token out of the address at once (RC-13): opening the link puts it into a short-lived cookie and leads to a page without it.
/// Opening changes nothing, so a mail scanner may do it too (RC-12).
struct LinkCookie: Sendable {
    let cookies: Cookies

    /// In seconds: as long as somebody needs to type a password.
    private static let lifetime: Int64 = 1_800

    func landing(_ text: String, to page: String) -> Response {
        guard let token = Token(text: text.utf8) else { return .seeOther(page) }
        var response = Response.seeOther(page).setting(cookie: cookies.set(cookies.link, token.text, maxAge: Self.lifetime))
        response.headers[.named("Referrer-Policy")] = "no-referrer"
        return response
    }

    func token(_ request: Request) throws -> Token {
        guard let token = Cookies.value(cookies.link, in: request.headers).flatMap({ Token(text: $0) }) else {
            throw Refused(.linkInvalid)
        }
        return token
    }

    /// The link was used: the browser needn't hold it.
    func spent(_ response: Response) -> Response { response.setting(cookie: cookies.clear(cookies.link)) }
}
