import Foundation
package import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import PasswordHashing
import Secrets
import ServiceLifecycle
package import Storage

/// The composition root: makes every flow from its parts and lists the routes. It wires, and decides nothing.
package struct Server: Sendable {
    let settings: Settings
    let store: any Store
    let keys: KeyRingHolder
    let random: Randomness
    let logger: Logger
    let hasher: PasswordHasher
    let desk: SessionDesk
    let directory: AppDirectory
    let mailbox: DevelopmentMailbox?
    let routes: [Route]
    package let frontDoor: FrontDoor
    let setUp: SetUpOwner
    let passwords: PasswordParts
    let notices: Notices
    let rules: RulesInForce
    let gate: RequestGate
    package let delivery: DeliveryParts
    package let history: HistoryParts
    package let apiKeys: KeyParts

    /// Throws where a file that the settings name is not there or not what it should be.
    package init(settings: Settings, store: any Store, keys: KeyRingHolder, random: Randomness = .system, logger: Logger) throws {
        self.settings = settings
        self.store = store
        self.keys = keys
        self.random = random
        self.logger = logger
        let hasher = PasswordHasher(settings: settings.hashing, random: random)
        let desk = SessionDesk(store: store, logger: logger)
        self.hasher = hasher
        self.desk = desk
        let directory = AppDirectory(store: store, configured: settings.apps, logger: logger)
        self.directory = directory
        mailbox = settings.showsDevelopmentMailbox ? DevelopmentMailbox() : nil
        let delivery = DeliveryParts(settings, store: store, keys: keys, mailbox: mailbox, random: random, logger: logger)
        self.delivery = delivery
        let rules = RulesInForce(settings, delivery: delivery.rules, store: store, logger: logger)
        self.rules = rules
        let gate = RequestGate(
            blocks: BlockList(store: store, trustedProxies: settings.trustedProxies, logger: logger), rules: rules.requests, store: store,
            identifiers: keys.current.authenticator(for: "key of a rule"), logger: logger)
        self.gate = gate
        let notices = Notices(keys: keys, random: random, site: settings.siteChannels)
        self.notices = notices
        let apiKeys = KeyParts(settings, store: store, notices: notices, random: random, logger: logger)
        self.apiKeys = apiKeys
        let shell = Self.shell(settings, keys, desk, apiKeys.desk, gate, directory, random)
        let passwords = try PasswordParts(settings: settings, filterCopiedTo: settings.dataDirectory)
        self.passwords = passwords
        let followUp = passwords.followUp(notices)
        let setUp = SetUpOwner(store: store, hasher: hasher, breaches: followUp, random: random)
        self.setUp = setUp
        let gateway = GatewayWeb(
            directory: directory, desk: desk, keys: apiKeys.desk,
            assertions: Assertions(signer: TokenSigner(keys.current, purpose: Assertions.purpose), issuer: settings.publicURL),
            checks: WatchChecks(store: store), shell: shell)
        history = HistoryParts(settings, store: store, keys: keys, desk: desk, notices: notices, random: random, logger: logger)
        let parts = Parts(
            settings: settings, store: store, history: history, apiKeys: apiKeys, keys: keys, notices: notices, random: random,
            hasher: hasher, desk: desk,
            shell: shell,
            setUp: setUp,
            passwords: passwords, gateway: gateway, mailbox: mailbox, delivery: delivery,
            tries: PasswordTries(
                rules: rules, trustedProxies: settings.trustedProxies, blocks: gate.blocks,
                locks: LockNotices(notices: notices, mails: LockMail(publicURL: settings.publicURL, layout: settings.mailLayout)),
                random: random))
        routes = parts.rooms.flatMap(\.routes)
        frontDoor = FrontDoor(
            shell: shell, routes: routes,
            fast: [GatewayWeb.requestPath: gateway.request, GatewayWeb.forwardPath: gateway.forward],
            below: (GatewayWeb.envoyPath, gateway.envoy))
    }

    private static func shell(
        _ settings: Settings, _ keys: KeyRingHolder, _ desk: SessionDesk, _ keyDesk: KeyDesk, _ gate: RequestGate,
        _ directory: AppDirectory,
        _ random: Randomness
    ) -> Shell {
        Shell(
            publicURL: settings.publicURL, trustedProxies: settings.trustedProxies, cookies: Cookies(needTLS: settings.cookiesNeedTLS),
            pages: Pages(site: settings.site), forms: CrossSite(keys: keys.current), random: random,
            administrationNeedsSecondFactor: settings.secondFactors.isNeededForAdministration,
            findSession: { (token, now) throws(StoreError) in try await desk.session(of: token, now: now) },
            findKey: { (text, client, now) throws(StoreError) in try await keyDesk.find(text, from: client, now: now) },
            noteExposed: { keyDesk.noteExposed($0) }, apps: hosts(directory),
            check: RequestCheck(isNeeded: { gate.isNeeded }, refusal: { await gate.verdict($0, now: $1).refused }),
            headers: SecurityHeaders())
    }

    /// The apps as the shell sees them.
    private static func hosts(_ directory: AppDirectory) -> AppHosts {
        let host = { @Sendable (served: ServedApp) in
            AppHost(
                name: served.app.name, origin: served.app.origin, sessionPurpose: served.sessionPurpose,
                isOfDomain: served.app.cookieDomain != nil)
        }
        return AppHosts(
            at: { (authority) throws(StoreError) in try await directory.current().app(at: authority).map(host) },
            all: { directory.known?.all.map(host) ?? [] })
    }

    /// What rooms are made from.
    private struct Parts {
        let settings: Settings
        let store: any Store
        let history: HistoryParts
        let apiKeys: KeyParts
        let keys: KeyRingHolder
        let notices: Notices
        let random: Randomness
        let hasher: PasswordHasher
        let desk: SessionDesk
        let shell: Shell
        let setUp: SetUpOwner
        let passwords: PasswordParts
        let gateway: GatewayWeb
        let mailbox: DevelopmentMailbox?
        let delivery: DeliveryParts
        let tries: PasswordTries

        var locks: AccountLocks { AccountLocks(keys.current) }
        var check: PasswordCheck { PasswordCheck(store: store, hasher: hasher, tries: tries) }
        var phones: PhonePolicy { PhonePolicy(factors: settings.secondFactors, desk: delivery.desk) }
        var views: Views { Views(store: store, calendar: passwords.calendar, locks: locks, phones: phones) }

        var rooms: [any Room] {
            let mails = SignUpMail(publicURL: settings.publicURL, layout: settings.mailLayout)
            let followUp = passwords.followUp(notices)
            let invite = Invite(
                store: store, hasher: hasher, notices: notices, mails: mails, breaches: followUp, isOpen: settings.signUp != .closed,
                random: random)
            let endSessions = EndSessions(store: store, desk: desk)
            let second = SecondFactorParts(self)
            let views = views
            let leavingMail = LeavingMail(publicURL: settings.publicURL, layout: settings.mailLayout)
            let links = passwords.links(notices)
            let previous = PreviousPasswords(store: store, hasher: hasher, policy: settings.passwords)
            return [
                SignUpWeb(
                    signUp: SignUp(
                        store: store, hasher: hasher, notices: notices, mails: mails, breaches: followUp, mode: settings.signUp,
                        domains: settings.signUpDomains, random: random),
                    confirm: ConfirmEmail(store: store, check: check), invite: invite, passwords: passwords.desk, shell: shell),
                SignInWeb(
                    signIn: SignIn(
                        store: store, desk: desk, hasher: hasher,
                        identifiers: locks.identifiers,
                        tries: tries, policies: SessionPolicies(general: settings.session, ofGroups: settings.groupSessions),
                        secondFactors: settings.secondFactors, breaches: passwords.atSignIn(notices), calendar: passwords.calendar,
                        unusual: settings.unusual, links: links, random: random),
                    sessions: endSessions, shell: shell, maySignUp: settings.signUp == .open || settings.signUp == .domains,
                    methods: second.methods, ownerIsMissing: views.ownerIsMissing),
                SessionsWeb(sessions: endSessions, shell: shell, list: views.sessions),
                SetupWeb(setUp: setUp, passwords: passwords.desk, shell: shell),
                ResetPasswordWeb(
                    reset: ResetPassword(
                        store: store, desk: desk, hasher: hasher, previous: previous, followUp: followUp, links: links,
                        locks: locks),
                    passwords: passwords.desk, shell: shell),
                ChangePasswordWeb(
                    change: ChangePassword(
                        store: store, desk: desk, hasher: hasher, check: check, previous: previous, followUp: followUp, random: random),
                    atSignIn: ChangeAtSignIn(
                        store: store, desk: desk, hasher: hasher, previous: previous, completion: second.completion,
                        calendar: passwords.calendar, followUp: followUp,
                        random: random),
                    passwords: passwords.desk, shell: shell, person: views.passwordPerson,
                    stepUpRequired: { session, now in try await views.factors(of: session.account, now: now).stepUpRequired }),
                PasswordsWeb(desk: passwords.desk, module: passwords.module, person: views.passwordPerson),
                ChangeEmailWeb(
                    change: ChangeEmail(
                        store: store, desk: desk, check: check, domains: settings.signUp == .domains ? settings.signUpDomains : nil,
                        notices: notices,
                        mails: ChangeEmailMail(publicURL: settings.publicURL, layout: settings.mailLayout)),
                    shell: shell,
                    stepUpRequired: { session, now in try await views.factors(of: session.account, now: now).stepUpRequired }),
                LeavingWeb(
                    leave: Leave(store: store, check: check, notices: notices, mails: leavingMail), shell: shell,
                    leavesAt: views.leavesAt, export: views.export,
                    stepUpRequired: { session, now in try await views.factors(of: session.account, now: now).stepUpRequired }),
                AccountsWeb(rename: RenameAccount(store: store, desk: desk), shell: shell, details: views.account),
                AdminWeb(
                    administer: AdministerAccount(store: store, desk: desk, links: links, locks: locks), invite: invite,
                    mayInvite: settings.signUp != .closed,
                    shell: shell,
                    figures: views.figures, search: views.search,
                    appNames: { [directory = gateway.directory] () throws(StoreError) in
                        try await directory.current().all.map(\.app.name)
                    }, person: views.person),
                AppsWeb(
                    directory: gateway.directory,
                    preview: PreviewApp(store: store, assertions: gateway.assertions, random: random), shell: shell),
                gateway,
                SimulationWeb(
                    simulate: Simulate(store: store),
                    today: { [settings, rules = tries.rules] in
                        var today = settings
                        today.signInLimits = rules.signInLimits
                        return today
                    }, shell: shell, shadows: views.shadows),
                ThrottlingWeb(unlock: Unlock(store: store, locks: locks), shell: shell),
                BlocklistWeb(
                    manage: ManageBlocks(store: store, trustedProxies: settings.trustedProxies, locks: locks, random: random), shell: shell,
                    list: views.blocks),
                EntryWeb(
                    gateway: gateway, enter: EnterApp(store: store, random: random), desk: desk, directory: gateway.directory, shell: shell),
                NoticesWeb(
                    shell: shell, list: views.notices, choices: views.noticeChoices, choose: ChooseNotices(store: store)),
                NotificationsWeb(mailbox: mailbox, pages: shell.pages),
                HealthWeb(isHealthy: views.isHealthy),
                AssetsWeb(accent: settings.site.accent),
            ] + second.rooms + delivery.rooms(store: store, shell: shell) + history.rooms(links, views, shell, desk, notices)
                + apiKeys.rooms(views, shell, desk, notices)
        }
    }

    /// What the room of second factors is made from.
    private struct SecondFactorParts {
        let secondStep: SecondStep
        let completion: SignInCompletion
        let rooms: [any Room]

        init(_ parts: Parts) {
            let (store, desk, random, settings, shell) = (parts.store, parts.desk, parts.random, parts.settings, parts.shell)
            let notices = FactorNotices(
                notices: parts.notices,
                mails: SecondFactorMail(publicURL: settings.publicURL, layout: settings.mailLayout))
            let check = FactorCheck(
                store: store, hasher: parts.hasher, matcher: CodeMatcher(keys: parts.keys, reach: settings.secondFactors.reach),
                phones: parts.phones)
            let completion = SignInCompletion(
                policies: SessionPolicies(general: settings.session, ofGroups: settings.groupSessions), random: random)
            self.completion = completion
            let enrol = EnrolAuthenticator(
                store: store, desk: desk, hasher: parts.hasher, keys: parts.keys, completion: completion, notices: notices,
                issuer: settings.site.name, random: random)
            let stepUp = StepUp(store: store, desk: desk, passwords: parts.check, check: check, notices: notices, random: random)
            let manage = ManageAuthenticators(store: store, desk: desk, notices: notices)
            let codes = RecoveryCodes(store: store, hasher: parts.hasher, notices: notices, random: random)
            let views = parts.views
            let factors = views.factors
            let phoneNotices = PhoneNotices(
                notices: parts.notices, mails: PhoneMail(publicURL: settings.publicURL, layout: settings.mailLayout), keys: parts.keys)
            let wake: @Sendable () -> Void = { [dispatcher = parts.delivery.dispatcher] in dispatcher.wake() }
            secondStep = SecondStep(
                store: store, desk: desk, check: check, completion: completion, policy: settings.secondFactors, notices: notices,
                changesBreached: settings.passwords.breached.atSignIn == .change, calendar: parts.passwords.calendar, random: random)
            rooms = [
                SecondStepWeb(secondStep: secondStep, enrol: enrol, shell: shell),
                StepUpWeb(stepUp: stepUp, shell: shell, factors: factors, sent: views.codeForStepUp),
                SendCodeWeb(send: SendCode(store: store, policy: parts.phones, keys: parts.keys, wake: wake), shell: shell),
                PhonesWeb(
                    add: AddPhone(
                        store: store, desk: desk, hasher: parts.hasher, policy: parts.phones, keys: parts.keys, notices: phoneNotices,
                        random: random, wake: wake),
                    manage: ManagePhones(store: store, desk: desk, notices: phoneNotices), shell: shell, factors: factors,
                    waiting: views.waitingPhone),
                SecurityWeb(
                    enrol: enrol, manage: manage, codes: codes, stepUp: stepUp, shell: shell, factors: factors),
                SecondFactorWeb(enrol: enrol, manage: manage, codes: codes, shell: shell, factors: factors),
                ResetFactorsWeb(reset: ResetFactors(store: store, desk: desk, notices: notices)),
            ]
        }

        var methods: @Sendable (Token, Timestamp) async throws(StoreError) -> [String] {
            { [secondStep] (token, now) throws(StoreError) in try await secondStep.view(of: token, now: now)?.methods ?? [] }
        }
    }

    /// The worker that empties the queue; without a way to send mail, mail waits.
    var worker: JobWorker {
        var handlers: [Job.Kind: JobWorker.Handler] = [:]
        if let deliver {
            handlers[.sendMail] = JobWorker.Handler(
                perform: { id, payload in
                    guard let mail = Mail(payload: payload) else { return .failed("its payload is no mail") }
                    return await deliver(mail, id)
                }, ended: Self.noteSending)
        }
        if passwords.lookup.filter != nil || passwords.lookup.range != nil {
            let recheck = RecheckPassword(
                store: store, breaches: passwords.lookupOfJobs, followUp: passwords.followUp(notices))
            handlers[.checkPassword] = JobWorker.Handler { _, payload in
                do throws(StoreError) { return try await recheck.recheck(payload, now: .now()) } catch {
                    return .failed("the database can't be reached")
                }
            }
        }
        addReminders(to: &handlers)
        if settings.delivery.isOn {
            let text = SendText(store: store, rules: delivery.rules, place: delivery.place, random: random)
            handlers[.sendText] = JobWorker.Handler(
                perform: { id, payload in await text.perform(id, payload, now: .now()) }, ended: Self.noteSending)
        }
        addSiteChannels(to: &handlers)
        let leavers = DeleteLeavers(
            store: store, desk: desk, notices: notices,
            mails: LeavingMail(publicURL: settings.publicURL, layout: settings.mailLayout))
        handlers[.deleteLeavers] = JobWorker.Handler(
            period: .daily(.deleteLeavers),
            perform: { _, _ in
                do throws(StoreError) {
                    _ = try await leavers.run(now: Timestamp.now())
                    return .done
                } catch { return .failed("the database can't be reached") }
            })
        history.addJobs(to: &handlers)
        return JobWorker(store: store, keys: keys, handlers: handlers, random: random, logger: logger)
    }

    private func addSiteChannels(to handlers: inout [Job.Kind: JobWorker.Handler]) {
        let sender = WebhookSender(allowsPrivate: settings.siteChannelsMayBePrivate)
        let siteName = settings.site.name
        for channel in settings.siteChannels {
            handlers[channel.jobKind] = JobWorker.Handler(
                perform: { id, payload in
                    guard let event = SiteEvent(payload: payload) else { return .failed("its payload is no event") }
                    let message = channel.message(event, id: id, now: .now(), siteName: siteName)
                    let problem = await sender.post(channel.url.exposed, headers: message.headers, body: message.body)
                    return problem.map(JobOutcome.failed) ?? .done
                }, ended: Self.noteSending)
        }
    }

    private func addReminders(to handlers: inout [Job.Kind: JobWorker.Handler]) {
        let sources = [passwords.expirySource(store), apiKeys.expirySource]
        let find = FindExpiring(store: store, sources: sources, notices: notices)
        let logger = logger
        handlers[.findExpiring] = JobWorker.Handler(
            period: .daily(.findExpiring),
            perform: { _, _ in
                do throws(StoreError) {
                    let count = try await find.run(now: Timestamp.now())
                    if count > 0 { logger.info("people are reminded of what expires", metadata: ["reminders": "\(count)"]) }
                    return .done
                } catch { return .failed("the database can't be reached") }
            })
        guard let deliver else { return }
        let remind = Remind(store: store, sources: sources, deliver: deliver)
        handlers[.remind] = JobWorker.Handler(
            rest: .milliseconds(5),
            perform: { id, payload in
                do throws(StoreError) { return try await remind.remind(payload, id: id, now: Timestamp.now()) } catch {
                    return .failed("the database can't be reached")
                }
            }, ended: Self.noteSending)
    }

    private static let noteSending: @Sendable (borrowing Transaction, ClaimedJob, JobEnd, Timestamp) throws(StoreError) -> Void = {
        (transaction, job, end, now) throws(StoreError) in try transaction.noteSending(by: job, end, now: now)
    }

    /// Brings a mail: to the mailbox of a server that is tried out, or to the mail server. Nil where there is neither.
    private var deliver: (@Sendable (Mail, Job.ID) async -> JobOutcome)? {
        if let mailbox {
            return { mail, _ in
                mailbox.deliver(mail, at: .now())
                return .done
            }
        }
        guard let smtp = settings.smtp else { return nil }
        let sender = SMTPSender(settings: smtp, from: settings.mailFrom, siteName: settings.site.name)
        // The same mail has the same Message-ID however often it is tried: who gets it twice sees one.
        return { mail, id in await sender.send(mail, now: Date(), id: id.description).map(JobOutcome.failed) ?? .done }
    }

    /// A second listener with answers of its own, held to the same HTTP.
    func listener<Responder: HTTPResponder>(
        _ responder: Responder, host: String, port: Int, ready: @escaping @Sendable () async -> Void
    ) -> Application<Responder>
    where Responder.Context == Visit {
        Application(
            responder: responder, server: HTTPServerBuilder { StrictHTTP1(responder: $0) },
            configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: nil),
            onServerRunning: { _ in await ready() }, logger: logger)
    }

    /// - Parameter ready: called once connections are accepted, with the port.
    package func application(ready: @escaping @Sendable (Int) async -> Void) -> Application<FrontDoor> {
        var application = Application(
            responder: frontDoor,
            server: HTTPServerBuilder { StrictHTTP1(responder: $0) },
            configuration: ApplicationConfiguration(
                address: .hostname(settings.listen.host, port: settings.listen.port), serverName: nil, backlog: 1_024),
            onServerRunning: { channel in await ready(channel.localAddress?.port ?? 0) },
            logger: logger)
        application.addServices(
            desk, directory, keys, worker, rules, gate.blocks, gate, delivery.dispatcher, history.finder, history.settling, apiKeys.desk,
            Upkeep(store: store, logger: logger))
        return application
    }
}
