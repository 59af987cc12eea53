import CCurl
import Foundation
import Secrets

/// Brings a large file to disk (libcurl). Redirects are followed; the name and password go to the first host alone.
struct FileFetch: Sendable {
    enum Outcome: Sendable {
        case fetched
        /// It is no newer than the one we have.
        case unchanged
        /// Words of curl or of the server's answer.
        case failed(String)
    }

    /// Of a file: cities of the whole world are a tenth of it.
    static let mostBytes: Int = 2_000_000_000

    /// - Parameters:
    ///   - user: for Basic authentication.
    ///   - newerThan: seconds since 1970: fetched only if the server has a later one.
    ///   - file: written to from its beginning; what stands in it after a failure is worth nothing.
    func fetch(
        _ url: String, user: (name: String, password: Secret<String>)?, newerThan: Int?, into file: FileHandle
    ) async -> Outcome {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: transfer(url, user, newerThan, file)) }
        }
    }

    /// What is to be written to, and how much may still come.
    private final class Sink {
        let file: FileHandle
        var left = FileFetch.mostBytes

        init(_ file: FileHandle) { self.file = file }
    }

    private func transfer(
        _ url: String, _ user: (name: String, password: Secret<String>)?, _ newerThan: Int?, _ file: FileHandle
    ) -> Outcome {
        guard let handle = curl_easy_init() else { return .failed("curl could not start") }
        defer { curl_easy_cleanup(handle) }
        let sink = Sink(file)
        let code = withExtendedLifetime(sink) {
            _ = postern_curl_set_string(handle, CURLOPT_URL, url)
            let protocols = url.hasPrefix("https://") ? "https" : "https,http"
            _ = postern_curl_set_string(handle, CURLOPT_PROTOCOLS_STR, protocols)
            _ = postern_curl_set_string(handle, CURLOPT_REDIR_PROTOCOLS_STR, protocols)
            _ = postern_curl_set_long(handle, CURLOPT_FOLLOWLOCATION, 1)
            _ = postern_curl_set_long(handle, CURLOPT_MAXREDIRS, 5)
            _ = postern_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
            _ = postern_curl_set_long(handle, CURLOPT_FAILONERROR, 1)
            _ = postern_curl_set_long(handle, CURLOPT_CONNECTTIMEOUT, 20)
            // Less than a kilobyte a second for a minute is no download.
            _ = postern_curl_set_long(handle, CURLOPT_LOW_SPEED_LIMIT, 1_000)
            _ = postern_curl_set_long(handle, CURLOPT_LOW_SPEED_TIME, 60)
            _ = postern_curl_set_long(handle, CURLOPT_TIMEOUT, 3_600)
            _ = postern_curl_set_string(handle, CURLOPT_USERAGENT, "Postern")
            if let user {
                _ = postern_curl_set_string(handle, CURLOPT_USERNAME, user.name)
                _ = postern_curl_set_string(handle, CURLOPT_PASSWORD, user.password.exposed)
            }
            if let newerThan {
                _ = postern_curl_set_long(handle, CURLOPT_TIMECONDITION, Int(CURL_TIMECOND_IFMODSINCE.rawValue))
                _ = postern_curl_set_long(handle, CURLOPT_TIMEVALUE, newerThan)
            }
            _ = postern_curl_set_transfer(handle, CURLOPT_WRITEFUNCTION) { buffer, size, count, context in
                guard let buffer, let context else { return 0 }
                let sink = Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
                let bytes = size * count
                guard bytes <= sink.left, (try? sink.file.write(contentsOf: Data(bytes: buffer, count: bytes))) != nil else { return 0 }
                sink.left -= bytes
                return bytes
            }
            _ = postern_curl_set_pointer(handle, CURLOPT_WRITEDATA, Unmanaged.passUnretained(sink).toOpaque())
            return curl_easy_perform(handle)
        }
        guard code == CURLE_OK else {
            var status = 0
            _ = postern_curl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
            return .failed(status >= 400 ? "the server answered \(status)" : String(cString: curl_easy_strerror(code)))
        }
        var isUnmet = 0
        _ = postern_curl_get_long(handle, CURLINFO_CONDITION_UNMET, &isUnmet)
        return isUnmet == 0 ? .fetched : .unchanged
    }
}
