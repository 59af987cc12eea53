import CCurl
import Foundation
import Secrets
import Synchronization

/// Calls services that the settings name, many at a time over connections that are kept (libcurl's multi interface), from one thread.
/// Redirects are not followed.
final class HTTPCaller: Sendable {
    struct Call: Sendable {
        var method = "POST"
        let url: String
        var headers: [(name: String, value: String)] = []
        var body: [UInt8] = []
        /// Basic authentication, or the key pair that signs.
        var user: (name: String, password: Secret<String>)?
        /// As curl's `--aws-sigv4` reads it: AWS Signature Version 4.
        var signature: String?
    }

    struct Reply: Sendable {
        let status: Int
        let body: [UInt8]
    }

    enum Outcome: Sendable {
        case replied(Reply)
        /// Nothing was sent: words of curl.
        case notReached(String)
        /// It was sent, and what became of it isn't known.
        case noReply(String)
    }

    /// From the first connection to the last byte of the answer.
    private let longestMilliseconds: Int
    /// Of an answer.
    private static let mostBytes = 65_536
    /// The thread ends after so long without work, and its connections with it.
    private static let idleMilliseconds: Int32 = 30_000

    private let state = Mutex(State())

    private struct State {
        var waiting: [Transfer] = []
        var isRunning = false
        /// Address of the multi handle while the thread runs.
        var multi: UInt = 0
    }

    init(longestMilliseconds: Int = 5_000) { self.longestMilliseconds = longestMilliseconds }

    func call(_ call: Call) async -> Outcome {
        await withCheckedContinuation { continuation in
            let transfer = Transfer(call, longestMilliseconds) { continuation.resume(returning: $0) }
            state.withLock { state in
                state.waiting.append(transfer)
                if state.isRunning {
                    _ = UnsafeMutableRawPointer(bitPattern: state.multi).map { curl_multi_wakeup($0) }
                } else {
                    state.isRunning = true
                    Thread.detachNewThread { [self] in run() }
                }
            }
        }
    }

    private func run() {
        guard let multi = curl_multi_init() else { return failAll() }
        state.withLock { $0.multi = UInt(bitPattern: multi) }
        var active: [UnsafeMutableRawPointer: Transfer] = [:]
        while true {
            for transfer in state.withLock({ state in
                defer { state.waiting = [] }
                return state.waiting
            }) {
                if let handle = transfer.start(), curl_multi_add_handle(multi, handle) == CURLM_OK {
                    active[handle] = transfer
                } else {
                    transfer.end(.notReached("curl could not start"))
                }
            }
            var running: Int32 = 0
            var left: Int32 = 0
            curl_multi_perform(multi, &running)
            while let message = curl_multi_info_read(multi, &left) {
                guard message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle else { continue }
                let code = message.pointee.data.result
                curl_multi_remove_handle(multi, handle)
                active.removeValue(forKey: handle)?.end(after: code)
            }
            let isIdle = active.isEmpty
            curl_multi_poll(multi, nil, 0, isIdle ? Self.idleMilliseconds : 1_000, nil)
            guard isIdle else { continue }
            // Whoever asks from now on starts another thread.
            let isOver = state.withLock { state in
                guard state.waiting.isEmpty else { return false }
                state.isRunning = false
                state.multi = 0
                return true
            }
            if isOver { break }
        }
        curl_multi_cleanup(multi)
    }

    private func failAll() {
        let waiting = state.withLock { state in
            defer { state = State() }
            return state.waiting
        }
        for transfer in waiting { transfer.end(.notReached("curl could not start")) }
    }

    /// One call under way. After its start only the thread touches it.
    private final class Transfer: @unchecked Sendable {
        private let call: Call
        private let longestMilliseconds: Int
        private let resume: (Outcome) -> Void
        private var handle: UnsafeMutableRawPointer?
        private var lines: UnsafeMutablePointer<curl_slist>?
        /// Bytes of the call's body that curl has.
        private var sent = 0
        private var body: [UInt8] = []

        init(_ call: Call, _ longestMilliseconds: Int, resume: @escaping (Outcome) -> Void) {
            (self.call, self.longestMilliseconds, self.resume) = (call, longestMilliseconds, resume)
        }

        func start() -> UnsafeMutableRawPointer? {
            guard let handle = curl_easy_init() else { return nil }
            self.handle = handle
            for header in call.headers { lines = curl_slist_append(lines, "\(header.name): \(header.value)") }
            _ = postern_curl_set_string(handle, CURLOPT_URL, call.url)
            _ = postern_curl_set_string(handle, CURLOPT_PROXY, "")
            _ = postern_curl_set_string(handle, CURLOPT_PROTOCOLS_STR, "https,http")
            _ = postern_curl_set_string(handle, CURLOPT_CUSTOMREQUEST, call.method)
            _ = postern_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
            _ = postern_curl_set_long(handle, CURLOPT_TIMEOUT_MS, longestMilliseconds)
            _ = postern_curl_set_pointer(handle, CURLOPT_HTTPHEADER, lines)
            // A name that isn't answered would hold the thread, and with it all others, until the resolver gives up.
            _ = postern_curl_set_long(handle, CURLOPT_QUICK_EXIT, 1)
            giveBody(handle)
            if let user = call.user {
                _ = postern_curl_set_string(handle, CURLOPT_USERNAME, user.name)
                _ = postern_curl_set_string(handle, CURLOPT_PASSWORD, user.password.exposed)
            }
            if let signature = call.signature { _ = postern_curl_set_string(handle, CURLOPT_AWS_SIGV4, signature) }
            _ = postern_curl_set_transfer(handle, CURLOPT_WRITEFUNCTION) { buffer, size, count, context in
                guard let buffer, let context else { return 0 }
                return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().take(buffer, size * count)
            }
            _ = postern_curl_set_pointer(handle, CURLOPT_WRITEDATA, Unmanaged.passUnretained(self).toOpaque())
            return handle
        }

        /// On a kept connection that breaks, curl sends a body again that it still has: that would be another message. So it reads the body
        /// piece by piece, which it can't do twice. To sign it, it needs it whole: then each call has a connection of its own.
        private func giveBody(_ handle: UnsafeMutableRawPointer) {
            guard call.method != "GET" else { return }
            _ = postern_curl_set_long(handle, CURLOPT_POSTFIELDSIZE, call.body.count)
            if call.signature != nil {
                _ = postern_curl_set_long(handle, CURLOPT_FRESH_CONNECT, 1)
                call.body.withUnsafeBytes {
                    _ = postern_curl_set_pointer(handle, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: $0.baseAddress))
                }
                return
            }
            _ = postern_curl_set_long(handle, CURLOPT_POST, 1)
            _ = postern_curl_set_transfer(handle, CURLOPT_READFUNCTION) { buffer, size, count, context in
                guard let buffer, let context else { return 0 }
                return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().give(into: buffer, most: size * count)
            }
            _ = postern_curl_set_pointer(handle, CURLOPT_READDATA, Unmanaged.passUnretained(self).toOpaque())
        }

        private func give(into buffer: UnsafeMutablePointer<CChar>, most: Int) -> Int {
            let piece = call.body[sent..<min(sent + most, call.body.count)]
            for (index, byte) in piece.enumerated() { buffer[index] = CChar(bitPattern: byte) }
            sent += piece.count
            return piece.count
        }

        private func take(_ buffer: UnsafeMutablePointer<CChar>, _ count: Int) -> Int {
            // Less than what came ends the transfer.
            guard body.count + count <= HTTPCaller.mostBytes else { return 0 }
            body += UnsafeRawBufferPointer(start: buffer, count: count)
            return count
        }

        func end(after code: CURLcode) {
            guard let handle else { return end(.notReached("curl could not start")) }
            guard code == CURLE_OK else {
                var sent = 0
                _ = postern_curl_get_long(handle, CURLINFO_REQUEST_SIZE, &sent)
                let words = String(cString: curl_easy_strerror(code))
                return end(sent > 0 ? .noReply(words) : .notReached(words))
            }
            var status = 0
            _ = postern_curl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
            end(.replied(Reply(status: status, body: body)))
        }

        func end(_ outcome: Outcome) {
            if let handle { curl_easy_cleanup(handle) }
            curl_slist_free_all(lines)
            (handle, lines) = (nil, nil)
            resume(outcome)
        }
    }
}
