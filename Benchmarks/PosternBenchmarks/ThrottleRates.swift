import Foundation
import NetworkAddress
import PosternServer
import Storage
import Throttle

/// How many requests the rules of a settings file decide in a second on one core, and what a key costs.
struct ThrottleRate {
    let settings: String
    let seconds: Double

    /// Each has a key for its address and one for what a header says.
    private static let people = 500_000

    func run() throws {
        let rules = RequestRules(try Settings.load(file: settings, environment: [:], cores: 1))
        let clients = (0..<Self.people).compactMap { number in
            IPAddress("10.\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)").map { Client(address: $0, browser: "Firefox") }
        }
        let emails = (0..<Self.people).map { "u\($0)@example.test" }
        let before = Self.residentBytes()
        func decide(_ number: Int) -> Bool {
            let asked = AskedRequest(
                app: nil, method: "POST", target: "/login", client: clients[number], header: { $0 == "x-email" ? emails[number] : nil })
            return rules.passes(asked, now: .now())
        }
        for number in 0..<Self.people { _ = decide(number) }
        let taken = Self.residentBytes() - before
        var count = 0
        let start = Self.cpuSeconds()
        while Self.cpuSeconds() - start < seconds {
            for _ in 0..<1_000 {
                // In no order that a cache could follow.
                _ = decide(count &* 7_919 % Self.people)
                count += 1
            }
        }
        print("{\"per_second\":\(Int(Double(count) / (Self.cpuSeconds() - start))),\"bytes_per_key\":\(taken / (2 * Self.people))}")
    }

    static func residentBytes() -> Int {
        let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ") ?? []
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * 4_096 : 0
    }

    static func cpuSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// How long a set of many networks takes to say whether it holds an address.
struct BlocklistRate {
    let networks: Int

    func run() {
        var generator = SystemRandomNumberGenerator()
        func address() -> IPAddress? {
            let number = UInt32.random(in: 0x0100_0000...0xDFFF_FFFF, using: &generator)
            if number % 5 > 0 { return IPAddress("\(number >> 24).\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)") }
            return IPAddress(
                "2a\(String(UInt8.random(in: 16...255), radix: 16)):\(String(number >> 16, radix: 16)):\(String(number & 0xFFFF, radix: 16))::1"
            )
        }
        let ranges = (0..<networks).compactMap { _ in address().map { $0.network($0.isIPv4 ? .random(in: 24...32) : .random(in: 48...64)) }
        }
        let kept = ThrottleRate.residentBytes()
        let set = NetworkSet(ranges)
        let taken = ThrottleRate.residentBytes() - kept
        // Half of them are blocked.
        let asked = (0..<200_000).compactMap { $0 % 2 == 0 ? address() : ranges[Int.random(in: 0..<ranges.count)].first }
        var times: [Int] = []
        var found = 0
        for start in stride(from: 0, to: asked.count - 10, by: 10) {
            let began = DispatchTime.now().uptimeNanoseconds
            for address in asked[start..<start + 10] where set.index(of: address) != nil { found += 1 }
            times.append(Int(DispatchTime.now().uptimeNanoseconds - began) / 10)
        }
        times.sort()
        print(
            "{\"median_ns\":\(times[times.count / 2]),\"p99_ns\":\(times[times.count * 99 / 100]),\"mb\":\(taken / 1_048_576),\"found\":\(found)}"
        )
    }
}

/// How many wrong passwords the database counts in a second: all that a sign-in writes of them, in its two transactions.
struct FailureRate {
    let directory: String
    let database: String
    let failures: Int
    let atOnce: Int

    func run() async throws {
        let settings = try Settings.load(
            file: nil, environment: [:], overrides: .init(dataDirectory: directory, database: database), cores: 2)
        let store = try await Opening.open(settings).store
        let pair = Lockout(waitFrom: 10, window: 900, firstWait: 60, longestWait: 900, lockAt: 25, quiet: 86_400)
        let account = Lockout(waitFrom: 100, window: nil, firstWait: 0, longestWait: 0, lockAt: 100)
        guard let rate = Rate(limit: 20, period: 60) else { return }
        let start = OpenLoopClient.now()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<atOnce {
                group.addTask { [failures, atOnce] in
                    for number in 0..<failures / atOnce {
                        let key = Array("account \(lane) \(number / 8)".utf8)
                        let place = "10.\(lane).\(number / 256 & 255).\(number & 255)"
                        try await store.write { (transaction) throws(StoreError) in
                            _ = try transaction.countRate(place, rate, now: .now())
                            _ = try transaction.countTry(key, place: "", account, now: .now())
                            _ = try transaction.countTry(key, place: place, pair, now: .now())
                        }
                        try await store.write { (transaction) throws(StoreError) in
                            _ = try transaction.noteFailedAccount(key, place: place, since: .now() - .seconds(10_800), now: .now())
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        print("{\"per_second\":\(Int(Double(failures) / (OpenLoopClient.now() - start)))}")
        await store.close()
    }
}
