import Logging
import Secrets
import Storage

/// What brings codes, made from the settings.
package struct DeliveryParts: Sendable {
    package let rules: DeliveryRules
    let desk: CodeDesk
    let dispatcher: Dispatcher
    let place: MessagePlace
    private let publicURL: PublicURL

    init(
        _ settings: Settings, store: any Store, keys: KeyRingHolder, mailbox: DevelopmentMailbox?, random: Randomness, logger: Logger
    ) {
        publicURL = settings.publicURL
        // A caller for each: what holds one up holds no other.
        rules = DeliveryRules(settings.delivery) { Self.provider($0, HTTPCaller(), mailbox) }
        let guarding = DeliveryGuard(keys: keys.current.authenticator(for: "gate of deliveries"))
        desk = CodeDesk(
            rules: rules, keys: keys, guarding: guarding,
            alarms: SpendAlarms(
                notices: Notices(keys: keys, random: random, site: settings.siteChannels), layout: settings.mailLayout,
                publicURL: settings.publicURL), random: random)
        place = MessagePlace(
            siteName: settings.site.name, publicURL: settings.publicURL, keys: keys.current.authenticator(for: "receipt of a delivery"))
        dispatcher = Dispatcher(store: store, keys: keys, desk: desk, place: place, random: random, logger: logger)
    }

    /// Every kind of provider is one file and one line here.
    private static func provider(
        _ settings: DeliverySettings.Provider, _ caller: HTTPCaller, _ mailbox: DevelopmentMailbox?
    ) -> any MessageProvider {
        let secret = settings.secret ?? Secret("")
        switch settings.kind {
        case .twilio:
            return TwilioProvider(caller: caller, url: settings.url, account: settings.account, token: secret, from: settings.from)
        case .vonage:
            return VonageProvider(
                caller: caller, url: settings.url, account: settings.account, secret: secret, signatureSecret: settings.signatureSecret,
                from: settings.from, clock: { .now() })
        case .sns:
            return SNSProvider(
                caller: caller, url: settings.url, region: settings.region, account: settings.account, secret: secret, from: settings.from)
        case .kannel:
            return KannelProvider(caller: caller, url: settings.url, account: settings.account, secret: secret, from: settings.from)
        case .http:
            return TemplateProvider(
                caller: caller, template: settings.template ?? TemplateProvider.Template(url: settings.url, body: ""),
                secret: settings.secret, from: settings.from, channels: settings.channels)
        case .development: return DevelopmentProvider(mailbox: mailbox ?? DevelopmentMailbox(), clock: { .now() })
        }
    }

    func rooms(store: any Store, shell: Shell) -> [any Room] {
        let views = DeliveryViews(store: store, rules: rules, random: desk.random)
        return [
            ReceiptsWeb(
                take: TakeReceipts(store: store, desk: desk, place: place, wake: { [dispatcher] in dispatcher.wake() }),
                publicURL: publicURL),
            DeliveryWeb(set: SetOutage(store: store), rules: rules, shell: shell, view: views.view, result: views.experiment),
        ]
    }
}
