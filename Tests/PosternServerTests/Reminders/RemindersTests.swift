import Foundation
import Secrets
import Storage
import Support
import Synchronization
import Testing

@testable import PosternServer

@Suite struct RemindersTests {
    private static let day = Duration.seconds(86_400)

    private static func day(_ number: Int) -> Timestamp { Timestamp(secondsSinceEpoch: 1_750_000_000) + .seconds(Int64(number) * 86_400) }

    private static func policy(days: Int64, reminders: [Int] = [15, 7, 1]) -> PasswordPolicy {
        var policy = PasswordPolicy()
        policy.rules.expiresAfter = .seconds(days * 86_400)
        policy.reminders = reminders
        policy.spread = .zero
        return policy
    }

    /// Accounts made straight in the database: hashing a password for each would take minutes.
    private static func make(_ count: Int, setAt: @Sendable (Int) -> Timestamp, in store: any Store) async throws -> [Account.ID] {
        var ids: [Account.ID] = []
        for start in stride(from: 0, to: count, by: 500) {
            let accounts = try (start..<min(start + 500, count)).map { number in
                let email = try #require(EmailAddress("person-\(number)@example.org"))
                return (number, NewAccount(email: email, state: .active, passwordHash: "none", now: day(-1_000), random: .system))
            }
            try await store.write { (transaction) throws(StoreError) in
                for (number, account) in accounts {
                    guard try transaction.createAccountUnderFreeName(account, random: .system) else { continue }
                    _ = try transaction.setPassword(of: account.id, setAt: day(-1_000), to: "none", now: setAt(number))
                }
            }
            ids += accounts.map(\.1.id)
        }
        return ids
    }

    private struct House {
        let store: any Store
        let house: TestHouse

        func source(_ policy: PasswordPolicy) -> ExpirySource {
            .passwords(
                PasswordCalendar(policy: policy), store: store,
                mails: PasswordMail(publicURL: house.server.settings.publicURL, layout: MailLayout(siteName: "Shop")))
        }

        func run(_ policy: PasswordPolicy, now: Timestamp) async throws -> Int {
            try await FindExpiring(store: store, sources: [source(policy)], notices: house.notices).run(now: now)
        }

        /// Does every reminder that waits, and gives what was delivered.
        func deliver(_ policy: PasswordPolicy, now: Timestamp) async throws -> [String] {
            let sent = Mutex<[String]>([])
            let remind = Remind(store: store, sources: [source(policy)]) { mail, _ in
                sent.withLock { $0.append("\(mail.to) \(mail.subject)") }
                return .done
            }
            let worker = JobWorker(
                store: store, keys: house.server.keys,
                handlers: [
                    .remind: JobWorker.Handler(
                        batch: 50,
                        perform: { id, payload in (try? await remind.remind(payload, id: id, now: now)) ?? .failed("") },
                        ended: { (transaction, job, end, _) throws(StoreError) in try transaction.noteSending(by: job, end, now: now) })
                ], random: .system, logger: house.server.logger)
            while try await worker.runOne() {}
            return sent.withLock { $0.sorted() }
        }
    }

    private func house(_ engine: StoreUnderTest) async throws -> House {
        let house = try await TestHouse(engine)
        return House(store: house.store, house: house)
    }

    @Test("PW-14: a reminder comes at each threshold, once, however often the run is repeated", arguments: StoreUnderTest.allCases)
    func thresholds(engine: StoreUnderTest) async throws {
        let house = try await house(engine)
        _ = try await Self.make(1, setAt: { _ in Self.day(0) }, in: house.store)
        let policy = Self.policy(days: 90)
        var sent: [Int: [String]] = [:]
        for day in 70...95 {
            for _ in 1...2 { _ = try await house.run(policy, now: Self.day(day)) }
            let mails = try await house.deliver(policy, now: Self.day(day))
            if !mails.isEmpty { sent[day] = mails }
        }
        #expect(sent.keys.sorted() == [75, 83, 89])
        #expect(sent[83] == ["person-0@example.org Your password expires within 7 days · Shop"])
        await house.house.close()
    }

    @Test("PW-14: after three days down the nearest threshold is told, and overtaken ones never", arguments: StoreUnderTest.allCases)
    func outage(engine: StoreUnderTest) async throws {
        let house = try await house(engine)
        _ = try await Self.make(1, setAt: { _ in Self.day(0) }, in: house.store)
        let policy = Self.policy(days: 90, reminders: [15, 14, 13, 7])
        _ = try await house.run(policy, now: Self.day(74))
        #expect(try await house.run(policy, now: Self.day(77)) == 1)
        #expect(
            try await house.deliver(policy, now: Self.day(77)) == ["person-0@example.org Your password expires within 13 days · Shop"])
        #expect(try await house.run(policy, now: Self.day(78)) == 0)
        await house.house.close()
    }

    @Test("PW-14: what is no longer so when its turn comes is dropped", arguments: StoreUnderTest.allCases)
    func stale(engine: StoreUnderTest) async throws {
        let house = try await house(engine)
        let ids = try await Self.make(4, setAt: { _ in Self.day(0) }, in: house.store)
        let policy = Self.policy(days: 90)
        #expect(try await house.run(policy, now: Self.day(83)) == 4)
        try await house.store.write { (transaction) throws(StoreError) in
            // Another password, a closed account, somebody who wants none.
            _ = try transaction.setPassword(of: ids[0], setAt: Self.day(0), to: "other", now: Self.day(83))
            _ = try transaction.disableAccount(ids[1])
            try transaction.refuseNotice(.passwordExpires, ids[2])
        }
        #expect(try await house.deliver(policy, now: Self.day(83)).map { $0.prefix(8) } == ["person-3"])
        let states = try await house.store.read { (transaction) throws(StoreError) in
            try transaction.notices(of: nil, state: nil, before: nil, limit: 10).map(\.state.rawValue).sorted()
        }
        #expect(states == ["dropped", "dropped", "dropped", "sent"])
        // Another policy makes what was written down under the old one stale.
        _ = try await Self.make(0, setAt: { _ in Self.day(0) }, in: house.store)
        #expect(try await house.run(policy, now: Self.day(89)) == 1)
        #expect(try await house.deliver(Self.policy(days: 120), now: Self.day(89)).isEmpty)
        await house.house.close()
    }

    @Test(
        "PW-14: a simulated year of daily runs, with changes every day, tells exactly whom a plain count says",
        arguments: StoreUnderTest.allCases)
    func year(engine: StoreUnderTest) async throws {
        let house = try await house(engine)
        let count = rounds(1_000)
        let setDays = Mutex((0..<count).map { -($0 * 37 % 90) })
        let first = setDays.withLock { $0 }
        let ids = try await Self.make(count, setAt: { Self.day(first[$0]) }, in: house.store)
        var random = SeededGenerator(seed: 20_261_122)
        var policy = Self.policy(days: 90)
        var (told, expected): (Set<String>, [Int]) = ([], [])
        var delivered: [Int] = []
        for day in 0..<365 {
            // A hundredth of all people choose another password; now and then the policy is another.
            let changing = (0..<max(1, count / 100)).map { _ in Int.random(in: 0..<count, using: &random) }
            let before = setDays.withLock { $0 }
            try await house.store.write { (transaction) throws(StoreError) in
                for person in Set(changing) {
                    _ = try transaction.setPassword(of: ids[person], setAt: Self.day(before[person]), to: "n", now: Self.day(day))
                }
            }
            setDays.withLock { days in for person in changing { days[person] = day } }
            if day % 50 == 49 {
                policy = Self.policy(
                    days: [60, 90, 120].randomElement(using: &random) ?? 90,
                    reminders: [[15, 7, 1], [30, 15], [10], [20, 19, 18, 2]].randomElement(using: &random) ?? [1])
            }
            // The server is down on some days.
            if Int.random(in: 0..<10, using: &random) == 0 { continue }
            let days = setDays.withLock { $0 }
            let period = Int((policy.rules.expiresAfter ?? .zero).components.seconds / 86_400)
            var due = 0
            for person in 0..<count {
                let left = days[person] + period - day
                guard left > 0, let threshold = policy.reminders.filter({ left <= $0 }).min() else { continue }
                if told.insert("\(person) \(days[person] + period) \(threshold)").inserted { due += 1 }
            }
            expected.append(due)
            let new = try await house.run(policy, now: Self.day(day))
            #expect(new == due, "day \(day)")
            delivered.append(try await house.deliver(policy, now: Self.day(day)).count)
        }
        #expect(delivered == expected && expected.reduce(0, +) > count)
        await house.house.close()
    }

    @Test("two nodes write a day's run down once, and catch up on today after an outage", arguments: StoreUnderTest.allCases)
    func onceADay(engine: StoreUnderTest) async throws {
        let house = try await house(engine)
        let handlers: [Job.Kind: JobWorker.Handler] = [
            .findExpiring: JobWorker.Handler(period: .daily(.findExpiring), perform: { _, _ in .done })
        ]
        let nodes = (1...2).map { _ in
            JobWorker(
                store: house.store, keys: house.house.server.keys, handlers: handlers, random: .system, logger: house.house.server.logger)
        }
        func write(_ time: Timestamp) async throws -> Int {
            try await withThrowingTaskGroup(of: Int.self) { group in
                for node in nodes { for _ in 1...5 { group.addTask { try await node.writeDue(now: time) } } }
                return try await group.reduce(0, +)
            }
        }
        let six = Timestamp(secondsSinceEpoch: 1_750_000_000 / 86_400 * 86_400 + 6 * 3_600)
        #expect(try await write(six) == 1)
        #expect(try await write(six + .seconds(86_399)) == 0)
        #expect(try await write(six + Self.day) == 1)
        #expect(try await write(six + .seconds(5 * 86_400 + 100)) == 1)
        // The clock goes back: what was done that day is not done again.
        #expect(try await write(six + .seconds(86_400 + 500)) == 0)
        await house.house.close()
    }
}
