import CCurl
import Foundation

/// Asks a web site as a stranger would, redirects not followed (libcurl).
struct SiteProbe: Sendable {
    struct Answer: Sendable {
        let status: Int
        /// Names in lower case, in the order they came.
        let headers: [(name: String, value: String)]
        let body: String

        subscript(_ name: String) -> String? { headers.first { $0.name == name }?.value }
        func all(_ name: String) -> [String] { headers.filter { $0.name == name }.map(\.value) }
    }

    enum Outcome: Sendable {
        case answered(Answer)
        /// Words of curl.
        case failed(String)
    }

    /// `HOST:PORT` to connect to, whatever the URL's host: before names lead there.
    var connectTo: String?
    /// Certificates to trust besides the system's, as a PEM file.
    var caFile: String?

    var longestSeconds = 10
    private static let mostBytes = 262_144

    func ask(_ method: String, _ url: String, headers: [(name: String, value: String)] = []) async -> Outcome {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: transfer(method, url, headers)) }
        }
    }

    private func transfer(_ method: String, _ url: String, _ headers: [(name: String, value: String)]) -> Outcome {
        guard let handle = curl_easy_init() else { return .failed("curl could not start") }
        defer { curl_easy_cleanup(handle) }
        var lines: UnsafeMutablePointer<curl_slist>?
        for header in headers {
            lines = curl_slist_append(lines, header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)")
        }
        defer { curl_slist_free_all(lines) }
        let place = connectTo.map { curl_slist_append(nil, "::\($0)") }
        defer { if let place { curl_slist_free_all(place) } }
        let (head, body) = (Download(most: Self.mostBytes), Download(most: Self.mostBytes))
        let code = withExtendedLifetime((head, body)) {
            _ = postern_curl_set_string(handle, CURLOPT_URL, url)
            // As it stands: dots and doubled slashes are what is asked about.
            _ = postern_curl_set_long(handle, CURLOPT_PATH_AS_IS, 1)
            _ = postern_curl_set_string(handle, CURLOPT_CUSTOMREQUEST, method)
            if method == "HEAD" { _ = postern_curl_set_long(handle, CURLOPT_NOBODY, 1) }
            _ = postern_curl_set_pointer(handle, CURLOPT_HTTPHEADER, lines)
            if let place { _ = postern_curl_set_pointer(handle, CURLOPT_CONNECT_TO, place) }
            if let caFile { _ = postern_curl_set_string(handle, CURLOPT_CAINFO, caFile) }
            _ = postern_curl_set_string(handle, CURLOPT_PROXY, "")
            _ = postern_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
            _ = postern_curl_set_long(handle, CURLOPT_TIMEOUT, longestSeconds)
            for (option, data, into) in [
                (CURLOPT_WRITEFUNCTION, CURLOPT_WRITEDATA, body), (CURLOPT_HEADERFUNCTION, CURLOPT_HEADERDATA, head),
            ] {
                _ = postern_curl_set_transfer(handle, option) { buffer, size, count, context in
                    guard let buffer, let context else { return 0 }
                    return Unmanaged<Download>.fromOpaque(context).takeUnretainedValue().take(buffer, size * count)
                }
                _ = postern_curl_set_pointer(handle, data, Unmanaged.passUnretained(into).toOpaque())
            }
            return curl_easy_perform(handle)
        }
        guard code == CURLE_OK else { return .failed(String(cString: curl_easy_strerror(code))) }
        return .answered(Self.read(head.text, body.text))
    }

    private static func read(_ head: String, _ body: String) -> Answer {
        var status = 0
        var headers: [(name: String, value: String)] = []
        // By bytes: a CR and an LF are one character to Swift.
        for line in head.utf8.split(whereSeparator: { $0 == 13 || $0 == 10 }) {
            let text = String(decoding: line, as: UTF8.self)
            if text.hasPrefix("HTTP/") {
                // After "100 Continue" the real one follows.
                status = Int(text.split(separator: " ").dropFirst().first ?? "") ?? 0
                headers = []
            } else if let colon = text.firstIndex(of: ":") {
                headers.append((text[..<colon].lowercased(), trimmed(String(text[text.index(after: colon)...]))))
            }
        }
        return Answer(status: status, headers: headers, body: body)
    }

    private final class Download {
        private var bytes: [UInt8] = []
        private let most: Int

        init(most: Int) { self.most = most }

        var text: String { String(decoding: bytes, as: UTF8.self) }

        func take(_ buffer: UnsafeMutablePointer<CChar>, _ count: Int) -> Int {
            // Less than what came ends the transfer.
            guard bytes.count + count <= most else { return 0 }
            bytes += UnsafeRawBufferPointer(start: buffer, count: count)
            return count
        }
    }
}
