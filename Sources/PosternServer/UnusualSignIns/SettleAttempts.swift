import Logging
import NetworkAddress
import Secrets
import ServiceLifecycle
package import Storage
import Synchronization
import UnusualSignIns

/// Looks after attempts once they are answered: where they came from, whether that is unusual, and what is done about it.
///
/// A sign-in never waits for it: what it needs was written down, and whatever it finds acts on the session afterwards.
package final class SettleAttempts: Sendable {
    /// How long somebody may look for their second factor before their right password alone counts as unusual.
    static let patience = Duration.seconds(300)
    /// Failures before a sign-in count that far back.
    static let failuresWithin = Duration.seconds(86_400)

    /// Attempts looked up together, and written down in one transaction: few enough that no sign-in waits for it.
    private static let batch: Int64 = 100
    private static let interval = Duration.milliseconds(300)
    /// Attempts whose place can't be asked about by then have none.
    private static let longestWait = Duration.seconds(120)

    private let store: any Store
    private let desk: SessionDesk
    private let finder: PlaceFinder
    private let policy: UnusualPolicy
    private let notices: SignInNotices
    private let logger: Logger
    /// Numbers of places that were written down: most attempts come from the same ones.
    private let known = Mutex<(places: [PlaceRow: Int64], networks: [UInt32: String])>(([:], [:]))
    private static let mostKnown = 20_000

    init(store: any Store, desk: SessionDesk, finder: PlaceFinder, policy: UnusualPolicy, notices: SignInNotices, logger: Logger) {
        (self.store, self.desk, self.finder, self.policy) = (store, desk, finder, policy)
        (self.notices, self.logger) = (notices, logger)
    }

    /// An attempt with what was found out about it.
    private struct Found {
        let attempt: KeptAttempt
        let client: Client
        let place: AddressPlace
        let number: Int64?
    }

    /// Looks after what waits, once.
    /// - Returns: how many attempts.
    @discardableResult
    package func round(now: Timestamp) async throws(StoreError) -> Int {
        try await tellHalfWay(now: now)
        let unsettled = try await store.lookUp { (transaction) throws(StoreError) in try transaction.unsettledAttempts(limit: Self.batch) }
        guard !unsettled.isEmpty else { return 0 }
        let found = await finder.find(unsettled.map(\.client.address))
        // While the files can't be asked, attempts wait: a rule about places must not be slipped past by a restart. But not for ever.
        let waiting = found == nil ? unsettled.filter { now - $0.attempt.at > Self.longestWait } : unsettled
        guard !waiting.isEmpty else { return 0 }
        let places = found ?? waiting.map { _ in AddressPlace() }
        let changed = try await store.write { (transaction) throws(StoreError) -> (Set<Account.ID>, [PlaceRow: Int64], [UInt32: String]) in
            var new = (places: [PlaceRow: Int64](), networks: [UInt32: String]())
            var counts: [PlaceDay: (signedIn: Int64, refused: Int64)] = [:]
            var changed: Set<Account.ID> = []
            for (waiting, place) in zip(waiting, places) {
                let number = try number(of: place, &new, in: transaction)
                let found = Found(attempt: waiting.attempt, client: waiting.client, place: place, number: number)
                guard try settle(found, &changed, in: transaction, now: now) else { continue }
                let isRefused = found.attempt.outcome == .refused
                counts[PlaceDay(number, found.attempt.at), default: (0, 0)].signedIn += isRefused ? 0 : 1
                counts[PlaceDay(number, found.attempt.at), default: (0, 0)].refused += isRefused ? 1 : 0
            }
            for (place, count) in counts.sorted(by: { $0.key < $1.key }) {
                try transaction.countPlace(place, signedIn: count.signedIn, refused: count.refused)
            }
            return (changed, new.places, new.networks)
        }
        for account in changed.0 { desk.forget(account) }
        known.withLock { known in
            if known.places.count + changed.1.count > Self.mostKnown { known = ([:], [:]) }
            known.places.merge(changed.1) { $1 }
            known.networks.merge(changed.2) { $1 }
        }
        return waiting.count
    }

    private func number(
        of place: AddressPlace, _ new: inout (places: [PlaceRow: Int64], networks: [UInt32: String]), in transaction: borrowing Transaction
    ) throws(StoreError) -> Int64? {
        if let network = place.network, new.networks[network] == nil, known.withLock({ $0.networks[network] }) != place.networkName {
            try transaction.nameNetwork(network, place.networkName)
            new.networks[network] = place.networkName
        }
        guard let row = PlaceRow(place) else { return nil }
        if let number = new.places[row] ?? known.withLock({ $0.places[row] }) { return number }
        // Two nodes that meet new places at the same time may take turns.
        for _ in 0..<10 {
            guard let number = try transaction.placeNumber(row) else { continue }
            new.places[row] = number
            return number
        }
        return nil
    }

    /// - Returns: false where another node was faster.
    private func settle(
        _ found: Found, _ changed: inout Set<Account.ID>, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Bool {
        let attempt = found.attempt
        guard let account = attempt.account else {
            return try transaction.settle(attempt.number, place: found.number, network: found.place.network, isKnownBrowser: false)
        }
        let habits = try transaction.habits(of: account)
        let isKnown = habits.knows(found.client)
        guard
            try transaction.settle(
                attempt.number, place: found.number, network: found.place.network, isKnownBrowser: isKnown == true)
        else { return false }
        // A right password that a rule refused is looked at like a sign-in: its owner is to hear of it.
        if attempt.outcome == .signedIn || attempt.reason == "unusual-sign-in" {
            let findings = try findings(found, account, habits, isKnown, in: transaction)
            if try act(on: findings, found, account, in: transaction, now: now) { changed.insert(account) }
        }
        // Last: who makes an account safe holds it before its sessions, and neither may wait for the other.
        if let number = found.number, let session = attempt.session { try transaction.notePlace(number, of: session, account: account) }
        return true
    }

    private func findings(
        _ found: Found, _ account: Account.ID, _ habits: Habits, _ isKnown: Bool?, in transaction: borrowing Transaction
    ) throws(StoreError) -> [Finding] {
        let attempt = found.attempt
        let failures = try transaction.failures(
            of: account, before: attempt, since: attempt.at - Self.failuresWithin)
        let before = try transaction.whereabouts(of: account).map {
            (place: $0.place.whereabouts(network: $0.network), seconds: seconds(attempt.at - $0.number.at))
        }
        return Findings.atOnce(isKnownBrowser: isKnown, failures: failures)
            + Findings.ofPlace(
                found.place.whereabouts, before: before, isKnownBrowser: isKnown == true, knownCountries: habits.countries,
                knownNetworks: habits.networks)
    }

    private func seconds(_ duration: Duration) -> Double { Double(duration.wholeMicroseconds) / 1_000_000 }

    /// - Returns: whether the account's sessions changed.
    private func act(
        on findings: [Finding], _ found: Found, _ account: Account.ID, in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Bool {
        let attempt = found.attempt
        let section = policy.section(for: policy.ofGroups.isEmpty ? [] : try transaction.groups(of: account))
        for finding in findings {
            try transaction.noteFinding(line(finding, attempt.number, account, section))
        }
        let measure = section.mode == .enforce ? section.rules.measure(for: findings) : .record
        var isHeld = false
        var hasChanged = false
        switch measure {
        case .record, .tell: break
        case .ask:
            if let session = attempt.session, try transaction.hasSecondFactor(account) {
                isHeld = try transaction.holdSession(session, of: account, for: attempt.number, now: now)
                hasChanged = isHeld
            }
        case .end:
            if let session = attempt.session { hasChanged = try transaction.endSession(session, of: account, now: now) }
            try transaction.record(
                AuditEvent(.sessionEnded, account: account, by: .server, from: found.client, at: now, detail: "unusual sign-in"))
        }
        if isHeld {
            try transaction.record(
                AuditEvent(.sessionHeld, account: account, by: .server, from: found.client, at: now, detail: "unusual sign-in"))
        }
        // What is held or ended is learnt once its owner says or proves that it was them.
        if attempt.outcome == .signedIn, !isHeld, measure != .end {
            var settled = attempt
            (settled.place, settled.network) = (found.number, found.place.network)
            try transaction.learnAttempt(settled, mark: found.client.mark, of: account)
        }
        if measure >= .tell {
            let told = findings.filter { section.rules.measure(for: $0) >= .tell }
            try notices.tell(
                SignInNotices.Event(
                    number: attempt.number, findings: told, place: found.place, address: attempt.addressText ?? "an unknown address",
                    program: attempt.program,
                    done: isHeld ? .held : attempt.outcome == .refused ? .refused : measure == .end ? .ended : .nothing), found.client,
                account, in: transaction, now: now)
        }
        return hasChanged
    }

    private func line(
        _ finding: Finding, _ number: SignInAttempt.Number, _ account: Account.ID, _ section: UnusualPolicy.Section
    ) -> FindingLine {
        FindingLine(
            number: number, account: account, kind: finding.kind.rawValue, confidence: Int64(finding.confidence),
            measure: Int64(finding.measure), kilometres: Int64(finding.kilometres), seconds: Int64(finding.seconds),
            done: section.rules.measure(for: finding).rawValue, mode: section.mode.rawValue)
    }

    /// Right passwords whose second factor didn't come.
    private func tellHalfWay(now: Timestamp) async throws(StoreError) {
        let isDue = try await store.lookUp { (transaction) throws(StoreError) in try transaction.halfWayIsDue(now: now) }
        guard isDue else { return }
        try await store.write { (transaction) throws(StoreError) in
            for half in try transaction.takeHalfWay(now: now) {
                var reader = AttemptReader()
                guard let attempt = try transaction.attempt(half.number, &reader) else { continue }
                let section = policy.section(for: policy.ofGroups.isEmpty ? [] : try transaction.groups(of: half.account))
                let finding = Findings.halfWay(isKnownBrowser: attempt.isKnownBrowser || half.isKnownBrowser)
                try transaction.noteFinding(line(finding, half.number, half.account, section))
                guard section.mode == .enforce, section.rules.measure(for: finding) >= .tell else { continue }
                let row = try attempt.place.flatMap { (number) throws(StoreError) in try transaction.place(number) }
                var place = AddressPlace()
                if let row { (place.country, place.region, place.city, place.position) = (row.country, row.region, row.city, row.position) }
                try notices.tell(
                    SignInNotices.Event(
                        number: half.number, findings: [finding], place: place, address: attempt.addressText ?? "an unknown address",
                        program: attempt.program,
                        done: .nothing), nil, half.account, in: transaction, now: now)
            }
        }
    }
}

extension SettleAttempts: Service {
    package func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            while !Task.isCancelled {
                do {
                    while try await round(now: .now()) > 0, !Task.isCancelled {}
                } catch {
                    logger.warning("attempts to sign in can't be looked after", metadata: ["error": "\(error)"])
                    try? await Task.sleep(for: .seconds(1))
                }
                try? await Task.sleep(for: Self.interval)
            }
        }
    }
}
