import Secrets
import Storage

/// The daily run: finds out who is to be told today, and leaves a job for each.
struct FindExpiring: Sendable {
    /// Whom a run would tell.
    struct Due: Sendable {
        let thing: Expiring
        let kind: Notice.Kind
        let threshold: Int
    }

    let store: any Store
    let sources: [ExpirySource]
    let notices: Notices

    /// Few enough that a sign-in behind them on SQLite's one writer hardly waits.
    private static let perTransaction = 25
    /// Between two transactions, so that sign-ins have the machine for most of the time: 30,000 reminders take half a minute.
    private static let pause = Duration.milliseconds(20)

    /// - Returns: how many reminders are new.
    func run(now: Timestamp) async throws(StoreError) -> Int {
        var new = 0
        for source in sources {
            try await eachPage(of: source, now: now) { (due) throws(StoreError) in
                for start in stride(from: 0, to: due.count, by: Self.perTransaction) {
                    let part = due[start..<min(start + Self.perTransaction, due.count)]
                    if start > 0 { try? await Task.sleep(for: Self.pause) }
                    new += try await write(Array(part), source, now: now)
                }
            }
        }
        return new
    }

    /// Whom the run of a day would tell, if one ran each day until then.
    func preview(on day: Timestamp) async throws(StoreError) -> [Due] {
        var found: [Due] = []
        for source in sources {
            try await eachPage(of: source, now: day) { (due) throws(StoreError) in
                let asked = due.map { (key: source.uniqueKey($0.thing, threshold: $0.threshold), account: $0.thing.account) }
                let comes = try await store.read { (transaction) throws(StoreError) in
                    try asked.map { (key, account) throws(StoreError) in
                        guard try !transaction.noticeExists(uniqueKey: key) else { return false }
                        return try transaction.wantsNotice(source.kind, account)
                    }
                }
                for (due, comes) in zip(due, comes) where comes {
                    // What lay under the same threshold the day before was told then.
                    let before = source.threshold(of: due.thing.expiresAt, at: day - .seconds(86_400))
                    if before != due.threshold || day <= .now() { found.append(due) }
                }
            }
        }
        return found
    }

    private func eachPage(
        of source: ExpirySource, now: Timestamp, _ body: ([Due]) async throws(StoreError) -> Void
    ) async throws(StoreError) {
        guard let most = source.thresholds.max() else { return }
        var after: ExpirySource.Row?
        repeat {
            let (found, next) = try await source.page(now + .seconds(Int64(most) * 86_400), after)
            let due = found.compactMap { thing in
                source.threshold(of: thing.expiresAt, at: now).map { Due(thing: thing, kind: source.kind, threshold: $0) }
            }
            if !due.isEmpty { try await body(due) }
            after = next
        } while after != nil
    }

    private func write(_ due: [Due], _ source: ExpirySource, now: Timestamp) async throws(StoreError) -> Int {
        // Sealed before, so that the transaction is short.
        let all = due.compactMap { due -> (notice: Notice, site: [Notice], account: Account.ID)? in
            guard let email = EmailAddress(due.thing.email) else { return nil }
            let payload = ReminderPayload(due.thing, source.kind, threshold: due.threshold).bytes
            let job = Job(.remind, payload: payload, keys: notices.keys.current, now: now, random: notices.random)
            let mail = source.mail(due.thing, email, due.threshold)
            let notice = Notice(
                kind: source.kind, channel: .mail, target: email.address, subject: mail.subject,
                uniqueKey: source.uniqueKey(due.thing, threshold: due.threshold), job: job)
            return (notice, notices.forSite(mail, now: now), due.thing.account)
        }
        return try await store.write { (transaction) throws(StoreError) in
            var new = 0
            for (notice, site, account) in all where try transaction.wantsNotice(source.kind, account) {
                guard try transaction.send(notice, of: account) else { continue }
                new += 1
                try transaction.send(site, of: account)
            }
            return new
        }
    }
}

/// Tells one person, if it is still so: another password, another policy or another address meanwhile count.
struct Remind: Sendable {
    let store: any Store
    let sources: [ExpirySource]
    let deliver: @Sendable (Mail, Job.ID) async -> JobOutcome

    func remind(_ payload: Secret<[UInt8]>, id: Job.ID, now: Timestamp) async throws(StoreError) -> JobOutcome {
        guard let payload = ReminderPayload(payload), let account = Account.ID(payload.account) else {
            return .failed("its payload is no reminder")
        }
        guard let source = sources.first(where: { $0.kind == payload.kind }),
            let thing = try await source.current(account, payload.subject ?? ""),
            thing.expiresAt.microseconds == payload.expiresAt, thing.expiresAt > now, source.thresholds.contains(payload.threshold),
            // One that is overtaken says the wrong number of days.
            source.threshold(of: thing.expiresAt, at: now) == payload.threshold, let email = EmailAddress(thing.email),
            try await store.read({ (transaction) throws(StoreError) in try transaction.wantsNotice(source.kind, account) })
        else { return .dropped }
        return await deliver(source.mail(thing, email, payload.threshold), id)
    }
}
