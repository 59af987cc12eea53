import DeliveryRouting
import Foundation
import PhoneNumbers
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

@Suite struct CodeDeliveryTests {
    @Test(
        "a code is sealed until it is sent, a hash afterwards, and the way that brought it is credited", arguments: StoreUnderTest.allCases)
    func credited(engine: StoreUnderTest) async throws {
        let it = try await DeliveryHouse(engine)
        let (account, token) = try await it.attempt()
        guard case .sent = try await it.ask(token) else { return #expect(Bool(false), "it is sent") }
        await it.deliver()
        let code = try #require(it.north.codes.first)
        #expect(it.north.sent.count == 1 && it.south.sent.isEmpty && code.count == 6)
        #expect(try await !it.house.dump().contains("912345678"), "no number in clear")
        guard case .accepted(.phone)? = try await it.settle(code, token, account) else { return #expect(Bool(false), "it is right") }
        #expect(try await it.settle(code, token, account) == .refused(.wrong), "once")
        let figures = try await it.report().all
        #expect(figures.asked == 1 && figures.used.successes == 1 && figures.times.count == 1 && figures.cost == 40_000)
        await it.close()
    }

    @Test(
        "OB-07: a resend goes another way, all codes stay good, and the one that is typed is credited", arguments: StoreUnderTest.allCases)
    func resend(engine: StoreUnderTest) async throws {
        let it = try await DeliveryHouse(engine)
        let (account, token) = try await it.attempt()
        _ = try await it.ask(token)
        await it.deliver()
        guard case .refused(.tooSoon) = try await it.ask(token) else { return #expect(Bool(false), "not at once") }
        try await it.pass(31)
        guard case .sent = try await it.ask(token) else { return #expect(Bool(false), "after 30 seconds") }
        await it.deliver()
        #expect(it.north.codes.count == 1 && it.south.codes.count == 1 && it.north.codes != it.south.codes)
        guard case .accepted? = try await it.settle(it.north.codes[0], token, account) else { return #expect(Bool(false), "the older one") }
        #expect(try await it.settle(it.south.codes[0], token, account) == .refused(.wrong), "one sign-in")
        let lines = try await it.report().lines
        #expect(lines.map(\.values) == [["north"], ["south"]])
        #expect(lines[0].figures.used.successes == 1 && lines[0].figures.resends == 1 && lines[1].figures.used.successes == 0)
        await it.close()
    }

    @Test(
        "A down, slow, or garbled: B at once with a code of its own, and never more than two that may be billed",
        arguments: StoreUnderTest.allCases)
    func failover(engine: StoreUnderTest) async throws {
        for outcome in [
            SendOutcome.temporary("not-reached", mayBeBilled: false), .temporary("no-reply", mayBeBilled: true), .garbled,
        ] {
            let it = try await DeliveryHouse(engine)
            let (account, token) = try await it.attempt()
            it.north.will(outcome)
            _ = try await it.ask(token)
            await it.deliver()
            #expect(it.north.sent.count == 1 && it.south.sent.count == 1, "\(outcome)")
            #expect(try await it.past(token).map(\.state) == [.failed, .accepted])
            // A code that came late after all is good too.
            guard case .accepted? = try await it.settle(it.north.codes[0], token, account) else {
                return #expect(Bool(false), "\(outcome)")
            }
            await it.close()
        }
        let it = try await DeliveryHouse(engine)
        let (_, token) = try await it.attempt()
        it.north.will(.garbled)
        it.south.will(.garbled)
        _ = try await it.ask(token)
        await it.deliver()
        #expect(it.north.sent.count + it.south.sent.count == 2)
        #expect(try await it.past(token).filter(\.isBilled).count == 2)
        await it.close()
    }

    @Test("no other way after a permanent failure or an opt-out", arguments: StoreUnderTest.allCases)
    func final(engine: StoreUnderTest) async throws {
        for outcome in [SendOutcome.permanent("twilio-21211"), .optedOut] {
            let it = try await DeliveryHouse(engine)
            let (_, token) = try await it.attempt()
            it.north.will(outcome)
            _ = try await it.ask(token)
            await it.deliver()
            #expect(it.south.sent.isEmpty)
            #expect(try await it.past(token).map(\.state) == [.failed])
            guard case .sent = try await it.ask(token, .voice) else { return #expect(Bool(false), "a call may be asked for at once") }
            await it.close()
        }
    }

    @Test("no word of its arrival in time: another way, once; a sender that vanished never sends again", arguments: StoreUnderTest.allCases)
    func silent(engine: StoreUnderTest) async throws {
        let it = try await DeliveryHouse(engine) { $0.providers["north"]?.receiptWithin = .seconds(20) }
        let (_, token) = try await it.attempt()
        _ = try await it.ask(token)
        await it.deliver()
        #expect(it.south.sent.isEmpty)
        try await it.pass(21)
        await it.deliver()
        await it.deliver()
        #expect(it.north.sent.count == 1 && it.south.sent.count == 1)

        // Claimed, and its sender killed.
        let (_, second) = try await it.attempt("grace@example.com", number: "+351912345679")
        _ = try await it.ask(second)
        _ = try await it.house.store.write { (transaction) throws(StoreError) in
            try transaction.claimDeliveries(most: 10, lease: [1], until: .now() + .seconds(20), now: .now())
        }
        await it.deliver()
        #expect(it.north.sent.count == 1)
        try await it.pass(21)
        await it.deliver()
        #expect(it.north.sent.count == 1 && it.south.sent.count == 2, "it goes another way, for it may have been taken")
        #expect(try await it.past(second).map(\.reason) == ["sender-lost", ""])
        await it.close()
    }

    @Test(
        "OB-02: five wrong ones over all codes of a sign-in end them, and each counts on the account (TO-05)",
        arguments: StoreUnderTest.allCases)
    func wrong(engine: StoreUnderTest) async throws {
        let it = try await DeliveryHouse(engine)
        let (account, token) = try await it.attempt()
        _ = try await it.ask(token)
        await it.deliver()
        let code = it.north.codes[0]
        let other = code == "111111" ? "222222" : "111111"
        for _ in 1...5 { #expect(try await it.settle(other, token, account) == .refused(.wrong)) }
        #expect(try await it.settle(other, token, account) == .refused(.spent))
        #expect(try await it.settle(code, token, account) == .refused(.spent), "the right one as well")
        #expect(try await it.ask(token) == .refused(.over))
        let failures = try await it.house.store.read { (transaction) throws(StoreError) in try transaction.codeTries(of: account).failures }
        #expect(failures == 6)
        // Over sign-ins they go on: from the tenth on each waits.
        let next = try await it.challenge(account)
        try await it.pass(3_601)
        _ = try await it.ask(next)
        await it.deliver()
        for _ in 1...4 { _ = try await it.settle(other, next, account) }
        guard case .refused(.wait)? = try await it.settle(it.north.sent.last.map(\.code.exposed) ?? "", next, account) else {
            return #expect(Bool(false), "the tenth makes the next wait")
        }
        await it.close()
    }

    @Test("OB-02: a code is good for its own sign-in and account alone", arguments: StoreUnderTest.allCases)
    func bound(engine: StoreUnderTest) async throws {
        let it = try await DeliveryHouse(engine)
        let (ada, first) = try await it.attempt()
        let second = try await it.challenge(ada)
        let (grace, third) = try await it.attempt("grace@example.com", number: "+351912345670")
        _ = try await it.ask(first)
        await it.deliver()
        let code = it.north.codes[0]
        #expect(try await it.settle(code, second, ada) == .refused(.wrong))
        #expect(try await it.settle(code, third, grace) == .refused(.wrong))
        #expect(try await it.settle(code, first, grace) == .refused(.wrong))
        guard case .accepted? = try await it.settle(code, first, ada) else { return #expect(Bool(false), "its own") }
        await it.close()
    }

    @Test("of 200 right codes at once one gets in", arguments: StoreUnderTest.allCases)
    func race(engine: StoreUnderTest) async throws {
        let it = try await DeliveryHouse(engine)
        let (account, token) = try await it.attempt()
        _ = try await it.ask(token)
        await it.deliver()
        let code = it.north.codes[0]
        let results = try await withThrowingTaskGroup(of: FactorCheck.Result?.self) { group in
            for _ in 1...200 { group.addTask { try await it.settle(code, token, account) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let accepted = results.filter { if case .accepted? = $0 { true } else { false } }
        #expect(accepted.count == 1)
        await it.close()
    }

    @Test("a rotation of keys leaves numbers and codes on their way readable (ST-08)", arguments: StoreUnderTest.allCases)
    func rotated(engine: StoreUnderTest) async throws {
        let it = try await DeliveryHouse(engine)
        let (account, token) = try await it.attempt()
        _ = try await it.ask(token)
        let file = KeyRingFile(path: it.house.server.settings.dataDirectory + "/ring.json")
        _ = try await SecretsAtRest(store: it.house.store, file: file, random: .system).rotate(now: .now())
        let ring = try file.read()
        let keys = KeyRingHolder(ring)
        let dispatcher = Dispatcher(
            store: it.house.store, keys: keys, desk: it.policy.desk, place: it.house.server.delivery.place, random: .system,
            logger: it.house.server.logger)
        _ = await withDiscardingTaskGroup(body: { group in (try? await dispatcher.round(in: &group)) ?? 0 })
        #expect(it.north.sent.map(\.to.exposed) == ["+351912345678"])
        guard case .accepted? = try await it.settle(it.north.codes[0], token, account) else {
            return #expect(Bool(false), "the code is good")
        }
        await it.close()
    }
}
