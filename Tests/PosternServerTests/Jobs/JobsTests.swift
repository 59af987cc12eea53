import Foundation
import HTTPTypes
import Logging
import Secrets
import Storage
import Support
import Synchronization
import Testing

@testable import PosternServer

@Suite struct JobsTests {
    private func worker(_ house: TestHouse, batch: Int64 = 1, _ perform: @escaping @Sendable (UInt8) async -> JobOutcome) -> JobWorker {
        let handler = JobWorker.Handler(batch: batch) { _, payload in await perform(payload.exposed.first ?? 0) }
        return JobWorker(
            store: house.store, keys: house.server.keys, handlers: [.sendMail: handler], random: .system, logger: house.server.logger)
    }

    private func enqueue(_ house: TestHouse, _ payloads: [UInt8]) async throws {
        let jobs = payloads.map { Job(.sendMail, payload: [$0], keys: house.server.keys.current, now: .now(), random: .system) }
        try await house.store.write { (transaction) throws(StoreError) in for job in jobs { try transaction.enqueue(job) } }
    }

    private func states(_ house: TestHouse) async throws -> [String] {
        try await house.store.read { (transaction) throws(StoreError) in
            var states: [String] = []
            for row in try transaction.run("SELECT state FROM job") { states.append(try row.text("state")) }
            return states
        }
    }

    @Test("JN-02: eight workers at once do each of 40 jobs once, and blank what it carried", arguments: StoreUnderTest.allCases)
    func once(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await enqueue(house, (0..<40).map { $0 })
        let done = Done()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 1...8 {
                let worker = worker(house, batch: 3) { payload in
                    done.add(payload)
                    return .done
                }
                group.addTask { while try await worker.runOne() {} }
            }
            try await group.waitForAll()
        }
        #expect(done.all.sorted() == (0..<40).map { $0 })
        #expect(try await states(house).allSatisfy { $0 == "done" })
        let payloads = try await house.store.read { (transaction) throws(StoreError) in try transaction.run("SELECT payload FROM job") }
        #expect(try payloads.allSatisfy { try $0.blob("payload").isEmpty })
        await house.close()
    }

    @Test("JN-01: a job and its cause are written together or not at all", arguments: StoreUnderTest.allCases)
    func together(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        let job = Job(.sendMail, payload: [1], keys: house.server.keys.current, now: .now(), random: .system)
        await #expect(throws: StoreError.self) {
            try await house.store.write { (transaction) throws(StoreError) in
                try transaction.enqueue(job)
                throw .unavailable(reason: "the cause failed")
            }
        }
        #expect(try await states(house).isEmpty)
        await house.close()
    }

    @Test("JN-03: a worker whose lease ran out can't end what another does now", arguments: StoreUnderTest.allCases)
    func lease(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await enqueue(house, [1])
        let now = Timestamp.now()
        func claim(_ lease: UInt8, at time: Timestamp) async throws -> ClaimedJob? {
            try await house.store.write { (transaction) throws(StoreError) in
                try transaction.claimJobs(.sendMail, most: 1, lease: [lease], now: time).first
            }
        }
        let late = try #require(try await claim(1, at: now))
        #expect(try await claim(2, at: now + .seconds(29)) == nil)
        // A heartbeat keeps it longer.
        try await house.store.write { (transaction) throws(StoreError) in
            try transaction.renewLease(.sendMail, [1], claimedAt: now, until: now + .seconds(20) + JobSchedule.lease)
        }
        #expect(try await claim(2, at: now + .seconds(31)) == nil)
        let current = try #require(try await claim(3, at: now + .seconds(51)))
        #expect(current.id == late.id && current.tries == 2)
        let ended = try await house.store.write { (transaction) throws(StoreError) in
            (
                try transaction.finishJobs(.sendMail, lease: [1], claimedAt: now, now: now),
                try transaction.retryJob(late.id, lease: [1], at: now, error: "x"),
                try transaction.buryJob(late.id, lease: [1], now: now, error: "x"),
                try transaction.finishJobs(.sendMail, lease: [3], claimedAt: now, now: now)
            )
        }
        #expect(ended == (0, false, false, 1))
        await house.close()
    }

    @Test("a failing job waits longer each time and is given up, and kept, after the twelfth", arguments: StoreUnderTest.allCases)
    func givingUp(engine: StoreUnderTest) async throws {
        let house = try await TestHouse(engine)
        try await enqueue(house, [1])
        var time = Timestamp.now()
        for tries in Int64(1)...12 {
            let due = time
            let claimed = try await house.store.write { (transaction) throws(StoreError) in
                try transaction.claimJobs(.sendMail, most: 1, lease: [1], now: due)
            }
            let job = try #require(claimed.first)
            #expect(job.tries == tries)
            let next = time + JobSchedule.wait(afterTries: tries, jitter: 255)
            let isLast = tries == JobSchedule.mostTries
            try await house.store.write { (transaction) throws(StoreError) in
                _ =
                    isLast
                    ? try transaction.buryJob(job.id, lease: [1], now: next, error: "no")
                    : try transaction.retryJob(job.id, lease: [1], at: next, error: "no")
            }
            time = next
        }
        #expect(try await states(house) == ["dead"])
        #expect(JobSchedule.wait(afterTries: 1, jitter: 0) == .seconds(5))
        #expect(JobSchedule.wait(afterTries: 100, jitter: 255) == .seconds(4_500))
        await house.close()
    }

    @Test("without a way to send mail, mail waits and nothing is lost")
    func waiting() async throws {
        let house = try await TestHouse(.sqlite) { $0.listen = ListenAddress("0.0.0.0:8080") ?? $0.listen }
        _ = try await house.json(.post, "/auth/v1/accounts", #"{"email":"ada@example.com","password":"correct horse battery"}"#)
        #expect(try await !house.server.worker.runOne())
        #expect(try await states(house) == ["ready"])
        await house.close()
    }

    @Test("a mail is what RFC 5322 wants, and no name or subject adds a header")
    func message() throws {
        let sender = SMTPSender(settings: .init(url: "smtp://x"), from: "a@b.co", siteName: "Shop\r\nBcc: evil@example.com")
        let mail = Mail(
            .confirmEmail, to: try #require(EmailAddress("ada@example.com")), subject: "Grüße\r\nX: y" + String(repeating: "ä", count: 100),
            text: ".\r\n.x", html: "<p>")
        let lines = sender.rfc5322(mail, now: .init(timeIntervalSince1970: 0), id: "abc").split(
            separator: "\r\n", omittingEmptySubsequences: false)
        #expect(lines.allSatisfy { $0.utf8.count <= 998 && !$0.contains("\n") && !$0.contains("\r") })
        #expect(!lines.contains { $0.hasPrefix("Bcc") || $0.hasPrefix("X:") || $0 == "." })
        #expect(lines.contains("Date: Thu, 01 Jan 1970 00:00:00 +0000"))
    }
}

private final class Done: Sendable {
    private let values = Mutex<[UInt8]>([])
    var all: [UInt8] { values.withLock { $0 } }
    func add(_ value: UInt8) { values.withLock { $0.append(value) } }
}
