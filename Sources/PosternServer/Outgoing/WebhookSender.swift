import CCurl
import Foundation
import Glibc
import NetworkAddress

/// Posts a document to a place that the settings name (libcurl). Redirects aren't followed, and what is connected to is looked at when the
/// connection is made: a name that leads outside when it is asked and inside a moment later leads nowhere (JN-06).
struct WebhookSender: Sendable {
    /// Whether addresses inside, loopback and private ones, may be connected to.
    let allowsPrivate: Bool

    private static let longestSeconds = 10

    /// - Returns: nil when the place took it (2xx), else why not, without the URL: it may be a secret.
    func post(_ url: String, headers: [(name: String, value: String)], body: [UInt8]) async -> String? {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: transfer(url, headers, body)) }
        }
    }

    private func transfer(_ url: String, _ headers: [(name: String, value: String)], _ body: [UInt8]) -> String? {
        guard let handle = curl_easy_init() else { return "curl could not start" }
        defer { curl_easy_cleanup(handle) }
        var lines: UnsafeMutablePointer<curl_slist>?
        for header in headers { lines = curl_slist_append(lines, "\(header.name): \(header.value)") }
        defer { curl_slist_free_all(lines) }
        _ = postern_curl_set_string(handle, CURLOPT_URL, url)
        _ = postern_curl_set_string(handle, CURLOPT_PROXY, "")
        _ = postern_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
        _ = postern_curl_set_long(handle, CURLOPT_TIMEOUT, Self.longestSeconds)
        _ = postern_curl_set_string(handle, CURLOPT_PROTOCOLS_STR, allowsPrivate ? "https,http" : "https")
        _ = postern_curl_set_pointer(handle, CURLOPT_HTTPHEADER, lines)
        if !allowsPrivate { _ = postern_curl_set_socket(handle, Self.openPublic) }
        // What the place answers is not read.
        _ = postern_curl_set_transfer(handle, CURLOPT_WRITEFUNCTION) { _, size, count, _ in size * count }
        let code = body.withUnsafeBytes { bytes in
            _ = postern_curl_set_long(handle, CURLOPT_POSTFIELDSIZE, bytes.count)
            _ = postern_curl_set_pointer(handle, CURLOPT_POSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
            return curl_easy_perform(handle)
        }
        guard code == CURLE_OK else {
            return code == CURLE_COULDNT_CONNECT && !allowsPrivate
                ? "it couldn't be connected to, or lies inside (notifications.allow-private)" : String(cString: curl_easy_strerror(code))
        }
        var status = 0
        _ = postern_curl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
        return (200...299).contains(status) ? nil : "it answered \(status)"
    }

    private static let openPublic: curl_opensocket_callback = { _, _, target in
        guard let target, let address = address(of: target), address.isPublic else { return CURL_SOCKET_BAD }
        return socket(target.pointee.family, target.pointee.socktype, target.pointee.protocol)
    }

    private static func address(of target: UnsafeMutablePointer<curl_sockaddr>) -> IPAddress? {
        var text = [CChar](repeating: 0, count: 64)
        let found = withUnsafePointer(to: &target.pointee.addr) { start in
            getnameinfo(
                start, socklen_t(target.pointee.addrlen), &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        }
        guard found == 0 else { return nil }
        let name = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        // Without the zone of a link-local one.
        return IPAddress(name.prefix { $0 != "%" })
    }
}
