import HTTPTypes

/// Every stable reason code that an answer can carry. docs/reasons.md explains each; programs switch on it.
enum Reason: String, CaseIterable, Sendable {
    case wrongCredentials = "wrong-credentials"
    case throttled
    case blocked
    case busy
    case unavailable
    case outcomeUnknown = "outcome-unknown"
    case malformed
    case tooLarge = "too-large"
    case uriTooLong = "uri-too-long"
    case unsupportedMediaType = "unsupported-media-type"
    case notFound = "not-found"
    case methodNotAllowed = "method-not-allowed"
    case wrongHost = "wrong-host"
    case crossSite = "cross-site"
    case formExpired = "form-expired"
    case signInNeeded = "sign-in-needed"
    case notAllowed = "not-allowed"
    case headerAlias = "header-alias"
    case proxyNotTrusted = "proxy-not-trusted"
    case unknownProxy = "unknown-proxy"
    case unknownApp = "unknown-app"
    case cookieNotReturned = "cookie-not-returned"
    case redirectLoop = "redirect-loop"
    case headersTooLong = "headers-too-long"
    case usernameInvalid = "username-invalid"
    case usernameTaken = "username-taken"
    case emailInvalid = "email-invalid"
    case emailTaken = "email-taken"
    case passwordTooShort = "password-too-short"
    case passwordTooLong = "password-too-long"
    case passwordTooWeak = "password-too-weak"
    case passwordCommon = "password-common"
    case passwordBreached = "password-breached"
    case passwordUnasked = "password-unasked"
    case passwordUnchanged = "password-unchanged"
    case passwordStolen = "password-stolen"
    case passwordUsed = "password-used"
    case passwordNotMixed = "password-not-mixed"
    case passwordTooSoon = "password-too-soon"
    case passwordExpired = "password-expired"
    case passwordChangeRequired = "password-change-required"
    case unusualSignIn = "unusual-sign-in"
    case nameInvalid = "name-invalid"
    case groupInvalid = "group-invalid"
    case signUpClosed = "sign-up-closed"
    case linkInvalid = "link-invalid"
    case lastOwner = "last-owner"
    case wrongCode = "wrong-code"
    case codeUsed = "code-used"
    case clockOff = "clock-off"
    case codesWait = "codes-wait"
    case moreCodesNeeded = "more-codes-needed"
    case attemptOver = "attempt-over"
    case stepUpRequired = "step-up-required"
    case secondFactorRequired = "second-factor-required"
    case noSecondFactor = "no-second-factor"
    case tooManyAuthenticators = "too-many-authenticators"
    case enrolmentOver = "enrolment-over"
    case codesSpent = "codes-spent"
    case codeJustSent = "code-just-sent"
    case tooManyCodes = "too-many-codes"
    case deliveryUnavailable = "delivery-unavailable"
    case numberInvalid = "number-invalid"
    case numberNotServed = "number-not-served"
    case numberKnown = "number-known"
    case tooManyNumbers = "too-many-numbers"
    case phonesNotAllowed = "phones-not-allowed"
    case noNumber = "no-number"
    case numberCoolingOff = "number-cooling-off"
    case apiKeyInvalid = "api-key-invalid"
    case apiKeyRevoked = "api-key-revoked"
    case apiKeyExpired = "api-key-expired"
    case apiKeyAddress = "api-key-address"
    case apiKeyNotAccepted = "api-key-not-accepted"
    case scopeMissing = "scope-missing"
    case beyondOwnScopes = "beyond-own-scopes"
    case lastKey = "last-key"
    case keyNotRotatable = "key-not-rotatable"
    case guestsOff = "guests-off"
    case tooManyGuests = "too-many-guests"
    case tooManyOrganizations = "too-many-organizations"
    case alreadyMember = "already-member"

    var status: HTTPResponse.Status {
        switch self {
        case .wrongCredentials, .signInNeeded, .wrongCode, .codeUsed, .clockOff, .moreCodesNeeded, .attemptOver, .codesSpent,
            .apiKeyInvalid, .apiKeyRevoked, .apiKeyExpired:
            .unauthorized
        case .codesWait, .throttled, .codeJustSent, .tooManyCodes: .tooManyRequests
        case .busy, .unavailable, .outcomeUnknown, .passwordUnasked, .deliveryUnavailable, .tooManyGuests: .serviceUnavailable
        case .malformed, .proxyNotTrusted: .badRequest
        case .tooLarge: .contentTooLarge
        case .uriTooLong: .uriTooLong
        case .unsupportedMediaType: .unsupportedMediaType
        case .notFound: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .wrongHost: .misdirectedRequest
        case .crossSite, .formExpired, .notAllowed, .headerAlias, .unknownProxy, .unknownApp, .headersTooLong, .cookieNotReturned,
            .redirectLoop,
            .signUpClosed, .blocked, .unusualSignIn, .passwordStolen, .passwordExpired, .passwordChangeRequired,
            .stepUpRequired, .secondFactorRequired, .phonesNotAllowed, .apiKeyAddress, .apiKeyNotAccepted, .scopeMissing, .beyondOwnScopes,
            .guestsOff:
            .forbidden
        case .emailInvalid, .passwordTooShort, .passwordTooLong, .passwordTooWeak, .passwordCommon, .passwordBreached, .passwordUnchanged,
            .passwordUsed, .passwordNotMixed, .nameInvalid,
            .groupInvalid,
            .usernameInvalid, .numberInvalid, .numberNotServed:
            .unprocessableContent
        case .emailTaken, .usernameTaken, .passwordTooSoon, .lastOwner, .noSecondFactor, .tooManyAuthenticators, .numberKnown,
            .tooManyNumbers,
            .noNumber, .numberCoolingOff, .lastKey, .keyNotRotatable, .tooManyOrganizations, .alreadyMember:
            .conflict
        case .linkInvalid, .enrolmentOver: .gone
        }
    }

    /// What happened, in a few words for people.
    var title: String {
        switch self {
        case .wrongCredentials: "That e-mail and password don’t match"
        case .throttled: "Too many tries"
        case .blocked: "Blocked"
        case .busy: "Too busy for a moment"
        case .unavailable: "Not working for a moment"
        case .outcomeUnknown: "It may have been done"
        case .malformed: "That request can’t be read"
        case .tooLarge: "That is too large"
        case .uriTooLong: "That address is too long"
        case .unsupportedMediaType: "That kind of content isn’t read here"
        case .notFound: "There is nothing here"
        case .methodNotAllowed: "That can’t be done here"
        case .wrongHost: "This address isn’t served here"
        case .crossSite: "That came from another site"
        case .formExpired: "That page was open too long"
        case .signInNeeded: "Sign in first"
        case .notAllowed: "Your account may not do that"
        case .headerAlias: "The request claims an identity"
        case .proxyNotTrusted: "The way here can’t be told"
        case .unknownProxy: "The proxy isn’t known here"
        case .unknownApp: "No app is known by this host"
        case .cookieNotReturned: "Your browser sent no cookie back"
        case .redirectLoop: "Signing in goes round in circles"
        case .headersTooLong: "That doesn’t fit into the headers"
        case .usernameInvalid: "That username can’t be used"
        case .usernameTaken: "That username is taken"
        case .emailInvalid: "That isn’t an e-mail address"
        case .emailTaken: "That address has an account"
        case .passwordTooShort: "That password is too short"
        case .passwordTooLong: "That password is too long"
        case .passwordTooWeak: "That password is too easy to guess"
        case .passwordCommon: "That password is a common one"
        case .passwordBreached: "That password was stolen elsewhere"
        case .passwordUnasked: "That password can’t be checked now"
        case .passwordUnchanged: "That is your password already"
        case .passwordStolen: "Choose another password first"
        case .passwordUsed: "You have had that password"
        case .passwordNotMixed: "Letters and digits are both asked for"
        case .passwordTooSoon: "Your password is new"
        case .passwordExpired: "Your password has expired"
        case .passwordChangeRequired: "Another password is asked for"
        case .unusualSignIn: "That sign-in is unusual"
        case .nameInvalid: "That name can’t be used"
        case .groupInvalid: "That group name can’t be used"
        case .signUpClosed: "Accounts are made by invitation here"
        case .linkInvalid: "This link doesn’t work any more"
        case .lastOwner: "One owner must remain"
        case .wrongCode: "That code isn’t right"
        case .codeUsed: "That code was used already"
        case .clockOff: "Your phone’s clock is off"
        case .codesWait: "Too many wrong codes"
        case .moreCodesNeeded: "Right, but not enough yet"
        case .attemptOver: "That sign-in took too long"
        case .stepUpRequired: "Confirm it’s you"
        case .secondFactorRequired: "A second factor is needed"
        case .noSecondFactor: "There is no second factor yet"
        case .tooManyAuthenticators: "You have as many apps as can be"
        case .enrolmentOver: "That key is no longer good"
        case .codesSpent: "Too many wrong codes"
        case .codeJustSent: "A code is on its way"
        case .tooManyCodes: "Too many codes were sent"
        case .deliveryUnavailable: "No code can be sent for a moment"
        case .numberInvalid: "That isn’t a telephone number"
        case .numberNotServed: "No codes go to that number"
        case .numberKnown: "You have that number already"
        case .tooManyNumbers: "You have as many numbers as can be"
        case .phonesNotAllowed: "Codes by telephone aren’t allowed for you"
        case .noNumber: "There is no number for that"
        case .numberCoolingOff: "Your other number can’t be used yet"
        case .apiKeyInvalid: "That is no key"
        case .apiKeyRevoked: "That key was revoked"
        case .apiKeyExpired: "That key has expired"
        case .apiKeyAddress: "That key isn’t for this address"
        case .apiKeyNotAccepted: "That key isn’t taken here"
        case .scopeMissing: "That key isn’t good for this"
        case .beyondOwnScopes: "A key can’t give more than it has"
        case .lastKey: "That is the last key, or the one you use"
        case .keyNotRotatable: "That key can’t be rotated"
        case .guestsOff: "Guests aren’t made here"
        case .tooManyGuests: "There are as many guests as can be"
        case .tooManyOrganizations: "You are in as many organizations as can be"
        case .alreadyMember: "They are in it already"
        }
    }

    /// What to do next.
    var advice: String {
        switch self {
        case .wrongCredentials:
            "Check for caps lock. If you made the account just now, open the link in our mail first."
        case .throttled: "This one wasn’t looked at. Wait as long as Retry-After says."
        case .blocked: "If you think it shouldn’t be so, ask an administrator."
        case .busy: "Your sign-in wasn’t tried, and nothing was lost. Send it again in a few seconds."
        case .outcomeUnknown: "The database went away at the last moment. Look whether it was done before you send it again."
        case .unavailable: "Nothing was changed. Try again in a minute; whoever is signed in stays signed in."
        case .malformed: "Send it again as the page or the API’s description says."
        case .tooLarge: "A form or a document may have 64 KiB."
        case .uriTooLong: "An address may have 4,096 characters."
        case .unsupportedMediaType: "Send application/json, with exactly that Content-Type."
        case .notFound: "Check the address, or start from your account."
        case .methodNotAllowed: "The Allow header names what can be done."
        case .wrongHost: "Open the address that the server’s public-url names."
        case .crossSite: "Nothing was done. Open the page here and send it from there."
        case .formExpired: "Nothing was done. Open the page again, with cookies allowed, and send it once more."
        case .signInNeeded: "You will come back here afterwards."
        case .notAllowed: "Ask an administrator, if you think it should."
        case .headerAlias: "Headers such as Remote-User are set by the gateway alone. Leave them out."
        case .proxyNotTrusted: "A trusted proxy handed on an address that is none. Check its X-Forwarded-For setting."
        case .unknownProxy:
            "Postern believes no proxy that its settings don’t name, and this one must say what was opened. Add its address to trusted-proxies."
        case .unknownApp: "Name its host with “postern app add”, or in the settings under apps."
        case .cookieNotReturned: "Allow cookies for this host, and open it with exactly the address that the server names."
        case .redirectLoop: "The app’s host didn’t get its session’s cookie. “postern check” says which line to change."
        case .headersTooLong:
            "What an app is told must fit into 4 KB with its own Authorization, and its groups into 800 characters. Name its groups in its settings."
        case .usernameInvalid: "Use 1 to 40 of a-z, 0-9 and -, beginning with a letter, and no name of the system’s or an app’s."
        case .usernameTaken: "It, or one that looks like it, belongs or belonged to somebody else."
        case .emailInvalid: "Type it like name@example.org."
        case .emailTaken: "Look for it in the list of people."
        case .passwordTooShort: "Add a word or two. Four unrelated words are good."
        case .passwordTooLong: "Shorten it."
        case .passwordTooWeak: "Add words that have nothing to do with each other."
        case .passwordCommon: "It is on every list of common passwords. Choose something nobody else would."
        case .passwordBreached:
            "It stands on lists of passwords that were stolen from other sites, and those are tried first. Choose another, and change it wherever you use it."
        case .passwordUnchanged: "Choose another than the one you have."
        case .passwordStolen:
            "Your password stands on lists of stolen ones, so it opens nothing any more. We mailed you a link: choose another with it, then sign in."
        case .passwordUsed: "Choose one that you haven’t had here."
        case .passwordNotMixed: "Letters and digits are both asked for here. Add a letter or a digit anywhere."
        case .passwordTooSoon: "It stays for a while before it can be changed again."
        case .passwordChangeRequired:
            "An administrator asked for it a while ago, so yours opens nothing by itself. We mailed you a link: choose another with it, then sign in."
        case .passwordExpired:
            "It expired long ago, so it opens nothing by itself. We mailed you a link: choose another with it, then sign in."
        case .unusualSignIn:
            "The password is right, but you haven’t signed in like this before. We mailed you: say there that it was you, then sign in again."
        case .passwordUnasked: "The list of stolen passwords doesn’t answer. Try again in a few minutes."
        case .nameInvalid: "Use 1 to 100 characters on one line."
        case .groupInvalid: "Use a-z, 0-9 and -, at most 40."
        case .signUpClosed: "Ask an administrator for an invitation."
        case .linkInvalid: "It was used, replaced by a newer one, or is too old. Ask for a new one."
        case .lastOwner: "Make somebody else an owner first."
        case .wrongCode: "Type the 6 digits your app shows now, or an unused recovery code."
        case .codeUsed: "Each code works once. Wait for the next one, at most 30 seconds, and type that."
        case .clockOff: "Switch on automatic time there, then type the code it shows."
        case .codesWait: "This one wasn’t tried. Wait as long as Retry-After says, or use a recovery code, which works at once."
        case .moreCodesNeeded:
            "After many wrong codes three right ones in a row are needed, a quarter of an hour apart. A recovery code works at once."
        case .attemptOver: "Nothing was changed. Start again with your password."
        case .stepUpRequired: "Send a proof to /auth/v1/session/step-up by one of the methods named, then try again."
        case .secondFactorRequired: "Add an authenticator app on your security page, and sign in with it."
        case .noSecondFactor: "Add an authenticator app first."
        case .tooManyAuthenticators: "Remove one that you no longer use."
        case .enrolmentOver: "A new key waits 10 minutes for its first code, and only the newest counts. Start over."
        case .codesSpent: "Five wrong ones were typed. None that was sent is good any more: use another way, or start over."
        case .codeJustSent: "It takes a moment. Another can be asked for as Retry-After says."
        case .tooManyCodes: "Use another way, or wait as long as Retry-After says."
        case .deliveryUnavailable: "Use another way, or try again later."
        case .numberInvalid: "Type it with its country, such as +351 912 345 678."
        case .numberNotServed: "Codes go to ordinary numbers in the countries that this server is set up for. Give another, or use an app."
        case .numberKnown: "It is on your security page."
        case .tooManyNumbers: "Remove one that you no longer use, or come back tomorrow."
        case .phonesNotAllowed: "A group of yours forbids them. Use an authenticator app."
        case .numberCoolingOff: "Keep this one until it can: your security page says from when on. Else nothing would sign you in."
        case .apiKeyInvalid: "It is mistyped, cut short, or nobody’s. Copy it again, whole."
        case .apiKeyRevoked: "Ask whoever gave it to you for the new one."
        case .apiKeyExpired: "Ask whoever gave it to you for a new one."
        case .apiKeyAddress: "Its owner named the addresses that it works from."
        case .apiKeyNotAccepted: "The app’s settings say whose keys pass (apps.*.keys)."
        case .scopeMissing: "Use a key with the scope that is asked for."
        case .beyondOwnScopes: "Use a key with more, or sign in."
        case .lastKey: "Send {\"confirm\": true} if you mean it. Without a key programs are locked out; people still sign in."
        case .keyNotRotatable: "It has a successor already, or opens nothing any more."
        case .guestsOff: "Sign in and make an organization, or ask for organizations.guests to be switched on."
        case .tooManyGuests: "End some, or try again later: each is over after 24 hours."
        case .tooManyOrganizations: "Leave one first."
        case .alreadyMember: "Change their role instead."
        case .noNumber: "Add one on your security page, or use another way."
        }
    }
}

/// Stops a request with a reason. Thrown only between bytes and a room: a flow's refusals are outcomes.
struct Refused: Error {
    let reason: Reason
    /// The field that the reason speaks of.
    let field: String?
    let detail: String?
    /// Ways to prove who one is, where that is what's missing.
    var methods: [String]?
    /// Seconds until it makes sense to try again.
    var retryAfter: Int64?
    /// How a rate stands that this request went over.
    var rate: RateState?
    /// Where a person would sign in, for a program that was refused on an app's host.
    var signInURL: String?
    /// More of a key that opens nothing.
    var key: KeyRefusal?

    init(_ reason: Reason, field: String? = nil, detail: String? = nil) {
        self.reason = reason
        self.field = field
        self.detail = detail
    }
}

/// What `RateLimit` says (draft-ietf-httpapi-ratelimit-headers).
struct RateState: Equatable, Sendable {
    let policy: String
    let limit: Int64
    let left: Int64
}
