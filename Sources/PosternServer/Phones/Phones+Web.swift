import HTTPTypes
import Hummingbird
import Secrets
import Storage

/// One's own telephone numbers, by page and by JSON.
struct PhonesWeb: Room {
    let add: AddPhone
    let manage: ManagePhones
    let shell: Shell
    let factors: @Sendable (Account.ID, Timestamp) async throws(StoreError) -> SecurityPage.Factors
    /// A number that waits for its code, and the last code that was sent there.
    let waiting: @Sendable (Phone.ID, Account.ID, Timestamp) async throws(StoreError) -> (phone: Phone, sent: CodeState?)?

    private static let home = "/auth/account/security"
    private static let place = home + "/phones"

    var routes: [Route] {
        [
            .page(.get, Self.place, .signedIn, askForNumber),
            .page(.post, Self.place, .signedIn, begin),
            .page(.get, Self.place + "/{id}", .signedIn, askForCode),
            .page(.post, Self.place + "/{id}/send", .signedIn, sendAgain),
            .page(.post, Self.place + "/{id}/confirm", .signedIn, confirm),
            .page(.get, Self.place + "/{id}/remove", .signedIn, askToRemove),
            .page(.post, Self.place + "/{id}/remove", .signedIn, remove),
            .api(.get, "/auth/v1/account/phones", .signedIn, list),
            .api(.post, "/auth/v1/account/phones", .signedIn, callBegin),
            .api(.post, "/auth/v1/account/phones/{id}/send", .signedIn, callSend),
            .api(.post, "/auth/v1/account/phones/{id}/confirm", .signedIn, callConfirm),
            .api(.delete, "/auth/v1/account/phones/{id}", .signedIn, callRemove),
        ]
    }

    private func id(_ visit: Visit) throws -> Phone.ID {
        guard let id = Phone.ID(visit.parameterID) else { throw Refused(.notFound) }
        return id
    }

    private func toStepUp(_ place: String) -> Response { .seeOther("/auth/account/step-up?return_to=\(percentEncoded(place))") }

    // MARK: Pages

    private func addPage(_ visit: Visit) throws -> AddPhonePage {
        let settings = add.policy.desk.rules.settings
        return AddPhonePage(
            countries: settings.countries.count > 12 ? [] : settings.countries.map(CountryNames.english).sorted(),
            offersTexts: settings.routes.contains { $0.channel == .sms }, offersCalls: settings.routes.contains { $0.channel == .voice },
            reader: shell.reader(try visit.signedIn(), visit))
    }

    @Sendable private func askForNumber(_ request: Request, _ visit: Visit) async throws -> Response {
        .page(try addPage(visit).html(shell.pages))
    }

    @Sendable private func begin(_ request: Request, _ visit: Visit) async throws -> Response {
        let form = try FormFields(visit.body)
        let channel = Delivery.Channel(rawValue: form.text("method"))
        let outcome = try await add.begin(
            form.text("number"), by: channel, in: try visit.signedIn(), client: visit.client, now: visit.now)
        if case .sent(let id, _) = outcome { return .seeOther("\(Self.place)/\(id)") }
        if case .stepUpNeeded = outcome { return toStepUp(Self.place) }
        let refused = Self.refused(outcome, now: visit.now)
        var page = try addPage(visit)
        page.number = form.text("number")
        page.problem = "\(refused.reason.title). \(refused.detail ?? refused.reason.advice)"
        return .page(page.html(shell.pages), status: refused.reason.status).retrying(refused)
    }

    private func codePage(_ visit: Visit) async throws -> ConfirmPhonePage {
        let session = try visit.signedIn()
        guard let found = try await waiting(try id(visit), session.account, visit.now) else { throw Refused(.enrolmentOver) }
        let channels = add.policy.desk.channels(to: found.phone)
        return ConfirmPhonePage(phone: found.phone, sent: found.sent, channels: channels, reader: shell.reader(session, visit))
    }

    @Sendable private func askForCode(_ request: Request, _ visit: Visit) async throws -> Response {
        var page = try await codePage(visit)
        page.problem = SendCodeWeb.words(try FormFields((request.uri.query ?? "").utf8)["problem"], page.sent)
        return .page(page.html(shell.pages))
    }

    @Sendable private func sendAgain(_ request: Request, _ visit: Visit) async throws -> Response {
        let id = try id(visit)
        let channel = Delivery.Channel(rawValue: try FormFields(visit.body).text("method")) ?? .sms
        let outcome = try await add.sendAgain(id, by: channel, in: try visit.signedIn(), client: visit.client, now: visit.now)
        guard let outcome else { throw Refused(.enrolmentOver) }
        if case .sent = outcome { return .seeOther("\(Self.place)/\(id)") }
        return .seeOther("\(Self.place)/\(id)?problem=\(Self.refused(outcome, now: visit.now).reason.rawValue)")
    }

    @Sendable private func confirm(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let code = Secret(try FormFields(visit.body).text("code"))
        let outcome = try await add.confirm(
            try id(visit), code: code, in: session, codes: .onceSaved, renews: true, client: visit.client, now: visit.now)
        switch outcome {
        case .confirmed(let codes, let token, let usableFrom):
            var visit = visit
            if let token { visit.sessionToken = token }
            let cookie = token.map { shell.renewed(session, $0, visit) }
            guard let codes else {
                return .seeOther(Self.home + "?done=phone-\(usableFrom > visit.now ? "later" : "added")").setting(cookie: cookie)
            }
            let page = RecoveryCodesPage(
                codes: codes.texts.map(\.exposed), set: codes.set.id.description, replacesOld: false, madeAt: visit.now,
                email: session.email)
            return .page(page.html(shell.pages, for: shell.reader(session, visit))).setting(cookie: cookie)
        case .wrongCode, .spent:
            var page = try await codePage(visit)
            let verdict: CodeVerdict = if case .spent = outcome { .spent } else { .wrong }
            page.problem = verdict.words("sms", now: visit.now)
            return .page(page.html(shell.pages), status: verdict.reason.status)
        case .gone: throw Refused(.enrolmentOver)
        case .busy: throw Refused(.busy)
        }
    }

    private func removePage(_ visit: Visit) async throws -> RemovePhonePage {
        let session = try visit.signedIn()
        let held = try await factors(session.account, visit.now)
        let id = try id(visit)
        guard let phone = held.phones.first(where: { $0.id == id }) else { throw Refused(.notFound) }
        return RemovePhonePage(
            phone: phone, isLast: held.phones.count + held.authenticators.count == 1, reader: shell.reader(session, visit))
    }

    @Sendable private func askToRemove(_ request: Request, _ visit: Visit) async throws -> Response {
        .page(try await removePage(visit).html(shell.pages))
    }

    @Sendable private func remove(_ request: Request, _ visit: Visit) async throws -> Response {
        let id = try id(visit)
        switch try await manage.remove(id, in: try visit.signedIn(), client: visit.client, now: visit.now) {
        case .removed: return .seeOther(Self.home + "?done=phone-removed")
        case .noSuchPhone: throw Refused(.notFound)
        case .stepUpNeeded: return toStepUp("\(Self.place)/\(id)/remove")
        case .othersCoolOff: throw Refused(.numberCoolingOff)
        }
    }

    // MARK: JSON

    private struct Line: Encodable {
        let id, number, country, added_at, usable_from: String
        let used_at: String?
        let methods: [String]
    }

    private struct Begun: Encodable {
        let id: String
        let delivery: String
        let resend_after: Int64
    }

    private struct Confirmed: Encodable {
        let usable_from: String
        let recovery_codes: [String]?
    }

    @Sendable private func list(_ request: Request, _ visit: Visit) async throws -> Response {
        let held = try await factors(try visit.signedIn().account, visit.now)
        return try .json([
            "phones": held.phones.map { phone in
                Line(
                    id: phone.id.description, number: phone.masked, country: phone.country, added_at: ISOTime.text(phone.addedAt),
                    usable_from: ISOTime.text(phone.usableFrom), used_at: phone.usedAt.map(ISOTime.text),
                    methods: held.phoneOptions.first { $0.phone.id == phone.id }?.channels.map(\.rawValue) ?? [])
            }
        ])
    }

    private static func refused(_ outcome: AddPhone.Beginning, now: Timestamp) -> Refused {
        switch outcome {
        case .sent: Refused(.malformed)
        case .invalid(readsLikeOne: false): Refused(.numberInvalid, field: "number")
        case .invalid(readsLikeOne: true):
            Refused(
                .numberInvalid, field: "number",
                detail: "It reads like a number, but none like it is given out. Check it for typing mistakes.")
        case .refused(let asked): asked.refused(now: now)
        case .known: Refused(.numberKnown, field: "number")
        case .tooMany: Refused(.tooManyNumbers, detail: "You have \(Phone.most). Remove one that you no longer use.")
        case .tooManyToday:
            Refused(.tooManyNumbers, detail: "\(Phone.mostPerDay) new numbers a day can be tried. Come back tomorrow, or use an app.")
        case .forbidden: Refused(.phonesNotAllowed)
        case .stepUpNeeded: Refused(.stepUpRequired)
        }
    }

    @Sendable private func callBegin(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: ["number", "method"])
        let session = try visit.signedIn()
        let channel = fields.has("method") ? try SendCodeWeb.channel(fields) : nil
        let outcome = try await add.begin(try fields.text("number"), by: channel, in: session, client: visit.client, now: visit.now)
        switch outcome {
        case .sent(let id, let sent):
            return try .json(
                Begun(id: id.description, delivery: sent.delivery.description, resend_after: sent.resendAfter.components.seconds),
                status: .created)
        case .stepUpNeeded: throw try await factors(session.account, visit.now).stepUpRequired
        default: throw Self.refused(outcome, now: visit.now)
        }
    }

    @Sendable private func callSend(_ request: Request, _ visit: Visit) async throws -> Response {
        let fields = try JSONFields(visit.body, allowed: ["method"])
        let outcome = try await add.sendAgain(
            try id(visit), by: try SendCodeWeb.channel(fields), in: try visit.signedIn(), client: visit.client, now: visit.now)
        guard let outcome else { throw Refused(.notFound) }
        guard case .sent(_, let sent) = outcome else { throw Self.refused(outcome, now: visit.now) }
        return try SendCodeWeb.answer(sent)
    }

    @Sendable private func callConfirm(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        let code = Secret(try JSONFields(visit.body, allowed: ["code"]).text("code"))
        let outcome = try await add.confirm(
            try id(visit), code: code, in: session, codes: .atOnce, renews: request.headers[.authorization] == nil, client: visit.client,
            now: visit.now)
        switch outcome {
        case .confirmed(let codes, let token, let usableFrom):
            return try .json(
                Confirmed(usable_from: ISOTime.text(usableFrom), recovery_codes: codes?.texts.map(\.exposed))
            ).setting(cookie: token.map { shell.renewed(session, $0, visit) })
        case .wrongCode: throw CodeVerdict.wrong.refused("sms", now: visit.now)
        case .spent: throw CodeVerdict.spent.refused("sms", now: visit.now)
        case .gone: throw Refused(.enrolmentOver)
        case .busy: throw Refused(.busy)
        }
    }

    @Sendable private func callRemove(_ request: Request, _ visit: Visit) async throws -> Response {
        let session = try visit.signedIn()
        switch try await manage.remove(try id(visit), in: session, client: visit.client, now: visit.now) {
        case .removed: return .nothing()
        case .noSuchPhone: throw Refused(.notFound)
        case .stepUpNeeded: throw try await factors(session.account, visit.now).stepUpRequired
        case .othersCoolOff: throw Refused(.numberCoolingOff)
        }
    }
}
