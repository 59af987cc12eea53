import Foundation
import Glibc
import Synchronization

/// Sends requests at a fixed rate whether or not earlier ones were answered, and measures each from the moment it was due:
/// a slow server can't slow the question down.
struct OpenLoopClient: Sendable {
    let port: UInt16
    let rate: Double
    let seconds: Double
    /// Threads, each with one connection: the most that can be under way at once.
    let connections: Int
    /// The requests as they go over the wire, separated by a line of `%%`; taken in turn.
    let requestFile: String
    /// Run at a lower priority than the server.
    let isNice: Bool

    private struct Result {
        let status: Int
        let milliseconds: Double
    }

    func run() {
        if isNice { nice(5) }
        let text = (try? String(contentsOfFile: requestFile, encoding: .utf8)) ?? ""
        let requests = text.components(separatedBy: "\n%%\n").map { Array($0.replacing("\n", with: "\r\n").utf8) }
        let total = Int(rate * seconds)
        let next = Atomic(0)
        let results = Mutex<[Result]>([])
        let start = Self.now() + 0.2
        let threads = (0..<connections).map { _ in
            let done = DispatchSemaphore(value: 0)
            let thread = Thread {
                var connection = Connection(port: port)
                var own: [Result] = []
                while true {
                    let number = next.add(1, ordering: .relaxed).oldValue
                    guard number < total else { break }
                    let due = start + Double(number) / rate
                    let wait = due - Self.now()
                    if wait > 0 { usleep(UInt32(wait * 1_000_000)) }
                    let status = connection.exchange(requests[number % requests.count])
                    own.append(Result(status: status, milliseconds: (Self.now() - due) * 1_000))
                }
                let finished = own
                results.withLock { $0 += finished }
                done.signal()
            }
            thread.start()
            return done
        }
        threads.forEach { $0.wait() }
        report(results.withLock { $0 })
    }

    private func report(_ results: [Result]) {
        let groups = Dictionary(grouping: results, by: \.status).map { status, members in
            let times = members.map(\.milliseconds).sorted()
            func at(_ share: Double) -> String { String(format: "%.2f", times[min(times.count - 1, Int(Double(times.count) * share))]) }
            return "\"\(status)\":{\"count\":\(times.count),\"p50_ms\":\(at(0.5)),\"p99_ms\":\(at(0.99)),\"max_ms\":\(at(1))}"
        }
        print("{\(groups.sorted().joined(separator: ","))}")
    }

    static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// One keep-alive HTTP/1.1 connection with blocking calls.
private struct Connection {
    private let port: UInt16
    private var descriptor: Int32 = -1

    init(port: UInt16) { self.port = port }

    /// - Returns: the status, or 0 when the connection broke.
    mutating func exchange(_ request: [UInt8]) -> Int {
        if descriptor < 0 { connect() }
        guard request.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == request.count else { return drop() }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return drop() }
            answer += buffer[0..<count]
            guard let end = answer.firstRange(of: [13, 10, 13, 10]) else { continue }
            let head = String(decoding: answer[..<end.lowerBound], as: UTF8.self).lowercased()
            let length = head.firstMatch(of: /content-length: (\d+)/).flatMap { Int($0.1) } ?? 0
            if answer.count >= end.upperBound + length { return Int(head.dropFirst(9).prefix(3)) ?? 0 }
        }
    }

    private mutating func connect() {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private mutating func drop() -> Int {
        close(descriptor)
        descriptor = -1
        return 0
    }
}
